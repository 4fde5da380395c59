"""Coming up: adopt the containers that live, record those that died, sweep what nobody owns."""

import contextlib
import os
import signal

import msgspec

from wharf.aio.channel import Channel
from wharf.aio.peer import Peer
from wharf.engine.containers import bundle, files, health, remove, start, update
from wharf.engine.containers import exit as exit_
from wharf.engine.containers.container import Container, Run
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts import running
from wharf.engine.containers.record import Condition, Status
from wharf.errors import EngineError
from wharf.failpoint import failpoint


async def adopt_all(context: Context) -> None:
    """Bring the containers in memory and on record in line with what the kernel holds."""
    for container in context.index:
        for point in container.record.mounts:
            if point.type == "volume":
                context.volumes.hold(point.name, container.id)
    for container in context.index:
        async with container.lock:
            await _adopt(context, container)
    failpoint("adopt.adopted")
    for container in context.index:
        if container.run is not None:  # it may have been started just before this engine's earlier life ended
            files.tell_parents(context, container, container.run.endpoints)
    context.volumes.host_mounts.sweep(context.paths.volumes)
    _sweep_bundles(context)
    _sweep_folders(context)


async def _adopt(context: Context, container: Container) -> None:
    condition = container.condition
    path = context.paths.bundle(container.id)
    if not (condition.status.is_alive or os.path.isdir(path)):
        if condition.status is Status.EXITED and container.record.host_config.auto_remove:
            container.is_being_removed = True
            await remove.take_away(context, container, volumes=True)
        return
    run = Run(list(context.networks.endpoints(container.id)))
    container.run = run
    running.adopted(context, container, run)
    try:
        run.peer = Peer(
            await Channel.connect(f"{path}/shim.sock"),
            on_event=lambda message, fds: exit_.on_event(context, container, run, message, fds),
        )
        state, _ = await run.peer.call("state")
    except (OSError, EngineError):
        if not condition.status.is_alive and exit_.read_exit(path) is None:
            await _never_started(context, container, run)
        else:
            await exit_.conclude(context, container, run)
        return
    await _take_over(context, container, run, state)


async def _never_started(context: Context, container: Container, run: Run) -> None:
    await exit_.give_back(context, container, run, shim_undid=False)
    bundle.remove(context.paths.bundle(container.id))
    await context.index.save(container, container.with_condition(exit_code=128))


async def _take_over(context: Context, container: Container, run: Run, state: dict[str, object]) -> None:
    pid, started_at, status = state.get("pid"), state.get("started_at"), state.get("status")
    ended = state.get("ended")
    last: dict[str, object] = ended if isinstance(ended, dict) else {}
    known = container.condition
    caught_up = container.with_condition(
        restart_count=state.get("restarts", known.restart_count),
        finished_at=last.get("exited_at", known.finished_at),
        oom_killed=bool(state.get("oom_killed")),
        health=health.adopted(container, context.paths.bundle(container.id)),
    )
    if status == "restarting":
        condition = msgspec.structs.replace(
            caught_up,
            status=Status.RESTARTING,
            pid=0,
            exit_code=last.get("status", known.exit_code),
            oom_killed=last.get("oom_killed", known.oom_killed),
            started_at=last.get("started_at") or known.started_at,
        )
        await _follow(context, container, run, condition, 0)
        return
    if not isinstance(started_at, int) or not isinstance(pid, int):  # made, and never told to start
        with contextlib.suppress(EngineError):
            await run.shim.call("kill")
        await run.shim.close()
        await _never_started(context, container, run)
        return
    if known.is_frozen_briefly:
        with contextlib.suppress(EngineError):  # the commit had not come to it yet
            await run.shim.call("resume")
        status = "running"
    alive = Status.PAUSED if status == "paused" else Status.RUNNING
    condition = msgspec.structs.replace(
        caught_up,
        status=alive,
        pid=pid,
        exit_code=0,
        error="",
        started_at=started_at,
        is_frozen_briefly=False,
    )
    await _follow(context, container, run, condition, pid)


async def _follow(context: Context, container: Container, run: Run, condition: Condition, pid: int) -> None:
    """Be again what watches a container whose shim goes on."""
    run.created.set_result((pid, None))
    await context.index.save(container, condition)
    context.tasks.start(start.attend(context, container, run), name=f"watch {container.record.short_id}")
    await update.finish(context, container)


def _sweep_bundles(context: Context) -> None:
    """Remove bundles of containers that are not on record, with what they name in the kernel."""
    for name in os.listdir(context.paths.bundles):
        if name in context.index and context.index.find(name).run is not None:
            continue
        path = context.paths.bundle(name)
        _kill_shim(path)
        exit_.remove_cgroup(path)
        failpoint("adopt.swept")
        bundle.remove(path)


def _kill_shim(path: str) -> None:
    """Kill the shim whose pid file stands in a bundle, if that process is still the same one."""
    try:
        with open(f"{path}/shim.pid", encoding="ascii") as file:
            pid, _, started = file.read().strip().partition(" ")
        pidfd = os.pidfd_open(int(pid))
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return
    try:
        if _start_time(int(pid)) == started:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except ProcessLookupError:
        pass
    finally:
        os.close(pidfd)


def _start_time(pid: int) -> str:
    """Return field 22 of /proc/PID/stat (clock ticks since boot), proc(5)."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rpartition(")")[2].split()[19]


def _sweep_folders(context: Context) -> None:
    for name in os.listdir(context.paths.containers):
        if name not in context.index:
            remove.remove_folder(context.paths.container(name))
