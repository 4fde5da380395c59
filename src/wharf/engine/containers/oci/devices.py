"""The devices of a privileged container: all that the host has, as they are."""

import os
import stat
from collections.abc import Iterator

from wharf.runtime.spec import Device

_LEFT_OUT = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"}
"""What is the container's own, or no device."""


def host_devices(folder: str = "/dev") -> list[Device]:
    """Return every character and block device below `folder`, with owner and mode."""
    return list(_walk(folder, top=True))


def _walk(folder: str, *, top: bool) -> Iterator[Device]:
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        if top and entry.name in _LEFT_OUT:
            continue
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        if stat.S_ISDIR(found.st_mode):
            yield from _walk(entry.path, top=False)
        elif stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode):
            yield {
                "type": "c" if stat.S_ISCHR(found.st_mode) else "b",
                "path": entry.path,
                "major": os.major(found.st_rdev),
                "minor": os.minor(found.st_rdev),
                "fileMode": stat.S_IMODE(found.st_mode),
                "uid": found.st_uid,
                "gid": found.st_gid,
            }
