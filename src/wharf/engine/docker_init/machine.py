"""A small assembler: a program of a dozen operations, and its code for x86-64 and arm64.

A program names its variables; each lives in a register that system calls leave alone. There is a stack of
bytes (`STACK`) and data behind the code, reached by labels. Branches and addresses have one fixed length, so
that two passes are enough: one to place the labels, one to write the code.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

STACK: Final = "stack"
"""The base of what `reserve` took."""

Condition = Literal["==", "!=", "<"]
Size = Literal[1, 4, 8]
Value = str | int
"""A variable, or a number."""


class Label(NamedTuple):
    """A place in the program, as an operand."""

    name: str


Operand = str | int | Label
Step = tuple[str, tuple[Operand, ...]]


class Program:
    """Operations in order; each method adds one."""

    def __init__(self, variables: Sequence[str]) -> None:
        self.variables = list(variables)
        self.steps: list[Step] = []
        self.data: dict[str, bytes] = {}

    def _add(self, operation: str, *operands: Operand) -> None:
        self.steps.append((operation, operands))

    def label(self, name: str) -> None:
        """Name this place."""
        self._add("label", Label(name))

    def text(self, name: str, content: bytes) -> None:
        """Put bytes behind the code."""
        self.data[name] = content

    def set(self, variable: str, value: Value) -> None:
        """Give a variable a number or another one's value."""
        self._add("move" if isinstance(value, str) else "set", variable, value)

    def address(self, variable: str, label: str) -> None:
        """Give a variable the address of a label."""
        self._add("address", variable, Label(label))

    def reserve(self, size: int) -> None:
        """Take bytes from the stack."""
        self._add("reserve", size)

    def stack(self, variable: str, offset: int = 0) -> None:
        """Give a variable the address of the stack's byte at `offset`."""
        self._add("stack", variable)
        if offset:
            self.add(variable, offset)

    def add(self, variable: str, value: Value) -> None:
        """Add a number from -4095 to 4095, or another variable."""
        self._add("add_variable" if isinstance(value, str) else "add", variable, value)

    def mask(self, variable: str, bits: int) -> None:
        """Keep only these bits."""
        self._add("mask", variable, bits)

    def shift_right(self, variable: str, count: int) -> None:
        """Shift to the right, zeros coming in."""
        self._add("shift_right", variable, count)

    def divide(self, variable: str, by: int, remainder: str) -> None:
        """Divide, unsigned; what is left goes to another variable."""
        self._add("divide", variable, by, remainder)

    def load(self, variable: str, base: str, offset: int, size: Size) -> None:
        """Read from memory, zeros above `size` bytes."""
        self._add("load", variable, base, offset, size)

    def store(self, variable: str, base: str, offset: int, size: Size) -> None:
        """Write to memory."""
        self._add("store", variable, base, offset, size)

    def jump(self, label: str) -> None:
        """Go on at a label."""
        self._add("jump", Label(label))

    def branch(self, variable: str, condition: Condition, value: Value, label: str) -> None:
        """Go on at a label if the comparison (signed) holds."""
        self._add("branch", variable, condition, value, Label(label))

    def call(self, name: str, *arguments: Value, result: str = "") -> None:
        """Make a system call with up to four arguments."""
        self._add("call", name, result, *arguments)


class Machine(NamedTuple):
    """One kind of processor: its ELF number and how it writes each step."""

    elf: int
    encode: "Callable[[Step, Registers, Places, int], bytes]"
    registers: Sequence[int]


Registers = Mapping[str, int]
Places = Mapping[str, int]


def assemble(program: Program, machine: Machine) -> bytes:
    """Return the code of `program`, with its data behind."""
    registers = dict(zip(program.variables, machine.registers, strict=False))
    if len(registers) != len(program.variables):
        raise ValueError("more variables than registers")
    nowhere = {
        str(one.name): 0 for _, operands in program.steps for one in operands if isinstance(one, Label)
    }
    places: dict[str, int] = {}
    at = 0
    for step in program.steps:
        if step[0] == "label":
            places[_label(step[1][0])] = at
        else:
            at += len(machine.encode(step, registers, {**nowhere, **places}, at))
    for name, content in program.data.items():
        places[name] = at
        at += len(content)
    code = bytearray()
    for step in program.steps:
        if step[0] != "label":
            code += machine.encode(step, registers, places, len(code))
    return bytes(code) + b"".join(program.data.values())


def _label(operand: Operand) -> str:
    assert isinstance(operand, Label)
    return operand.name
