"""The job `empty_trash`: deletes what lies in the trash folder, however deep and however much.

Descriptor: the trash folder. Result: `count`. What a worker that dies leaves is deleted by the next one.
"""

import os

from wharf.content.outcome import Tell, job
from wharf.content.removal import remove_trees
from wharf.failpoint import failpoint


def empty_trash(args: dict[str, object], fds: list[int], tell: Tell) -> dict[str, object]:  # noqa: ARG001 - a job's shape
    """Do what the module says."""
    (folder_fd,) = fds
    os.fchdir(folder_fd)
    failpoint("content.trash.empty")
    return {"count": remove_trees(".", lambda _: True)}


empty_trash_job = job(empty_trash)
