"""What has to be mounted once for all of a volume's containers: on its folder, while one of them runs.

The mount table is the record: what is mounted on a volume's folder is ours, whoever mounted it. After a crash
`adopt` says which containers still run, and `sweep` unmounts what none of them uses.
"""

import asyncio
import os
from collections.abc import Callable, Iterable

from wharf.errors import Internal
from wharf.failpoint import failpoint
from wharf.linux import mount, mountinfo
from wharf.volume.local import Local


class HostMounts:
    """The mounts on the data folders that `place` names; `open` before use."""

    def __init__(self, place: Callable[[str], str]) -> None:
        self._place = place
        self._users: dict[str, set[str]] = {}

    def adopt(self, name: str, user: str) -> None:
        """Count a container that runs with a volume already."""
        self._users.setdefault(name, set()).add(user)

    def is_mounted(self, name: str) -> bool:
        """Whether a container that runs keeps the volume mounted."""
        return name in self._users

    async def mount(self, name: str, user: str, local: Local) -> None:
        """Mount a volume unless it is mounted; `release` for the same user undoes it. Raises Internal."""
        place = self._place(name)
        if name not in self._users:
            data = ",".join(local.data)
            try:
                await asyncio.to_thread(mount.mount, local.device, place, local.type, local.flags, data)
            except OSError as error:
                words = os.strerror(error.errno or 0).lower()
                raise Internal(f"{local.failure(place)}: {words}") from error
        failpoint("volume.mounted")
        self.adopt(name, user)

    def release(self, name: str, user: str) -> None:
        """Unmount a volume when its last user has ended; one that is not mounted is not missed."""
        users = self._users.get(name)
        if users is None:
            return
        users.discard(user)
        if not users:
            del self._users[name]
            self._unmount(self._place(name))

    def drop(self, names: Iterable[str]) -> None:
        """Unmount volumes that are nobody's any more, for the start."""
        places = {self._place(name) for name in names}
        for entry in reversed(mountinfo.read() if places else []):
            if entry.place in places:
                self._unmount(entry.place)

    def sweep(self, folder: str) -> None:
        """Unmount what is mounted below `folder` for nobody."""
        used = {self._place(name) for name in self._users}
        for place in mounted_below(folder):
            if place not in used:
                self._unmount(place)

    def _unmount(self, place: str) -> None:
        failpoint("volume.unmount")
        mount.umount2(place, mount.MNT_DETACH | mount.UMOUNT_NOFOLLOW)


def mounted_below(folder: str) -> list[str]:
    """Return the places below `folder` where something is mounted, the uppermost of a stack first."""
    return [entry.place for entry in reversed(mountinfo.read()) if entry.place.startswith(f"{folder}/")]
