"""Messages about tables, chains, rules and sets, and what the kernel says about them."""

import enum
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wharf.linux.netlink.message import (
    NLM_F_APPEND,
    NLM_F_CREATE,
    Message,
    Received,
    attribute,
    attributes,
    be32,
    nested,
    string,
    text,
)
from wharf.linux.nftables.expression import Verdict, value, verdict_value

_SUBSYSTEM = 10
_NEWTABLE, _GETTABLE, _DELTABLE = 0, 1, 2
_NEWCHAIN, _GETCHAIN, _DELCHAIN = 3, 4, 5
_NEWRULE, _GETRULE, _DELRULE = 6, 7, 8
_NEWSET, _DELSET, _NEWSETELEM, _DELSETELEM = 9, 11, 12, 14
_GETGEN = 16

_SET_MAP = 8
_DATA_VERDICT_TYPE = 0xFFFFFF00
_LIST_ELEM = 1
_ELEM_KEY = 1
_ELEM_DATA = 2


class Family(enum.IntEnum):
    """`enum nfproto`; INET is IPv4 and IPv6 together."""

    INET = 1
    IPV4 = 2
    BRIDGE = 7
    IPV6 = 10


class Hook(enum.IntEnum):
    """`enum nf_inet_hooks`."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class ChainType(enum.StrEnum):
    """What a base chain is for."""

    FILTER = "filter"
    NAT = "nat"


class KeyType(enum.IntEnum):
    """Types of a set's keys, by which nft(8) prints them; the kernel only keeps the number."""

    IPV4 = 7
    IPV6 = 8
    IFNAME = 41
    PORT = 12 << 6 | 13
    """`inet_proto . inet_service`; each part of a joined key has six bits."""
    IPV4_PORT = 7 << 12 | PORT
    IPV6_PORT = 8 << 12 | PORT


_USERDATA_KEY_ORDER = b"\0\4"
"""Type and length of the note by which nft(8) knows how to print keys (NFTNL_UDATA_SET_KEYBYTEORDER)."""
_KEY_ORDER = {
    KeyType.IFNAME: (1).to_bytes(4, sys.byteorder),
    KeyType.IPV4: (2).to_bytes(4, sys.byteorder),
    KeyType.IPV6: (2).to_bytes(4, sys.byteorder),
    KeyType.PORT: bytes(4),
    KeyType.IPV4_PORT: bytes(4),
    KeyType.IPV6_PORT: bytes(4),
}
"""1: the machine's order, 2: network order, 0: each part has its own."""

PRIORITY_RAW = -300
PRIORITY_DSTNAT = -100
PRIORITY_FILTER = 0
PRIORITY_SRCNAT = 100


class Table(NamedTuple):
    """A table; all other objects live in one."""

    family: Family
    name: str


class Chain(NamedTuple):
    """A chain; without a hook it is run when another jumps there."""

    table: Table
    name: str
    type: ChainType = ChainType.FILTER
    hook: Hook | None = None
    priority: int = PRIORITY_FILTER
    policy: Verdict = Verdict.ACCEPT


class Set(NamedTuple):
    """A set of keys; with `verdicts` a map from keys to verdicts."""

    table: Table
    name: str
    key_type: KeyType
    key_length: int
    verdicts: bool = False


def _message(kind: int, family: Family, flags: int, *attributes_: bytes) -> Message:
    header = bytes((family, 0, 0, 0))  # struct nfgenmsg: family, version, resource
    return Message(_SUBSYSTEM << 8 | kind, flags, header + b"".join(attributes_))


def add_table(table: Table) -> Message:
    """Make a table; nothing happens when it is there."""
    return _message(_NEWTABLE, table.family, NLM_F_CREATE, text(1, table.name), be32(2, 0))


def delete_table(table: Table) -> Message:
    """Delete a table with all that is in it; ENOENT when there is none."""
    return _message(_DELTABLE, table.family, 0, text(1, table.name))


def add_chain(chain: Chain) -> Message:
    """Make a chain."""
    parts = [text(1, chain.table.name), text(3, chain.name)]
    if chain.hook is not None:
        parts.append(nested(4, be32(1, chain.hook), be32(2, chain.priority & 0xFFFFFFFF)))
        parts += [be32(5, chain.policy), text(7, chain.type.value)]
    return _message(_NEWCHAIN, chain.table.family, NLM_F_CREATE, *parts)


