"""Judges of seccomp filters: an interpreter of classic BPF, and libseccomp where this machine has it."""

import ctypes
import ctypes.util
import functools
import os
import struct
import tempfile
from collections.abc import Sequence
from itertools import starmap
from typing import ClassVar

from wharf.linux.seccomp import LinuxSeccomp, SyscallArg

X86_64, I386, AARCH64, ARM = 0xC000003E, 0x40000003, 0xC00000B7, 0x40000028
X32_BIT = 0x40000000
NATIVE = {"x86_64": X86_64, "aarch64": AARCH64}
KILL_PROCESS, KILL_THREAD, TRAP, TRACE, LOG, ALLOW = (
    0x80000000,
    0,
    0x30000,
    0x7FF00000,
    0x7FFC0000,
    0x7FFF0000,
)
NOTIFY = 0x7FC00000
EPERM, ENOSYS = 0x50001, 0x50026

_LD, _AND, _JA, _JEQ, _JGT, _JGE, _JSET, _RET = 0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06


@functools.cache
def _instructions(program: bytes) -> list[tuple[int, int, int, int]]:
    return list(struct.iter_unpack("=HBBI", program))


def decide(program: bytes, machine: int, number: int, arguments: Sequence[int] = ()) -> int:
    """Return what `program` answers to a call, as the kernel's interpreter would (kernel, bpf/core.c)."""
    words = [argument & (1 << 64) - 1 for argument in (*arguments, 0, 0, 0, 0, 0, 0)][:6]
    data = struct.pack("=IIQ6Q", number & 0xFFFFFFFF, machine, 0, *words)
    accumulator = 0
    instructions = _instructions(program)
    position = 0
    while True:
        code, if_true, if_false, value = instructions[position]
        position += 1
        if code == _RET:
            return int(value)
        if code == _LD:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == _AND:
            accumulator &= value
        elif code == _JA:
            position += value
        else:
            holds = {
                _JEQ: accumulator == value,
                _JGT: accumulator > value,
                _JGE: accumulator >= value,
                _JSET: bool(accumulator & value),
            }[code]
            position += if_true if holds else if_false


class Libseccomp:
    """The library itself, used as runc uses it."""

    ARCHITECTURES: ClassVar = {
        "SCMP_ARCH_X86_64": X86_64,
        "SCMP_ARCH_X86": I386,
        "SCMP_ARCH_AARCH64": AARCH64,
    }
    ACTIONS: ClassVar = {
        "SCMP_ACT_ALLOW": ALLOW,
        "SCMP_ACT_ERRNO": 0x50000,
        "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
        "SCMP_ACT_TRAP": TRAP,
        "SCMP_ACT_LOG": LOG,
    }
    OPERATORS: ClassVar = {"NE": 1, "LT": 2, "LE": 3, "EQ": 4, "GE": 5, "GT": 6, "MASKED_EQ": 7}

    class Comparison(ctypes.Structure):
        """struct scmp_arg_cmp."""

        _fields_ = (
            ("arg", ctypes.c_uint),
            ("op", ctypes.c_int),
            ("datum_a", ctypes.c_uint64),
            ("datum_b", ctypes.c_uint64),
        )

    def __init__(self, path: str) -> None:
        self._library = ctypes.CDLL(path)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._library.seccomp_init.argtypes = [ctypes.c_uint32]

    def number(self, name: str) -> int:
        """Return the library's own number of a call, negative for one that it knows elsewhere only."""
        return int(self._library.seccomp_syscall_resolve_name(name.encode()))

    def number_on(self, machine: int, name: str) -> int:
        """Return the number of a call on a machine."""
        return int(self._library.seccomp_syscall_resolve_name_arch(ctypes.c_uint32(machine), name.encode()))

    def compile(self, profile: LinuxSeccomp) -> bytes:
        """Return the library's program for a profile whose calls it knows."""
        context = ctypes.c_void_p(self._library.seccomp_init(self._action(profile["defaultAction"], None)))
        for name in profile.get("architectures", []):
            self._library.seccomp_arch_add(context, ctypes.c_uint32(self.ARCHITECTURES[name]))
        for rule in profile.get("syscalls", []):
            action = self._action(rule["action"], rule.get("errnoRet"))
            arguments = list(map(self._comparison, rule.get("args", [])))
            array = (self.Comparison * max(1, len(arguments)))(*arguments)
            for name in rule["names"]:
                number = self.number(name)
                if number != -1:
                    result = self._library.seccomp_rule_add_array(
                        context, ctypes.c_uint32(action), number, len(arguments), array
                    )
                    assert result == 0, (name, result)
        with tempfile.TemporaryFile() as file:
            assert self._library.seccomp_export_bpf(context, file.fileno()) == 0
            self._library.seccomp_release(context)
            return os.pread(file.fileno(), 1 << 20, 0)

    def _action(self, name: str, errno_value: int | None) -> int:
        action = self.ACTIONS[name]
        return action | (1 if errno_value is None else errno_value) if name == "SCMP_ACT_ERRNO" else action

    def _comparison(self, argument: SyscallArg) -> "Libseccomp.Comparison":
        op = self.OPERATORS[argument["op"].removeprefix("SCMP_CMP_")]
        return self.Comparison(argument["index"], op, argument["value"], argument.get("valueTwo", 0))


@functools.cache
def libseccomp() -> Libseccomp | None:
    """Return the library, None where this machine has none."""
    name = ctypes.util.find_library("seccomp")
    return None if name is None else Libseccomp(name)


class DeviceMachine:
    """An interpreter of those eBPF instructions which device programs are made of."""

    def __init__(self, program: bytes) -> None:
        self._instructions = list(starmap(self._decoded, struct.iter_unpack("=BBhi", program)))

    @staticmethod
    def _decoded(code: int, registers: int, offset: int, value: int) -> tuple[int, int, int, int, int]:
        return code, registers & 15, registers >> 4, offset, value

    def allows(self, kind: str, major: int, minor: int, access: str) -> bool:
        """Say whether the program lets a device be used so (`access`: letters of rwm)."""
        bits = sum({"m": 1, "r": 2, "w": 4}[letter] for letter in access)
        context = {0: bits << 16 | {"b": 1, "c": 2}[kind], 4: major, 8: minor}
        registers = [0] * 11
        position = 0
        while True:
            code, target, source, offset, value = self._instructions[position]
            position += 1
            if code == 0x95:
                return bool(registers[0])
            if code == 0x61:
                registers[target] = context[offset]
            elif code == 0xBF:
                registers[target] = registers[source]
            elif code == 0xB7:
                registers[target] = value
            elif code == 0x54:
                registers[target] &= value & 0xFFFFFFFF
            elif code == 0x74:
                registers[target] >>= value
            elif code == 0x15:
                position += offset if registers[target] == value else 0
            elif code == 0x55:
                position += offset if registers[target] != value else 0
            else:
                raise AssertionError(f"instruction {code:#x}")
