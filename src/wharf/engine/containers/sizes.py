"""How much a container's own layer holds, and all of its root."""

import asyncio
import os
import stat
from typing import NamedTuple

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.errors import EngineError


class Sizes(NamedTuple):
    """Bytes: of what the container wrote, and of that with its image."""

    writable: int
    root: int


async def measure(context: Context, container: Container) -> Sizes:
    """Look at every file of the container's layer; on a thread, since there may be many."""
    writable = await asyncio.to_thread(tree_size, context.layers.upper(container.id))
    try:
        chain = (
            context.images.resolve(container.record.image_id).chain_id if container.record.image_id else None
        )
    except EngineError:  # the image was removed by force
        return Sizes(writable, writable)
    return Sizes(writable, writable + sum(layer.size for layer in context.layers.stack(chain)))


def tree_size(folder: str) -> int:
    """Return the bytes of the regular files below `folder`, each inode once."""
    seen: set[int] = set()
    total = 0
    for parent, _, names, parent_fd in os.fwalk(folder, follow_symlinks=False):
        del parent
        for name in names:
            try:
                found = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode) and found.st_ino not in seen:
                seen.add(found.st_ino)
                total += found.st_size
    return total
