"""The command line's entry: global flags, the way to a command's module, errors to exit codes."""

from __future__ import annotations

import os
import sys

from wharf import __version__
from wharf.cli.command import Command
from wharf.cli.errors import CliError, WrongFlags, exit_code_of
from wharf.cli.flags import Flag, Parsed, parse
from wharf.cli.kinds import LIST, STRING, SWITCH
from wharf.cli.session import Globals, Session
from wharf.cli.tree import GROUPS, NOT_YET, ROWS, Row, find
from wharf.client.errors import ClientError

_HELP = Flag("help", SWITCH, short="h", hidden=True)

_LOG_LEVELS = ("panic", "fatal", "error", "warn", "warning", "info", "debug", "trace")


def global_flags() -> tuple[Flag, ...]:
    """Return the flags that stand before the command."""
    from wharf.cli.config import default_folder

    folder = default_folder()
    return (
        Flag("config", STRING, "Location of client config files", default=folder),
        Flag(
            "context",
            STRING,
            "Name of the context to use to connect to the daemon (overrides DOCKER_HOST env var and default "
            'context set with "docker context use")',
            short="c",
        ),
        Flag("debug", SWITCH, "Enable debug mode", short="D"),
        Flag("host", LIST, "Daemon socket to connect to", short="H"),
        Flag(
            "log-level",
            STRING,
            'Set the logging level ("debug", "info", "warn", "error", "fatal")',
            short="l",
            default="info",
        ),
        Flag("tls", SWITCH, "Use TLS; implied by --tlsverify"),
        Flag("tlscacert", STRING, "Trust certs signed only by this CA", default=f"{folder}/ca.pem"),
        Flag("tlscert", STRING, "Path to TLS certificate file", default=f"{folder}/cert.pem"),
        Flag("tlskey", STRING, "Path to TLS key file", default=f"{folder}/key.pem"),
        Flag("tlsverify", SWITCH, "Use TLS and verify the remote"),
        Flag("version", SWITCH, "Print version information and quit", short="v"),
    )


def main(words: list[str], program: str = "wharf") -> None:
    """Do what the command line `words` (without the program's name) asks; `program` is what messages call it.

    Raises:
        CliError, ClientError: what is printed, and ends in `exit_code_of`.
    """
    flags = global_flags()
    try:
        parsed = parse((*flags, _HELP), words, interspersed=False)
    except WrongFlags as error:
        raise _explained(error, f"{program} [OPTIONS] COMMAND [ARG...]", program) from None
    for notice in parsed.notices:
        print(notice)
    rest = parsed.arguments
    if parsed.on("help"):
        rest = ["help", *_command_words(rest)]
    elif parsed.on("version"):
        print(f"Wharf version {__version__}, build unknown")
        return
    settings = _settings(parsed)
    if not rest:
        sys.stderr.write(_overview(program) + "\n")
        return
    if rest[0] == "help":
        _print_help(program, rest[1:])
        return
    session = Session(program, settings)
    try:
        _dispatch(session, rest)
    finally:
        session.close()


def _settings(parsed: Parsed) -> Globals:
    level = parsed.text("log-level")
    if level.lower() not in _LOG_LEVELS:
        raise CliError(f"Unable to parse logging level: {level}")
    return Globals(
        config=parsed.text("config"),
        context=parsed.text("context"),
        debug=parsed.on("debug"),
        hosts=parsed.texts("host"),
        tls=parsed.on("tls") or parsed.on("tlsverify"),
    )


def _command_words(words: list[str]) -> list[str]:
    """Return the leading words that name a command."""
    if len(words) > 1 and words[0] in GROUPS:
        return words[:2]
    return words[:1]


def _dispatch(session: Session, words: list[str]) -> None:
    program = session.program
    path = " ".join(_command_words(words))
    found = find(path)
    if found is not None:
        row, canonical = found
        session.path = canonical
        _run(session, row, words[len(path.split()) :])
        return
    group = words[0]
    if path in NOT_YET or group in NOT_YET:
        raise CliError(f"{program}: '{path if path in NOT_YET else group}' is not available yet")
    if group not in GROUPS:
        raise CliError(
            f"{program}: unknown command: {program} {group}\n\nRun '{program} --help' for more information"
        )
    if len(words) == 1:
        sys.stderr.write(_group_help(program, group) + "\n")
        return
    try:
        parsed = parse((_HELP,), words[1:], interspersed=False)
    except WrongFlags as error:
        raise _explained(error, f"{program} {group}", f"{program} {group}") from None
    if parsed.on("help"):
        print(_group_help(program, group))
        return
    name = f"{program} {group}"
    raise CliError(
        f"{program}: unknown command: {name} {parsed.arguments[0]}\n\n"
        f"Usage:  {name}\n\nRun '{name} --help' for more information"
    )


