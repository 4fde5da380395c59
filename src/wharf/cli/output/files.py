"""Archives from and to files: read in pieces, and written so that a failure leaves nothing half done."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from wharf.cli.errors import CliError
from wharf.cli.streams.duplex import write_all
from wharf.cli.streams.terminal import STDIN, STDOUT

_PIECE = 128 * 1024


def pieces_of(path: str) -> Iterator[bytes]:
    """Return the content of the file at `path` (`-`: stdin), piece by piece; it is opened now.

    Raises:
        CliError: it cannot be opened.
    """
    if path == "-":
        return _read(STDIN, "/dev/stdin")
    try:
        return _read(os.open(path, os.O_RDONLY | os.O_CLOEXEC), path)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None


def _read(fd: int, path: str) -> Iterator[bytes]:
    try:
        while piece := os.read(fd, _PIECE):
            yield piece
    except OSError as error:
        raise CliError(f"read {path}: {(error.strerror or str(error)).lower()}") from None
    finally:
        if fd != STDIN:
            os.close(fd)


def check_output(path: str) -> None:
    """Refuse an output path that cannot be written to.

    Raises:
        CliError: its folder is missing, or it is something other than a file.
    """
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise CliError(f"invalid output path: stat {folder}: no such file or directory")
    if os.path.isdir(path):
        raise CliError(f'invalid output path: "{path}" must be a regular file')


def write_file(path: str, pieces: Iterable[bytes]) -> None:
    """Write `pieces` to `path` by way of a file beside it; empty: to stdout.

    Raises:
        CliError: it cannot be written.
    """
    if not path:
        for piece in pieces:
            write_all(STDOUT, piece)
        return
    beside = os.path.join(os.path.dirname(path), f".tmp-{os.path.basename(path)}{os.getpid()}")
    try:
        fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for piece in pieces:
                write_all(fd, piece)
        finally:
            os.close(fd)
        os.rename(beside, path)
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    finally:
        if os.path.exists(beside):
            os.unlink(beside)
