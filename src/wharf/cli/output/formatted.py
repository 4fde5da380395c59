"""One object printed through `--format`."""

from __future__ import annotations

from wharf.cli.errors import CliError, WrongFormat


def print_formatted(layout: str, value: object, *, name: str = "") -> None:
    """Print `value` in JSON (layout `json`) or through a template, which messages call `name`.

    Raises:
        WrongFormat: `layout` is no template.
        CliError: `value` does not fit it.
    """
    from wharf.template import Template, TemplateError
    from wharf.template.errors import FillError

    try:
        template = Template("{{json .}}" if layout == "json" else layout, name=name)
    except TemplateError as error:
        raise WrongFormat(f"template parsing error: {error}") from None
    try:
        print(template.render(value))
    except FillError as error:
        if name:  # what Docker prints as it goes along ends its line
            print()
        raise CliError(str(error)) from None
