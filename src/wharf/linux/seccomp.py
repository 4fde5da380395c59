"""Seccomp filters: OCI's `linux.seccomp` compiled to classic BPF, and loaded (seccomp(2)).

The meaning is runc's with libseccomp: a name without a number on a machine is skipped; conditions of one rule
must all hold, unless two are on the same argument, which makes each a rule of its own; several rules for one
call are alternatives; a rule that does what the default does is dropped; and calls newer than every call the
profile knows answer ENOSYS rather than the default, so that programs fall back. Where rules for one call
contradict each other, one without conditions wins, and else the first.

Stricter, or more exact, than libseccomp in three places:

- an argument that the kernel reads as an int is compared by its low 32 bits, since the kernel drops the rest;
- x32 calls get the default action when x32 is not among the architectures, rather than a dead process;
- a filter for a call with conditions does not open its way round through i386's socketcall(2) and ipc(2).
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from typing import NamedTuple, NotRequired, TypedDict

from wharf.linux import classic_bpf
from wharf.linux.classic_bpf import Code, Condition, Rule
from wharf.linux.libc import syscall
from wharf.linux.seccomp_machine import MULTIPLEXED, NARROW_ARGUMENTS, Machine, machines
from wharf.linux.syscalls import numbers

GENERATION = 1
"""Goes up when the same profile compiles to another program; caches depend on it."""


class SyscallArg(TypedDict):
    """One condition: argument `index` compared with `value`, or masked by `value` and with `valueTwo`."""

    index: int
    value: int
    valueTwo: NotRequired[int]
    op: str


class SyscallRule(TypedDict):
    """An action for calls of these names whose arguments meet the conditions."""

    names: list[str]
    action: str
    errnoRet: NotRequired[int | None]
    args: NotRequired[list[SyscallArg]]


class LinuxSeccomp(TypedDict):
    """`linux.seccomp` of the OCI runtime spec (config-linux.md, "Seccomp")."""

    defaultAction: str
    defaultErrnoRet: NotRequired[int | None]
    architectures: NotRequired[list[str]]
    flags: NotRequired[list[str]]
    listenerPath: NotRequired[str]
    listenerMetadata: NotRequired[str]
    syscalls: NotRequired[list[SyscallRule]]


KILL_THREAD, TRAP, ERRNO, NOTIFY, TRACE, LOG, ALLOW = (
    0x00000000,
    0x00030000,
    0x00050000,
    0x7FC00000,
    0x7FF00000,
    0x7FFC0000,
    0x7FFF0000,
)
KILL_PROCESS = 0x80000000
_ACTIONS = {
    "SCMP_ACT_KILL": KILL_THREAD,
    "SCMP_ACT_KILL_THREAD": KILL_THREAD,
    "SCMP_ACT_KILL_PROCESS": KILL_PROCESS,
    "SCMP_ACT_TRAP": TRAP,
    "SCMP_ACT_ERRNO": ERRNO,
    "SCMP_ACT_NOTIFY": NOTIFY,
    "SCMP_ACT_TRACE": TRACE,
    "SCMP_ACT_LOG": LOG,
    "SCMP_ACT_ALLOW": ALLOW,
}
_FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 1,
    "SECCOMP_FILTER_FLAG_LOG": 2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 4,
    "SECCOMP_FILTER_FLAG_NEW_LISTENER": 8,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 32,
}
NEW_LISTENER = _FLAGS["SECCOMP_FILTER_FLAG_NEW_LISTENER"]

_SECCOMP_CALL = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1
_NO_SUCH_CALL = ERRNO | errno.ENOSYS


class _Choices(NamedTuple):
    """What a profile says of the calls of one machine, by number; `plain` goes before `conditional`."""

    plain: dict[int, int]
    conditional: dict[int, list[Rule]]
    end: int
    """The number after the newest call that the profile knows, 0 when it knows none."""


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def compile_filter(seccomp: LinuxSeccomp, *, arch: str | None = None) -> bytes:
    """Return the filter for programs that run on `arch` (x86_64 or aarch64; this machine if None).

    `architectures` that the machine cannot run are skipped; its own is always in. Calls of other
    architectures kill the process. Raises OSError (EINVAL) for an unknown word in the profile, ENOSYS for
    an unknown machine, E2BIG when the profile is too large for the kernel.
    """
    default = _action(seccomp["defaultAction"], seccomp.get("defaultErrnoRet"))
    if default == NOTIFY:
        raise _invalid("SCMP_ACT_NOTIFY cannot be used as default action")
    code = classic_bpf.load(classic_bpf.MACHINE)
    for audit_number, members in machines(arch or os.uname().machine, seccomp.get("architectures") or []):
        pieces: list[tuple[int, Code]] = []
        for machine, is_listed in members:
            choices = _choices(seccomp, machine, default) if is_listed else _Choices({}, {}, 0)
            pieces += _pieces(machine, choices, default)
        block = classic_bpf.load(classic_bpf.NUMBER) + classic_bpf.choose(pieces)
        code += classic_bpf.when_equal(audit_number, block)
    try:
        return classic_bpf.assemble(code + classic_bpf.give(KILL_PROCESS))
    except ValueError as error:
        raise OSError(errno.E2BIG, str(error)) from None


def filter_flags(seccomp: LinuxSeccomp) -> int:
    """Return the flags for `load_filter`: those of the profile, and a listener where a rule notifies.

    Without `flags` it is SPEC_ALLOW, as runc: no mitigation of speculative store bypass on top. Raises
    OSError (EINVAL) for an unknown flag.
    """
    flags = 0
    for name in seccomp.get("flags", ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]):
        if name not in _FLAGS:
            raise _invalid(f"seccomp flag {name} is not known")
        flags |= _FLAGS[name]
    if any(rule["action"] == "SCMP_ACT_NOTIFY" for rule in seccomp.get("syscalls") or ()):
        flags |= NEW_LISTENER
    return flags


def load_filter(program: bytes, flags: int) -> int | None:
    """Put the calling thread, and what it forks and executes, under `program` (seccomp(2)).

    Returns the listener's descriptor (CLOEXEC) when `flags` has NEW_LISTENER, else None. Raises OSError:
    EACCES without no_new_privs or CAP_SYS_ADMIN, EINVAL for a program the kernel refuses.
    """
    machine = os.uname().machine
    if machine not in _SECCOMP_CALL:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS), machine)
    prepared = _Program(len(program) // 8, program)
    pointer = ctypes.addressof(prepared)
    result = syscall(_SECCOMP_CALL[machine], _SET_MODE_FILTER, flags, pointer)
    return result if flags & NEW_LISTENER else None


def _invalid(text: str) -> OSError:
    return OSError(errno.EINVAL, text)


def _action(name: str, errno_value: int | None) -> int:
    if name not in _ACTIONS:
        raise _invalid(f"string {name} is not a valid action for seccomp")
    action = _ACTIONS[name]
    if action in (ERRNO, TRACE):
        action |= (errno.EPERM if errno_value is None else errno_value) & 0xFFFF
    return action


def _choices(seccomp: LinuxSeccomp, machine: Machine, default: int) -> _Choices:
    """Return what the profile says of each call of one machine."""
    known = numbers(machine.table)
    plain: dict[int, int] = {}
    conditional: dict[int, list[Rule]] = {}
    newest = -1
    for rule in seccomp.get("syscalls") or ():
        action = _action(rule["action"], rule.get("errnoRet"))
        arguments = rule.get("args")
        found = [(name, known[name]) for name in rule["names"] if name in known]
        newest = max(newest, *(number for _, number in found if number < machine.end), -1)
        if action == NOTIFY and "write" in rule["names"]:
            raise _invalid("SCMP_ACT_NOTIFY cannot be used for the write syscall")
        if action == default:
            continue
        if arguments:
            for name, number in found:
                alternatives = _alternatives(name, arguments, machine)
                conditional.setdefault(number, []).extend(
                    Rule(conditions, action) for conditions in alternatives
                )
            continue
        for _, number in found:
            plain.setdefault(number, action)
        if machine.multiplexes:
            for gate, selector in (MULTIPLEXED[name] for name in rule["names"] if name in MULTIPLEXED):
                condition = Condition(0, "EQ", selector, 0, wide=False)
                conditional.setdefault(known[gate], []).append(Rule((condition,), action))
    return _Choices(plain, conditional, newest + 1)


def _alternatives(
    name: str, arguments: list[SyscallArg], machine: Machine
) -> Iterator[tuple[Condition, ...]]:
    """Give the sets of conditions, any of which is enough; one empty set when there are no conditions."""
    conditions = []
    for argument in arguments:
        op = argument["op"].removeprefix("SCMP_CMP_")
        index = argument["index"]
        if op not in classic_bpf.OPERATORS or not argument["op"].startswith("SCMP_CMP_"):
            raise _invalid(f"string {argument['op']} is not a valid operator for seccomp")
        if not 0 <= index <= 5:
            attempt = f"error creating seccomp syscall condition for syscall {name}"
            raise _invalid(f"{attempt}: syscalls only have up to 6 arguments ({index} given)")
        if not 0 <= argument["value"] < 1 << 64:
            raise _invalid(f"seccomp value {argument['value']} of syscall {name} is not a 64-bit number")
        wide = machine.wide and index not in NARROW_ARGUMENTS.get(name, ())
        if op == "MASKED_EQ":
            conditions.append(Condition(index, op, argument.get("valueTwo", 0), argument["value"], wide))
        else:
            conditions.append(Condition(index, op, argument["value"], 0, wide))
    if len({condition.argument for condition in conditions}) < len(conditions):
        yield from ((condition,) for condition in conditions)
    else:
        yield tuple(conditions)


def _pieces(machine: Machine, choices: _Choices, default: int) -> list[tuple[int, Code]]:
    """Cut the machine's numbers into ranges of one action, and give the code of each range.

    Calls newer than the profile answer ENOSYS as in runc: unless the default lets calls pass, or is ENOSYS
    itself, or the profile knows no call.
    """
    plain, conditional, end = choices
    permissive = default & ~0xFFFF in (ALLOW, LOG, TRACE)
    newer = default if permissive or not end else _NO_SUCH_CALL
    marks = {0, end, machine.end, *plain, *conditional}
    marks.update([number + 1 for number in plain], [number + 1 for number in conditional])
    pieces: list[tuple[int, Code]] = []
    before: int | None = None
    for number in sorted(marks):
        if number >= machine.limit:
            break
        if number in conditional and number not in plain:
            pieces.append((machine.base + number, classic_bpf.first_match(conditional[number], default)))
            before = None
            continue
        action = plain.get(number, newer if end <= number < machine.end else default)
        if action != before:
            pieces.append((machine.base + number, classic_bpf.give(action)))
            before = action
    return pieces
