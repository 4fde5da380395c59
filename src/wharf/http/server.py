"""The HTTP server: aiohttp's low-level one, made of our connections, without slow or endless heads."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from wharf import limits
from wharf.http.connection import Connection

HEAD_TIMEOUT_S: Final = 10.0
"""How long a client may take over the head of a request (Slowloris)."""

IDLE_TIMEOUT_S: Final = 180.0
"""How long a connection may wait for its next request."""

_SWEEP_S: Final = 2.5

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Server(web.Server):
    """Makes connections for `asyncio` listeners; give it to `web.ServerRunner`."""

    def __init__(
        self,
        handler: Handler,
        *,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        idle_timeout_s: float = IDLE_TIMEOUT_S,
    ) -> None:
        super().__init__(handler)
        self._head_timeout_s = head_timeout_s
        self._idle_timeout_s = idle_timeout_s
        self._sweeping: asyncio.TimerHandle | None = None

    def __call__(self) -> Connection:
        """Make the protocol of a new connection."""
        loop = asyncio.get_running_loop()
        if self._sweeping is None:
            self._sweeping = loop.call_later(min(_SWEEP_S, self._head_timeout_s / 2), self._sweep)
        return Connection(
            self,
            loop=loop,
            keepalive_timeout=self._idle_timeout_s,
            max_line_size=limits.REQUEST_HEADERS,
            max_field_size=limits.REQUEST_HEADERS,
            lingering_time=1.0,
            auto_decompress=False,
            access_log=None,
            logger=logging.getLogger("wharf.http"),
        )

    def _sweep(self) -> None:
        """Close connections whose head takes too long; one timer for all, running while there are any."""
        self._sweeping = None
        if not self.connections:
            return
        loop = asyncio.get_running_loop()
        oldest = loop.time() - self._head_timeout_s
        for connection in self.connections:
            if isinstance(connection, Connection) and 0 < connection.head_since < oldest:
                connection.force_close()
        self._sweeping = loop.call_later(min(_SWEEP_S, self._head_timeout_s / 2), self._sweep)

    async def shutdown(self, timeout: float | None = None) -> None:
        """End all connections; those in a request have `timeout` seconds."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        await super().shutdown(timeout)
