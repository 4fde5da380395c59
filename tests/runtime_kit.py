"""Containers for the runtime's tests: a busybox root, a spec as an engine writes it, one run of it."""

import os
import select
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from engine_kit.image import busybox_path
from wharf.linux.cgroup import Cgroup
from wharf.runtime import Execed, Init, Stdio, create, exec_process
from wharf.runtime.spec import Mount, Process, RootMount, Spec

CAPABILITIES = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
]
MASKED = [
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
]
READONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
CGROUP_TOP = f"/wharf-test-{os.getpid()}"
LIMIT_S = 20.0


def mount(destination: str, kind: str, source: str, *options: str) -> Mount:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def default_mounts() -> list[Mount]:
    quiet = ("nosuid", "noexec", "nodev")
    return [
        mount("/proc", "proc", "proc", *quiet),
        mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        mount(
            "/dev/pts",
            "devpts",
            "devpts",
            "nosuid",
            "noexec",
            "newinstance",
            "ptmxmode=0666",
            "mode=0620",
            "gid=5",
        ),
        mount("/sys", "sysfs", "sysfs", *quiet, "ro"),
        mount("/sys/fs/cgroup", "cgroup", "cgroup", "ro", "nosuid", "noexec", "nodev"),
        mount("/dev/mqueue", "mqueue", "mqueue", *quiet),
        mount("/dev/shm", "tmpfs", "shm", *quiet, "mode=1777", "size=67108864"),
    ]


def process_of(*args: str) -> Process:
    return {
        "terminal": False,
        "user": {"uid": 0, "gid": 0, "additionalGids": [0]},
        "args": list(args),
        "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOSTNAME=tester"],
        "cwd": "/",
        "capabilities": {"bounding": CAPABILITIES, "effective": CAPABILITIES, "permitted": CAPABILITIES},
        "oomScoreAdj": 0,
    }


def spec_of(*args: str) -> Spec:
    """Return the spec of a container with Docker's defaults (but no seccomp profile, and no network)."""
    return {
        "ociVersion": "1.2.1",
        "process": process_of(*args),
        "root": {"path": "rootfs"},
        "hostname": "tester",
        "mounts": default_mounts(),
        "linux": {
            "sysctl": {
                "net.ipv4.ip_unprivileged_port_start": "0",
                "net.ipv4.ping_group_range": "0 2147483647",
            },
            "resources": {"devices": [{"allow": False, "access": "rwm"}]},
            "cgroupsPath": f"{CGROUP_TOP}/{os.urandom(6).hex()}",
            "namespaces": [
                {"type": "mount"},
                {"type": "network"},
                {"type": "uts"},
                {"type": "pid"},
                {"type": "ipc"},
            ],
            "maskedPaths": MASKED,
            "readonlyPaths": READONLY,
        },
    }


class Ended(NamedTuple):
    """How a process ended, and what it wrote; a signal n is 128+n."""

    status: int
    out: str
    err: str


class Box:
    """A folder with a lower layer (busybox), an upper one, and a bundle."""

    def __init__(self, folder: Path, lower: Path) -> None:
        self.folder = folder
        self.lower = lower
        self.upper = folder / "upper"
        self.bundle = folder / "bundle"
        for path in (self.upper, folder / "work", self.bundle):
            path.mkdir(parents=True)

    @property
    def root(self) -> list[RootMount]:
        os.symlink(self.lower, self.folder / "lower") if not (self.folder / "lower").exists() else None
        options = ["lowerdir=lower", "upperdir=upper", "workdir=work"]
        return [{"type": "overlay", "source": "overlay", "options": options, "cwd": str(self.folder)}]

    @contextmanager
    def created(
        self, spec: Spec, *, output: "Output | None" = None, console_size: tuple[int, int] | None = None
    ) -> Iterator[Init]:
        """Create the container, and at the end kill what is left of it."""
        stdio = None if output is None else output.stdio
        container = create(spec, str(self.bundle), root=self.root, stdio=stdio, console_size=console_size)
        try:
            yield container
        finally:
            container.abandon()

    @contextmanager
    def running(self, spec: Spec) -> Iterator[Init]:
        """Create and start the container."""
        with Output() as output, self.created(spec, output=output) as container:
            container.start()
            yield container

    def run(self, spec: Spec) -> Ended:
        """Run the container to its end."""
        with Output() as output, self.created(spec, output=output) as container:
            container.start()
            return output.ended(wait(container.pidfd))

    def shell(self, script: str, change: Callable[[Spec], object] = lambda _: None) -> Ended:
        """Run a shell script in a container of the default spec, changed by `change`."""
        spec = spec_of("/bin/sh", "-c", script)
        change(spec)
        return self.run(spec)

    def execute(self, container: Init, spec: Spec, process: Process) -> Ended:
        """Run another process in the container to its end."""
        with Output() as output:
            child: Execed = exec_process(
                container.pidfd, spec, process, stdio=output.stdio, cgroup=container.cgroup
            )
            with child:
                return output.ended(wait(child.pidfd))