def delete_chain(chain: Chain) -> Message:
    """Delete a chain that no rule jumps to."""
    return _message(_DELCHAIN, chain.table.family, 0, text(1, chain.table.name), text(3, chain.name))


def add_rule(chain: Chain, *expressions: bytes) -> Message:
    """Append a rule."""
    parts = (text(1, chain.table.name), text(2, chain.name), nested(4, *expressions))
    return _message(_NEWRULE, chain.table.family, NLM_F_CREATE | NLM_F_APPEND, *parts)


def flush_chain(chain: Chain) -> Message:
    """Delete all rules of a chain."""
    return _message(_DELRULE, chain.table.family, 0, text(1, chain.table.name), text(2, chain.name))


def add_set(found: Set, set_id: int = 1) -> Message:
    """Make a set; `set_id` tells it from the transaction's others."""
    parts = [text(1, found.table.name), text(2, found.name), be32(3, _SET_MAP if found.verdicts else 0)]
    parts += [be32(4, found.key_type), be32(5, found.key_length)]
    if found.verdicts:
        parts += [be32(6, _DATA_VERDICT_TYPE), be32(7, 0)]
    parts += [be32(10, set_id), attribute(13, _USERDATA_KEY_ORDER + _KEY_ORDER[found.key_type])]
    return _message(_NEWSET, found.table.family, NLM_F_CREATE, *parts)


def delete_set(found: Set) -> Message:
    """Delete a set that no rule asks."""
    return _message(_DELSET, found.table.family, 0, text(1, found.table.name), text(2, found.name))


def add_elements(found: Set, keys: Sequence[bytes]) -> Message:
    """Put keys into a set."""
    elements = [nested(_LIST_ELEM, value(_ELEM_KEY, key)) for key in keys]
    return _elements(_NEWSETELEM, NLM_F_CREATE, found, elements)


def add_jumps(found: Set, jumps: Mapping[bytes, str]) -> Message:
    """Put keys into a map of verdicts, each with the chain to jump to."""
    elements = [
        nested(_LIST_ELEM, value(_ELEM_KEY, key), verdict_value(_ELEM_DATA, Verdict.JUMP, chain))
        for key, chain in jumps.items()
    ]
    return _elements(_NEWSETELEM, NLM_F_CREATE, found, elements)


def delete_elements(found: Set, keys: Sequence[bytes]) -> Message:
    """Take keys out of a set or map; ENOENT when one is not there."""
    return _elements(_DELSETELEM, 0, found, [nested(_LIST_ELEM, value(_ELEM_KEY, key)) for key in keys])


def _elements(kind: int, flags: int, found: Set, elements: Sequence[bytes]) -> Message:
    parts = (text(1, found.table.name), text(2, found.name), nested(3, *elements))
    return _message(kind, found.table.family, flags, *parts)


def get_generation() -> Message:
    """Ask for the number of the rules' generation: each transaction of anybody's makes the next."""
    return Message(_SUBSYSTEM << 8 | _GETGEN, 0, bytes(4))


def list_tables() -> Message:
    """Ask for the tables of all families."""
    return Message(_SUBSYSTEM << 8 | _GETTABLE, 0, bytes(4))


def list_chains(family: Family) -> Message:
    """Ask for the chains of a family."""
    return _message(_GETCHAIN, family, 0)


def list_rules(table: Table) -> Message:
    """Ask for the rules of a table."""
    return _message(_GETRULE, table.family, 0, text(1, table.name))


def parse_generation(message: Received) -> int:
    """Return the number of an answer."""
    return int.from_bytes(attributes(message.body[4:])[1], "big")


def parse_table(message: Received) -> Table | None:
    """Return the table of an answer; None for families that are not in `Family`."""
    try:
        family = Family(message.body[0])
    except ValueError:
        return None
    return Table(family, string(attributes(message.body[4:])[1]))


def parse_chain(message: Received) -> tuple[str, str]:
    """Return table and name of the chain of an answer."""
    found = attributes(message.body[4:])
    return string(found[1]), string(found[3])


def parse_rule(message: Received) -> str:
    """Return the name of the chain of an answer's rule."""
    return string(attributes(message.body[4:])[2])
