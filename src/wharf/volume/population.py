"""Filling volumes with what their image has at their place, and looking how much is in them."""

import asyncio
import os
import socket
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wharf.content.folders import Jobs
from wharf.errors import Internal
from wharf.failpoint import failpoint
from wharf.linux import rooted
from wharf.linux.rooted import Root
from wharf.volume import copy_up, measure
from wharf.volume.folders import Folders
from wharf.volume.local import Local

BENEATH = rooted.RESOLVE_BENEATH | rooted.RESOLVE_NO_MAGICLINKS
"""How a part of a volume is found: its links may not lead out of it."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Image(NamedTuple):
    """An image's folders, highest first, as names below the folder of snapshots."""

    snapshots: str
    lower: Sequence[str]


class Population:
    """What is done to a volume's content, by workers; the caller holds the volume's lock."""

    def __init__(self, folders: Folders, jobs: Jobs) -> None:
        self._folders = folders
        self._jobs = jobs

    async def fill(self, name: str, local: Local | None, image: Image, path: str, subpath: str) -> str:
        """Copy `path` of the image into a volume, if that is empty; return what is at `path`.

        That is `nothing`, `file` or `directory`; only the last is copied. Of a volume that is mounted by
        `subpath`, that part is meant, and nothing is done where it is missing. Raises Internal.
        """
        if subpath:
            return await self._fill_part(name, image, path, subpath) if local is None else "nothing"
        if local is None:
            return await self._fill_folder(name, image, path)
        place = self._folders.data(name)
        mounted = None
        target = local.device if local.is_bind else place
        if not local.is_bind:
            mounted = {**_mount(await resolved(local)), "at": place}
        elif (
            not os.path.isdir(target) and await self._run(image, path, place, looks_only=True) != "directory"
        ):
            return "nothing"  # nothing to copy: the start will say what is wrong
        try:
            return await self._run(image, path, target, mount=mounted)
        except (OSError, Internal) as error:
            words = error.strerror if isinstance(error, OSError) else str(error)
            raise Internal(f"{local.failure(place)}: {(words or '').lower()}") from error

    async def _fill_part(self, name: str, image: Image, path: str, subpath: str) -> str:
        with Root.at(self._folders.data(name)) as data:
            try:
                part = rooted.openat2(data.fd, subpath, _FOLDER, resolve=BENEATH)
            except OSError:
                return "nothing"  # the start will say what is wrong with it
        try:
            return await self._run(image, path, part)
        finally:
            os.close(part)

    async def _fill_folder(self, name: str, image: Image, path: str) -> str:
        try:
            return await self._run(image, path, self._folders.folder(name), staged=name)
        except BaseException:
            self._folders.drop_copy(name)
            raise

    async def _run(
        self,
        image: Image,
        path: str,
        target: str | int,
        *,
        staged: str = "",
        looks_only: bool = False,
        mount: Mapping[str, object] | None = None,
    ) -> str:
        args = {
            "lower": list(image.lower),
            "path": path,
            "mount": mount,
            "staged": int(bool(staged)),
            "looks_only": int(looks_only),
        }
        fds: list[int] = []
        try:
            fds.append(os.open(image.snapshots, _FOLDER))
            fds.append(os.dup(target) if isinstance(target, int) else os.open(target, _FOLDER))
            result = await self._jobs.job(copy_up.NAME, args, fds)
        finally:
            for fd in fds:
                os.close(fd)
        failpoint("volume.copied")
        if staged and result["copied"]:
            self._folders.commit_copy(staged)
        return str(result["found"])

    async def size(self, name: str) -> int:
        """Return the bytes of a volume's files, -1 where they cannot be counted."""
        try:
            data = os.open(self._folders.data(name), _FOLDER)
        except OSError:
            return -1
        try:
            found = (await self._jobs.job(measure.NAME, {}, [data]))["size"]
        finally:
            os.close(data)
        return found if isinstance(found, int) else -1


def _mount(local: Local) -> dict[str, object]:
    return {
        "type": local.type,
        "device": local.device,
        "flags": local.flags,
        "data": ",".join(local.data),
    }


async def resolved(local: Local) -> Local:
    """Return what the kernel is told: the server's address in place of its name; raises Internal."""
    if not (name := local.host_name):
        return local
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Internal(
            f"error resolving passed in network volume address: lookup {name}: no such host"
        ) from error
    return local.at(str(found[0][4][0]))