class Output:
    """An empty standard input, and files for what comes out."""

    def __init__(self) -> None:
        self._null = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        self._out = os.memfd_create("out")
        self._err = os.memfd_create("err")
        self.stdio = Stdio(self._null, self._out, self._err)

    def ended(self, status: int) -> Ended:
        return Ended(status, _text(self._out), _text(self._err))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self.stdio:
            os.close(fd)


def _text(fd: int) -> str:
    return os.pread(fd, 1 << 20, 0).decode("utf-8", "replace")


def drain(console: int) -> str:
    """Return everything that was written to a terminal whose processes have ended."""
    chunks = []
    with suppress(OSError):  # EIO is the end
        while chunk := os.read(console, 4096):
            chunks.append(chunk)
    return b"".join(chunks).decode()


def wait(pidfd: int) -> int:
    """Reap a child and return its status; one that does not end in time fails the test."""
    ready, _, _ = select.select([pidfd], [], [], LIMIT_S)
    if not ready:
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    assert ready, "the process did not end in time"
    assert result is not None
    return result.si_status if result.si_code == os.CLD_EXITED else 128 + result.si_status


def make_lower(folder: Path) -> Path:
    """Fill `folder` with a busybox root as images have it."""
    busybox = busybox_path()
    assert busybox is not None
    for name in ("bin", "etc", "tmp", "root", "dev", "proc", "sys", "var", "usr/bin", "sbin"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    (folder / "tmp").chmod(0o1777)
    shutil.copy(busybox, folder / "bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", folder / "bin" / applet)
    (folder / "etc/passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534::/:/bin/false\n"
    )
    (folder / "etc/group").write_text("root:x:0:\ndaemon:x:1:\nwheel:x:10:root,daemon\nnogroup:x:65534:\n")
    return folder


APPLETS: Sequence[str] = (
    *("cat", "chmod", "cp", "dd", "df", "echo", "env", "false", "find", "grep", "head", "hostname", "id"),
    *(
        "ip",
        "kill",
        "ln",
        "ls",
        "mkdir",
        "mknod",
        "mount",
        "mv",
        "ps",
        "pwd",
        "readlink",
        "rm",
        "sh",
        "sleep",
    ),
    *("sort", "stat", "stty", "tail", "test", "touch", "true", "tty", "umount", "uname", "wc"),
)


def remove_cgroups() -> None:
    """Remove the folder that all cgroups of this test process are in."""
    Cgroup.load(CGROUP_TOP).remove()


def census() -> dict[str, object]:
    """Return what a test must leave as it was."""
    with open("/proc/self/mountinfo", encoding="utf-8") as lines:
        mounts = sorted(line.split(" ", 1)[1] for line in lines)
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as children:
        child_pids = children.read()
    tops = (f"/sys/fs/cgroup/memory{CGROUP_TOP}", f"/sys/fs/cgroup{CGROUP_TOP}")
    groups = [entry.name for top in tops if os.path.isdir(top) for entry in os.scandir(top) if entry.is_dir()]
    fds = sorted(os.listdir("/proc/self/fd"))
    return {"mounts": mounts, "children": child_pids, "cgroups": groups, "fds": fds}
