"""The job `unpack`: one layer's tar, compressed or not, made into a folder; throw-away and sandboxed.

Arguments: `offset` and `size` (the layer's bytes in the file), `diff_id` and `digest` (expected, or null).
Descriptors: the file, the empty folder to fill, and optionally an empty file that gets a copy of the bytes.
Result: `diff_id`, `digest`, `size` (of the files made), `unpacked` (bytes of tar), `compression`. The folder
is durable then. Refuses content that does not hash to what was expected.
"""

import os

from wharf.content import sandbox
from wharf.content.compression import Source
from wharf.content.extract import Extractor
from wharf.content.outcome import Tell, integer, job
from wharf.content.tar.reader import Reader
from wharf.content.tar.tape import Tape
from wharf.errors import InvalidParameter
from wharf.failpoint import failpoint
from wharf.linux.syncfs import syncfs


def unpack(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    """Do what the module says; `fds` and `args` as there."""
    offset, size = integer(args, "offset"), integer(args, "size")
    file_fd, folder_fd, *copies = fds
    with sandbox.enter(folder_fd) as root:
        for copy_fd in copies:
            copy(file_fd, offset, size, copy_fd)
        source = Source(file_fd, offset, size)
        tape = Tape(source.read)
        extractor = Extractor(root, Reader(tape), tick=lambda: tell({"current": source.taken - offset}))
        extractor.run()
        tape.drain()
        _compare(source.diff_id, args.get("diff_id"), "diffID")
        _compare(source.digest, args.get("digest"), "digest")
        failpoint("content.unpacked")
        syncfs(folder_fd)
        failpoint("content.synced")
    return {
        "diff_id": source.diff_id,
        "digest": source.digest,
        "size": extractor.size,
        "unpacked": source.unpacked,
        "compression": source.compression,
    }


def _compare(found: str, expected: object, what: str) -> None:
    if expected is not None and found != expected:
        raise InvalidParameter(f"wrong {what} for layer: expected {expected}, got {found}")


def copy(source_fd: int, offset: int, size: int, target_fd: int) -> None:
    """Copy a range of a file to the end of another one, in the kernel: copy_file_range(2); raises OSError."""
    while size:
        done = os.copy_file_range(source_fd, target_fd, size, offset)
        if not done:
            raise InvalidParameter("unexpected EOF")
        offset += done
        size -= done


unpack_job = job(unpack)
