"""`stop`, `kill`, `pause`: signals and what is waited for after them."""

import asyncio
import contextlib
import signal as signals

from wharf.engine.containers import health, restart_policy
from wharf.engine.containers.container import Container, Run
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Condition, Status
from wharf.engine.errors import CannotKill, NotRunning, Restarting
from wharf.errors import Conflict, EngineError, Internal, InvalidParameter, NotModified, Unavailable
from wharf.failpoint import failpoint

_GRACE_AFTER_KILL_S = 10.0
_GRACE_WITHOUT_SIGNAL_S = 2.0
DEFAULT_STOP_TIMEOUT_S = 10


def parse_signal(text: str) -> int:
    """Return the number of a signal given as `9`, `KILL`, `SIGKILL` or `sigrtmin+3`.

    A number other than 0 is taken as it is: `is_supported` knows whether there is such a signal.
    """
    word = text.strip().upper().removeprefix("SIG")
    if word.removeprefix("-").isdecimal() and word.isascii():
        if number := int(word):
            return number
    elif word.startswith(("RTMIN+", "RTMAX-")) and word[6:].isdigit():
        base = signals.SIGRTMIN if word.startswith("RTMIN") else signals.SIGRTMAX
        number = base + int(word[5:])
        if signals.SIGRTMIN <= number <= signals.SIGRTMAX:
            return number
    elif f"SIG{word}" in signals.Signals.__members__:
        return signals.Signals[f"SIG{word}"]
    raise InvalidParameter(f"invalid signal: {text}")


def is_supported(number: int) -> bool:
    """Return whether a signal may be sent: the C library keeps those below SIGRTMIN for itself."""
    return 1 <= number <= signals.SIGSYS or signals.SIGRTMIN <= number <= signals.SIGRTMAX


async def _signal(context: Context, container: Container, number: int) -> None:
    """Send a signal, and see to it that a container whose end is asked for stays down.

    One that waits for its next start gets no signal: it stays down at once, or goes on waiting. Raises
    NotRunning, also for one that ends in this moment.
    """
    run = container.run
    if run is None or not container.is_alive:
        raise NotRunning(container.id)
    try:
        await _send(context, container, run, number)
    except Unavailable as error:
        raise NotRunning(container.id) from error


async def _send(context: Context, container: Container, run: Run, number: int) -> None:
    is_paused = container.condition.status is Status.PAUSED
    run.is_killed = run.is_killed or number == signals.SIGKILL
    is_final = _is_final(container, number)
    if restart_policy.has_policy(container) and not await _will_end(
        context, container, run, is_final=is_final
    ):
        return
    if number == signals.SIGKILL and is_paused:
        await run.shim.call("resume")  # a frozen process dies only when it thaws
    await run.shim.call("signal", signal=number, all=False)
    context.emit(container, "kill", {"signal": str(number)})
    if is_final and is_paused and number != signals.SIGKILL:
        with contextlib.suppress(EngineError):  # it has died, or somebody was faster
            await unpause(context, container)


def _is_final(container: Container, number: int) -> bool:
    """Return whether a signal is an order to stay down: any is, where the container has no stop signal."""
    chosen = container.record.config.stop_signal
    return number == signals.SIGKILL or not chosen or number == parse_signal(chosen)


async def _will_end(context: Context, container: Container, run: Run, *, is_final: bool) -> bool:
    """Have the restart policy know that a user ends the container; return whether there is what to signal."""
    if not container.condition.stopped_by_user:
        await context.index.save(container, container.with_condition(stopped_by_user=True))
    run.is_final |= is_final
    answer, _ = await run.shim.call("stopping", final=is_final)
    return answer.get("status") in {"running", "paused"}


