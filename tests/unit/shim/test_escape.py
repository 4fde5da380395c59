"""Escaping for the json-file log: against a plain reading of the rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wharf.shim.log.escape import escape


def plainly(text: bytes) -> bytes:
    """Escape character by character, as Docker's source says."""
    out = b""
    for character in text.decode("utf-8", "surrogateescape"):
        code = ord(character)
        if 0xDC80 <= code <= 0xDCFF:
            out += b"\\ufffd"
        elif character in '"\\':
            out += b"\\" + character.encode()
        elif character == "\r":
            out += b"\\r"
        elif character != "\n" and (code < 0x20 or character in "<>&\u2028\u2029"):
            out += b"\\u%04x" % code
        else:
            out += character.encode()
    return out


PARTS = st.one_of(
    st.binary(max_size=12),
    st.sampled_from(
        [b"?", b"\x7f", b"\x7f1", b"\x7f2?", b"\x01", b"\\u0001", b"\t\b\f\n\r", b"<&>", b"plain"]
    ),
    st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(["\u2028", "\u2029", "\ufffd", "\U0001f40b"]).map(str.encode),
)
TEXT = st.lists(PARTS, max_size=20).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(TEXT)
def test_any_text_is_escaped_by_the_rule(text: bytes) -> None:
    assert escape(text) == plainly(text)


@pytest.mark.parametrize(
    "text", [bytes(5000), bytes(range(256)) * 40, b"\t" * 5000, b'"' * 5000, b"\xff" * 5000]
)
def test_binary_output_is_escaped_by_the_same_rule(text: bytes) -> None:
    assert escape(text) == plainly(text)
