"""`exec`: further processes in a running container."""

import asyncio
import contextlib
import os
import socket
import struct
import time

from wharf.engine.containers import account_job, links
from wharf.engine.containers.attach import SocketClient, handed_over
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.exec_instance import Exec
from wharf.engine.containers.oci import process as oci_process
from wharf.engine.containers.oci import security
from wharf.engine.containers.record import Record, Status
from wharf.engine.errors import NoSuchExec, NotRunning, Restarting
from wharf.errors import Conflict, EngineError, InvalidParameter, Unavailable, kind_of
from wharf.runtime.spec import Process
from wharf.schema.exec_ import ExecConfig

_FAILED = "OCI runtime exec failed: exec failed: "
_CONTAINER_ENDED = "clone3: no such process"
"""There is no process to be made in the pid namespace of an init that has ended: pid_namespaces(7)."""

_NO_FOLDER = (
    ": Are you trying to mount a directory onto a file (or vice-versa)? "
    "Check if the specified host path exists and is the expected type"
)
"""What dockerd adds whenever the kernel said ENOTDIR, mount or not."""


async def create(context: Context, container: Container, ref: str, config: ExecConfig) -> Exec:
    """Make an exec instance of a container that runs."""
    if not config.cmd:
        raise InvalidParameter("No exec command specified")
    if container.condition.status is Status.PAUSED:
        raise Conflict(f"Container {ref} is paused, unpause the container before exec")
    check_not_restarting(container)
    if not container.is_alive:
        raise NotRunning(container.id)
    links.variables(context, container.record)  # which refuses a linked one that is down, as Docker does
    if config.user:
        await _check_user(context, container, config.user)
    made = Exec(container, config)
    context.execs[made.id] = made
    container.exec_ids.append(made.id)
    context.emit(container, f"exec_create: {made.title}", {"execID": made.id})
    return made


def check_not_restarting(container: Container) -> None:
    """Refuse a container that waits for its next start: it has no process now."""
    if container.condition.status is Status.RESTARTING:
        raise Restarting(container.id)


