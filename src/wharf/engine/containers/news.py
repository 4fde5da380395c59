"""What a shim tells of a run that goes on: the container ended and comes back, its health, its memory."""

import asyncio
import logging

from wharf.engine.containers import execs, health
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Condition, Status
from wharf.failpoint import failpoint

_log = logging.getLogger(__name__)


def hear(context: Context, container: Container, message: dict[str, object]) -> None:
    """Take one event of the shim's; the caller holds the lock."""
    match message:
        case {"event": "exit", "status": int(status), "exited_at": int(exited_at), "restarts": int(restarts)}:
            failpoint("news.exit")
            condition = container.with_condition(
                status=Status.RESTARTING,
                pid=0,
                exit_code=status,
                oom_killed=bool(message.get("oom_killed")),
                finished_at=exited_at,
                restart_count=restarts,
                health=health.unwell(container.condition),
            )
            _save(context, container, condition)
            execs.end_all(context, container)
            tell_died(context, container)
            container.tell_exited()
        case {"event": "restarted", "pid": int(pid), "started_at": int(started_at)}:
            failpoint("news.restarted")
            _save(context, container, running(container, pid, started_at, container.condition.restart_count))
            context.emit(container, "start")
        case {"event": "oom"}:
            container.condition = container.with_condition(oom_killed=True)
            context.emit(container, "oom")
        case {"event": "probe" | "health"}:
            health.hear(context, container, message)


def running(container: Container, pid: int, started_at: int, restart_count: int) -> Condition:
    """Return the condition of a container that has just been started, by us or by its shim."""
    return container.with_condition(
        status=Status.RUNNING,
        pid=pid,
        exit_code=0,
        error="",
        oom_killed=False,
        started_at=started_at,
        restart_count=restart_count,
        health=health.begun(container),
    )


def tell_died(context: Context, container: Container) -> None:
    """Tell the world that a container ended."""
    condition = container.condition
    lasted = max(0, condition.finished_at - condition.started_at) // 1_000_000_000
    context.emit(container, "die", {"exitCode": str(condition.exit_code), "execDuration": str(lasted)})


def _save(context: Context, container: Container, condition: Condition) -> None:
    """Put a condition on record; it is not waited for, since the shim knows it, too."""
    context.index.save(container, condition).add_done_callback(_log_failure)


def _log_failure(saving: "asyncio.Future[int]") -> None:
    if not saving.cancelled() and (error := saving.exception()) is not None:
        _log.error("cannot record what became of a container: %s", error)
