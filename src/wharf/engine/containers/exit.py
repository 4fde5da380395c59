"""What happens when a container ends: by itself, with its shim, or while wharfd was away."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Awaitable

from wharf.aio.peer import error_of
from wharf.engine.containers import bundle, execs, health, news, remove
from wharf.engine.containers.container import Container, Run
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts import running
from wharf.engine.containers.record import Status
from wharf.errors import Unavailable
from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.shim.protocol import ExitRecord
from wharf.shim.record import EXIT, PREVIOUS

_log = logging.getLogger(__name__)


def killed_with_shim() -> ExitRecord:
    """Return the record of a container whose shim was killed: its processes are killed with it."""
    return {
        "status": 137,
        "oom_killed": False,
        "started_at": None,
        "exited_at": time.time_ns(),
        "error": None,
        "restarting": False,
        "restarts": 0,
    }


def on_event(
    context: Context, container: Container, run: Run, message: dict[str, object], fds: list[int]
) -> None:
    """Take one event of the shim's."""
    match message.get("event"):
        case "created":
            pid = message["pid"]
            assert isinstance(pid, int)
            run.created.set_result((pid, fds.pop(0) if fds else None))
        case "failed":
            run.created.set_exception(error_of(message.get("error")))
        case "exec-exit":
            execs.on_exit(context, container, message)
        case "detach":
            exec_id = message.get("exec")
            if isinstance(exec_id, str):
                context.emit(container, "exec_detach", {"execID": exec_id})
            else:
                context.emit(container, "detach")
        case "exit" if not message.get("restarting"):
            run.news.put_nowait(None)  # the same words are in exit.json
        case "exit" | "restarted" | "oom" | "probe" | "health":
            run.news.put_nowait(message)
    for fd in fds:
        os.close(fd)


async def watch(context: Context, container: Container, run: Run) -> None:
    """Hear a shim until its run is over, as it says or by its own end, and draw the conclusions."""
    assert run.peer is not None
    run.peer.closed.add_done_callback(lambda _: run.news.put_nowait(None))
    while (message := await run.news.get()) is not None:
        async with container.lock:
            if container.run is run:
                news.hear(context, container, message)
    if not run.created.done():
        run.created.set_exception(Unavailable("the container's shim ended unexpectedly"))
    async with container.lock:
        if container.run is run:
            await conclude(context, container, run)


async def conclude(context: Context, container: Container, run: Run) -> None:
    """Record the end of a run whose shim is done; the caller holds the lock."""
    path = context.paths.bundle(container.id)
    told = read_exit(path)
    ended = told or killed_with_shim()
    run.was_cut_short = told is None or told["restarting"]
    failpoint("exit.seen")
    is_told = container.condition.status is Status.RESTARTING
    condition = container.with_condition(
        status=Status.EXITED,
        pid=0,
        exit_code=ended["status"],
        error=ended["error"] or "",
        oom_killed=ended["oom_killed"],
        started_at=ended["started_at"] or container.condition.started_at,
        finished_at=ended["exited_at"],
        restart_count=_restarts(path, told, container.condition.restart_count),
        health=health.unwell(container.condition),
        is_frozen_briefly=False,
    )
    recorded: Awaitable[object]
    removes_itself = container.record.host_config.auto_remove and not container.is_being_removed
    if removes_itself:
        container.is_being_removed = True
        container.condition = condition  # its removal is what goes on record
        recorded = remove.strike_off(context, container, volumes=True)
    else:
        recorded = context.index.save(container, condition)
    # Both write to the database in their first step, and so share one commit.
    outcomes = await asyncio.gather(
        recorded, give_back(context, container, run, shim_undid=told is not None), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):  # a full disk, say: whoever waits must hear of the end even so
            _log.error("container %s ended: %s", container.record.short_id, outcome)
    execs.end_all(context, container)
    if not is_told:
        news.tell_died(context, container)
    container.tell_exited()
    if not run.ended.done():
        run.ended.set_result(None)
    is_gone = removes_itself and not isinstance(outcomes[0], BaseException)
    if is_gone:
        await remove.forget(context, container)
    elif removes_itself:
        container.is_being_removed = False
    await asyncio.to_thread(_remove_files, context, container, with_folder=is_gone)


def _remove_files(context: Context, container: Container, *, with_folder: bool) -> None:
    """Remove the bundle, and the folder of a container that is gone; whoever waited has been told."""
    bundle.remove(context.paths.bundle(container.id))
    if with_folder:
        remove.remove_folder(context.paths.container(container.id))


async def remove_by_itself(context: Context, container: Container) -> None:
    """Remove a `--rm` container that could not be started."""
    async with container.lock:
        if not container.is_being_removed:
            container.is_being_removed = True
            await remove.take_away(context, container, volumes=True)


async def give_back(context: Context, container: Container, run: Run, *, shim_undid: bool) -> None:
    """Release what a run held outside of its own namespaces, but for its bundle; the caller holds the lock.

    `shim_undid` says that the shim has done its part: nothing of the container lives.
    """
    container.run = None
    path = context.paths.bundle(container.id)
    if not shim_undid:
        await asyncio.to_thread(remove_cgroup, path)
    for endpoint in run.endpoints:
        await context.networks.release(endpoint)
        context.tasks.start(context.networks.unplug(endpoint), name=f"unplug {container.record.short_id}")
    running.give_back(context, container, run)
    failpoint("exit.released")


def remove_cgroup(path: str) -> None:
    """Kill and remove the cgroup that a bundle names; its shim could not."""
    try:
        with open(f"{path}/config.json", encoding="utf-8") as file:
            spec = json.load(file)
        cgroup = Cgroup.load(spec["linux"]["cgroupsPath"])
    except (FileNotFoundError, json.JSONDecodeError, KeyError):  # it names none
        return
    try:
        cgroup.kill()
        cgroup.remove()
    except OSError as error:  # something in it does not die: everything else goes on
        _log.error("cannot remove cgroup %s: %s", cgroup.path, error)


def read_exit(path: str, name: str = EXIT) -> ExitRecord | None:
    """Return what the shim recorded of a container's end, if it did.

    A shim of an older version may not have known all that is asked now.
    """
    record = killed_with_shim()
    try:
        with open(f"{path}/{name}", encoding="utf-8") as file:
            record.update(json.load(file))
    except FileNotFoundError:
        return None
    return record


def _restarts(path: str, told: ExitRecord | None, known: int) -> int:
    """Return how often the container was started again; what the shim meant to do next is not counted."""
    last = told or read_exit(path, PREVIOUS)
    if last is None:
        return known
    return last["restarts"] - last["restarting"] if last is told else last["restarts"]
