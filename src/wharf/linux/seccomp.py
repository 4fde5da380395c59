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


class _Choice(NamedTuple):
    """What to do with one call: `action` in any case, or else the first of `rules` that holds."""

    action: int | None
    rules: tuple[Rule, ...]


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
            choices = _choices(seccomp, machine, default) if is_listed else {}
            pieces += _pieces(
                machine, choices, default, _newer_action(seccomp, machine, default, is_listed=is_listed)
            )
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


def _choices(seccomp: LinuxSeccomp, machine: Machine, default: int) -> dict[int, _Choice]:
    """Return what the profile says of each call of one machine."""
    known = numbers(machine.table)
    choices: dict[int, _Choice] = {}
    for syscall_rule in seccomp.get("syscalls") or ():
        action = _action(syscall_rule["action"], syscall_rule.get("errnoRet"))
        if action == default:
            continue
        arguments = syscall_rule.get("args") or []
        for name in syscall_rule["names"]:
            if action == NOTIFY and name == "write":
                raise _invalid("SCMP_ACT_NOTIFY cannot be used for the write syscall")
            alternatives = list(_alternatives(name, arguments, machine))
            if (number := known.get(name)) is not None:
                _add(choices, number, alternatives, action)
            if not arguments and machine.multiplexes and (way := MULTIPLEXED.get(name)):
                gate, selector = way
                condition = Condition(0, "EQ", selector, 0, wide=False)
                _add(choices, known[gate], [(condition,)], action)
    return choices


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


def _add(
    choices: dict[int, _Choice], number: int, alternatives: list[tuple[Condition, ...]], action: int
) -> None:
    present = choices.get(number, _Choice(None, ()))
    if present.action is not None:
        return
    if () in alternatives:
        choices[number] = _Choice(action, ())
    else:
        added = tuple(Rule(conditions, action) for conditions in alternatives)
        choices[number] = _Choice(None, present.rules + added)


def _newer_action(
    seccomp: LinuxSeccomp, machine: Machine, default: int, *, is_listed: bool
) -> tuple[int, int]:
    """Return the number after the newest call the profile knows, and what calls from there on get.

    As runc: ENOSYS, unless the default lets calls pass, or is ENOSYS itself, or the profile knows no call.
    """
    permissive = default & ~0xFFFF in (ALLOW, LOG, TRACE)
    if permissive or not is_listed or default == _NO_SUCH_CALL:
        return 0, default
    known = numbers(machine.table)
    used = (known.get(name, -1) for rule in seccomp.get("syscalls") or () for name in rule["names"])
    newest = max((number for number in used if number < machine.end), default=-1)
    return newest + 1, _NO_SUCH_CALL if newest >= 0 else default


def _pieces(
    machine: Machine, choices: dict[int, _Choice], default: int, newer: tuple[int, int]
) -> list[tuple[int, Code]]:
    """Cut the machine's numbers into ranges of one action, and give the code of each range."""
    plain: dict[int, int] = {}
    conditional: dict[int, Code] = {}
    for number, choice in choices.items():
        if choice.action is not None:
            plain[number] = choice.action
        else:
            conditional[number] = classic_bpf.first_match(choice.rules, default)
    from_newer, newer_action = newer
    marks = {0, machine.end, from_newer, *choices, *(number + 1 for number in choices)}
    pieces: list[tuple[int, Code]] = []
    for number in sorted(mark for mark in marks if mark < machine.limit):
        if number in conditional:
            code = conditional[number]
        elif number in plain:
            code = classic_bpf.give(plain[number])
        else:
            is_newer = from_newer <= number < machine.end
            code = classic_bpf.give(newer_action if is_newer else default)
        if not pieces or pieces[-1][1] != code:
            pieces.append((machine.base + number, code))
    return pieces
