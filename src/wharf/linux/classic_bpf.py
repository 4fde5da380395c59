"""Classic BPF as seccomp filters use it: instructions, and the code to decide by numbers and arguments.

Kernel: Documentation/userspace-api/seccomp_filter.rst and linux/filter.h. Jumps are relative and forward
only, so code made here can be placed anywhere and put together by `+`.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

Code = list["Instruction"]
"""Instructions of which every path ends in a return, or falls out at the end."""

MAX_INSTRUCTIONS = 4096
"""What the kernel takes (BPF_MAXINSNS)."""

NUMBER, MACHINE, _ARGUMENTS = 0, 4, 16
"""Offsets in struct seccomp_data: the call's number, the machine's audit number, six 64-bit arguments."""

_LOAD, _AND, _JUMP, _EQUAL, _ABOVE, _AT_LEAST, _RETURN = 0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x06
_LOW_WORD = 0xFFFFFFFF
_FAR = 255
_ON, _PASS, _FAIL = -1, -2, -3
"""Targets within a condition: the next instruction, the end of the condition, the end of the rule."""


class Instruction(NamedTuple):
    """struct sock_filter."""

    code: int
    if_true: int
    if_false: int
    value: int


class Condition(NamedTuple):
    """A comparison of one argument, as 64 bits or (not `wide`) as its low 32 bits, always unsigned."""

    argument: int
    op: str
    value: int
    mask: int
    wide: bool


class Rule(NamedTuple):
    """An action for calls that meet all of `conditions`."""

    conditions: tuple[Condition, ...]
    action: int


def assemble(code: Code) -> bytes:
    """Return the program in the kernel's form, native byte order.

    Raises ValueError when it is longer than the kernel takes.
    """
    if len(code) > MAX_INSTRUCTIONS:
        raise ValueError(f"seccomp filter of {len(code)} instructions; the kernel takes {MAX_INSTRUCTIONS}")
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def load(offset: int) -> Code:
    """Load the word at `offset` of struct seccomp_data."""
    return [Instruction(_LOAD, 0, 0, offset)]


def give(action: int) -> Code:
    """End the filter with `action` (SECCOMP_RET_*)."""
    return [Instruction(_RETURN, 0, 0, action)]


def when_equal(value: int, code: Code) -> Code:
    """Run `code`, which never falls out, when the loaded word is `value`; go on after it otherwise."""
    return [Instruction(_EQUAL, 1, 0, value), Instruction(_JUMP, 0, 0, len(code)), *code]


def choose(pieces: Sequence[tuple[int, Code]]) -> Code:
    """Run the piece whose range the loaded word is in: each begins at its number and ends at the next.

    The first begins at 0, and none falls out. A binary tree: log2 of the number of pieces comparisons.
    """
    if len(pieces) == 1:
        return pieces[0][1]
    middle = len(pieces) // 2
    low, high = choose(pieces[:middle]), choose(pieces[middle:])
    start = pieces[middle][0]
    if len(low) <= _FAR:
        return [Instruction(_AT_LEAST, len(low), 0, start), *low, *high]
    return [Instruction(_AT_LEAST, 0, 1, start), Instruction(_JUMP, 0, 0, len(low)), *low, *high]


def first_match(rules: Sequence[Rule], otherwise: int) -> Code:
    """End with the action of the first rule whose conditions all hold, or with `otherwise`."""
    code: Code = []
    for rule in rules:
        steps = [_steps(condition) for condition in rule.conditions]
        if any(step is None for step in steps):
            continue
        code += _resolved([step for step in steps if step], rule.action)
    return code + give(otherwise)


def _steps(condition: Condition) -> Code | None:
    """Return the test of one condition with symbolic targets; [] when it always holds, None when never."""
    argument, op, value, mask, wide = condition
    low_at = _ARGUMENTS + 8 * argument
    low, high = value & _LOW_WORD, value >> 32
    if not wide and high and op in ("LT", "LE"):
        return []
    if not wide and high and op in ("GT", "GE"):
        return None
    test = _LOW_TESTS[op]
    narrow = [*load(low_at)]
    if op == "MASKED_EQ":
        narrow.append(Instruction(_AND, 0, 0, mask & _LOW_WORD))
        low, high = low & mask, high & mask >> 32
    narrow.append(Instruction(test[0], test[1], test[2], low))
    if not wide or (op == "MASKED_EQ" and not mask >> 32):
        return narrow
    upper = load(low_at + 4)
    if op == "MASKED_EQ":
        upper.append(Instruction(_AND, 0, 0, mask >> 32))
    upper += [Instruction(*step, high) for step in _HIGH_TESTS[op]]
    return upper + narrow


_HIGH_TESTS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "EQ": ((_EQUAL, _ON, _FAIL),),
    "MASKED_EQ": ((_EQUAL, _ON, _FAIL),),
    "NE": ((_EQUAL, _ON, _PASS),),
    "GT": ((_ABOVE, _PASS, _ON), (_EQUAL, _ON, _FAIL)),
    "GE": ((_ABOVE, _PASS, _ON), (_EQUAL, _ON, _FAIL)),
    "LT": ((_ABOVE, _FAIL, _ON), (_EQUAL, _ON, _PASS)),
    "LE": ((_ABOVE, _FAIL, _ON), (_EQUAL, _ON, _PASS)),
}
_LOW_TESTS = {
    "EQ": (_EQUAL, _ON, _FAIL),
    "MASKED_EQ": (_EQUAL, _ON, _FAIL),
    "NE": (_EQUAL, _FAIL, _ON),
    "GT": (_ABOVE, _ON, _FAIL),
    "GE": (_AT_LEAST, _ON, _FAIL),
    "LT": (_AT_LEAST, _FAIL, _ON),
    "LE": (_ABOVE, _FAIL, _ON),
}
OPERATORS = frozenset(_LOW_TESTS)


def _resolved(conditions: list[Code], action: int) -> Code:
    """Put conditions one after the other, end in `action`, and turn symbolic targets into distances."""
    length = sum(map(len, conditions)) + 1
    code: Code = []
    for steps in conditions:
        end = len(code) + len(steps)
        for step in steps:
            here = len(code) + 1
            distance = {_ON: 0, _PASS: end - here, _FAIL: length - here}
            code.append(
                Instruction(
                    step.code,
                    distance.get(step.if_true, 0),
                    distance.get(step.if_false, 0),
                    step.value,
                )
            )
    return code + give(action)
