"""Facts about the host, read once or at each look, from the kernel's own files."""

import functools
import os

from wharf.linux.cgroup import host_mounts

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _controllers() -> frozenset[str]:
    mounts = host_mounts()
    if mounts.mode == "v1" or mounts.unified is None:
        return frozenset(mounts.controllers)
    with open(f"{mounts.unified}/cgroup.controllers", encoding="ascii") as file:
        return frozenset(file.read().split())


class Host:
    """The machine the engine runs on."""

    def __init__(self) -> None:
        self._controllers = _controllers()

    @property
    def architecture(self) -> str:
        """The architecture in Go's words."""
        machine = os.uname().machine
        return _ARCHITECTURES.get(machine, machine)

    @functools.cached_property
    def memory_total(self) -> int:
        """Bytes of memory, proc_meminfo(5)."""
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    @functools.cached_property
    def operating_system(self) -> str:
        """The distribution's name, os-release(5)."""
        try:
            with open("/etc/os-release", encoding="utf-8") as file:
                for line in file:
                    if line.startswith("PRETTY_NAME="):
                        return line.partition("=")[2].strip().strip('"')
        except FileNotFoundError:
            pass
        return "Linux"

    def has_controller(self, name: str) -> bool:
        """Return whether limits of this cgroup controller can be set."""
        return name in self._controllers

    @property
    def has_swap_limit(self) -> bool:
        """Whether swap is accounted to cgroups."""
        return self.has_controller("memory") and os.path.exists("/proc/swaps")

    def forwards_ipv4(self) -> bool:
        """Return net.ipv4.ip_forward."""
        with open("/proc/sys/net/ipv4/ip_forward", encoding="ascii") as file:
            return file.read().strip() == "1"

    @functools.cache  # noqa: B019 - one Host lives as long as the engine
    def storage_status(self, path: str) -> list[tuple[str, str]]:
        """Return what info shows of the file system below the layers."""
        return [
            ("Backing Filesystem", filesystem(path)),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", "false"),
        ]


def filesystem(path: str) -> str:
    """Return the type of the file system that holds `path`; Docker calls all of ext2-4 extfs."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            fields, _, tail = line.partition(" - ")
            if fields.split()[2] == wanted:
                kind = tail.split()[0]
                return "extfs" if kind.startswith("ext") else kind
    return "unknown"
