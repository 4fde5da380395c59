"""Whether the folder a container is to start in can be one: looked for in its image when it is created.

The layers are walked by descriptor, top first, as overlayfs lays them over each other. No link is followed:
where one is on the way, the start decides, which makes the folder inside the container.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import ExitStack

from wharf.errors import Internal

_OPAQUE = "trusted.overlay.opaque"
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def check(layers: Sequence[str], path: str) -> None:
    """Raise Internal in dockerd's words where a file of `layers` stands on the way to `path`, or at it."""
    if "\0" in path:
        raise Internal(f"mkdir {path}: invalid argument")
    with ExitStack() as stack:
        try:
            folders = [_open(stack, layer) for layer in layers]
        except FileNotFoundError:  # the image is being removed, which the next step says
            return
        for name in path.strip("/").split("/"):
            if not (folders := _below(stack, folders, name, path)):
                return


def _below(stack: ExitStack, folders: Sequence[int], name: str, path: str) -> list[int]:
    """Return the folders called `name` that lie over each other, top first; none where the way ends."""
    found: list[int] = []
    for folder in folders:
        try:
            mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(mode) and not found:
            return []
        if not stat.S_ISDIR(mode):
            if not found and not stat.S_ISCHR(mode):  # a character device is a whiteout
                raise Internal(f"Cannot mkdir: {path} is not a directory")
            break
        below = _open(stack, name, folder)
        found.append(below)
        if _is_opaque(below):
            break
    return found


def _open(stack: ExitStack, path: str, folder: int | None = None) -> int:
    fd = os.open(path, _FOLDER, dir_fd=folder)
    stack.callback(os.close, fd)
    return fd


def _is_opaque(fd: int) -> bool:
    try:
        return os.getxattr(fd, _OPAQUE) == b"y"
    except OSError:
        return False
