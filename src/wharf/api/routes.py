"""What a router module gives to the application: its operations, each with a handler."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from wharf.api.call import Call

Handler = Callable[[Call], Awaitable[web.StreamResponse]]

Routes = Mapping[tuple[str, str], Handler]
"""(method, path of the contract) to its handler."""
