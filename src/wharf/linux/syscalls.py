"""System call numbers by name, for the machines whose programs may run here.

The tables are generated (syscalls_*.py); a name this module does not know has no number on that machine.
"""

import functools
from collections.abc import Mapping

from wharf.linux import syscalls_aarch64, syscalls_arm, syscalls_i386, syscalls_x32, syscalls_x86_64

_TABLES = {
    "aarch64": syscalls_aarch64.TABLE,
    "arm": syscalls_arm.TABLE,
    "i386": syscalls_i386.TABLE,
    "x32": syscalls_x32.TABLE,
    "x86_64": syscalls_x86_64.TABLE,
}


@functools.cache
def numbers(machine: str) -> Mapping[str, int]:
    """Return the table of `machine` (aarch64, arm, i386, x32, x86_64); x32's numbers are without its bit.

    Raises KeyError for another machine.
    """
    table: dict[str, int] = {}
    for line in _TABLES[machine].split("\n"):
        first, _, names = line.partition(" ")
        table.update((name, number) for number, name in enumerate(names.split(), int(first or 0)))
    return table
