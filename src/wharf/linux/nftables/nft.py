"""Nft: nf_tables of one network namespace, changed in transactions."""

import socket
from collections.abc import Sequence
from typing import Self

from wharf.linux.netlink.connection import Connection
from wharf.linux.netlink.message import Message, be32
from wharf.linux.nftables import objects
from wharf.linux.nftables.objects import Family, Table

NETLINK_NETFILTER = 12
_BATCH_BEGIN = 0x10
_BATCH_END = 0x11
_FOR_NFTABLES = b"\0\0\0\x0a"
"""struct nfgenmsg of a batch's ends: the subsystem's number, in network order."""
_BATCH_GENERATION = 1
_SO_SNDBUFFORCE = 32
_LARGEST_TRANSACTION = 16 * 1024 * 1024
"""A transaction is one datagram; the rules of a published port take about 600 bytes of it."""


def following(generation: int) -> int:
    """Return the number of the generation after `generation`; there is no generation 0."""
    return (generation + 1) & 0xFFFFFFFF or 1


class Nft:
    """A NETLINK_NETFILTER socket, owned; a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def open(cls) -> "Nft":
        """Open a socket in this thread's network namespace; needs CAP_NET_ADMIN there."""
        connection = Connection.open(NETLINK_NETFILTER)
        try:
            connection.socket.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, _LARGEST_TRANSACTION)
        except OSError:
            connection.close()
            raise
        return cls(connection)

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def generation(self) -> int:
        """Return the number of the rules' present generation; it goes round."""
        return objects.parse_generation(self._connection.ask(objects.get_generation())[0])

    def commit(self, messages: Sequence[Message], *, generation: int | None = None) -> None:
        """Carry out all of `messages` at once, or, raising OSError, none of them.

        No packet meets a state between before and after. With `generation` they are refused (ERESTART) when
        anybody has changed anything since; otherwise they make the generation `following` that.
        """
        unchanged = b"" if generation is None else be32(_BATCH_GENERATION, generation)
        begin = Message(_BATCH_BEGIN, 0, _FOR_NFTABLES + unchanged)
        end = Message(_BATCH_END, 0, _FOR_NFTABLES)
        self._connection.transact([begin, *messages, end])

    def tables(self) -> list[Table]:
        """Return all tables."""
        answers = self._connection.dump(objects.list_tables())
        return [table for answer in answers if (table := objects.parse_table(answer)) is not None]

    def chains(self, table: Table) -> list[str]:
        """Return the names of a table's chains."""
        answers = self._connection.dump(objects.list_chains(Family(table.family)))
        return [chain for owner, chain in map(objects.parse_chain, answers) if owner == table.name]

    def rules(self, table: Table) -> list[str]:
        """Return, for each rule of a table in order, the name of its chain."""
        return [objects.parse_rule(answer) for answer in self._connection.dump(objects.list_rules(table))]
