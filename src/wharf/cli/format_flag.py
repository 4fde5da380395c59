"""The `--format` flag, which many commands have with one of two descriptions."""

from __future__ import annotations

from wharf.cli.flags import Flag
from wharf.cli.kinds import STRING

_JSON_AND_TEMPLATE = (
    "'json':             Print in JSON format\n"
    "'TEMPLATE':         Print output using the given Go template.\n"
    "Refer to https://docs.docker.com/go/formatting/ for more information about formatting output with "
    "templates"
)

LIST_FORMAT = Flag(
    "format",
    STRING,
    "Format output using a custom template:\n"
    "'table':            Print output in table format with column headers (default)\n"
    f"'table TEMPLATE':   Print output in table format using the given Go template\n{_JSON_AND_TEMPLATE}",
)
"""The flag of commands that print a list."""

STREAM_FORMAT = Flag("format", STRING, f"Format output using a custom template:\n{_JSON_AND_TEMPLATE}")
"""The flag of `events`."""

INSPECT_FORMAT = Flag(
    "format", STRING, f"Format output using a custom template:\n{_JSON_AND_TEMPLATE}", short="f"
)
"""The flag of commands that print objects."""
