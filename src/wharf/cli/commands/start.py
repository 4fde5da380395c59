"""`container start`, `start`: start containers, or one with this terminal attached to it."""

from __future__ import annotations

from functools import partial

from wharf.cli.command import Command
from wharf.cli.errors import CliError, Ended
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.streams.attached import Attendance, await_exit
from wharf.cli.streams.detach import Detached, keys_or_usual
from wharf.cli.streams.duplex import Duplex
from wharf.cli.streams.terminal import STDOUT, is_terminal
from wharf.client import containers
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Start them."""
    names = parsed.arguments
    if parsed.on("attach") or parsed.on("interactive"):
        if len(names) > 1:
            raise CliError("you cannot start and attach multiple containers at once")
        _start_attached(session, parsed, names[0])
    elif parsed.text("checkpoint"):
        if len(names) > 1:
            raise CliError("you cannot restore multiple containers at once")
        _start(session, parsed, names[0])
    else:
        _start_all(session, names)


def _start(session: Session, parsed: Parsed, container: str) -> None:
    containers.start(
        session.engine,
        container,
        checkpoint=parsed.text("checkpoint"),
        checkpoint_dir=parsed.text("checkpoint-dir"),
    )


def _start_all(session: Session, names: list[str]) -> None:
    failed: list[str] = []
    for name in names:
        try:
            containers.start(session.engine, name)
        except ClientError as error:
            session.warn(str(error))
            failed.append(name)
            continue
        print(name)
    if failed:
        raise CliError(f"Error: failed to start containers: {', '.join(failed)}")


def _start_attached(session: Session, parsed: Parsed, name: str) -> None:
    engine = session.engine
    details = containers.inspect(engine, name)
    container, tty = details["Id"], details["Config"]["Tty"]
    stdin = parsed.on("interactive") and details["Config"]["OpenStdin"]
    removes_itself = details["HostConfig"].get("AutoRemove", False)
    keys = parsed.text("detach-keys") or session.config.text("detachKeys")
    resize = partial(containers.resize, engine, container) if tty else None
    with Attendance(engine, container, proxy=not tty, resize=resize) as attendance:
        stream = containers.attach(engine, container, stdin=stdin, stdout=True, stderr=True, detach_keys=keys)
        condition = "removed" if removes_itself else "next-exit"
        with stream, containers.wait(engine, container, condition) as waiting:
            try:
                _start(session, parsed, container)
            except ClientError:
                if removes_itself:
                    await_exit(waiting, None)
                raise
            if tty and is_terminal(STDOUT):
                attendance.fit_terminal()
            try:
                Duplex(stream, tty=tty, stdin=stdin, detach_keys=keys_or_usual(keys)).run(attendance.watched)
            except Detached:
                return
            status, problem = await_exit(waiting, attendance.watched)
    if problem:
        session.log_error(problem)
    if status:
        raise Ended(status)


COMMAND = Command(
    "[OPTIONS] CONTAINER [CONTAINER...]",
    run,
    least=1,
    flags=(
        Flag("attach", SWITCH, "Attach STDOUT/STDERR and forward signals", short="a"),
        Flag("checkpoint", STRING, "Restore from this checkpoint", hidden=True),
        Flag("checkpoint-dir", STRING, "Use a custom checkpoint storage directory", hidden=True),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("interactive", SWITCH, "Attach container's STDIN", short="i"),
    ),
)
