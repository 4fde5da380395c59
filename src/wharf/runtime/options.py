"""Mount options of the OCI spec, read into what the kernel takes; pure.

What is no option of mount(8)'s table here is a parameter of the file system (`size=65536k`, `newinstance`).
Source: config-linux.md and config.md ("mounts"), OCI runtime spec 1.2.
"""

from collections.abc import Sequence
from typing import NamedTuple

from wharf.linux.mount import MountAttr, MountFlag

_SET = {
    "ro": MountAttr.RDONLY,
    "nosuid": MountAttr.NOSUID,
    "nodev": MountAttr.NODEV,
    "noexec": MountAttr.NOEXEC,
    "noatime": MountAttr.NOATIME,
    "strictatime": MountAttr.STRICTATIME,
    "nodiratime": MountAttr.NODIRATIME,
    "nosymfollow": MountAttr.NOSYMFOLLOW,
}
_CLEAR = {
    "rw": MountAttr.RDONLY,
    "suid": MountAttr.NOSUID,
    "dev": MountAttr.NODEV,
    "exec": MountAttr.NOEXEC,
    "atime": MountAttr.NOATIME,
    "relatime": MountAttr.ATIME,
    "norelatime": MountAttr.RELATIME,
    "nostrictatime": MountAttr.STRICTATIME,
    "diratime": MountAttr.NODIRATIME,
    "symfollow": MountAttr.NOSYMFOLLOW,
}
_PROPAGATION = {
    "private": MountFlag.PRIVATE,
    "shared": MountFlag.SHARED,
    "slave": MountFlag.SLAVE,
    "unbindable": MountFlag.UNBINDABLE,
}
_SUPERBLOCK = {"sync", "dirsync", "lazytime", "mand"}
_IGNORED = {
    "defaults", "remount", "async", "loud", "silent", "nolazytime", "nomand", "noiversion", "iversion"
}  # fmt: skip
_UNSUPPORTED = {"tmpcopyup", "idmap", "ridmap"}

_FLAG_NAMES = {
    MountAttr.RDONLY: "MS_RDONLY",
    MountAttr.NOSUID: "MS_NOSUID",
    MountAttr.NODEV: "MS_NODEV",
    MountAttr.NOEXEC: "MS_NOEXEC",
    MountAttr.NOATIME: "MS_NOATIME",
    MountAttr.NODIRATIME: "MS_NODIRATIME",
    MountAttr.STRICTATIME: "MS_STRICTATIME",
}


class Propagation(NamedTuple):
    """A change of propagation: one of MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE."""

    flag: int
    recursive: bool


class MountOptions(NamedTuple):
    """One mount's options; masks are of MountAttr."""

    bind: bool
    recursive: bool
    add: int
    clear: int
    add_recursively: int
    clear_recursively: int
    propagation: tuple[Propagation, ...]
    parameters: list[tuple[str, str | None]]

    @property
    def readonly(self) -> bool:
        """Whether the mount itself is to be read-only."""
        return bool(self.add & MountAttr.RDONLY)

    def flag_names(self) -> str:
        """Return the flags as runc's messages show them: `MS_NOSUID|MS_NODEV`."""
        names = [name for flag, name in _FLAG_NAMES.items() if self.add & flag]
        names += ["MS_BIND"] if self.bind else []
        names += ["MS_REC"] if self.recursive else []
        return "|".join(names) or "0x0"


def parse(options: Sequence[str]) -> MountOptions:
    """Return what `options` mean; the later of two that contradict counts.

    Raises ValueError for an option that this runtime cannot honour.
    """
    bind = recursive = False
    add = clear = add_recursively = clear_recursively = 0
    propagation: list[Propagation] = []
    parameters: list[tuple[str, str | None]] = []
    for option in options:
        bare = option.removeprefix("r")
        if option in _SET:
            add, clear = _with(add, clear, _SET[option])
        elif option in _CLEAR:
            add, clear = add & ~_CLEAR[option], clear | _CLEAR[option]
        elif option in ("bind", "rbind"):
            bind, recursive = True, option == "rbind"
        elif option in _PROPAGATION:
            propagation.append(Propagation(_PROPAGATION[option], recursive=False))
        elif bare in _PROPAGATION and option != bare:
            propagation.append(Propagation(_PROPAGATION[bare], recursive=True))
        elif bare in _SET and option != bare:
            add_recursively, clear_recursively = _with(add_recursively, clear_recursively, _SET[bare])
        elif bare in _CLEAR and option != bare:
            add_recursively &= ~_CLEAR[bare]
            clear_recursively |= _CLEAR[bare]
        elif option in _SUPERBLOCK:
            parameters.append((option, None))
        elif option in _UNSUPPORTED:
            raise ValueError(f"mount option {option!r} is not supported")
        elif option not in _IGNORED and option:
            key, equals, value = option.partition("=")
            parameters.append((key, value if equals else None))
    return MountOptions(
        bind,
        recursive,
        add,
        clear,
        add_recursively,
        clear_recursively,
        tuple(propagation),
        parameters,
    )


def _with(add: int, clear: int, flag: int) -> tuple[int, int]:
    """Return the masks with `flag` asked for; time attributes exclude each other."""
    if flag & MountAttr.ATIME:
        add &= ~MountAttr.ATIME
    return add | flag, clear & ~flag
