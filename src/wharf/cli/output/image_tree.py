"""`images --tree`: images and below each the platforms it is for, in columns that fit the terminal.

Layout and colours are those of Docker 28.5.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from wharf.cli.output.text import short_id
from wharf.cli.output.units import human_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wharf.client.shapes import ImageSummary

_WARNING = "WARNING: This is an experimental feature. The output may change and shouldn't be depended on."
_WIDTH = 80
_NAME_LEAST = 12
_GAP = "   "
_RESET = "\033[0m"
_TITLE = "\033[39m\033[1m"
_BRIGHT_YELLOW = "\033[93m"
_NAME = "\033[34m\033[1m"
_NORMAL = "\033[39m"
_FAINT = "\033[39m\033[2m"
_CHIP = "\033[38;5;0m\033[48;5;14m"
_INFO = "\033[1m\033[106m\033[30mi\033[0m\033[0m \033[96mInfo → \033[0m\033[0m "
_USED = "U"


class _Column:
    """A column; `align` is `<` or `>`, `key` names what it shows of a row."""

    __slots__ = ("align", "key", "title", "width")

    def __init__(self, title: str, width: int, align: str, key: str) -> None:
        self.title = title
        self.width = width
        self.align = align
        self.key = key

    def cell(self, text: str, colour: str) -> str:
        """Return `text` in the column's width; colours take no room."""
        text = _shortened(text, self.width)
        room = self.width - len(text)
        shown = f"{colour}{text}{_RESET}" if colour and text else text
        return shown + " " * room if self.align == "<" else " " * room + shown


class ImageTree:
    """A tree that is printed on `out`."""

    def __init__(self, images: Iterable[ImageSummary], out: TextIO) -> None:
        self._images = sorted(images, key=lambda image: -image.get("Created", 0))
        self._out = out
        self._coloured = out.isatty()
        self._full = _terminal_width(out) if self._coloured else _WIDTH
        self._columns = self._fitting()

    def print(self) -> None:
        """Print it."""
        self._line(self._in(_BRIGHT_YELLOW, _WARNING))
        self._line(self._legend())
        self._line("")
        self._line(_GAP.join(column.cell(column.title, _TITLE) for column in self._columns))
        is_spaced = any(_children(image) for image in self._images)
        for image in self._images:
            self._image(image)
            if is_spaced:
                self._line("")

    def _image(self, image: ImageSummary) -> None:
        *above, last = _names(image) or [""]
        for name in above:
            self._line(self._in(_NAME, _shortened(name, self._full)) if self._coloured else name)
        children = _children(image)
        content = sum(_size(part, "Content") for part in image.get("Manifests") or [])
        used = image.get("Containers", -1) > 0 or any(map(_users, children))
        details = _details(image["Id"], image.get("Size", 0), content, is_used=used)
        self._row(last or "<untagged>", _NAME if last else _FAINT, _NORMAL, details)
        for child in children:
            branch = "└─" if child is children[-1] else "├─"
            colour = _NORMAL if child.get("Available") else _FAINT
            is_used = bool(_users(child))
            details = _details(child["ID"], _size(child, "Total"), _size(child, "Content"), is_used=is_used)
            self._row(f"{branch} {_platform(child)}", colour, colour, details)

    def _row(self, name: str, name_colour: str, colour: str, details: dict[str, str]) -> None:
        first, *others = self._columns
        cells = [first.cell(name, name_colour if self._coloured else "")]
        for column in others:
            text, shade = details[column.key], colour
            if column.key == "extra" and text:
                text, shade = self._chip(), _CHIP
            cells.append(column.cell(text, shade if self._coloured else ""))
        self._line(_GAP.join(cells))

    def _fitting(self) -> list[_Column]:
        """Return the columns that leave the names enough room, the names first."""
        left = self._full
        kept: list[_Column] = []
        for column in (
            _Column("ID", 12, "<", "id"),
            _Column("DISK USAGE", 10, ">", "disk"),
            _Column("CONTENT SIZE", 12, ">", "content"),
            _Column("EXTRA", 5, "<", "extra"),
        ):
            needed = column.width + len(_GAP)
            if left - needed < _NAME_LEAST:
                break
            left -= needed
            kept.append(column)
        return [_Column("IMAGE", min(left, max(self._widths())), "<", ""), *kept]

    def _widths(self) -> Iterator[int]:
        yield len("IMAGE")
        for image in self._images:
            yield from map(len, _names(image) or ["<untagged>"])
            yield from (len(_platform(child)) + 3 for child in _children(image))

    def _legend(self) -> str:
        if self._coloured:
            shown = f"{_INFO}{_CHIP}{self._chip()}{_RESET} In Use "
            return " " * (self._full - len(f"i Info →  {self._chip()} In Use ")) + shown
        return f"Info ->  {self._chip()} In Use ".rjust(self._full)

    def _chip(self) -> str:
        """Return the sign of an image in use, which is set off by its colour where there are colours."""
        return f" {_USED} " if self._coloured else _USED

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_RESET}" if self._coloured else text

    def _line(self, text: str) -> None:
        print(text, file=self._out)


def _names(image: ImageSummary) -> list[str]:
    """Return the tags, longest first: the last stands beside the other columns."""
    return sorted(image.get("RepoTags") or [], key=lambda name: (-len(name), name))


def _children(image: ImageSummary) -> Sequence[Any]:
    return [child for child in image.get("Manifests") or [] if child.get("Kind") == "image"]


def _users(child: dict[str, Any]) -> Sequence[str]:
    return (child.get("ImageData") or {}).get("Containers") or []


def _size(child: dict[str, Any], kind: str) -> int:
    return (child.get("Size") or {}).get(kind) or 0


def _platform(child: dict[str, Any]) -> str:
    platform = (child.get("ImageData") or {}).get("Platform") or {}
    return "/".join(filter(None, (platform.get(key) for key in ("os", "architecture", "variant"))))


def _details(identifier: str, size: int, content: int, *, is_used: bool) -> dict[str, str]:
    return {
        "id": short_id(identifier),
        "disk": human_size(size, 3),
        "content": human_size(content, 3),
        "extra": _USED if is_used else "",
    }


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def _terminal_width(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns or _WIDTH
    except OSError:
        return _WIDTH
