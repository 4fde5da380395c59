"""The engine's progress messages (pull, import, load) as Docker shows them: bars on a terminal, or lines."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping

from wharf.cli.output.units import human_size
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


class StreamError(ClientError):
    """The engine reported a failure in the midst of its progress; the message is its own."""


def show_progress(messages: Iterable[Mapping[str, object]], out: TextIO) -> list[Mapping[str, object]]:
    """Show `messages` on `out` as they come; return those that carry results (`aux`).

    Raises:
        StreamError: one of them is an error.
    """
    results: list[Mapping[str, object]] = []
    lines: dict[str, int] = {}
    terminal = out.isatty()
    for message in messages:
        fail_on_error(message)
        aux = message.get("aux")
        if isinstance(aux, dict):
            results.append(aux)
            continue
        identifier = str(message.get("id") or "")
        up = 0
        if identifier and (message.get("progressDetail") is not None or message.get("progress")):
            if identifier not in lines:
                lines[identifier] = len(lines)
                if terminal:
                    out.write("\n")
            up = len(lines) - lines[identifier]
            if terminal and up:
                out.write(f"\x1b[{up}A")
        else:
            lines.clear()
        _display(message, identifier, out, terminal=terminal)
        if identifier and terminal and up:
            out.write(f"\x1b[{up}B")
        out.flush()
    return results


def fail_on_error(message: Mapping[str, object]) -> None:
    """Raise what an error message says; other messages pass.

    Raises:
        StreamError: it is an error.
    """
    detail = message.get("errorDetail")
    if isinstance(detail, dict) and detail.get("message"):
        raise StreamError(str(detail["message"]))
    if message.get("error"):
        raise StreamError(str(message["error"]))


def _display(message: Mapping[str, object], identifier: str, out: TextIO, *, terminal: bool) -> None:
    detail = message.get("progressDetail")
    stream = message.get("stream")
    bar = _bar(detail, out) if isinstance(detail, dict) else ""
    end = ""
    if terminal and not stream and detail is not None:
        end = "\r"
        out.write("\x1b[2K\r")
    elif bar:
        return  # a bar is nothing without a terminal
    prefix = f"{identifier}: " if identifier else ""
    if detail is not None and terminal:
        out.write(f"{prefix}{message.get('status', '')} {bar}{end}")
    elif stream:
        out.write(f"{prefix}{stream}{end}")
    else:
        out.write(f"{prefix}{message.get('status', '')}{end}\n")


def _bar(detail: Mapping[str, object], out: TextIO) -> str:
    current, total = _number(detail.get("current")), _number(detail.get("total"))
    if current <= 0 and total <= 0:
        return ""
    units = detail.get("units")
    if total <= 0:
        return f"{current} {units}" if units else f"{human_size(current):>8}"
    width = _columns(out)
    percentage = min(current * 100 // total // 2, 50)
    bar = ""
    if width > 110:
        spaces = " " * (50 - percentage)
        bar = f"[{'=' * percentage}>{spaces}] "
    if detail.get("hidecounts"):
        numbers = ""
    elif units:
        numbers = f"{current}/{total} {units}"
    else:
        numbers = f"{human_size(current):>8}" + (f"/{human_size(total)}" if current <= total else "")
    return bar + numbers + _left(detail, current, total, width)


def _left(detail: Mapping[str, object], current: int, total: int, width: int) -> str:
    start = _number(detail.get("start"))
    if not current or not start or current * 100 // total >= 50 * 2 or width <= 50:
        return ""
    elapsed = time.time() - start
    return f" {int(elapsed / current * (total - current))}s"


def _columns(out: TextIO) -> int:
    try:
        return os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        return 200


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def discard(messages: Iterable[Mapping[str, object]]) -> None:
    """Wait for the end of `messages` and show none.

    Raises:
        StreamError: one of them is an error.
    """
    for message in messages:
        fail_on_error(message)
