"""Compressed answers, for clients that ask for them: gzip, and deflate as Docker has it: raw."""

import asyncio
import contextlib
import zlib
from collections.abc import AsyncGenerator
from typing import Final

_WINDOWS: Final = {"gzip": 16 + zlib.MAX_WBITS, "deflate": -zlib.MAX_WBITS}
_LEVEL: Final = 6


def chosen(accept: str) -> str | None:
    """Return the coding that an `Accept-Encoding` likes best of those there are; None for plain."""
    best, best_weight = None, 0.0
    for item in accept.split(","):
        name, _, rest = item.strip().lower().partition(";")
        weight = _weight(rest)
        if name.strip() in _WINDOWS and weight > best_weight:
            best, best_weight = name.strip(), weight
    return best


def _weight(parameter: str) -> float:
    name, equals, value = parameter.strip().partition("=")
    if not equals or name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


async def encoded(pieces: AsyncGenerator[bytes, None], coding: str) -> AsyncGenerator[bytes, None]:
    """Yield `pieces` in `coding`; the work is done on threads."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOWS[coding])
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield await asyncio.to_thread(compressor.compress, piece)
    yield compressor.flush()
