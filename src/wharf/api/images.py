"""The router of images."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from typing import Protocol, runtime_checkable

from aiohttp import web

from wharf.api import answers, progress, shape
from wharf.api.call import Call
from wharf.api.progress import Report
from wharf.api.routes import Handler, Routes
from wharf.errors import InvalidParameter, NotImplementedByEngine
from wharf.schema.filters import Filters
from wharf.schema.image import (
    ErrorDetail,
    HistoryItem,
    ImageDeleteItem,
    ImageInspect,
    ImagesPruneReport,
    ImageSummary,
    Progress,
)
from wharf.schema.struct import encode


class Imported(Protocol):
    """An image that was just made."""

    @property
    def id(self) -> str:
        """Its id, with `sha256:`."""


class ImagesBackend(Protocol):
    """What this router needs of the engine. `text` is a name, an id or a part of one."""

    def list(
        self, filters: Filters, *, everything: bool = False, shared_size: bool = False
    ) -> Sequence[ImageSummary]:
        """Return images, newest first; intermediate ones only where `everything` is asked for."""

    def inspect(self, text: str, *, platform: str = "") -> ImageInspect:
        """Return all about an image."""

    def history(self, text: str, *, platform: str = "") -> Sequence[HistoryItem]:
        """Return how an image came to be, newest step first."""

    async def tag(self, text: str, repository: str, tag: str = "") -> None:
        """Give an image another name."""

    async def remove(
        self, text: str, *, force: bool = False, prune: bool = True, platform: str = ""
    ) -> Sequence[ImageDeleteItem]:
        """Remove a name, or an image and (`prune`) the parents nobody needs; return what went."""

    async def load(
        self,
        stream: AsyncIterable[bytes],
        *,
        quiet: bool = False,
        platform: str = "",
        report: Report = ...,
    ) -> Sequence[Imported]:
        """Load the images of an archive."""

    async def save(self, texts: Sequence[str], *, platform: str = "") -> AsyncIterator[bytes]:
        """Return the archive of images; it is not begun where one of them is missing."""

    async def import_image(
        self,
        stream: AsyncIterable[bytes],
        *,
        changes: Sequence[str] = (),
        message: str = "",
        repository: str = "",
        tag: str = "",
        platform: str = "",
    ) -> Imported:
        """Make an image of one tar of a file system."""


@runtime_checkable
class PullBackend(Protocol):
    """An engine that can fetch images; `auth` is the request's `X-Registry-Auth` as it came."""

    async def pull(self, name: str, *, tag: str, platform: str, auth: str, report: Report) -> None:
        """Fetch an image; `tag` is a tag, a digest or "" for what `name` says."""


@runtime_checkable
class PushBackend(Protocol):
    """An engine that can send images; `auth` is the request's `X-Registry-Auth` as it came."""

    async def push(self, name: str, *, tag: str, platform: str, auth: str, report: Report) -> None:
        """Send a tag to its registry, or with "" all of the repository `name`."""


@runtime_checkable
class ImagesPruneBackend(Protocol):
    """An engine that can remove unused images."""

    async def prune(self, filters: Filters) -> ImagesPruneReport:
        """Remove the unused images that `filters` choose."""


