"""What a table holds, as values: made whole, or changed from one content to another.

Rules are compared, not known by their handles: a chain whose rules differ is emptied and filled again, so
whatever shall change by itself gets a chain, or an element, of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from wharf.linux.netlink.message import Message
from wharf.linux.nftables import objects
from wharf.linux.nftables.objects import Chain, Set, Table

_ELEMENTS = 256
"""How many elements go into one message: a list of attributes has 64 KiB at most."""


class Ruleset(NamedTuple):
    """The content of one table."""

    chains: Mapping[Chain, Sequence[bytes]]
    """Each chain with its rules; a rule is its expressions, one behind the other."""
    sets: Mapping[Set, Mapping[bytes, str]]
    """Each set with its keys, and with the chain that each key of a map of verdicts jumps to."""


EMPTY = Ruleset({}, {})


def remake(table: Table, wanted: Ruleset) -> list[Message]:
    """Return what makes the table, which may be there, hold what is wanted and nothing else."""
    add = objects.add_table(table)  # so that there is one to delete
    return [add, objects.delete_table(table), add, *difference(EMPTY, wanted)]


def difference(found: Ruleset, wanted: Ruleset) -> list[Message]:
    """Return what turns a table that holds `found` into one that holds `wanted`; empty when they are equal.

    Things are made before anybody refers to them, and deleted when nobody does any more.
    """
    changed = [chain for chain, rules in wanted.chains.items() if rules != found.chains.get(chain, ())]
    gone = [chain for chain in found.chains if chain not in wanted.chains]
    emptied = [chain for chain in (*changed, *gone) if found.chains.get(chain)]
    gone_sets = [one for one in found.sets if one not in wanted.sets]
    messages = [objects.add_chain(chain) for chain in wanted.chains if chain not in found.chains]
    new_sets = [one for one in wanted.sets if one not in found.sets]
    messages += [objects.add_set(one, n) for n, one in enumerate(new_sets, 1)]
    for one, elements in found.sets.items():
        messages += _taken_out(one, elements, wanted.sets.get(one, {}))
    messages += [objects.flush_chain(chain) for chain in emptied]
    for one, elements in wanted.sets.items():
        messages += _put_in(one, found.sets.get(one, {}), elements)
    for chain in changed:
        messages += [objects.add_rule(chain, rule) for rule in wanted.chains[chain]]
    messages += [objects.delete_chain(chain) for chain in gone]
    return messages + [objects.delete_set(one) for one in gone_sets]


def _taken_out(one: Set, found: Mapping[bytes, str], wanted: Mapping[bytes, str]) -> list[Message]:
    keys = [key for key, jump in found.items() if wanted.get(key) != jump]
    return [objects.delete_elements(one, part) for part in _parts(keys)]


def _put_in(one: Set, found: Mapping[bytes, str], wanted: Mapping[bytes, str]) -> list[Message]:
    keys = [key for key, jump in wanted.items() if found.get(key) != jump]
    if not one.verdicts:
        return [objects.add_elements(one, part) for part in _parts(keys)]
    return [objects.add_jumps(one, {key: wanted[key] for key in part}) for part in _parts(keys)]


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _ELEMENTS):
        yield keys[start : start + _ELEMENTS]
