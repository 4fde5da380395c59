"""`start`: from a record to a running process, and back again if any step fails."""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Iterator
from functools import partial

import msgspec

from wharf.aio.channel import Channel
from wharf.aio.peer import Peer
from wharf.engine.containers import (
    attach,
    bundle,
    files,
    joined,
    links,
    log_config,
    naming,
    news,
    places,
    restart_policy,
)
from wharf.engine.containers import exit as exit_
from wharf.engine.containers.container import Container, Run
from wharf.engine.containers.context import Context
from wharf.engine.containers.create import RUNTIMES
from wharf.engine.containers.joined import Donors
from wharf.engine.containers.mounts import running
from wharf.engine.containers.record import Status
from wharf.engine.errors import NoSuchContainer, RemovalInProgress, StartFailed
from wharf.errors import Conflict, EngineError, Internal, InvalidParameter, NotFound, NotModified, kind_of
from wharf.failpoint import failpoint
from wharf.shim.restart import FIRST_S

_log = logging.getLogger(__name__)

_CREATE_FAILED = (
    "failed to create task for container: failed to create shim task: "
    "OCI runtime create failed: runc create failed: "
)
_NO_ACCOUNT = ("unable to find user", "unable to find group")
_NO_SYSCTL = 'sysctl "'
_RUNTIME_WORDS = "unable to start container process"
_NO_DIRECTORY = re.compile(r": mkdir (.*): not a directory$", re.DOTALL)
_OWN_WORDS: dict[str, type[EngineError]] = {
    "error while mounting volume '": Internal,
    "error mounting image ": Internal,
    "cannot access path ": NotFound,
    "path concatenation escapes ": InvalidParameter,
    "mount options conflict: ": Internal,
}
"""What the runtime says in Docker's words, not in runc's."""

_NOT_A_DIRECTORY = "not a directory"
_WRONG_KIND = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? "
    "Check if the specified host path exists and is the expected type"
)
_NOT_FOUND = ("executable file not found", "no such file or directory")
_NOT_INVOKED = ("permission denied", "operation not permitted", "is a directory", "exec format error")


async def start(context: Context, container: Container) -> None:
    """Start a container; NotModified where it runs already."""
    async with container.lock:
        if container.is_being_removed:
            raise RemovalInProgress(container.id)
        if container.id not in context.index:  # it was removed while we waited
            raise NoSuchContainer(container.id)
        if container.condition.status is Status.PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        if container.is_alive:
            raise NotModified(f"Container {container.id} is already running")
        await _start(context, container)


async def start_again(context: Context, container: Container, *, restart_count: int) -> None:
    """Start a container because its restart policy says so, unless things have changed meanwhile."""
    async with container.lock:
        if restart_policy.is_due(container):
            await _start(context, container, restart_count=restart_count)


async def attend(context: Context, container: Container, run: Run) -> None:
    """Watch a run to its end, and keep to the restart policy in the place of a shim that was killed."""
    await exit_.watch(context, container, run)
    if run.was_cut_short and not run.is_final and restart_policy.is_due(container):
        await asyncio.sleep(FIRST_S)
        with contextlib.suppress(EngineError, OSError):  # on record as the container's error
            await start_again(context, container, restart_count=container.condition.restart_count + 1)


async def _start(context: Context, container: Container, *, restart_count: int = 0) -> None:
    run = Run([])
    container.run = run
    container.condition = container.with_condition(restart_count=restart_count)
    try:
        pid, started_at = await _launch(context, container, run)
    except BaseException as error:
        failure = _explain(error)
        await _undo(context, container, run, failure)
        if failure is not None:
            raise failure from error
        raise
    condition = msgspec.structs.replace(
        news.running(container, pid, started_at, restart_count), stopped_by_user=False
    )
    # Not waited for: after a crash the bundle tells that there was a start, and the shim what came of it.
    context.index.save(container, condition).add_done_callback(_log_failure)
    failpoint("start.recorded")
    files.tell_parents(context, container, run.endpoints)
    context.emit(container, "start")


async def _launch(context: Context, container: Container, run: Run) -> tuple[int, int]:
    """Take every step up to execve; return the init's pid, and the time in nanoseconds."""
    _check_runtime(container.record.host_config.runtime)
    donors = joined.donors(context, container)
    links.variables(
        context, container.record
    )  # which refuses, before anything is done, a linked one that is down
    prepared = await running.prepare(context, container, run)
    _lease(context, container, run)
    failpoint("start.leased")
    made = files.write(context, container, run.endpoints)
    log = await log_config.for_shim(context, container)
    path = bundle.write(context, container, made, log=log, donors=donors, prepared=prepared)
    failpoint("start.bundled")
    sock, pidfd = await context.spawner.shim(path)
    os.close(pidfd)
    run.peer = Peer(Channel(sock), on_event=partial(exit_.on_event, context, container, run))
    context.tasks.start(attend(context, container, run), name=f"watch {container.record.short_id}")
    connected = _connect(context, container, run, donors)
    if donors.pids() or any(endpoint.host_link for endpoint in run.endpoints):
        pid = await connected
        return pid, await _set_off(container, run)
    # Nothing is to be done between making and executing, so the shim need not wait to be told.
    setting_off = asyncio.create_task(_set_off(container, run), name=f"start {container.record.short_id}")
    try:
        pid = await connected
    except BaseException:
        setting_off.cancel()
        raise
    return pid, await setting_off


