"""Where docker-init stands: on the host, and in a container."""

import os

from wharf.engine.docker_init.elf import executable

DESTINATION = "/sbin/docker-init"
"""Where a container sees it."""


def install(path: str) -> None:
    """Put it at `path`, for containers to be given it; one that has an older one keeps that."""
    content = executable(os.uname().machine)
    if _read(path) == content:
        return
    beside = f"{path}.new"
    with open(beside, "wb") as file:
        file.write(content)
        os.fchmod(file.fileno(), 0o555)
        file.flush()
        os.fsync(file.fileno())
    os.rename(beside, path)


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
