"""The layout of `--help` as Docker prints it: usage, aliases, wrapped options, lists of commands."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

from wharf.cli.flags import Flag

_WIDTH = 80
_NARROWEST = 24
_SLOP = 5


def terminal_width() -> int:
    """Return the columns of the terminal on stdin; 80 where there is none."""
    try:
        return os.get_terminal_size(0).columns or _WIDTH
    except OSError:
        return _WIDTH


def options(flags: Sequence[Flag], width: int) -> str:
    """Return the table of `flags`, sorted by name, its texts wrapped within `width` columns."""
    rows = [
        (_left(flag), flag.help + _default(flag))
        for flag in sorted(flags, key=lambda flag: flag.name)
        if not flag.hidden
    ]
    indent = max((len(left) for left, _ in rows), default=0) + 3
    return "\n".join(left.ljust(indent) + _wrap(indent, width - 1, text) for left, text in rows)


def _left(flag: Flag) -> str:
    name = f"  -{flag.short}, --{flag.name}" if flag.short else f"      --{flag.name}"
    return f"{name} {flag.kind.word}" if flag.kind.word else name


def _default(flag: Flag) -> str:
    default = flag.default
    if default is None or default is False or default in (0, "", []):
        return f" (default {flag.kind.shown_empty})" if flag.kind.shown_empty else ""
    if default is True:
        return " (default true)"
    return f' (default "{default}")' if isinstance(default, str) else f" (default {default})"


def _wrap(indent: int, width: int, text: str) -> str:
    """Wrap as pflag does: lines may go over by a little where that avoids a short last line."""
    start = ""
    room = width - indent
    if room < _NARROWEST:
        indent = 16
        room = width - indent
        start = "\n" + " " * indent
    if room < _NARROWEST:
        return text.replace("\n", start)
    margin = "\n" + " " * indent
    lines: list[str] = []
    while text:
        line, text = _first_line(room - _SLOP, text)
        lines.append(line)
    return start + margin.join(line.replace("\n", margin) for line in lines)


def _first_line(room: int, text: str) -> tuple[str, str]:
    if room + _SLOP > len(text):
        return text, ""
    head = text[:room]
    space = max(head.rfind(" "), head.rfind("\t"), head.rfind("\n"))
    if space <= 0:
        return text, ""
    newline = head.rfind("\n")
    if 0 < newline < space:
        space = newline
    return text[:space], text[space + 1 :]


def section(title: str, rows: Iterable[tuple[str, str]], padding: int = 11) -> str:
    """Return a list of commands under its title."""
    return f"{title}:\n" + "\n".join(f"  {name.ljust(padding)} {short}" for name, short in rows)


def page(
    usage: str,
    short: str,
    *,
    aliases: str = "",
    option_table: str = "",
    sections: Sequence[str] = (),
    closing: str = "",
) -> str:
    """Return a whole page of help."""
    parts = [f"Usage:  {usage}", short]
    if aliases:
        parts.append(f"Aliases:\n  {aliases}")
    if option_table:
        parts.append(f"Options:\n{option_table}")
    parts.extend(sections)
    if closing:
        parts.append(closing)
    return "\n\n".join(parts)
