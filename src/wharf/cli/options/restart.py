"""The value of `--restart`: `always`, `on-failure:3` and the like."""

from __future__ import annotations

from wharf.cli.errors import CliError


def restart_policy(text: str) -> dict[str, object]:
    """Return the policy as the API takes it; raises CliError in Docker's words."""
    name, colon, count = text.partition(":")
    if colon and not name:
        raise CliError("invalid restart policy format: no policy provided before colon")
    if count and not count.removeprefix("-").isdigit():
        raise CliError("invalid restart policy format: maximum retry count must be an integer")
    return {"Name": name, "MaximumRetryCount": int(count or 0)}
