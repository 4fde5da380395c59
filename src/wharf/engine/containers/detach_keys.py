"""The key sequence by which a client leaves a container without ending it."""

from wharf.errors import InvalidParameter

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
_CONTROL = {
    **{chr(ord("a") + n): n + 1 for n in range(26)},
    "@": 0,
    "[": 27,
    "\\": 28,
    "]": 29,
    "^": 30,
    "_": 31,
}


def parse_detach_keys(text: str | None) -> list[int]:
    """Return the bytes of a key sequence such as `ctrl-p,ctrl-q` or `a,b`; empty text means the default."""
    keys: list[int] = []
    for word in (text or DEFAULT_DETACH_KEYS).split(","):
        if len(word) == 1 and word.isascii():
            keys.append(ord(word))
        elif word.startswith("ctrl-") and word[5:] in _CONTROL:
            keys.append(_CONTROL[word[5:]])
        else:
            raise InvalidParameter(f"Invalid detach keys ({text}) provided")
    return keys
