"""`rm`: a container goes, with all that was its own."""

import asyncio
import os
import sqlite3

from wharf.engine.containers import index, stop
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts.resolve import anonymous_volumes, image_holders
from wharf.engine.containers.record import Status
from wharf.engine.errors import NoSuchContainer, RemovalInProgress
from wharf.errors import Conflict
from wharf.failpoint import failpoint


async def remove(context: Context, container: Container, *, force: bool, volumes: bool) -> None:
    """Remove a container; one that runs only by force (it is killed first). `volumes`: anonymous ones too."""
    if container.is_being_removed:
        raise RemovalInProgress(container.id)
    async with container.lock:  # what has begun, a start or a pause, comes to its end first
        _mark(context, container, force=force)
    try:
        if container.run is not None:
            await stop.kill_and_wait(context, container)
        async with container.lock:
            if container.id not in context.index:
                raise NoSuchContainer(container.id)
            await take_away(context, container, volumes=volumes)
    finally:
        container.is_being_removed = False


def _mark(context: Context, container: Container, *, force: bool) -> None:
    """Mark a container that may be removed; the caller holds the lock."""
    if container.is_being_removed:
        raise RemovalInProgress(container.id)
    if container.id not in context.index:
        raise NoSuchContainer(container.id)
    if container.is_alive and not force:
        status = container.condition.status
        state = (
            "paused and must be unpaused first"
            if status is Status.PAUSED
            else f"{status}: stop the container before removing or force remove"
        )
        raise Conflict(f'cannot remove container "{container.name}": container is {state}')
    container.is_being_removed = True


async def take_away(context: Context, container: Container, *, volumes: bool) -> None:
    """Delete a container that has no process; the caller holds the lock and has marked it."""
    await strike_off(context, container, volumes=volumes)
    await clear_away(context, container)


async def strike_off(context: Context, container: Container, *, volumes: bool) -> None:
    """Take a container and its layer off the record, and with `volumes` its anonymous ones: no return."""
    names = anonymous_volumes(container.record) if volumes else []
    doomed = context.volumes.doom(container.id, names)

    def also(connection: sqlite3.Connection) -> None:
        index.delete(connection, container.id)
        context.volumes.put_in(connection, doomed)
        for holder in image_holders(container.record):
            context.layers.drop_in(connection, holder)

    try:
        await context.layers.remove(container.id, also=also)
    except BaseException:
        context.volumes.spare(doomed)
        raise
    context.volumes.release(container.id)
    container.doomed_volumes = doomed
    failpoint("remove.recorded")


async def clear_away(context: Context, container: Container) -> None:
    """Forget a container that is off the record, say that it is gone, and remove its folder."""
    await forget(context, container)
    await asyncio.to_thread(remove_folder, context.paths.container(container.id))
    failpoint("remove.folder")


async def forget(context: Context, container: Container) -> None:
    """Forget a container that is off the record, and say so: only files of its own are left of it."""
    context.index.discard(container)
    if container.doomed_volumes:
        await context.volumes.bury(container.doomed_volumes)
    context.emit(container, "destroy")
    container.tell_removed()


def remove_folder(folder: str) -> None:
    """Remove a container's folder, with its logs and generated files: all of them the engine's own."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            remove_folder(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(folder)
