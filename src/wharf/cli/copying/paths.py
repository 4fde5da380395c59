"""What the two paths of `cp` mean: Docker's rules for what is copied, where to, and by which name.

A path keeps the `/` or `/.` at its end: the first says that it is a directory, the second that what is in it
is meant.
"""

from __future__ import annotations

import os
import stat

from wharf.cli.errors import CliError

_LINKS = 10


class CopyInfo:
    """One end of a copy: its path, what is known of it, and the name that it was asked for by (or "")."""

    __slots__ = ("exists", "is_directory", "path", "rebase_name")

    def __init__(
        self, path: str, *, exists: bool = False, is_directory: bool = False, rebase_name: str = ""
    ) -> None:
        self.path = path
        self.exists = exists
        self.is_directory = is_directory
        self.rebase_name = rebase_name


def go_words(error: OSError) -> str:
    """Return an error in Go's form: the path, and what the system says."""
    return f"{error.filename}: {(error.strerror or str(error)).lower()}"


def clean(path: str) -> str:
    """Return the shortest form of a path by its letters alone; `.` for nothing (Go's `filepath.Clean`)."""
    cleaned = os.path.normpath(path)
    return cleaned[1:] if cleaned.startswith("//") else cleaned


def base(path: str) -> str:
    """Return the last part of a path (Go's `filepath.Base`)."""
    if not path:
        return "."
    return path.rstrip("/").rpartition("/")[2] or "/"


def means_content(path: str) -> bool:
    """Whether a path ends in `.`: what is in the directory is meant, not the directory."""
    return path.rpartition("/")[2] == "."


def means_directory(path: str) -> bool:
    """Whether a path says itself that it is a directory."""
    return path.endswith("/") or means_content(path)


def keeping_end(cleaned: str, original: str) -> str:
    """Return `cleaned` with the `/` or `/.` that `original` ends in."""
    if means_content(original) and not means_content(cleaned):
        cleaned = cleaned if cleaned.endswith("/") else cleaned + "/"
        return cleaned + "."
    if original.endswith("/") and not cleaned.endswith("/"):
        return cleaned + "/"
    return cleaned


def split(path: str) -> tuple[str, str]:
    """Return the directory that a path is an entry of, and the entry; that may be `.`."""
    cleaned = clean(path)
    if means_content(path):
        cleaned += "/."
    head = cleaned.rpartition("/")[0]
    return clean(head or ("/" if cleaned.startswith("/") else ".")), base(cleaned)


def local(path: str) -> str:
    """Return the absolute form of a local path, with its end."""
    return keeping_end(os.path.abspath(path), path)


def rebased(path: str, resolved: str) -> tuple[str, str]:
    """Return where a link led, with the end of `path`, and the name by which it was asked for if another."""
    if means_content(path) and not means_content(resolved):
        resolved += "/."
    if path.endswith("/") and not resolved.endswith("/"):
        resolved += "/"
    return resolved, base(path) if base(path) != base(resolved) else ""


def source(path: str, *, follow_link: bool) -> CopyInfo:
    """Return what is to be copied from here.

    Raises:
        CliError: it is not there.
    """
    try:
        if follow_link:
            resolved, rebase_name = rebased(path, os.path.realpath(path, strict=True))
        else:
            head, _, name = path.rpartition("/")
            resolved = f"{os.path.realpath(head or '/', strict=True).rstrip('/')}/{name}"
            rebase_name = base(path) if path.endswith("/") and base(path) != base(resolved) else ""
        is_directory = stat.S_ISDIR(os.lstat(resolved).st_mode)
    except OSError as error:
        if isinstance(error, NotADirectoryError):
            raise CliError("not a directory") from None
        raise CliError(f"lstat {go_words(error)}") from None
    return CopyInfo(resolved, exists=True, is_directory=is_directory, rebase_name=rebase_name)


def destination(path: str) -> CopyInfo:
    """Return where a copy goes to here: what a link leads to, there or not.

    Raises:
        CliError: there is no directory that it could be made in.
    """
    original = path
    try:
        for _ in range(_LINKS + 1):
            status = os.lstat(path)
            if not stat.S_ISLNK(status.st_mode):
                return CopyInfo(path, exists=True, is_directory=stat.S_ISDIR(status.st_mode))
            target = os.readlink(path)
            path = target if target.startswith("/") else clean(f"{split(path)[0]}/{target}")
    except FileNotFoundError:
        parent = split(path)[0]
        try:
            is_directory = stat.S_ISDIR(os.stat(parent).st_mode)
        except OSError as error:
            raise CliError(f"stat {go_words(error)}") from None
        if not is_directory:
            raise CliError("not a directory") from None
        return CopyInfo(path)
    except OSError as error:
        raise CliError(f"lstat {go_words(error)}") from None
    raise CliError(f"too many symlinks in {original}")


def plan(source_info: CopyInfo, target: CopyInfo) -> tuple[str, tuple[str, str] | None]:
    """Return the directory to unpack in, and the renaming (old and new beginning) of what is copied.

    Raises:
        CliError: the two ends do not fit.
    """
    if target.exists and target.is_directory:
        return target.path, None
    if target.exists and source_info.is_directory:
        raise CliError("cannot copy directory")
    if not target.exists and not source_info.is_directory and means_directory(target.path):
        raise CliError("no such directory")
    folder, name = split(target.path)
    return folder, (source_info.rebase_name or split(source_info.path)[1], name)


def check_output(path: str) -> None:
    """Refuse a local destination that nothing can be copied to, in Docker's words.

    Raises:
        CliError: its folder is missing, or it is a device.
    """
    folder = os.path.dirname(clean(path))
    if folder and not os.path.exists(folder):
        raise CliError(f'invalid output path: directory "{folder}" does not exist')
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
        raise CliError(f'invalid output path: "{path}" must be a directory or a regular file: got a device')
