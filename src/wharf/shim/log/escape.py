r"""Text as Docker's json-file log writes it inside quotes, a whole chunk of lines at once.

Go's JSON with HTML escapes: control bytes as \u00XX but \r, and " and \ with a backslash; < > & as \u00XX;
U+2028 and U+2029 by number; each byte that is not UTF-8 as \ufffd. Everything else stays, DEL too.
Newlines are left alone: they end lines, and the caller makes entries of them.
"""

_ESCAPES = {byte: b"\\u%04x" % byte for byte in (*range(0x20), *b"<>&") if byte != 0x0A}
_ESCAPES[0x0D] = b"\\r"
_ESCAPES[0x22] = b'\\"'
_ESCAPES[0x5C] = b"\\\\"

_PLAIN = bytes(byte for byte in range(0x80) if byte not in _ESCAPES)
_PLAIN_OR_HIGH = _PLAIN + bytes(range(0x80, 0x100))

_SEPARATORS = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"))

_MARK = b"\x01"
"""A byte that is never there: as a control byte it has been escaped before."""


def escape(text: bytes) -> bytes:
    """Return `text` escaped, newlines as they are."""
    special = text.translate(None, _PLAIN if text.isascii() else _PLAIN_OR_HIGH)
    # The backslash first: the other escapes bring new ones.
    for byte in sorted(set(special), key=lambda byte: byte != 0x5C):
        text = text.replace(bytes((byte,)), _ESCAPES[byte])
    if not text.isascii():
        text = _escape_high(text)
    return text


def _escape_high(text: bytes) -> bytes:
    """Escape what is not ASCII and not fit for the log as it is.

    Python and Go agree on what is UTF-8, and surrogateescape takes bad bytes one by one, as Go does. They are
    led past all real question marks: binary output is as likely as text, and no step goes byte by byte.
    """
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        text = text.replace(b"?", _MARK)
        text = text.decode("utf-8", "surrogateescape").encode("utf-8", "replace")
        text = text.replace(b"?", b"\\ufffd").replace(_MARK, b"?")
    for raw, escaped in _SEPARATORS:
        text = text.replace(raw, escaped)
    return text
