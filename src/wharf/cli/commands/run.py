"""`container run`, `run`: create a container, start it, and attend to it until it ends."""

from __future__ import annotations

from functools import partial

from wharf.cli.command import Command
from wharf.cli.creation import check_pull, create_container, pull_flag
from wharf.cli.errors import CannotRun, CliError, Ended, run_failure
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING, SWITCH
from wharf.cli.options.container_config import Request, build_request, check_platform_flags
from wharf.cli.options.table import CONTAINER_FLAGS
from wharf.cli.streams.attached import Attendance, await_exit
from wharf.cli.streams.detach import Detached, keys_or_usual
from wharf.cli.streams.duplex import Duplex
from wharf.cli.streams.terminal import STDOUT, check_terminal, is_terminal
from wharf.client import containers
from wharf.client.errors import ClientError
from wharf.client.http import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Run it."""
    check_platform_flags(parsed)
    try:
        check_pull(parsed)
        request = build_request(session, parsed)
    except CliError as error:
        advice = f"Run '{session.program} run --help' for more information"
        raise CannotRun(f"{session.program}: {error}\n\n{advice}") from None
    if parsed.on("detach"):
        if parsed.items("attach"):
            raise CliError("conflicting options: cannot specify both --attach and --detach")
        request.detach()
    else:
        check_terminal(stdin="Stdin" in request.attach, tty=request.tty)
    try:
        container = create_container(session, parsed, request)
    except (ClientError, CliError) as error:
        raise run_failure(session.program, "run", str(error)) from None
    if not request.attach:
        print(container, flush=True)
        _start(session, container, None)
        return
    _run_attached(session, parsed, request, container)


def _run_attached(session: Session, parsed: Parsed, request: Request, container: str) -> None:
    engine = session.engine
    resize = partial(containers.resize, engine, container) if request.tty else None
    proxy = parsed.on("sig-proxy") and not request.tty
    keys = parsed.text("detach-keys") or session.config.text("detachKeys")
    shows_output = "Stdout" in request.attach or "Stderr" in request.attach
    with Attendance(engine, container, proxy=proxy, resize=resize) as attendance:
        stream = containers.attach(
            engine,
            container,
            stdin="Stdin" in request.attach,
            stdout="Stdout" in request.attach,
            stderr="Stderr" in request.attach,
            detach_keys=keys,
        )
        # Asked before the start, or the end of a short life could be missed.
        condition = "removed" if request.auto_remove else "next-exit"
        with stream, containers.wait(engine, container, condition) as waiting:
            _start(session, container, waiting if request.auto_remove else None)
            if request.tty and is_terminal(STDOUT):
                attendance.fit_terminal()
            duplex = Duplex(
                stream,
                tty=request.tty,
                stdin="Stdin" in request.attach,
                stdout="Stdout" in request.attach,
                stderr="Stderr" in request.attach,
                detach_keys=keys_or_usual(keys),
            )
            try:
                duplex.run(attendance.watched)
            except Detached:
                return
            if not shows_output:
                return
            status, problem = await_exit(waiting, attendance.watched)
    if problem:
        session.log_error(problem)
    if status:
        raise Ended(status)


def _start(session: Session, container: str, removal: Response | None) -> None:
    """Start it; where that fails, wait until the engine has removed it again if it does so."""
    try:
        containers.start(session.engine, container)
    except ClientError as error:
        if removal is not None:
            await_exit(removal, None)
        raise run_failure(session.program, "run", str(error)) from None


COMMAND = Command(
    "[OPTIONS] IMAGE [COMMAND] [ARG...]",
    run,
    least=1,
    interspersed=False,
    flags=(
        *CONTAINER_FLAGS,
        Flag("detach", SWITCH, "Run container in background and print container ID", short="d"),
        Flag("detach-keys", STRING, "Override the key sequence for detaching a container"),
        pull_flag("running"),
        Flag("sig-proxy", SWITCH, "Proxy received signals to the process", default=True),
    ),
)
