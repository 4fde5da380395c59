"""Code for arm64: Arm's Architecture Reference Manual, C6.2; system calls: syscall(2)."""

import struct
from typing import Final

from wharf.engine.docker_init.machine import STACK, Label, Machine, Places, Registers, Step

_ARM_CALLS: Final = {
    "ioctl": 29,
    "write": 64,
    "exit_group": 94,
    "kill": 129,
    "rt_sigaction": 134,
    "rt_sigprocmask": 135,
    "rt_sigtimedwait": 137,
    "setpgid": 154,
    "getpid": 172,
    "clone": 220,
    "execve": 221,
    "wait4": 260,
}
_SP, _ZERO, _NUMBER, _SCRATCH = 31, 31, 8, 9


def _words(*words: int) -> bytes:
    return struct.pack(f"<{len(words)}I", *words)


def _arm_set(register: int, number: int) -> bytes:
    """Return movz and three movk."""
    parts = [number >> shift & 0xFFFF for shift in (0, 16, 32, 48)]
    first, *rest = parts
    return _words(
        0xD2800000 | first << 5 | register,
        *(0xF2800000 | (place + 1) << 21 | part << 5 | register for place, part in enumerate(rest)),
    )


def _arm_move(register: int, other: int) -> int:
    return 0xAA0003E0 | other << 16 | register


def _arm_add(register: int, other: int, number: int) -> int:
    return (0x91000000 if number >= 0 else 0xD1000000) | abs(number) << 10 | other << 5 | register


def _arm(step: Step, registers: Registers, places: Places, at: int) -> bytes:
    """Write one step for arm64: Arm's Architecture Reference Manual, C6.2."""
    operation, operands = step
    match operation, operands:
        case "set", (str(variable), int(number)):
            return _arm_set(registers[variable], number % 2**64)
        case "move", (str(variable), str(other)):
            return _words(_arm_move(registers[variable], registers[other]))
        case "add_variable", (str(variable), str(other)):
            register = registers[variable]
            return _words(0x8B000000 | registers[other] << 16 | register << 5 | register)
        case "stack", (str(variable),):
            return _words(_arm_add(registers[variable], _SP, 0))
        case "reserve", (int(size),):
            return _words(0xD1400000 | size >> 12 << 10 | _SP << 5 | _SP)
        case "add", (str(variable), int(number)):
            return _words(_arm_add(registers[variable], registers[variable], number))
        case "mask", (str(variable), int(bits)):
            register = registers[variable]
            return _arm_set(_SCRATCH, bits) + _words(0x8A000000 | _SCRATCH << 16 | register << 5 | register)
        case "shift_right", (str(variable), int(count)):
            register = registers[variable]
            return _words(0xD340FC00 | count << 16 | register << 5 | register)
        case "divide", (str(variable), int(by), str(remainder)):
            register, left = registers[variable], registers[remainder]
            return _arm_set(_SCRATCH, by) + _words(
                _arm_move(left, register),
                0x9AC00800 | _SCRATCH << 16 | register << 5 | register,
                0x9B008000 | _SCRATCH << 16 | left << 10 | register << 5 | left,
            )
        case "load" | "store", (str(variable), str(base), int(offset), int(size)):
            start = _SP if base == STACK else registers[base]
            opcode = {1: 0x39000000, 4: 0xB9000000, 8: 0xF9000000}[size] | (operation == "load") << 22
            return _words(opcode | offset // size << 10 | start << 5 | registers[variable])
        case "address", (str(variable), Label(name)):
            distance = places[name] - at
            low, high = distance & 3, distance >> 2 & 0x7FFFF
            return _words(0x10000000 | low << 29 | high << 5 | registers[variable])
        case "jump", (Label(name),):
            return _words(0x14000000 | (places[name] - at) // 4 & 0x3FFFFFF)
        case "branch", (str(variable), str(condition), int() | str() as value, Label(name)):
            against = registers[value] if isinstance(value, str) else _SCRATCH
            compare = b"" if isinstance(value, str) else _arm_set(_SCRATCH, value % 2**64)
            compare += _words(0xEB000000 | against << 16 | registers[variable] << 5 | _ZERO)
            code = {"==": 0, "!=": 1, "<": 11}[condition]
            return compare + _words(
                0x54000000 | ((places[name] - at - len(compare)) // 4 & 0x7FFFF) << 5 | code
            )
        case "call", (str(call), str(result), *arguments):
            made = b""
            for register, argument in enumerate(arguments):
                made += (
                    _words(_arm_move(register, registers[argument]))
                    if isinstance(argument, str)
                    else _arm_set(register, argument % 2**64 if isinstance(argument, int) else 0)
                )
            made += _arm_set(_NUMBER, _ARM_CALLS[call]) + _words(0xD4000001)
            return made + (_words(_arm_move(registers[result], 0)) if result else b"")
    raise ValueError(f"no such step: {step}")


AARCH64 = Machine(183, _arm, tuple(range(19, 27)))
"""x19 to x26."""
