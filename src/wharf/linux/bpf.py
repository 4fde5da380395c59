"""BPF programs that guard a cgroup's devices (bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE): cgroup v2's device list.

Assembles the program, loads it, and attaches it so that it takes the place of the one we attached before.
"""

import ctypes
import errno
import os
import resource
import struct
from collections.abc import Iterable

from wharf.linux.libc import syscall

_SYS_BPF = {"x86_64": 321, "aarch64": 280}
_PROG_LOAD, _PROG_ATTACH, _PROG_GET_FD_BY_ID, _PROG_QUERY = 5, 8, 13, 16
_CGROUP_DEVICE_PROGRAM = 15
_CGROUP_DEVICE_ATTACH = 6
_F_ALLOW_MULTI, _F_REPLACE = 2, 4
_MAX_ATTACHED = 64

_TYPES = {"b": 1, "c": 2}
_ACCESS = {"m": 1, "r": 2, "w": 4}
_EVERY_ACCESS = 7

# Instructions of eBPF (Documentation/bpf/standardization/instruction-set.rst).
_LOAD_WORD, _COPY, _SET, _AND, _SHIFT_RIGHT, _JUMP_IF_EQUAL, _JUMP_UNLESS_EQUAL, _EXIT = (
    0x61,
    0xBF,
    0xB7,
    0x54,
    0x74,
    0x15,
    0x55,
    0x95,
)
_VERDICT, _CONTEXT, _TYPE, _WANTED, _MAJOR, _MINOR, _SCRATCH = 0, 1, 2, 3, 4, 5, 6


def device_program(allowed: bool, exceptions: Iterable[tuple[str, int, int, str]]) -> bytes:  # noqa: FBT001 - the list's default, as in cgroup.devices
    """Return the program for "everything is allowed (or not), except these", as eBPF instructions.

    An exception is (type `b` or `c`, major, minor, access): numbers below 0 mean all, access is letters of
    `rwm`. Where all is denied an exception must cover the whole access asked for; where all is allowed, one
    that touches it denies it: the meaning of v1's lists (kernel, security/device_cgroup.c).
    """
    program = [
        _instruction(_LOAD_WORD, _TYPE, _CONTEXT, 0),  # struct bpf_cgroup_dev_ctx: access << 16 | type,
        _instruction(_LOAD_WORD, _MAJOR, _CONTEXT, 4),  # major,
        _instruction(_LOAD_WORD, _MINOR, _CONTEXT, 8),  # minor
        _instruction(_COPY, _WANTED, _TYPE),
        _instruction(_SHIFT_RIGHT, _WANTED, value=16),
        _instruction(_AND, _TYPE, value=0xFFFF),
    ]
    for kind, major, minor, access in exceptions:
        bits = sum(_ACCESS[letter] for letter in set(access))
        tests: list[tuple[int, int, int]] = [(_JUMP_UNLESS_EQUAL, _TYPE, _TYPES[kind])]
        masked = b""
        if allowed:
            masked = _instruction(_COPY, _SCRATCH, _WANTED) + _instruction(_AND, _SCRATCH, value=bits)
            tests.append((_JUMP_IF_EQUAL, _SCRATCH, 0))
        elif bits != _EVERY_ACCESS:
            excess = _EVERY_ACCESS & ~bits
            masked = _instruction(_COPY, _SCRATCH, _WANTED) + _instruction(_AND, _SCRATCH, value=excess)
            tests.append((_JUMP_UNLESS_EQUAL, _SCRATCH, 0))
        if major >= 0:
            tests.append((_JUMP_UNLESS_EQUAL, _MAJOR, major))
        if minor >= 0:
            tests.append((_JUMP_UNLESS_EQUAL, _MINOR, minor))
        program.append(masked)
        for left, (code, register, value) in zip(range(len(tests) - 1, -1, -1), tests, strict=True):
            program.append(_instruction(code, register, offset=left + 2, value=value))
        program += _verdict(not allowed)
    program += _verdict(allowed)
    return b"".join(program)


def attach_device_program(cgroup_fd: int, program: bytes) -> None:
    """Load `program` and make it the device guard of a cgroup (a borrowed directory descriptor).

    Programs of parents hold as well. The one program that was attached to this very cgroup is replaced in one
    step. Raises OSError: EINVAL for a program the verifier refuses, EPERM without CAP_SYS_ADMIN.
    """
    new = _load(program)
    try:
        attached = _attached(cgroup_fd)
        if len(attached) != 1:
            _attach(cgroup_fd, new, _F_ALLOW_MULTI, 0)
            return
        old = _bpf(_PROG_GET_FD_BY_ID, struct.pack("=III", attached[0], 0, 0))
        try:
            _attach(cgroup_fd, new, _F_ALLOW_MULTI | _F_REPLACE, old)
        finally:
            os.close(old)
    finally:
        os.close(new)


def _instruction(code: int, register: int, source: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, source << 4 | register, offset, value)


def _verdict(allow: bool) -> list[bytes]:  # noqa: FBT001 - the program's return value
    return [_instruction(_SET, _VERDICT, value=int(allow)), _instruction(_EXIT, 0)]


def _load(program: bytes) -> int:
    """Return a descriptor of the loaded program (CLOEXEC by the kernel's own rule)."""
    instructions = ctypes.create_string_buffer(program, len(program))
    license_name = ctypes.create_string_buffer(b"Apache")
    attributes = struct.pack(
        "=IIQQ",
        _CGROUP_DEVICE_PROGRAM,
        len(program) // 8,
        ctypes.addressof(instructions),
        ctypes.addressof(license_name),
    )
    try:
        return _bpf(_PROG_LOAD, attributes)
    except PermissionError:
        # Before Linux 5.11 programs count against RLIMIT_MEMLOCK, which is small by default.
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return _bpf(_PROG_LOAD, attributes)


def _attach(cgroup_fd: int, program_fd: int, flags: int, replaced_fd: int) -> None:
    _bpf(
        _PROG_ATTACH, struct.pack("=IIIII", cgroup_fd, program_fd, _CGROUP_DEVICE_ATTACH, flags, replaced_fd)
    )


def _attached(cgroup_fd: int) -> tuple[int, ...]:
    """Return the ids of the device programs of this cgroup, without those of its parents."""
    ids = ctypes.create_string_buffer(4 * _MAX_ATTACHED)
    attributes = ctypes.create_string_buffer(
        struct.pack("=IIIIQI", cgroup_fd, _CGROUP_DEVICE_ATTACH, 0, 0, ctypes.addressof(ids), _MAX_ATTACHED),
        64,
    )
    try:
        syscall(_number(), _PROG_QUERY, attributes, 64)
    except OSError as error:
        if error.errno != errno.EINVAL:  # EINVAL: a kernel without the query; nothing to replace then
            raise
        return ()
    (count,) = struct.unpack_from("=I", attributes.raw, 24)
    return struct.unpack_from(f"={count}I", ids.raw)


def _bpf(command: int, attributes: bytes) -> int:
    return syscall(
        _number(), command, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes)
    )


def _number() -> int:
    """Return the number of bpf(2) here; ENOSYS on a machine we do not know."""
    machine = os.uname().machine
    if machine not in _SYS_BPF:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), machine)
    return _SYS_BPF[machine]
