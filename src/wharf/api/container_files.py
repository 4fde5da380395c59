"""The router of containers' files: changes, export, archive, and commit."""

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from typing import Protocol

from aiohttp import web

from wharf.api import answers
from wharf.api.call import Call
from wharf.api.encoding import chosen, encoded
from wharf.api.errors import words_of
from wharf.api.routes import Routes
from wharf.errors import InvalidParameter
from wharf.http.answer import Answer
from wharf.schema.container import CommitResponse, ContainerConfig, FilesystemChange, PathStat
from wharf.schema.struct import encode

_STAT = "X-Docker-Container-Path-Stat"
_TAR = "application/x-tar"


class CopiedOut(Protocol):
    """A path of a container: what it is, and its tar."""

    @property
    def stat(self) -> PathStat:
        """What it is."""

    @property
    def pieces(self) -> AsyncGenerator[bytes, None]:
        """Its tar."""


class ContainerFilesBackend(Protocol):
    """What this router needs of the engine. `ref` is an id, a part of one, or a name."""

    async def changes(self, ref: str) -> Sequence[FilesystemChange] | None:
        """Return what a container has changed of its image; None for nothing."""

    async def export(self, ref: str) -> AsyncGenerator[bytes, None]:
        """Return the tar of a container's root."""

    async def stat_path(self, ref: str, path: str) -> PathStat:
        """Return what is at a path."""

    async def copy_out(self, ref: str, path: str) -> CopiedOut:
        """Return what is at a path, with its tar."""

    async def copy_in(
        self, ref: str, path: str, stream: AsyncIterable[bytes], *, keep_kind: bool, copy_owner: bool
    ) -> None:
        """Unpack a tar into a folder."""

    async def commit(
        self,
        ref: str,
        *,
        config: ContainerConfig | None,
        changes: Sequence[str],
        repository: str,
        tag: str,
        author: str,
        comment: str,
        pause: bool,
    ) -> str:
        """Make an image of a container; return its id."""


class _Files:
    def __init__(self, backend: ContainerFilesBackend) -> None:
        self._backend = backend

    async def changes(self, call: Call) -> web.StreamResponse:
        return answers.json(await self._backend.changes(call.name))

    async def export(self, call: Call) -> web.StreamResponse:
        pieces = await self._backend.export(call.name)
        return await _send(call, pieces, {"Content-Type": "application/octet-stream"})

    async def stat(self, call: Call) -> web.StreamResponse:
        stat = await self._backend.stat_path(call.name, _path(call))
        line = f"{_STAT}: {_text(stat)}\r\n".encode("ascii")
        return Answer(200, answers.DAEMON_HEADERS + line)

    async def get(self, call: Call) -> web.StreamResponse:
        copied = await self._backend.copy_out(call.name, _path(call))
        headers = {"Content-Type": _TAR, _STAT: _text(copied.stat)}
        coding = chosen(call.http.headers.get("Accept-Encoding", ""))
        if coding is None:
            return await _send(call, copied.pieces, headers)
        return await _send(call, encoded(copied.pieces, coding), {**headers, "Content-Encoding": coding})

    async def put(self, call: Call) -> web.StreamResponse:
        path = _path(call)
        call.end_with_client()
        await self._backend.copy_in(
            call.name,
            path,
            call.stream(),
            keep_kind=call.flag("noOverwriteDirNonDir"),
            copy_owner=call.flag("copyUIDGID"),
        )
        return answers.empty(200)

    async def commit(self, call: Call) -> web.StreamResponse:
        image_id = await self._backend.commit(
            call.text("container"),
            config=await call.json_or_none(ContainerConfig),
            changes=call.all_of("changes"),
            repository=call.text("repo"),
            tag=call.text("tag"),
            author=call.text("author"),
            comment=call.text("comment"),
            pause=call.flag("pause", default=True) or not call.text("pause"),
        )
        return answers.json(CommitResponse(id=image_id), 201)


def _path(call: Call) -> str:
    path = call.text("path")
    if not path:
        raise InvalidParameter("bad parameter: pathcannot be empty")  # Docker's words, as they are
    if "\0" in path:
        raise InvalidParameter(f"lstat {path}: invalid argument")
    return path


def _text(stat: PathStat) -> str:
    return base64.b64encode(encode(stat)).decode("ascii")


async def _send(
    call: Call, pieces: AsyncGenerator[bytes, None], headers: dict[str, str]
) -> web.StreamResponse:
    """Send a tar; one that cannot be finished is cut short, since there is no place left for an error."""
    call.end_with_client()
    async with contextlib.aclosing(pieces):
        response = await answers.begin(call, headers.pop("Content-Type"), headers)
        try:
            async for piece in pieces:
                if piece:
                    await response.write(piece)
        except ConnectionError:
            raise
        except Exception as error:
            words_of(error)
            if call.http.transport is not None:
                call.http.transport.abort()
            raise
    return response


def routes(backend: ContainerFilesBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    files = _Files(backend)
    return {
        ("GET", "/containers/{id}/changes"): files.changes,
        ("GET", "/containers/{id}/export"): files.export,
        ("HEAD", "/containers/{id}/archive"): files.stat,
        ("GET", "/containers/{id}/archive"): files.get,
        ("PUT", "/containers/{id}/archive"): files.put,
        ("POST", "/commit"): files.commit,
    }
