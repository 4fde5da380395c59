"""Images: `/images/…` of the Engine API. Each function is one request, named after what it asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from wharf.client.engine import Engine
from wharf.client.http import Response
from wharf.client.query import encode_filters, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import HistoryItem, ImageDeleted, ImagesPruned, ImageSummary

_IN_A_NAME = "/:@"
"""What an image's name holds and a path may keep; the engine takes all before the last word as the name."""


_NOBODY = "e30="
"""`{}`: engines before 28 want to be told that there are no credentials."""


def listing(
    engine: Engine,
    *,
    everything: bool = False,
    filters: Mapping[str, list[str]] | None = None,
    manifests: bool = False,
) -> list[ImageSummary]:
    """Return the images; `everything` includes intermediate ones, `manifests` says what each is made of."""
    query = {
        "all": True if everything else None,
        "filters": encode_filters(filters or {}),
        "manifests": True if manifests else None,
    }
    rows: list[ImageSummary] = engine.json("GET", "/images/json", query)
    return rows


def inspect_raw(engine: Engine, image: str, *, platform: str | None = None) -> bytes:
    """Return all there is to know about `image`, as the engine wrote it."""
    return engine.raw("GET", f"/images/{quote(image, _IN_A_NAME)}/json", {"platform": platform})


def history(engine: Engine, image: str, *, platform: str | None = None) -> list[HistoryItem]:
    """Return how `image` came to be, newest step first."""
    rows: list[HistoryItem] = engine.json(
        "GET", f"/images/{quote(image, _IN_A_NAME)}/history", {"platform": platform}
    )
    return rows


def tag(engine: Engine, image: str, repository: str, tag_name: str) -> None:
    """Give `image` another name."""
    engine.raw("POST", f"/images/{quote(image, _IN_A_NAME)}/tag", {"repo": repository, "tag": tag_name})


def remove(
    engine: Engine, image: str, *, force: bool = False, prune: bool = True, platforms: list[str] | None = None
) -> list[ImageDeleted]:
    """Take away the name `image`, and the image with its last name; with `prune`, its unnamed parents."""
    query = {
        "force": True if force else None,
        "noprune": None if prune else True,
        "platforms": platforms or None,
    }
    rows: list[ImageDeleted] = engine.json("DELETE", f"/images/{quote(image, _IN_A_NAME)}", query)
    return rows


def prune(engine: Engine, *, filters: Mapping[str, list[str]]) -> ImagesPruned:
    """Remove the unused images that `filters` choose; return what went, and how many bytes that were."""
    pruned: ImagesPruned = engine.json("POST", "/images/prune", {"filters": encode_filters(filters)})
    return pruned


def pull(
    engine: Engine, repository: str, tag_name: str, *, platform: str = "", registry_auth: str = ""
) -> Iterator[dict[str, object]]:
    """Fetch an image from its registry; yield the progress messages. An empty tag means all."""
    query = {"fromImage": repository, "tag": tag_name or None, "platform": platform or None}
    headers = {"X-Registry-Auth": registry_auth} if registry_auth else {}
    return engine.events("POST", "/images/create", query, headers=headers)


def push(
    engine: Engine, repository: str, tag_name: str, *, platform: str = "", registry_auth: str = ""
) -> Iterator[dict[str, object]]:
    """Send an image to its registry; yield the progress messages. An empty tag means all."""
    query = {"tag": tag_name or None, "platform": platform or None}
    headers = {"X-Registry-Auth": registry_auth or _NOBODY}
    return engine.events("POST", f"/images/{quote(repository, _IN_A_NAME)}/push", query, headers=headers)


def import_archive(
    engine: Engine,
    source: str,
    archive: Iterable[bytes] | None,
    *,
    repository: str = "",
    tag_name: str = "",
    message: str = "",
    changes: Sequence[str] = (),
    platform: str = "",
) -> Iterator[dict[str, object]]:
    """Make an image of one layer from a root file system; `source` is "-" (then `archive`) or a URL."""
    query = {
        "fromSrc": source,
        "repo": repository or None,
        "tag": tag_name or None,
        "message": message or None,
        "changes": list(changes),
        "platform": platform or None,
    }
    headers = {"Content-Type": "text/plain"}
    return engine.events("POST", "/images/create", query, stream=archive, headers=headers)


def load(
    engine: Engine, archive: Iterable[bytes], *, quiet: bool, platforms: Sequence[str] = ()
) -> Iterator[dict[str, object]]:
    """Take the images of an archive that `save` made; yield the messages."""
    query = {"quiet": quiet, "platform": list(platforms) or None}
    headers = {"Content-Type": "application/x-tar"}
    return engine.events("POST", "/images/load", query, stream=archive, headers=headers)


def save(engine: Engine, images: Sequence[str], *, platforms: Sequence[str] = ()) -> Response:
    """Return an archive of `images`, as a tar stream."""
    query = {"names": list(images), "platform": list(platforms) or None}
    return engine.request("GET", "/images/get", query)
