"""The job `compress`: a layer's tar as gzip, whatever it is compressed with now; throw-away and sandboxed.

Descriptors: the file, an empty one that gets the result, and an empty folder (the worker's whole world).
Arguments: `diff_id` (expected). Result: `digest` and `size` of what was written. The same tar gives the same
bytes each time: no name, no time is put in.
"""

import hashlib
import os

from isal import isal_zlib

from wharf.content import sandbox
from wharf.content.compression import Source
from wharf.content.outcome import Tell, job
from wharf.errors import Internal

_LEVEL = 2
_GZIP = 16 + 15
"""Window bits that ask for gzip's header and trailer (zlib's manual, deflateInit2)."""


def compress(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    """Do what the module says."""
    source_fd, target_fd, folder_fd = fds
    with sandbox.enter(folder_fd):
        source = Source(source_fd)
        outer = hashlib.sha256()
        compressor = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, _GZIP)
        size = 0
        while piece := source.read():
            size += _write(target_fd, outer, compressor.compress(piece))
            tell({"current": source.unpacked})
        size += _write(target_fd, outer, compressor.flush())
        if source.diff_id != args.get("diff_id"):
            raise Internal(f"the content of layer {args.get('diff_id')} is damaged")
    return {"digest": f"sha256:{outer.hexdigest()}", "size": size}


def _write(fd: int, outer: "hashlib._Hash", data: bytes) -> int:
    outer.update(data)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]
    return len(data)


compress_job = job(compress)
