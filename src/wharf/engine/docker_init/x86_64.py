"""Code for x86-64: Intel's Software Developer's Manual, volume 2; system calls: syscall(2)."""

import struct
from typing import Final

from wharf.engine.docker_init.machine import STACK, Label, Machine, Places, Registers, Step

_X86_CALLS: Final = {
    "rt_sigaction": 13,
    "rt_sigprocmask": 14,
    "ioctl": 16,
    "getpid": 39,
    "clone": 56,
    "execve": 59,
    "wait4": 61,
    "kill": 62,
    "setpgid": 109,
    "rt_sigtimedwait": 128,
    "exit_group": 231,
    "write": 1,
}
_RAX, _RCX, _RDX, _RSP, _RSI, _RDI, _R10 = 0, 1, 2, 4, 6, 7, 10


def _rm(register: int, base: int, offset: int) -> bytes:
    """Return ModRM, SIB and displacement of `[base + offset]`; x86 wants a SIB byte for rsp and r12."""
    sib = b"\x24" if base & 7 == _RSP else b""
    return bytes([0x80 | (register & 7) << 3 | base & 7]) + sib + struct.pack("<i", offset)


def _wide(opcode: bytes, register: int, other: int) -> bytes:
    """Return an operation on two 64-bit registers; `register` is in ModRM's middle."""
    return (
        bytes([0x48 | (register >> 3) << 2 | other >> 3])
        + opcode
        + bytes([0xC0 | (register & 7) << 3 | other & 7])
    )


def _x86_set(register: int, number: int) -> bytes:
    return bytes([0x48 | register >> 3, 0xB8 | register & 7]) + struct.pack("<Q", number % 2**64)


def _x86(step: Step, registers: Registers, places: Places, at: int) -> bytes:
    """Write one step for x86-64: Intel's manual, volume 2."""
    operation, operands = step
    match operation, operands:
        case "set", (str(variable), int(number)):
            return _x86_set(registers[variable], number)
        case "move", (str(variable), str(other)):
            return _wide(b"\x89", registers[other], registers[variable])
        case "add_variable", (str(variable), str(other)):
            return _wide(b"\x01", registers[other], registers[variable])
        case "stack", (str(variable),):
            return _wide(b"\x89", _RSP, registers[variable])
        case "reserve", (int(size),):
            return _wide(b"\x81", 5, _RSP) + struct.pack("<i", size)
        case "add", (str(variable), int(number)):
            return _wide(b"\x81", 0, registers[variable]) + struct.pack("<i", number)
        case "mask", (str(variable), int(bits)):
            return _x86_set(_RAX, bits) + _wide(b"\x21", _RAX, registers[variable])
        case "shift_right", (str(variable), int(count)):
            return _wide(b"\xc1", 5, registers[variable]) + bytes([count])
        case "divide", (str(variable), int(by), str(remainder)):
            return (
                _wide(b"\x89", registers[variable], _RAX)
                + _x86_set(_RDX, 0)
                + _x86_set(_RCX, by)
                + _wide(b"\xf7", 6, _RCX)
                + _wide(b"\x89", _RAX, registers[variable])
                + _wide(b"\x89", _RDX, registers[remainder])
            )
        case "load" | "store", (str(variable), str(base), int(offset), int(size)):
            register, start = registers[variable], _RSP if base == STACK else registers[base]
            rex = (0x48 if size == 8 else 0x40) | (register >> 3) << 2 | start >> 3
            loads = {1: b"\x0f\xb6", 4: b"\x8b", 8: b"\x8b"}
            opcode = loads[size] if operation == "load" else b"\x88" if size == 1 else b"\x89"
            return bytes([rex]) + opcode + _rm(register, start, offset)
        case "address", (str(variable), Label(name)):
            register = registers[variable]
            head = bytes([0x48 | (register >> 3) << 2, 0x8D, (register & 7) << 3 | 5])
            return head + struct.pack("<i", places[name] - at - 7)
        case "jump", (Label(name),):
            return b"\xe9" + struct.pack("<i", places[name] - at - 5)
        case "branch", (str(variable), str(condition), int() | str() as value, Label(name)):
            compare = (
                _wide(b"\x39", registers[value], registers[variable])
                if isinstance(value, str)
                else _wide(b"\x81", 7, registers[variable]) + struct.pack("<i", value)
            )
            jump = bytes([0x0F, {"==": 0x84, "!=": 0x85, "<": 0x8C}[condition]])
            return compare + jump + struct.pack("<i", places[name] - at - len(compare) - 6)
        case "call", (str(call), str(result), *arguments):
            code = b""
            for register, argument in zip((_RDI, _RSI, _RDX, _R10), arguments, strict=False):
                code += (
                    _wide(b"\x89", registers[argument], register)
                    if isinstance(argument, str)
                    else _x86_set(register, argument if isinstance(argument, int) else 0)
                )
            code += _x86_set(_RAX, _X86_CALLS[call]) + b"\x0f\x05"
            return code + (_wide(b"\x89", _RAX, registers[result]) if result else b"")
    raise ValueError(f"no such step: {step}")


X86_64 = Machine(62, _x86, (3, 5, 12, 13, 14, 15, 8, 9))
"""rbx, rbp, r12 to r15, r8, r9."""