async def _check_user(context: Context, container: Container, user: str) -> None:
    """Refuse a user that the container does not know."""
    try:
        root = os.open(f"/proc/{container.condition.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NotRunning(container.id) from error
    try:
        await context.spawner.job(account_job.NAME, {"user": user}, [root])
    finally:
        os.close(root)


def find(context: Context, exec_id: str) -> Exec:
    """Return the exec instance with this id; Docker's conflicts where its container cannot run it."""
    found = context.execs.get(exec_id)
    if found is None:
        raise NoSuchExec(exec_id)
    return found


def check_startable(found: Exec) -> None:
    """Raise where the container's state does not allow the start."""
    container = found.container
    check_not_restarting(container)
    if not container.is_alive:
        raise NotRunning(container.id)
    if container.condition.status is Status.PAUSED:
        raise Conflict(f"Container {container.id} is paused, unpause the container before exec")


async def start_attached(
    context: Context, found: Exec, sock: socket.socket, leftover: bytes, *, size: tuple[int, int] | None
) -> None:
    """Start an exec instance whose client has been answered already: a failure is told in its stream."""
    with sock:
        try:
            await start(context, found, sock, leftover, size=size)
        except EngineError as error:
            await _tell(sock, f"{error}\r\n".encode(), framed=not found.config.tty)


async def _tell(sock: socket.socket, text: bytes, *, framed: bool) -> None:
    """Write a last word to a client's standard output, as Docker does."""
    data = struct.pack(">BxxxL", 1, len(text)) + text if framed else text
    sock.setblocking(False)
    try:
        await asyncio.wait_for(asyncio.get_running_loop().sock_sendall(sock, data), 5)
    except OSError:
        return  # the client is gone; there is nobody to tell


async def start(
    context: Context,
    found: Exec,
    sock: socket.socket | None,
    leftover: bytes = b"",
    *,
    size: tuple[int, int] | None,
) -> None:
    """Start an exec instance; its client's socket, if any, is shared with the shim when this returns."""
    container = found.container
    check_startable(found)
    if found.has_started:
        raise Conflict(f"exec command {found.id} has already run")
    found.has_started = True
    run = container.run
    if run is None:
        raise NotRunning(container.id)
    config = found.config
    context.emit(container, f"exec_start: {found.title}", {"execID": found.id})
    client = SocketClient(
        stdin=config.attach_stdin and sock is not None,
        stdout=config.attach_stdout and sock is not None,
        stderr=config.attach_stderr and sock is not None,
        detach_keys=found.detach_keys,
        framed=not config.tty,
    )
    found.is_running = True
    found.started_at = time.time_ns()
    try:
        with handed_over(sock.dup() if sock is not None else None, leftover) as handed:
            result, fds = await run.shim.call(
                "exec",
                fds=handed,
                exec=found.id,
                process=process_of(context, container.record, config, size),
                **client.fields(),
            )
    except EngineError as error:
        found.is_running = False
        message = str(error)
        if message.startswith("unable to start container process"):
            message = _FAILED + message + (_NO_FOLDER if message.endswith("not a directory") else "")
            found.exit_code = 126 if "permission denied" in message or "is a directory" in message else 127
        else:
            found.exit_code = 126
        context.emit(container, "exec_die", {"execID": found.id, "exitCode": str(found.exit_code)})
        if message.endswith(_CONTAINER_ENDED) or isinstance(error, Unavailable):
            raise NotRunning(container.id) from error
        raise kind_of(error)(message) from error
    for fd in fds:
        os.close(fd)
    pid = result["pid"]
    assert isinstance(pid, int)
    found.pid = pid


def process_of(context: Context, record: Record, config: ExecConfig, size: tuple[int, int] | None) -> Process:
    """Return the OCI process of what is executed in a container."""
    base = oci_process.environment(
        record.config, record.config.hostname, linked=links.variables(context, record)
    )
    if config.tty and not any(entry.startswith("TERM=") for entry in base):
        base.append("TERM=xterm")
    capabilities = (
        context.available_capabilities
        if config.privileged
        else oci_process.capability_names(record.host_config, available=context.available_capabilities)
    )
    made: Process = {
        "terminal": config.tty,
        "user": oci_process.user(config.user or record.config.user, record.host_config.group_add),
        "args": list(config.cmd or ()),
        "env": oci_process.merge_env(base, config.env or ()),
        "cwd": config.working_dir or record.config.working_dir or "/",
        "capabilities": oci_process.capability_sets(capabilities),
        "oomScoreAdj": record.host_config.oom_score_adj,
        "noNewPrivileges": security.read(record.host_config).no_new_privileges,
    }
    if limits := oci_process.rlimits(record.host_config):
        made["rlimits"] = limits
    if size is not None:
        made["consoleSize"] = {"height": size[0], "width": size[1]}
    return made


async def catch_up(found: Exec) -> None:
    """Hear what the shim has said already.

    A client that has seen the end of its stream asks for the exit code at once; the shim told it before it
    closed the stream, so that with its next answer the news is here.
    """
    run = found.container.run
    if found.is_running and run is not None:
        with contextlib.suppress(EngineError):
            await run.shim.call("state")


def on_exit(context: Context, container: Container, message: dict[str, object]) -> None:
    """Take the shim's word that an exec'd process ended."""
    found = context.execs.get(str(message.get("exec")))
    status = message.get("status")
    if found is None or not isinstance(status, int):
        return
    found.is_running = False
    found.exit_code = status
    context.emit(container, "exec_die", {"execID": found.id, "exitCode": str(status)})


def end_all(context: Context, container: Container) -> None:
    """The container ended: so did whatever was exec'd in it, and the instances are forgotten."""
    for exec_id in container.exec_ids:
        context.execs.pop(exec_id, None)
    container.exec_ids.clear()
