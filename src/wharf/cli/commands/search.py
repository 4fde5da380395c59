"""`search`: find repositories in a registry that can search."""

from __future__ import annotations

from wharf.cli.command import Command
from wharf.cli.credentials import registry_auth
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import FILTER, INT, STRING, SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.reference import DEFAULT_DOMAIN
from wharf.client import registries

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wharf.cli.session import Session
    from wharf.client.shapes import SearchResult

_HEADERS = {
    "Name": "NAME",
    "Description": "DESCRIPTION",
    "StarCount": "STARS",
    "IsOfficial": "OFFICIAL",
}
_USUAL = ("Name", "Description", "StarCount", "IsOfficial")
_DESCRIPTION_WIDTH = 45


def _columns(found: SearchResult, *, no_trunc: bool, is_json: bool) -> dict[str, Callable[[], object]]:
    yes, no = ("true", "false") if is_json else ("[OK]", "")
    official = yes if found.get("is_official") else no
    return {
        "Name": lambda: found.get("name", ""),
        "Description": lambda: _description(found.get("description", ""), no_trunc=no_trunc),
        "StarCount": lambda: str(found.get("star_count", 0)),
        "IsOfficial": lambda: official,
    }


def _description(text: str, *, no_trunc: bool) -> str:
    text = text.replace("\n", " ").replace("\r", " ")
    if no_trunc or len(text) <= _DESCRIPTION_WIDTH:
        return text
    return text[: _DESCRIPTION_WIDTH - 1] + "…"


def run(session: Session, parsed: Parsed) -> None:
    """Search."""
    term = parsed.arguments[0]
    first, slash, _ = term.partition("/")
    is_host = slash and ("." in first or ":" in first or first == "localhost")
    found = registries.search(
        session.engine,
        term,
        limit=parsed.number("limit"),
        filters=parsed.pairs("filter"),
        registry_auth=registry_auth(session, first if is_host else DEFAULT_DOMAIN),
    )
    no_trunc, layout = parsed.on("no-trunc"), parsed.text("format")
    rows = (_columns(row, no_trunc=no_trunc, is_json=layout == "json") for row in found)
    Listing("*formatter.searchContext", _HEADERS, _USUAL).print(rows, layout)


COMMAND = Command(
    "[OPTIONS] TERM",
    run,
    least=1,
    most=1,
    flags=(
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        Flag("format", STRING, "Pretty-print search using a Go template"),
        Flag("limit", INT, "Max number of search results"),
        Flag("no-trunc", SWITCH, "Don't truncate output"),
    ),
)
