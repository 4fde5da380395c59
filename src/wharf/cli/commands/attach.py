"""`container attach`, `attach`: this terminal on a running container's own streams."""

from __future__ import annotations

from functools import partial

from wharf.cli.command import Command
from wharf.cli.errors import CliError, Ended
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.streams.attached import Attendance, await_exit
from wharf.cli.streams.detach import keys_or_usual
from wharf.cli.streams.duplex import Duplex
from wharf.cli.streams.terminal import STDOUT, check_terminal, is_terminal, size
from wharf.client import containers
from wharf.client.engine import Engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import ContainerInspect


def _running(engine: Engine, name: str) -> ContainerInspect:
    details = containers.inspect(engine, name)
    state = details["State"]
    if not state["Running"]:
        raise CliError("You cannot attach to a stopped container, start it first")
    if state["Paused"]:
        raise CliError("You cannot attach to a paused container, unpause it first")
    if state["Restarting"]:
        raise CliError("You cannot attach to a restarting container, wait until it is running")
    return details


def run(session: Session, parsed: Parsed) -> None:
    """Attach until the container ends or the detach keys are typed."""
    engine, name = session.engine, parsed.arguments[0]
    details = _running(engine, name)
    container, tty = details["Id"], details["Config"]["Tty"]
    wants_stdin = not parsed.on("no-stdin")
    check_terminal(stdin=wants_stdin, tty=tty)
    stdin = wants_stdin and details["Config"]["OpenStdin"]
    keys = parsed.text("detach-keys") or session.config.text("detachKeys")
    resize = partial(containers.resize, engine, container) if tty else None
    proxy = parsed.on("sig-proxy") and not tty
    with (
        containers.wait(engine, container) as waiting,
        Attendance(engine, container, proxy=proxy, resize=resize) as attendance,
        containers.attach(
            engine, container, stdin=stdin, stdout=True, stderr=True, detach_keys=keys
        ) as stream,
    ):
        # It may have stopped meanwhile, and then nothing would ever come.
        _running(engine, container)
        if tty and is_terminal(STDOUT):
            height, width = size(STDOUT)
            # A shell shows its prompt again only when the size changes: so it does, and back.
            containers.resize(engine, container, height + 1, width + 1)
            attendance.fit_terminal()
        Duplex(stream, tty=tty, stdin=stdin, detach_keys=keys_or_usual(keys)).run(attendance.watched)
        status, problem = await_exit(waiting, attendance.watched)
    if problem:
        raise CliError(problem)
    if status:
        raise Ended(status)


COMMAND = Command(
    "[OPTIONS] CONTAINER",
    run,
    least=1,
    most=1,
    flags=(
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        Flag("no-stdin", SWITCH, "Do not attach STDIN"),
        Flag("sig-proxy", SWITCH, "Proxy all received signals to the process", default=True),
    ),
)
