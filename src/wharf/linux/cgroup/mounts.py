"""Where this host's cgroup hierarchies are mounted, and the check on paths that come from outside.

Three layouts exist: v1 (a folder per controller), v2 (one unified tree), and hybrid, which counts as v1 here:
controllers on v1, and a unified tree without controllers beside them. Kernel:
Documentation/admin-guide/cgroup-v1/cgroups.rst and cgroup-v2.rst.
"""

import errno
import functools
import os
from collections.abc import Mapping
from typing import Literal, NamedTuple

CONTROLLERS = frozenset(
    {
        "blkio",
        "cpu",
        "cpuacct",
        "cpuset",
        "devices",
        "freezer",
        "hugetlb",
        "memory",
        "misc",
        "name=systemd",
        "net_cls",
        "net_prio",
        "perf_event",
        "pids",
        "rdma",
    }
)
"""The v1 hierarchies that a container joins: all controllers, and systemd's own, but no other named one."""

_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
"""How proc(5) writes characters that would end a field."""


class Mounts(NamedTuple):
    """The mounted hierarchies; tests make their own."""

    controllers: Mapping[str, str]
    """Mount point of each v1 controller; controllers mounted together share one."""
    unified: str | None
    """Mount point of the v2 tree."""

    @property
    def mode(self) -> Literal["v1", "v2"]:
        """`v2` where the unified tree is all there is."""
        return "v2" if self.unified is not None and not self.controllers.keys() - {"name=systemd"} else "v1"

    @classmethod
    def read(cls, mountinfo: str = "/proc/self/mountinfo") -> "Mounts":
        """Read the layout from `mountinfo` (proc(5)); of several mounts of a hierarchy the first counts.

        Raises FileNotFoundError when no hierarchy is mounted.
        """
        controllers: dict[str, str] = {}
        unified = None
        with open(mountinfo, encoding="utf-8", errors="surrogateescape") as lines:
            for line in lines:
                if " - cgroup" not in line:
                    continue
                fields, _, super_fields = line.partition(" - ")
                kind, _, options = super_fields.split(" ", 2)
                point = _unescaped(fields.split(" ", 5)[4])
                if kind == "cgroup2":
                    unified = unified or point
                elif kind == "cgroup":
                    for option in options.rstrip("\n").split(","):
                        if option in CONTROLLERS:
                            controllers.setdefault(option, point)
        if unified is None and not controllers:
            raise FileNotFoundError(errno.ENOENT, "no cgroup hierarchy is mounted", mountinfo)
        return cls(controllers, unified)


@functools.cache
def host_mounts() -> Mounts:
    """Return the layout of this host, read once by a process and not again by those it forks.

    Raises FileNotFoundError when no hierarchy is mounted.
    """
    return Mounts.read()


def mode() -> Literal["v1", "v2"]:
    """Return whether this host has the v1 controllers or v2 alone."""
    return host_mounts().mode


def check_path(path: str) -> str:
    """Return `path` when it may name a cgroup of ours below every hierarchy's mount point.

    It is absolute and made of plain names: no `..`, `.`, no empty or unprintable component, not the root.
    Raises OSError (EINVAL) otherwise.
    """
    names = path[1:].split("/")
    if not path.startswith("/") or not all(names) or {".", ".."} & set(names) or not path.isprintable():
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return path


def _unescaped(point: str) -> str:
    for code, character in _ESCAPES.items():
        point = point.replace(code, character)
    return point
