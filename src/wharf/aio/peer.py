"""Calls and events over a channel: the protocol all our processes speak (ARCHITECTURE.md, "Messages")."""

import asyncio
import os
from collections.abc import Callable, Sequence

from wharf import errors
from wharf.aio.channel import Channel
from wharf.linux.seqpacket import ProtocolError, close_all

Answer = tuple[dict[str, object], list[int]]


def error_of(description: object) -> errors.EngineError:
    """Return the exception that an answer's `error` object describes, caused by the OSError of its `errno`.

    A kind this version does not know is Internal.
    """
    if not isinstance(description, dict):
        raise ProtocolError("an error is an object")
    kind = getattr(errors, str(description.get("kind")), None)
    if not (isinstance(kind, type) and issubclass(kind, errors.EngineError)):
        kind = errors.Internal
    error: errors.EngineError = kind(str(description.get("message")))
    number = description.get("errno")
    if isinstance(number, int):
        error.__cause__ = OSError(number, os.strerror(number))
    return error


class Peer:
    """One end of a channel that makes calls and gets events; owns the channel.

    `on_event(message, fds)` is called for each event, in order, and owns the descriptors. `closed` is done
    when no more will come: with None, or with the OSError that ended the channel.
    """

    def __init__(self, channel: Channel, on_event: Callable[[dict[str, object], list[int]], None]) -> None:
        self._channel = channel
        self._on_event = on_event
        self._last_id = 0
        self._calls: dict[int, asyncio.Future[Answer]] = {}
        self.closed: asyncio.Future[OSError | None] = asyncio.get_running_loop().create_future()
        channel.listen(self._take, self._end)

    async def call(self, op: str, fds: Sequence[int] = (), **fields: object) -> Answer:
        """Ask for `op` and return the result with its descriptors, which are the caller's.

        `fds` stay the caller's, and may be closed on return. Raises the kind named in the answer, or
        Unavailable when the channel ends first.
        """
        if self.closed.done():
            raise errors.Unavailable(f"cannot ask for {op}: the other side is gone")
        self._last_id += 1
        number = self._last_id
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            await self._channel.send({"id": number, "op": op, **fields}, fds)
            return await answer
        except ConnectionError as error:
            raise errors.Unavailable(f"cannot ask for {op}: the other side is gone") from error
        finally:
            self._calls.pop(number, None)

    def _take(self, message: dict[str, object], fds: list[int]) -> None:
        number = message.get("id")
        if number is None and isinstance(message.get("event"), str):
            self._on_event(message, fds)
            return
        answer = self._calls.pop(number, None) if isinstance(number, int) else None
        if answer is None or answer.done():
            close_all(fds)  # whoever asked was cancelled
            return
        result = message.get("result")
        try:
            if isinstance(result, dict):
                answer.set_result((result, fds))
                return
            answer.set_exception(error_of(message.get("error")))
        except ProtocolError as error:
            answer.set_exception(errors.Unavailable(f"ill-formed answer: {error}"))
        close_all(fds)

    def _end(self, reason: OSError | None) -> None:
        self._channel.close()
        if not self.closed.done():
            self.closed.set_result(reason)
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(errors.Unavailable("the other side went away before it answered"))
        self._calls.clear()

    async def close(self) -> None:
        """Close our end; calls under way raise Unavailable. Harmless when done already."""
        self._end(None)
