"""The requests of the protocol, each checked and turned into a call on the container."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import ClassVar

from wharf import errors
from wharf.linux.seqpacket import ProtocolError
from wharf.shim.container import Container
from wharf.shim.protocol import Attach, Execution, describe, field, optional_text
from wharf.shim.server import Answer

EARLY = 1024 * 1024
"""How much a client may have typed before its connection was handed over."""


Request = Callable[["Requests", dict[str, object], list[int], Answer], dict[str, object] | None]
"""Returns the result, or None when it will answer later."""


class Requests:
    """Takes the requests for one container."""

    __slots__ = ("_container",)

    def __init__(self, container: Container) -> None:
        self._container = container

    def take(self, message: dict[str, object], fds: list[int], answer: Answer) -> None:
        """Carry a request out and answer it; takes what it keeps out of `fds`.

        Raises ProtocolError for an ill-typed one.
        """
        request = self._by_name.get(field(message, "op", str))
        try:
            if request is None:
                raise errors.InvalidParameter(f"no such request: {message['op']!r}")
            result = request(self, message, fds, answer)
        except ProtocolError:
            raise
        except (errors.EngineError, OSError) as error:
            answer({"error": describe(error)})
            return
        if result is not None:
            answer({"result": result})

    def _start(self, _message: dict[str, object], _fds: list[int], answer: Answer) -> None:
        self._container.start(answer)

    def _attach(self, message: dict[str, object], fds: list[int], _answer: Answer) -> dict[str, object]:
        wants = Attach.parse(message)
        is_gated = "gated" in message and field(message, "gated", bool)
        if len(fds) < 1 + is_gated:
            raise ProtocolError("attach takes a descriptor, and one for its gate")
        gate = fds.pop() if is_gated else -1
        try:
            client, early = _take_client(fds)
        except BaseException:
            if is_gated:
                os.close(gate)
            raise
        assert client is not None, "there is a descriptor"
        self._container.attach(client, wants._replace(early=early), gate)
        return {"at": time.time_ns()}

    def _signal(self, message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        self._container.signal(field(message, "signal", int), to_all=field(message, "all", bool))
        return {}

    def _resize(self, message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        self._container.resize(
            field(message, "height", int), field(message, "width", int), optional_text(message, "exec")
        )
        return {}

    def _exec(self, message: dict[str, object], fds: list[int], answer: Answer) -> None:
        wanted = Execution.parse(message)
        client, early = _take_client(fds)
        self._container.execute(wanted._replace(wants=wanted.wants._replace(early=early)), client, answer)

    def _pause(self, _message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        self._container.pause()
        return {}

    def _resume(self, _message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        self._container.resume()
        return {}

    def _state(self, _message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        return {**self._container.state()}

    def _restart_policy(
        self, message: dict[str, object], _fds: list[int], _answer: Answer
    ) -> dict[str, object]:
        self._container.set_restart_policy(field(message, "name", str), field(message, "maximum", int))
        return {}

    def _stopping(self, message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        return {"status": self._container.stop_by_hand(is_final=field(message, "final", bool))}

    def _kill(self, _message: dict[str, object], _fds: list[int], _answer: Answer) -> dict[str, object]:
        self._container.kill()
        return {}

    _by_name: ClassVar[Mapping[str, Request]] = {
        "start": _start,
        "attach": _attach,
        "signal": _signal,
        "resize": _resize,
        "exec": _exec,
        "pause": _pause,
        "resume": _resume,
        "state": _state,
        "kill": _kill,
        "restart-policy": _restart_policy,
        "stopping": _stopping,
    }


def _take_client(fds: list[int]) -> tuple[socket.socket | None, bytes]:
    """Return the client's socket, None when no descriptor came, and what a second descriptor holds.

    Raises InvalidParameter for no socket.
    """
    if not fds:
        return None, b""
    if len(fds) > 2:
        raise ProtocolError("a client is one descriptor, or two")
    early = b""
    if len(fds) == 2:
        with open(fds.pop(), "rb", buffering=0) as file:
            early = os.pread(file.fileno(), EARLY, 0)
    fd = fds.pop()
    try:
        return socket.socket(fileno=fd), early
    except OSError as error:
        os.close(fd)
        raise errors.InvalidParameter("a client is a socket") from error
