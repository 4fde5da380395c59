"""A place where an engine can do no harm: own mount, network and cgroup namespaces, and own cgroups.

A holder process keeps the namespaces, so that an engine that was killed can be started there again. Every
process of the engine and of its containers stays below the sandbox's cgroups: so the census finds them, and
so `close` ends them. The host keeps its links, rules, sysctls and mounts.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, Self

from engine_kit.patience import eventually

_CLONE_NEWNS, _CLONE_NEWCGROUP, _CLONE_NEWNET = 0x20000, 0x02000000, 0x40000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_MNT_DETACH = 2
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1


class Hierarchy(NamedTuple):
    """One mounted cgroup hierarchy: cgroup v2, or one of v1's."""

    path: str
    version: int
    options: str
    """What mounts the same hierarchy again: v1's controllers or name."""


def hierarchies() -> list[Hierarchy]:
    """The hierarchies mounted in this mount namespace."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, rest = line.partition(" - ")
        kind, _, options = rest.split()[:3]
        if kind in ("cgroup", "cgroup2"):
            wanted = [word for word in options.split(",") if word not in ("rw", "ro") and kind == "cgroup"]
            found.append(Hierarchy(fields.split()[4], 2 if kind == "cgroup2" else 1, ",".join(wanted)))
    return found


class Sandbox:
    """The namespaces and cgroups of one engine under test."""

    def __init__(self, name: str) -> None:
        self.name = f"wharf-test-{os.getpid()}-{name}"
        self.cgroups = [Path(one.path) / self.name for one in hierarchies()]
        self._holder: subprocess.Popen[bytes] | None = None
        self._started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        for path in self.cgroups:
            _make_cgroup(path)
        ready, told = os.pipe()
        try:
            self._holder = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, *map(str, self.cgroups), str(told)],
                env={"PYTHONPATH": "", "SANDBOX_KIT": str(Path(__file__).parent.parent)},
                pass_fds=[told],
                stdin=subprocess.DEVNULL,
            )
        finally:
            os.close(told)
        with open(ready, "rb") as answer:
            if answer.read() != b"ready":
                self.close()
                raise AssertionError("the sandbox could not be made; the reason is above")
        for path in self.cgroups:
            _delegate(path)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process that holds the namespaces."""
        assert self._holder is not None
        return self._holder.pid

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
        stdin: int | None = subprocess.DEVNULL,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start `argv` inside; its pid is the program's own."""
        joins = "; ".join(f"echo $$ >{path}/engine/cgroup.procs" for path in self.cgroups)
        line = f'{joins}; exec nsenter -t {self.pid} -m -n -C -- "$@"'
        process = subprocess.Popen(
            ["sh", "-ec", line, "sh", *argv],
            env=env,
            pass_fds=pass_fds,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def run(self, *argv: str) -> None:
        """Run a program inside to its success."""
        assert self.popen(argv).wait() == 0, argv

    def processes(self) -> list[int]:
        """Every process that was started inside, the holder left out."""
        found: set[int] = set()
        for top in self.cgroups:
            for procs in top.rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    found.update(map(int, procs.read_text().split()))
        return sorted(found - {self._holder.pid if self._holder else 0, 0})

    def parents(self) -> list[Path]:
        """The cgroups an engine made at the top, one a hierarchy; like Docker's /docker they stay."""
        return [
            path
            for top in self.cgroups
            for path in top.iterdir()
            if path.is_dir() and path.name not in ("engine", "kit")
        ]

    def folders(self) -> list[str]:
        """The cgroups below those: a container's, or left by one."""
        return sorted(str(path) for top in self.parents() for path in top.rglob("*") if path.is_dir())

    def close(self) -> None:
        """End everything inside and take the cgroups away."""
        for path in self.cgroups:
            with contextlib.suppress(OSError):
                if path.joinpath("freezer.state").exists():
                    for state in path.rglob("freezer.state"):
                        state.write_text("THAWED")

        for process in self._started:  # one may be on its way into its cgroup still
            process.kill()

        def all_ended() -> bool:
            # One that was just started may not have joined the cgroups yet.
            pids = {*self.processes(), *(one.pid for one in self._started if one.poll() is None)}
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not pids

        eventually(all_ended, what=f"the processes of {self.name} to end")
        for process in self._started:
            process.wait()
        if self._holder:
            self._holder.kill()
            self._holder.wait()
            self._holder = None
        for path in self.cgroups:
            for folder in sorted((one for one in path.rglob("*") if one.is_dir()), reverse=True):
                _remove_cgroup(folder)
            _remove_cgroup(path)


_PROGRAM = """
import os, sys
sys.path.insert(0, os.environ["SANDBOX_KIT"])
from engine_kit.sandbox import hold
hold(sys.argv[1:-1], int(sys.argv[-1]))
"""


def hold(cgroups: Sequence[str], told: int) -> None:
    """Make the namespaces in this process, say so on the descriptor `told`, and wait to be killed."""
    libc = ctypes.CDLL(None, use_errno=True)
    known = hierarchies()
    for path in cgroups:
        Path(path, "cgroup.procs").write_text("0")
    _check(libc.unshare(_CLONE_NEWNS | _CLONE_NEWNET | _CLONE_NEWCGROUP), "unshare")
    for path in cgroups:
        Path(path, "kit/cgroup.procs").write_text("0")
    _check(libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None), "make / private")
    for one in known:  # seen from here, the sandbox's cgroups are the roots
        target, kind = one.path.encode(), b"cgroup2" if one.version == 2 else b"cgroup"
        flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
        _check(libc.umount2(target, _MNT_DETACH), one.path)
        _check(libc.mount(b"cgroup", target, kind, flags, one.options.encode() or None), one.path)
    _raise_loopback()
    os.write(told, b"ready")
    os.close(told)
    signal.pause()


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack_from("h", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request), 16)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _make_cgroup(path: Path) -> None:
    for folder in (path, path / "engine", path / "kit"):
        folder.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):  # v1: an empty cpuset takes no process
            if (folder / name).exists() and not (folder / "cgroup.controllers").exists():
                (folder / name).write_text((folder.parent / name).read_text())


def _delegate(path: Path) -> None:
    """Hand v2's controllers down; only when no process is left in `path` itself."""
    if (path / "cgroup.controllers").exists():
        for top in (path.parent, path):
            for controller in (top / "cgroup.controllers").read_text().split():
                (top / "cgroup.subtree_control").write_text(f"+{controller}")


def _remove_cgroup(path: Path) -> None:
    def removed() -> bool:
        with contextlib.suppress(OSError):
            path.rmdir()
        return not path.exists()

    eventually(removed, what=f"{path} to be removable")


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


@contextlib.contextmanager
def network_of(pid: int) -> Iterator[None]:
    """Be in the network namespace of `pid` for a while: only in a thread or process made for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as home, open(f"/proc/{pid}/ns/net", "rb") as there:
        _check(libc.setns(there.fileno(), _CLONE_NEWNET), f"/proc/{pid}/ns/net")
        try:
            yield
        finally:
            _check(libc.setns(home.fileno(), _CLONE_NEWNET), "own network namespace")
