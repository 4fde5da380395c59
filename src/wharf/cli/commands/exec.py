"""`container exec`, `exec`: a further process in a running container."""

from __future__ import annotations

from functools import partial

from wharf.cli.command import Command
from wharf.cli.errors import Ended
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import LIST, STRING, SWITCH, listed
from wharf.cli.options import values
from wharf.cli.options.environment import environment
from wharf.cli.streams.attached import Attendance
from wharf.cli.streams.detach import keys_or_usual
from wharf.cli.streams.duplex import Duplex
from wharf.cli.streams.terminal import STDIN, STDOUT, check_terminal, is_terminal, size
from wharf.client import containers
from wharf.client import exec as instances

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Run it, and end as it ends."""
    engine = session.engine
    container, *command = parsed.arguments
    detached, tty = parsed.on("detach"), parsed.on("tty")
    stdin = parsed.on("interactive") and not detached
    keys = parsed.text("detach-keys") or session.config.text("detachKeys")
    variables = environment(parsed.texts("env-file"), parsed.texts("env"))
    if stdin and tty and not detached and not is_terminal(STDIN):
        # A container that is not there is worth more words than stdin.
        containers.inspect(engine, container)
        check_terminal(stdin=stdin, tty=tty)
    console_size = list(size(STDOUT)) if tty else None
    config: dict[str, object] = {
        "User": parsed.text("user"),
        "Privileged": parsed.on("privileged"),
        "Tty": tty,
        "AttachStdin": stdin,
        "AttachStderr": not detached,
        "AttachStdout": not detached,
        "Detach": False,
        "DetachKeys": keys,
        "Env": variables,
        "WorkingDir": parsed.text("workdir"),
        "Cmd": command,
    }
    if console_size:
        config["ConsoleSize"] = console_size
    instance = instances.create(engine, container, config)
    if detached:
        instances.start_detached(engine, instance, tty=tty, console_size=console_size)
        return
    resize = partial(instances.resize, engine, instance) if tty and is_terminal(STDIN) else None
    with Attendance(engine, container, proxy=False, resize=resize) as attendance:
        stream = instances.start(engine, instance, tty=tty, console_size=console_size)
        if resize:
            attendance.fit_terminal()
        Duplex(stream, tty=tty, stdin=stdin, detach_keys=keys_or_usual(keys)).run(attendance.watched)
    status = instances.inspect(engine, instance).get("ExitCode")
    if status:
        raise Ended(status)


COMMAND = Command(
    "[OPTIONS] CONTAINER COMMAND [ARG...]",
    run,
    least=2,
    interspersed=False,
    flags=(
        Flag("detach", SWITCH, "Detached mode: run command in the background", short="d"),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("env", listed(values.env), "Set environment variables", short="e"),
        Flag("env-file", LIST, "Read in a file of environment variables"),
        Flag("interactive", SWITCH, "Keep STDIN open even if not attached", short="i"),
        Flag("privileged", SWITCH, "Give extended privileges to the command"),
        Flag("tty", SWITCH, "Allocate a pseudo-TTY", short="t"),
        Flag("user", STRING, 'Username or UID (format: "<name|uid>[:<group|gid>]")', short="u"),
        Flag("workdir", STRING, "Working directory inside the container", short="w"),
    ),
)