async def kill(context: Context, container: Container, ref: str, text: str) -> None:
    """Send a signal; after SIGKILL, wait for the end."""
    try:
        number = parse_signal(text) if text else int(signals.SIGKILL)
        if not is_supported(number):
            raise InvalidParameter(f"the linux daemon does not support signal {number}")
    except InvalidParameter as error:
        raise InvalidParameter(f"cannot kill container: {ref}: {error}") from error
    if not container.is_alive or container.run is None:
        raise CannotKill(ref, container.id)
    ended = container.next_exit()
    try:
        await _signal(context, container, number)
    except EngineError as error:
        raise CannotKill(ref, container.id) from error
    if number == signals.SIGKILL:
        await asyncio.wait_for(ended, _GRACE_AFTER_KILL_S)


async def stop(context: Context, container: Container, *, signal: str | None, timeout: int | None) -> None:
    """Ask the container to end, wait `timeout` seconds (-1: for ever), then kill it.

    NotModified where it does not run.
    """
    if not container.is_alive:
        raise NotModified(f"Container {container.id} is already stopped")
    config = container.record.config
    try:
        number = parse_signal(signal or config.stop_signal or "SIGTERM")
    except InvalidParameter as error:
        raise Internal(str(error)) from error
    if timeout is None:
        timeout = config.stop_timeout if config.stop_timeout is not None else DEFAULT_STOP_TIMEOUT_S
    container.condition = container.with_condition(stopped_by_user=True)
    ended = container.next_exit()
    patience_s = None if timeout < 0 else float(timeout)
    try:
        if is_supported(number):
            await _signal(context, container, number)
        else:
            patience_s = _GRACE_WITHOUT_SIGNAL_S
        if not await _ends_within(ended, patience_s):
            await kill_and_wait(context, container)
    except NotRunning:  # it ended between the look and the signal: what was asked is so, once it is on record
        if container.run is not None:
            await _ends_within(ended, _GRACE_AFTER_KILL_S)
    context.emit(container, "stop")


async def kill_and_wait(context: Context, container: Container) -> None:
    """Kill a container outright and wait until its end is on record."""
    run = container.run
    if run is None:
        return
    with contextlib.suppress(EngineError):  # it may be on its way out already
        await _signal(context, container, signals.SIGKILL)
    if not await _ends_within(run.ended, _GRACE_AFTER_KILL_S):
        with contextlib.suppress(EngineError):  # the shim may be gone, and only the record not made yet
            await run.shim.call("kill")
        if not await _ends_within(run.ended, _GRACE_AFTER_KILL_S):
            raise Internal(f"cannot kill container {container.id}: it did not end within 20 seconds")


async def _ends_within(
    future: "asyncio.Future[Condition] | asyncio.Future[None]", seconds: float | None
) -> bool:
    done, _ = await asyncio.wait([future], timeout=seconds)
    return bool(done)


async def pause(context: Context, container: Container, *, briefly: bool = False) -> None:
    """Freeze every process of the container; `briefly` for the engine itself, which lets it go on."""
    async with container.lock:
        if container.condition.status is Status.RESTARTING:
            raise Restarting(container.id)
        if not container.is_alive or container.run is None or container.is_being_removed:
            raise NotRunning(container.id)
        if container.condition.status is Status.PAUSED:
            raise Conflict(f"Container {container.id} is already paused")
        if briefly:  # first on record: an engine that is killed lets it go on when it is back
            await context.index.save(container, container.with_condition(is_frozen_briefly=True))
            failpoint("pause.recorded")
        run = container.run
        try:
            await run.shim.call("pause")
            if run.is_killed:  # a frozen process does not die
                await run.shim.call("resume")
                raise NotRunning(container.id)
        except Unavailable as error:  # it has ended meanwhile
            raise NotRunning(container.id) from error
        condition = container.with_condition(
            status=Status.PAUSED, health=health.unwell(container.condition), is_frozen_briefly=briefly
        )
        await context.index.save(container, condition)
        context.emit(container, "pause")


async def unpause(context: Context, container: Container) -> None:
    """Let a frozen container go on."""
    async with container.lock:
        if container.condition.status is not Status.PAUSED or container.run is None:
            raise Conflict(f"Container {container.id} is not paused")
        await container.run.shim.call("resume")
        condition = container.with_condition(status=Status.RUNNING, is_frozen_briefly=False)
        await context.index.save(container, condition)
        context.emit(container, "unpause")
