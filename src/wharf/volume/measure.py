"""The job `volume.measure`: the bytes of a volume's files, each inode once.

Descriptor: the volume's data. Result: `size`, or -1 for a tree that cannot be walked to its end.
"""

import os

from wharf.content.outcome import Job, Tell, job

NAME = "volume.measure"


def _measure(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:
    del args, tell
    (folder_fd,) = fds
    try:
        return {"size": _size(folder_fd)}
    except (OSError, RecursionError):
        return {"size": -1}


def _size(folder_fd: int) -> int:
    seen: set[int] = set()
    total = 0
    for _, folders, names, parent in os.fwalk(".", dir_fd=folder_fd, follow_symlinks=False):
        for name in (*folders, *names):
            try:
                found = os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if name not in folders and found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_size
    return total


measure_job: Job = job(_measure)