async def _connect(context: Context, container: Container, run: Run, donors: Donors) -> int:
    """Wait for the namespaces, put them on the networks, and return the init's pid."""
    assert run.recording is not None
    pid, netlink = await run.created
    try:
        failpoint("start.created")
        donors.check()
        with _network_trouble():
            await run.recording
            await _publish(context, container)
        if netlink is not None:
            await context.networks.plug_all(run.endpoints, netlink)
            await naming.give(context, container, run.endpoints, netlink)
    finally:
        if netlink is not None:
            os.close(netlink)
    failpoint("start.plugged")
    return pid


async def _publish(context: Context, container: Container) -> None:
    """Publish the container's ports, to which nobody answers yet."""
    record, host = container.record, container.record.host_config
    await context.networks.ports.publish(
        record.id, host.port_bindings or {}, record.config.exposed_ports, publish_all=host.publish_all_ports
    )


def _check_runtime(name: str) -> None:
    """Refuse a shim of containerd's that is not ours, in its words."""
    if name not in RUNTIMES:
        program = "-".join(name.split(".")[-2:])
        raise Internal(
            "failed to create task for container: failed to start shim: failed to resolve runtime path: "
            f'runtime "{name}" binary not installed "containerd-shim-{program}": file does not exist'
        )


async def _set_off(container: Container, run: Run) -> int:
    """Hand over the clients that wait, and have the program executed: the shim does both in this order."""
    with contextlib.ExitStack() as stack:
        asked = [
            run.shim.call(
                "attach",
                fds=stack.enter_context(attach.handed_over(client.sock, client.leftover, client.gate)),
                **client.fields,
            )
            for client in container.take_pending_clients()
        ]
        *_, (result, _) = await asyncio.gather(*asked, run.shim.call("start"))
    started_at = result["started_at"]
    assert isinstance(started_at, int)
    return started_at


def _lease(context: Context, container: Container, run: Run) -> None:
    """Take the container's place in each of its networks, and have it put on record."""
    record, networks = container.record, context.networks
    recordings = []
    with _network_trouble():
        try:
            for name in places.in_order(record):
                has_names = networks.find(name).has_names
                request = places.request(record, name, record.endpoints[name], has_names=has_names)
                endpoint, recording = networks.begin_lease(record.id, name, request)
                run.endpoints.append(endpoint)
                recordings.append(recording)
        finally:
            run.recording = asyncio.gather(*recordings)


@contextlib.contextmanager
def _network_trouble() -> Iterator[None]:
    try:
        yield
    except EngineError as error:
        raise kind_of(error)(f"failed to set up container networking: {error}") from error


def _explain(error: BaseException) -> EngineError | None:
    """Turn the failure of a step into what `docker start` says; None for what is no failure of ours."""
    if isinstance(error, OSError):
        return Internal(f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
    if not isinstance(error, EngineError):
        return None
    message = str(error)
    if message.startswith(_NO_ACCOUNT):
        return Internal(message)
    if message.startswith(_NO_SYSCTL):
        return Internal(_CREATE_FAILED + message)
    if not message.startswith(_RUNTIME_WORDS):
        return error
    if found := _NO_DIRECTORY.search(message):
        return Internal(f"Cannot mkdir: {found[1]} is not a directory")
    for words, kind in _OWN_WORDS.items():
        if words in message:
            return kind(message[message.index(words) :])
    message = _CREATE_FAILED + message
    if _NOT_A_DIRECTORY in message:
        return StartFailed(message + _WRONG_KIND, 127)
    if any(words in message for words in _NOT_INVOKED):
        return StartFailed(message, 126)
    if any(words in message for words in _NOT_FOUND):
        return StartFailed(message, 127)
    return Internal(message)


async def _undo(context: Context, container: Container, run: Run, failure: EngineError | None) -> None:
    """Take back whatever `_launch` has done; the container is as it was, but for the error on record."""
    if run.recording is not None:
        await asyncio.gather(run.recording, return_exceptions=True)
    if run.peer is not None:
        with contextlib.suppress(EngineError, OSError):  # the shim may have undone its part and be gone
            await run.peer.call("kill")
        await run.peer.close()
    container.drop_pending_clients()
    condition = container.with_condition(
        error=str(failure or "the start was given up"),
        exit_code=failure.exit_code if isinstance(failure, StartFailed) else 128,
    )
    undid = exit_.read_exit(context.paths.bundle(container.id)) is not None
    await exit_.give_back(context, container, run, shim_undid=undid)
    bundle.remove(context.paths.bundle(container.id))
    await context.index.save(container, condition)
    if container.record.host_config.auto_remove:
        context.tasks.start(
            exit_.remove_by_itself(context, container), name=f"remove {container.record.short_id}"
        )


def _log_failure(saving: "asyncio.Future[int]") -> None:
    if not saving.cancelled() and (error := saving.exception()) is not None:
        _log.error("cannot record that a container runs: %s", error)