def load(row: Row) -> Command:
    """Return the command that `row` names."""
    module = __import__(f"wharf.cli.commands.{row.module}", fromlist=["COMMAND"])
    command = module.COMMAND
    assert isinstance(command, Command)
    return command


def _run(session: Session, row: Row, words: list[str]) -> None:
    command = load(row)
    flags = command.flags
    if not any(flag.name == "help" for flag in flags):
        flags = (*flags, _HELP)
    name = f"{session.program} {session.path}"
    try:
        parsed = parse(
            flags, ["--", *words] if command.passes_all else words, interspersed=command.interspersed
        )
    except WrongFlags as error:
        raise _explained(error, command.usage_of(session.program, session.path), name) from None
    for notice in parsed.notices:
        print(notice)
    if parsed.on("help"):
        print(_command_help(session.program, row, session.path))
        return
    command.check_arguments(session.program, session.path, len(parsed.arguments))
    command.run(session, parsed)


def _explained(error: WrongFlags, usage: str, name: str) -> WrongFlags:
    return WrongFlags(f"{error}\n\nUsage:  {usage}\n\nRun '{name} --help' for more information")


def _print_help(program: str, words: list[str]) -> None:
    if not words:
        print(_overview(program))
        return
    path = " ".join(words)
    found = find(path)
    if found is not None:
        print(_command_help(program, *found))
    elif path in GROUPS:
        print(_group_help(program, path))
    else:
        raise CliError(f"unknown help topic: {path}")


def _command_help(program: str, row: Row, path: str) -> str:
    from wharf.cli import help as layout

    command = load(row)
    return layout.page(
        command.usage_of(program, path),
        (command.long or row.short).replace("{program}", program),
        aliases=row.aliases(program),
        option_table=layout.options(command.flags, layout.terminal_width()),
    )


def _group_help(program: str, group: str) -> str:
    from wharf.cli import help as layout

    rows = sorted(
        (row.path.rpartition(" ")[2], row.short) for row in ROWS if row.group == group and not row.hidden
    )
    return layout.page(
        f"{program} {group} COMMAND",
        GROUPS[group],
        sections=[layout.section("Commands", rows)],
        closing=f"Run '{program} {group} COMMAND --help' for more information on a command.",
    )


def _overview(program: str) -> str:
    from wharf.cli import help as layout

    tops = [(row, row.top or row.path) for row in ROWS if row.top or not row.group]
    common = [(name, row.short) for row, name in sorted(tops, key=lambda pair: pair[0].rank) if row.rank]
    others = sorted((name, row.short) for row, name in tops if not row.rank)
    options = layout.options(global_flags(), layout.terminal_width())
    return layout.page(
        f"{program} [OPTIONS] COMMAND",
        "A self-sufficient runtime for containers",
        sections=[
            layout.section("Common Commands", common),
            layout.section("Management Commands", sorted(GROUPS.items())),
            layout.section("Commands", others),
            f"Global Options:\n{options}",
        ],
        closing=f"Run '{program} COMMAND --help' for more information on a command.",
    )


def console() -> None:
    """Run the command line of this process and end it.

    The interpreter's own tidying up is skipped: nothing is left to tidy, and it takes milliseconds.
    """
    program = "docker" if os.path.basename(sys.argv[0]) == "docker" else "wharf"
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="surrogateescape")  # type: ignore[union-attr]
    status = 0
    try:
        try:
            main(sys.argv[1:], program)
        except (CliError, ClientError) as error:
            status = exit_code_of(error)
            sys.stdout.flush()
            if text := str(error):
                print(text, file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        _end_by_broken_pipe()
    os._exit(status)


def _end_by_broken_pipe() -> None:
    """End as programs do whose reader went away: by SIGPIPE, which Python ignores from its start."""
    import signal

    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)
