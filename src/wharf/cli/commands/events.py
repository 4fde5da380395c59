"""`system events`, `events`: what happens in the engine, as it happens."""

from __future__ import annotations

import time
from collections.abc import Mapping

from wharf.cli.command import Command
from wharf.cli.errors import CliError, WrongFormat
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import STREAM_FORMAT
from wharf.cli.kinds import FILTER, STRING
from wharf.cli.output.duration import rfc3339_nano, timestamp
from wharf.client import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def _time(parsed: Parsed, flag: str) -> str:
    text = parsed.text(flag)
    if not text:
        return ""
    try:
        return timestamp(text, time.time())
    except ValueError as error:
        raise CliError(str(error)) from None


def _line(event: Mapping[str, object]) -> str:
    """Return an event in one line: time, type, action, id and sorted attributes."""
    actor = event.get("Actor")
    assert isinstance(actor, dict)
    nanoseconds, seconds = event.get("timeNano"), event.get("time")
    parts = ""
    if isinstance(nanoseconds, int) and nanoseconds:
        parts = rfc3339_nano(nanoseconds) + " "
    elif isinstance(seconds, int):
        parts = rfc3339_nano(seconds * 1_000_000_000) + " "
    attributes = actor.get("Attributes") or {}
    details = ", ".join(f"{name}={attributes[name]}" for name in sorted(attributes))
    line = f"{parts}{event.get('Type')} {event.get('Action')} {actor.get('ID')}"
    return f"{line} ({details})" if details else line


def run(session: Session, parsed: Parsed) -> None:
    """Print them until `--until`, or for ever."""
    layout = parsed.text("format")
    template = None
    if layout:
        from wharf.template import Template, TemplateError

        try:
            template = Template("{{json .}}" if layout == "json" else layout, missing_is_nothing=True)
        except TemplateError as error:
            raise WrongFormat(f"Error parsing format: {error}") from None
    events = system.events(
        session.engine,
        since=_time(parsed, "since"),
        until=_time(parsed, "until"),
        filters=parsed.pairs("filter"),
    )
    for event in events:
        print(template.render(event) if template else _line(event), flush=True)


COMMAND = Command(
    "[OPTIONS]",
    run,
    most=0,
    flags=(
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        STREAM_FORMAT,
        Flag("since", STRING, "Show all events created since timestamp"),
        Flag("until", STRING, "Stream events until this timestamp"),
    ),
)
