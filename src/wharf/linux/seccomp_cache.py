"""Compiled seccomp filters, kept in a folder so that a profile is compiled once.

A file is named by the hash of the profile, the machine and the compiler's generation; it holds a hash of its
name and the program, and the program. What is in the folder is trusted as far as its owner and that hash go:
a file that is not ours alone, damaged or renamed, is made again. A folder that cannot be used costs time,
never a container.
"""

import hashlib
import json
import os
import stat
from contextlib import suppress

from wharf.linux.classic_bpf import MAX_INSTRUCTIONS
from wharf.linux.seccomp import GENERATION, LinuxSeccomp, compile_filter

_DIGEST_SIZE = 32
_INSTRUCTION_SIZE = 8
_MAX_SIZE = _DIGEST_SIZE + MAX_INSTRUCTIONS * _INSTRUCTION_SIZE


def compile_cached(seccomp: LinuxSeccomp, cache_dir: str) -> bytes:
    """Return `compile_filter(seccomp)` for this machine, from `cache_dir` where it is there.

    The folder is made (0700) when missing, files are 0600 and appear whole. Raises what compile_filter does.
    """
    key = _key(seccomp)
    program = _read(f"{cache_dir}/{key}", key)
    if program is None:
        program = compile_filter(seccomp)
        with suppress(OSError):  # a read-only or full disk: the next one compiles again
            _write(cache_dir, key, program)
    return program


def _key(seccomp: LinuxSeccomp) -> str:
    document = [GENERATION, os.uname().machine, seccomp]
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(key: str, program: bytes) -> bytes:
    return hashlib.sha256(key.encode() + program).digest()


def _read(path: str, key: str) -> bytes | None:
    """Return the program in the file, None when there is none to trust."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
            return None
        content = os.read(fd, _MAX_SIZE + 1)
    except OSError:
        return None
    finally:
        os.close(fd)
    digest, program = content[:_DIGEST_SIZE], content[_DIGEST_SIZE:]
    if not program or len(program) % _INSTRUCTION_SIZE or len(content) > _MAX_SIZE:
        return None
    return program if _digest(key, program) == digest else None


def _write(cache_dir: str, key: str, program: bytes) -> None:
    os.makedirs(cache_dir, mode=0o700, exist_ok=True)
    beside = f"{cache_dir}/{key}.{os.getpid()}"
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.write(fd, _digest(key, program) + program)
        os.rename(beside, f"{cache_dir}/{key}")
    except OSError:
        os.unlink(beside)
        raise
    finally:
        os.close(fd)
