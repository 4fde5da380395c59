"""What `inspect` prints: the objects as a JSON array indented by four spaces, or each through a template."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from wharf.cli.errors import CliError, WrongFormat
from wharf.client.errors import ApiError, ClientError


def print_inspection(names: Sequence[str], layout: str, fetch: Callable[[str], bytes]) -> None:
    """Print what `fetch` returns for each of `names`; what is missing is said after the rest.

    Raises:
        WrongFormat: `layout` is no template.
        CliError: some could not be fetched, or do not fit the template.
    """
    layout = layout.replace("\\t", "\t").replace("\\n", "\n") if layout != "json" else "{{json .}}"
    template = None
    if layout:
        from wharf.template import Template, TemplateError

        try:
            template = Template(layout)
        except TemplateError as error:
            raise WrongFormat(f"template parsing error: {error}") from None
    found: list[object] = []
    failures: list[str] = []
    out: list[str] = []
    for name in names:
        try:
            value = json.loads(fetch(name))
        except (ClientError, CliError) as error:
            failures.append(str(error))
            continue
        if template is None:
            found.append(value)
            continue
        from wharf.cli.output.nils import typed
        from wharf.template.errors import FillError

        try:
            out.append(template.render(typed(value)))
        except FillError as error:
            failures.append(f"template parsing error: {error}")
            break
    if template is None:
        print(json.dumps(found, indent=4, ensure_ascii=False) if found else "[]")
    elif out or failures:
        print("\n".join(out))
    if failures:
        raise CliError("\n".join(failures))


def is_missing(error: ApiError) -> bool:
    """Return whether the engine says that there is no such object."""
    return error.status == 404


__all__ = ["is_missing", "print_inspection"]
