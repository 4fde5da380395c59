"""Containers' files: `/containers/…/archive`, export, changes, and `/commit` of the Engine API."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence

from wharf.client.engine import Engine
from wharf.client.errors import BrokenAnswer
from wharf.client.http import Response
from wharf.client.query import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.client.shapes import Change

DIRECTORY, SYMLINK, DEVICE = 1 << 31, 1 << 27, 1 << 26
"""Bits of a mode as Go has it."""

_STAT = "x-docker-container-path-stat"


class PathStat:
    """What a path of a container is."""

    __slots__ = ("link_target", "mode", "name", "size")

    def __init__(self, response: Response) -> None:
        try:
            document = json.loads(base64.b64decode(response.headers.get(_STAT, "")))
            self.name = str(document["name"])
            self.size = int(document["size"])
            self.mode = int(document["mode"])
            self.link_target = str(document["linkTarget"])
        except (ValueError, KeyError, TypeError):
            raise BrokenAnswer("unable to decode container path stat header") from None


def stat_path(engine: Engine, container: str, path: str) -> PathStat:
    """Return what is at `path`."""
    response = engine.request("HEAD", f"/containers/{quote(container)}/archive", {"path": path})
    stat = PathStat(response)
    engine.finish(response)
    return stat


def copy_out(engine: Engine, container: str, path: str) -> tuple[PathStat, Response]:
    """Return what is at `path`, and its archive."""
    response = engine.request("GET", f"/containers/{quote(container)}/archive", {"path": path})
    return PathStat(response), response


def copy_in(engine: Engine, container: str, path: str, archive: Iterable[bytes], *, copy_owner: bool) -> None:
    """Unpack `archive` in the directory `path`; with `copy_owner`, all shall be the container's user's."""
    query = {
        "path": path,
        "noOverwriteDirNonDir": "true",
        "copyUIDGID": "true" if copy_owner else None,
    }
    headers = {"Content-Type": "application/x-tar"}
    response = engine.request(
        "PUT", f"/containers/{quote(container)}/archive", query, stream=archive, headers=headers
    )
    response.read()
    engine.finish(response)


def export(engine: Engine, container: str) -> Response:
    """Return the archive of all files of `container`, but for what is mounted in it."""
    return engine.request("GET", f"/containers/{quote(container)}/export")


def changes(engine: Engine, container: str) -> list[Change]:
    """Return what `container` has changed of its image."""
    found: list[Change] | None = engine.json("GET", f"/containers/{quote(container)}/changes")
    return found or []


def commit(
    engine: Engine,
    container: str,
    *,
    repository: str = "",
    tag: str = "",
    author: str = "",
    message: str = "",
    changes: Sequence[str] = (),
    pause: bool = True,
) -> str:
    """Make an image of `container`; return its id."""
    query = {
        "container": container,
        "repo": repository or None,
        "tag": tag or None,
        "author": author or None,
        "comment": message or None,
        "changes": list(changes) or None,
        "pause": None if pause else False,
    }
    return str(engine.json("POST", "/commit", query)["Id"])
