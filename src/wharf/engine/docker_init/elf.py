"""A static executable of one segment: elf(5)."""

import struct
from typing import Final

from wharf.engine.docker_init.aarch64 import AARCH64
from wharf.engine.docker_init.machine import assemble
from wharf.engine.docker_init.program import init_program
from wharf.engine.docker_init.x86_64 import X86_64

_MACHINES: Final = {"x86_64": X86_64, "aarch64": AARCH64}
_BASE: Final = 0x400000
_HEADERS: Final = 64 + 2 * 56
_READ, _WRITE, _EXECUTE = 4, 2, 1
_LOAD, _GNU_STACK = 1, 0x6474E551
_PAGE: Final = 0x10000  # of the largest page that arm64 has


def executable(machine: str) -> bytes:
    """Return docker-init for a machine as uname(2) names it; the same bytes each time. Raises KeyError."""
    target = _MACHINES[machine]
    code = assemble(init_program(), target)
    size = _HEADERS + len(code)
    identity = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)  # 64 bit, little-endian, version 1, System V
    header = identity + struct.pack(
        "<HHIQQQIHHHHHH", 2, target.elf, 1, _BASE + _HEADERS, 64, 0, 0, 64, 56, 2, 64, 0, 0
    )
    load = struct.pack("<IIQQQQQQ", _LOAD, _READ | _EXECUTE, 0, _BASE, _BASE, size, size, _PAGE)
    stack = struct.pack("<IIQQQQQQ", _GNU_STACK, _READ | _WRITE, 0, 0, 0, 0, 0, 16)
    return header + load + stack + code
