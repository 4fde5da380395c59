"""Texts cut to fit: short ids, ellipses, and quoting as Go does it."""

from __future__ import annotations


def short_id(identifier: str) -> str:
    """Return the first twelve digits of an id, without its algorithm."""
    return identifier.rpartition(":")[2][:12]


def ellipsis(text: str, length: int) -> str:
    """Return `text` in at most `length` characters."""
    if len(text) <= length:
        return text
    return text[:length] if length <= 3 else f"{text[: length - 1]}…"


def go_quote(text: str) -> str:
    """Return `text` in double quotes with Go's escapes; what can be printed stays as it is."""
    out = ['"']
    for character in text:
        if character in '"\\':
            out.append("\\" + character)
        elif character in _NAMED:
            out.append(_NAMED[character])
        elif character.isprintable():
            out.append(character)
        elif ord(character) < 0x80:
            out.append(f"\\x{ord(character):02x}")
        elif 0xDC80 <= ord(character) <= 0xDCFF:
            out.append(f"\\x{ord(character) - 0xDC00:02x}")
        else:
            out.append(f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}")
    out.append('"')
    return "".join(out)


_NAMED = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}
