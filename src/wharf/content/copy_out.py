"""The jobs `stat-path` and `copy-out`: a path of a container, looked at, and what is there as a tar.

Arguments: those of a view, and `path` (absolute; a `/` or `/.` at its end follows a link). Descriptors: the
view's, and for `copy-out` the pipe that the tar goes to. Result of `stat-path`, and first progress of
`copy-out`: `mode` (the kernel's), `size`, `mtime` (ns), `target` (of a link: where it leads in the end, as
far as that is there). Raises NotFound, and InvalidParameter for a path that leads through a file.

The names in the tar are those of Docker's archive: what is copied goes by the last part of its path.
"""

import errno
import os
import posixpath
import stat
from collections.abc import Mapping

from wharf.content import view
from wharf.content.outcome import Tell, job
from wharf.content.pack import Packer
from wharf.errors import InvalidParameter, NotFound
from wharf.linux.rooted import Root

_LINKS = 255
_ITSELF = os.O_PATH | os.O_NOFOLLOW


def stat_path(args: dict[str, object], fds: list[int], tell: Tell) -> Mapping[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    path = str(args["path"])
    with view.enter(args, fds[0]) as root:
        fd = open_path(root, path, _ITSELF)
        return _facts(root, path, os.fstat(fd))


def copy_out(args: dict[str, object], fds: list[int], tell: Tell) -> Mapping[str, object]:
    """Do what the module says."""
    view_fd, output_fd = fds
    path = str(args["path"])
    with view.enter(args, view_fd) as root:
        fd = open_path(root, path, _ITSELF)
        status = os.fstat(fd)
        tell(_facts(root, path, status))
        if stat.S_ISDIR(status.st_mode):
            prefix = b"/" if path == "/" else os.fsencode(_base(path)) + b"/"
            Packer(Root(fd), output_fd, as_layer=False, prefix=prefix).run_root()
        else:
            head, _, base = path.rpartition("/")
            with Root(open_path(root, head or "/", os.O_PATH | os.O_DIRECTORY)) as parent:
                Packer(parent, output_fd, as_layer=False).run_one(os.fsencode(base))
    return {}


def _base(path: str) -> str:
    """Return the last part of a path, as Go's `filepath.Base` has it."""
    return path.rstrip("/").rpartition("/")[2]


def open_path(root: Root, path: str, flags: int) -> int:
    """Open a path of the container; raises NotFound, or InvalidParameter in Docker's words."""
    try:
        return root.open(path, flags)
    except OSError as error:
        if error.errno == errno.ENOENT:
            raise NotFound(path) from error
        raise InvalidParameter(f"lstat {path}: {(error.strerror or str(error)).lower()}") from error


def _facts(root: Root, path: str, status: os.stat_result) -> dict[str, object]:
    return {
        "mode": status.st_mode,
        "size": status.st_size,
        "mtime": status.st_mtime_ns,
        "target": follow(root, path) if stat.S_ISLNK(status.st_mode) else "",
    }


def follow(root: Root, path: str) -> str:
    """Return where `path` leads when every link in it is followed, as far as that is there.

    For showing only: whoever opens a path has it walked by the kernel.
    """
    done: list[str] = []
    left = path.split("/")[::-1]
    links = 0
    while left:
        part = left.pop()
        if part in ("", "."):
            continue
        if part == "..":
            del done[-1:]
            continue
        here = "/" + "/".join([*done, part])
        try:
            target = root.readlink(here)
        except OSError:
            done.append(part)  # no link, or nothing
            continue
        links += 1
        if links > _LINKS:
            raise InvalidParameter(f"evalSymlinksInScope: too many links in {path}")
        if target.startswith("/"):
            done.clear()
        left += target.split("/")[::-1]
    return posixpath.normpath("/" + "/".join(done))


stat_path_job = job(stat_path)
copy_out_job = job(copy_out)
