"""A netlink socket: several requests in one datagram, their answers, errors in the kernel's own words.

The kernel works a request off inside sendto(2) and queues its answers before that returns, so nothing here
ever waits: a receive queue without the answer is an error, not a reason to block. This holds for rtnetlink
and nfnetlink, which is what this module is for.

A socket may have been opened elsewhere (inside a container's network namespace) and may hold answers to
requests that are not ours; those are told apart by sequence numbers that start at random, and whatever does
not come from the kernel (port 0) is dropped.
"""

import contextlib
import errno
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import Self

from wharf.linux.netlink.message import (
    HEADER_SIZE,
    NLM_F_ACK,
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    Message,
    Received,
    attributes,
    decode,
    encode,
    string,
)

_SOL_NETLINK = 270
_NETLINK_CAP_ACK = 10
_NETLINK_EXT_ACK = 11
_NETLINK_GET_STRICT_CHK = 12
_NLM_F_CAPPED = 0x100
_NLM_F_ACK_TLVS = 0x200
_NLMSGERR_ATTR_MSG = 1
_RECEIVE = 64 * 1024
"""The kernel never makes a dump's datagram larger than 32 KiB (netlink_recvmsg in af_netlink.c)."""
_DUMP_ATTEMPTS = 8


class Connection:
    """One netlink socket, owned; a context manager. Not for use by several threads at once."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._sequence = int.from_bytes(os.urandom(4), "little") | 1
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
            sock.setsockopt(_SOL_NETLINK, option, 1)

    @classmethod
    def open(cls, protocol: int) -> "Connection":
        """Open a socket of `protocol` (NETLINK_ROUTE, …) in this thread's network namespace."""
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        return cls._owning(sock)

    @classmethod
    def from_fd(cls, fd: int, protocol: int) -> "Connection":
        """Use the netlink socket `fd`, which stays the caller's: a duplicate is made."""
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol, fileno=os.dup(fd))
        return cls._owning(sock)

    @classmethod
    def _owning(cls, sock: socket.socket) -> "Connection":
        try:
            return cls(sock)
        except BaseException:
            sock.close()
            raise

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def attempt(self, messages: Sequence[Message]) -> list[OSError | None]:
        """Send `messages` in one datagram; the kernel runs each, also after one that failed.

        Returns the error of each message, or None where it succeeded.
        """
        first, data = self._encode(messages, NLM_F_ACK)
        self.socket.sendto(data, (0, 0))
        results: dict[int, OSError | None] = {}
        while len(results) < len(messages):
            for answer in self._receive(first, len(messages)):
                if answer.type == NLMSG_ERROR:
                    results[answer.sequence] = _error(answer)
        return [results[_add(first, n)] for n in range(len(messages))]

    def run(self, *messages: Message) -> None:
        """Send `messages` in one datagram; raises the first error among them as OSError."""
        for error in self.attempt(messages):
            if error is not None:
                raise error

    def transact(self, messages: Sequence[Message]) -> None:
        """Send a transaction of nfnetlink, BEGIN and END included; raises the first error in it as OSError.

        The last message before END is acknowledged. A failed commit is told of under BEGIN's number, behind
        or before the others' errors, so all that is queued is read.
        """
        last = len(messages) - 2
        acknowledged = [
            m._replace(flags=NLM_F_ACK | m.flags) if n == last else m for n, m in enumerate(messages)
        ]
        first, data = self._encode(acknowledged, 0)
        self.socket.sendto(data, (0, 0))
        outcome: list[OSError | None] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                outcome += map(_error, self._receive(first, len(messages)))
        if not outcome:
            raise OSError(errno.EPROTO, "nfnetlink did not answer")
        for error in outcome:
            if error is not None:
                raise error

    def ask(self, message: Message) -> list[Received]:
        """Send a request that is answered by messages before its acknowledgement; return those."""
        first, data = self._encode((message,), NLM_F_ACK)
        self.socket.sendto(data, (0, 0))
        answers: list[Received] = []
        while True:
            for answer in self._receive(first, 1):
                if answer.type != NLMSG_ERROR:
                    answers.append(answer)
                elif (error := _error(answer)) is not None:
                    raise error
                else:
                    return answers

    def dump(self, message: Message) -> list[Received]:
        """Return all objects that `message` (without NLM_F_DUMP) asks for.

        A dump that the kernel calls inconsistent, since the table changed meanwhile, is made again.
        """
        for _ in range(_DUMP_ATTEMPTS):
            answers, consistent = self._dump_once(message)
            if consistent:
                return answers
        raise OSError(errno.EINTR, "netlink dump kept being interrupted by changes")

    def _dump_once(self, message: Message) -> tuple[list[Received], bool]:
        first, data = self._encode((message,), NLM_F_DUMP)
        self.socket.sendto(data, (0, 0))
        answers: list[Received] = []
        consistent = True
        while True:
            for answer in self._receive(first, 1):
                consistent = consistent and not answer.flags & NLM_F_DUMP_INTR
                if answer.type in (NLMSG_DONE, NLMSG_ERROR):
                    if (error := _error(answer)) is not None:
                        raise error
                    return answers, consistent
                answers.append(answer)

    def _encode(self, messages: Sequence[Message], flags: int) -> tuple[int, bytes]:
        """Number the messages; return the first number and the datagram."""
        first = self._sequence
        parts: list[bytes] = []
        for message in messages:
            parts.append(encode(message._replace(flags=message.flags | flags), self._sequence))
            self._sequence = _add(self._sequence, 1)
        return first, b"".join(parts)

    def _receive(self, first: int, count: int) -> Iterator[Received]:
        """Yield what answers the `count` requests from number `first` on, out of one datagram."""
        data, _, flags, sender = self.socket.recvmsg(_RECEIVE, 0, socket.MSG_DONTWAIT)
        if flags & socket.MSG_TRUNC:
            raise OSError(errno.EMSGSIZE, "netlink answer was cut short")
        if sender[0] != 0:
            return
        try:
            for answer in decode(data):
                if (answer.sequence - first) & 0xFFFFFFFF < count:
                    yield answer
        except ValueError as error:
            raise OSError(errno.EBADMSG, str(error)) from error


def _add(sequence: int, n: int) -> int:
    return (sequence + n) & 0xFFFFFFFF


def _error(answer: Received) -> OSError | None:
    """Return the error that an NLMSG_ERROR or NLMSG_DONE carries, with the kernel's extended text."""
    code = -int.from_bytes(answer.body[:4], sys.byteorder, signed=True) if len(answer.body) >= 4 else 0
    if code == 0:
        return None
    message = os.strerror(code)
    if answer.flags & _NLM_F_ACK_TLVS:
        start = 4 if answer.type == NLMSG_DONE else 4 + _echoed(answer)
        if (extended := attributes(answer.body[start:]).get(_NLMSGERR_ATTR_MSG)) is not None:
            message = f"{message}: {string(extended)}"
    return OSError(code, message)


def _echoed(answer: Received) -> int:
    """Return how many bytes of the failed request stand before the attributes: its header, or all of it."""
    if answer.flags & _NLM_F_CAPPED:
        return HEADER_SIZE
    return int.from_bytes(answer.body[4:8], sys.byteorder)
