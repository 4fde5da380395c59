"""`cp`: files of a container, looked at, taken out and put in.

No path of a container is ever walked here: a worker does that, in a view of the container's root that leads
nowhere else (`content/view.py`). What is uploaded is received before a container is touched, so that a client
that leaves changes nothing.
"""

import asyncio
import contextlib
import os
import posixpath
from collections.abc import AsyncGenerator, AsyncIterable
from typing import NamedTuple

from wharf.content.packing import poured
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts.running import told_of_copy
from wharf.engine.containers.view import view
from wharf.errors import EngineError, NotFound
from wharf.failpoint import failpoint
from wharf.schema.container import PathStat
from wharf.schema.go_mode import go_mode
from wharf.schema.timestamp import rfc3339

_EPOCH = "1970-01-01T00:00:00Z"


class Copied(NamedTuple):
    """A path of a container: what it is, and its tar."""

    stat: PathStat
    pieces: AsyncGenerator[bytes, None]


def absolute(path: str) -> str:
    """Return the clean absolute form of a path, with the `/` or `/.` at its end that it had."""
    clean = posixpath.normpath("/" + path.lstrip("/"))
    if path.rpartition("/")[2] == "." and not clean.endswith("/."):
        return clean.rstrip("/") + "/."
    if path.endswith("/") and clean != "/":
        return clean + "/"
    return clean


async def stat_path(context: Context, container: Container, ref: str, path: str) -> PathStat:
    """Return what is at a path; raises NotFound in Docker's words."""
    with told_of_copy(context, container), view(context, container, writes=False) as seen:
        args = {**seen.args, "path": _rooted(path)}
        try:
            facts = await context.spawner.job("content.stat-path", args, [seen.fd])
        except NotFound as error:
            raise _missing(path, ref) from error
    return _shown(path, facts)


async def copy_out(context: Context, container: Container, ref: str, path: str) -> Copied:
    """Return what is at a path and, coming, its tar; raises NotFound in Docker's words."""
    asked = absolute(path)
    facts: asyncio.Future[dict[str, object]] = asyncio.get_running_loop().create_future()

    def told(message: dict[str, object]) -> None:
        if not facts.done():
            facts.set_result(message)

    async def work(pipe: int) -> None:
        try:
            with told_of_copy(context, container), view(context, container, writes=False) as seen:
                args = {**seen.args, "path": asked}
                await context.spawner.job("content.copy-out", args, [seen.fd, pipe], progress=told)
        except EngineError as error:
            if facts.done():
                raise
            facts.set_exception(error)

    pieces = poured(work)
    try:
        first = await anext(pieces, b"")  # the worker tells its facts, or fails, before there is a piece
        stat = _shown(asked, await facts)
    except BaseException as error:
        facts.cancel()
        await pieces.aclose()
        if isinstance(error, NotFound):
            raise _missing(path, ref) from error
        raise
    context.emit(container, "archive-path")
    return Copied(stat, _joined(first, pieces))


async def _joined(first: bytes, pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with contextlib.aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


async def copy_in(
    context: Context,
    container: Container,
    ref: str,
    path: str,
    stream: AsyncIterable[bytes],
    *,
    keep_kind: bool,
    copy_owner: bool,
) -> None:
    """Unpack an uploaded tar into a folder of a container.

    `keep_kind` lets no directory be replaced by something else, nor the other way round; `copy_owner` gives
    everything to the container's user.
    """
    user = container.record.config.user
    args = {"path": _rooted(path), "keep_kind": keep_kind, "owner": user if copy_owner and user else None}
    upload = await context.images.receive(stream)
    try:
        async with container.lock:
            if container.id not in context.index:
                raise NotFound(f"No such container: {ref}")
            failpoint("archive.received")
            with told_of_copy(context, container), view(context, container, writes=True) as seen:
                await context.spawner.job("content.copy-in", {**seen.args, **args}, [seen.fd, upload])
    except NotFound as error:
        raise _missing(path, ref) from error
    finally:
        os.close(upload)
    context.emit(container, "extract-to-dir")


def _rooted(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _missing(path: str, ref: str) -> NotFound:
    return NotFound(f"Could not find the file {path} in container {ref}")


def _shown(path: str, facts: dict[str, object]) -> PathStat:
    mode, size, mtime, target = (facts[key] for key in ("mode", "size", "mtime", "target"))
    assert isinstance(mode, int)
    assert isinstance(size, int)
    assert isinstance(mtime, int)
    return PathStat(
        name=path.rstrip("/").rpartition("/")[2] or "/",
        size=size,
        mode=go_mode(mode),
        mtime=rfc3339(mtime) if mtime else _EPOCH,
        link_target=str(target),
    )
