"""Lists printed as Docker prints them: as a table, in JSON, or through the user's template."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from wharf.cli.errors import CliError
from wharf.cli.output.table import align

Column = Callable[[], object]


class Listing:
    """A kind of list: its columns with their headers, those of the usual table, and the `raw` format."""

    __slots__ = ("headers", "misfit", "raw", "type_name", "usual")

    def __init__(
        self,
        type_name: str,
        headers: Mapping[str, str],
        usual: Sequence[str],
        *,
        raw: str = "",
        misfit: str = "template parsing error",
    ) -> None:
        """`type_name` is Docker's name for a row, which it uses in messages.

        `misfit` is what it says of a template that does not fit the rows.
        """
        self.type_name = type_name
        self.headers = headers
        self.usual = usual
        self.raw = raw
        self.misfit = misfit

    def print(
        self, rows: Iterable[Mapping[str, Column]], layout: str, *, quiet: str = "", labels: bool = False
    ) -> None:
        """Print `rows` in `layout` (what `--format` says; empty: the usual table).

        A row says how each of its columns is made. `quiet` names the one column that `-q` prints. With
        `labels`, a row has a column `Label` that takes a label's name.
        """
        layout = layout.strip(" ").replace("\\t", "\t").replace("\\n", "\n")
        if quiet and layout in ("", "table", "raw"):
            for row in rows:
                print(row[quiet]())
        elif layout in ("", "table"):
            lines = ["\t".join(self.headers[column] for column in self.usual)]
            lines += ["\t".join(str(row[column]()) for column in self.usual) for row in rows]
            print("\n".join(align(lines)))
        else:
            self._print_template(rows, self._template(layout), labels=labels)

    def _template(self, layout: str) -> str:
        if layout == "json":
            return "{{json .}}"
        return self.raw if layout == "raw" and self.raw else layout

    def _print_template(self, rows: Iterable[Mapping[str, Column]], text: str, *, labels: bool) -> None:
        from wharf.cli.output.row import Headers, Row
        from wharf.template import Template, TemplateError
        from wharf.template.errors import FillError

        is_table = text.startswith("table")
        if is_table:
            text = text.removeprefix("table").strip(" ")
        try:
            template = Template(text)
        except TemplateError as error:
            raise CliError(f"failed to parse template: {error}") from None
        try:
            lines = [template.render(Row(self.type_name, row)) for row in rows]
            if not is_table:
                if lines:
                    print("\n".join(lines))
                return
            heading = Template(text, Headers.functions).render(Headers(self.headers, labels=labels))
        except FillError as error:
            raise CliError(f"{self.misfit}: {error}") from None
        print("\n".join(align("\n".join([heading, *lines]).split("\n"))))
