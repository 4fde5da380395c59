"""Detach keys: what they are, and finding them in what is typed."""

from __future__ import annotations

from wharf.cli.errors import CliError

DEFAULT_KEYS = b"\x10\x11"
"""ctrl-p ctrl-q."""

_CONTROLS = "@abcdefghijklmnopqrstuvwxyz[\\]^_"


class Detached(CliError):
    """The detach keys were typed."""

    def __init__(self) -> None:
        super().__init__("read escape sequence")


def parse_keys(text: str) -> bytes:
    """Return the bytes of `ctrl-p,ctrl-q`, `a,b` or `DEL`; the usual keys for an empty text.

    Raises:
        ValueError: a key is not known.
    """
    if not text:
        return DEFAULT_KEYS
    codes = bytearray()
    for key in text.split(","):
        control = key.removeprefix("ctrl-")
        if key == "DEL":
            codes.append(127)
        elif len(key) == 1 and key.isascii():
            codes.append(ord(key))
        elif control != key and len(control) == 1 and control in _CONTROLS:
            codes.append(_CONTROLS.index(control))
        else:
            raise ValueError(f"unknown character: '{key}'")
    return bytes(codes)


def keys_or_usual(text: str) -> bytes:
    """Return the keys that `text` means; the usual ones where it means none, as Docker does."""
    try:
        return parse_keys(text)
    except ValueError:
        return DEFAULT_KEYS


class KeyWatch:
    """Looks for the keys in what is typed. What might be their beginning is held back until that is known."""

    __slots__ = ("_keys", "_matched")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0

    def feed(self, typed: bytes) -> tuple[bytes, bool]:
        """Return what may be passed on, and whether the keys are complete; what follows them is dropped."""
        out = bytearray()
        for byte in typed:
            if byte == self._keys[self._matched]:
                self._matched += 1
                if self._matched == len(self._keys):
                    self._matched = 0
                    return bytes(out), True
                continue
            out += self._keys[: self._matched]
            self._matched = int(byte == self._keys[0])
            if not self._matched:
                out.append(byte)
            elif len(self._keys) == 1:
                return bytes(out), True
        return bytes(out), False