class _Images:
    def __init__(self, backend: ImagesBackend, puller: PullBackend | None) -> None:
        self._backend = backend
        self._puller = puller

    async def list(self, call: Call) -> web.StreamResponse:
        filters = call.filters()
        if call.version < 41 and (old := call.text("filter")):
            filters = filters.adding("reference", old)
        images = self._backend.list(
            filters, everything=call.flag("all"), shared_size=call.flag("shared-size")
        )
        return answers.json(shape.image_list(images, call.version))

    async def inspect(self, call: Call) -> web.StreamResponse:
        platform = _platform(call, since=49)
        if platform and call.flag("manifests"):
            raise InvalidParameter("conflicting options: manifests and platform options cannot both be set")
        shown = self._backend.inspect(call.name, platform=platform)
        return answers.json(shape.image_inspect(shown, call.version))

    async def history(self, call: Call) -> web.StreamResponse:
        return answers.json(self._backend.history(call.name, platform=_platform(call, since=48)))

    async def tag(self, call: Call) -> web.StreamResponse:
        await self._backend.tag(call.name, call.text("repo"), call.text("tag"))
        return answers.empty(201)

    async def remove(self, call: Call) -> web.StreamResponse:
        if not call.name.strip():
            raise InvalidParameter("image name cannot be blank")
        platforms = call.all_of("platforms") if call.version >= 50 else []
        if len(platforms) > 1:
            raise InvalidParameter("multiple platforms are not supported")
        items = await self._backend.remove(
            call.name,
            force=call.flag("force"),
            prune=not call.flag("noprune"),
            platform=platforms[0] if platforms else "",
        )
        return answers.json(items)

    async def create(self, call: Call) -> web.StreamResponse:
        """Pull (`fromImage`) or import (`fromSrc`)."""
        if name := call.text("fromImage"):
            return await self._pull(call, name)
        source = call.text("fromSrc")
        if source != "-":
            raise NotImplementedByEngine("importing an image from a URL is not supported by this engine yet")

        async def work(report: Report) -> None:
            image = await self._backend.import_image(
                call.stream(),
                changes=call.all_of("changes"),
                message=call.text("message"),
                repository=call.text("repo"),
                tag=call.text("tag"),
                platform=call.text("platform"),
            )
            report(Progress(status=image.id))

        return await progress.stream(call, work)

    async def _pull(self, call: Call, name: str) -> web.StreamResponse:
        puller = self._puller
        if puller is None:
            raise NotImplementedByEngine("pulling an image is not supported by this engine yet")

        async def work(report: Report) -> None:
            await puller.pull(
                name,
                tag=call.text("tag"),
                platform=call.text("platform"),
                auth=call.http.headers.get("X-Registry-Auth", ""),
                report=report,
            )

        # What was fetched is kept for whoever asks next, or goes on with the one who asked for it, too.
        call.end_with_client()
        return await progress.stream(call, work)

    async def load(self, call: Call) -> web.StreamResponse:
        quiet = call.flag("quiet", default=True)
        platform = _platform(call, since=48)

        async def work(report: Report) -> None:
            await self._backend.load(call.stream(), quiet=quiet, platform=platform, report=report)

        return await progress.stream(call, work, is_eager=True)

    async def save_one(self, call: Call) -> web.StreamResponse:
        return await self._save(call, [call.name])

    async def save(self, call: Call) -> web.StreamResponse:
        return await self._save(call, call.all_of("names"))

    async def _save(self, call: Call, names: Sequence[str]) -> web.StreamResponse:
        pieces = await self._backend.save(names, platform=_platform(call, since=48))
        call.end_with_client()
        return await answers.pour(await answers.begin(call, "application/x-tar"), pieces, _line_of_error)


def _platform(call: Call, *, since: int) -> str:
    """Return the platform asked for, as it came; versions of the API before `since` know of none."""
    given = call.all_of("platform") if call.version >= since else []
    if len(given) > 1:
        raise InvalidParameter("multiple platform parameters not supported")
    return given[0] if given else ""


def _line_of_error(words: str) -> bytes:
    """Return an error in the form of a progress stream, which dockerd puts behind an archive, too."""
    return encode(Progress(error_detail=ErrorDetail(message=words), error=words)) + b"\r\n"


def routes(backend: ImagesBackend) -> Routes:
    """Return the operations this router implements with `backend`."""
    images = _Images(backend, backend if isinstance(backend, PullBackend) else None)
    table: dict[tuple[str, str], Handler] = {
        ("GET", "/images/json"): images.list,
        ("GET", "/images/{name}/json"): images.inspect,
        ("GET", "/images/{name}/history"): images.history,
        ("POST", "/images/{name}/tag"): images.tag,
        ("DELETE", "/images/{name}"): images.remove,
        ("POST", "/images/create"): images.create,
        ("POST", "/images/load"): images.load,
        ("GET", "/images/{name}/get"): images.save_one,
        ("GET", "/images/get"): images.save,
    }
    if isinstance(backend, PushBackend):
        table["POST", "/images/{name}/push"] = _push(backend)
    if isinstance(backend, ImagesPruneBackend):
        table["POST", "/images/prune"] = _prune(backend)
    return table


def _push(backend: PushBackend) -> Handler:
    async def push(call: Call) -> web.StreamResponse:
        async def work(report: Report) -> None:
            await backend.push(
                call.name,
                tag=call.text("tag"),
                platform=call.text("platform") if call.version >= 46 else "",
                auth=call.http.headers.get("X-Registry-Auth", ""),
                report=report,
            )

        call.end_with_client()
        return await progress.stream(call, work)

    return push


def _prune(backend: ImagesPruneBackend) -> Handler:
    async def prune(call: Call) -> web.StreamResponse:
        return answers.json(await backend.prune(call.filters()))

    return prune
