"""Digests: only the strict text form passes."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wharf.schema.digest import Digest, InvalidDigest

HEX = "0123456789abcdef" * 4


def test_a_strict_sha256_digest_is_itself() -> None:
    digest = Digest(f"sha256:{HEX}")
    assert digest == f"sha256:{HEX}"
    assert digest.hex == HEX
    assert digest.short == HEX[:12]


def test_a_digest_of_bytes_is_their_sha256() -> None:
    assert Digest.of(b"abc").hex == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "invalid checksum digest format"),
        (HEX, "invalid checksum digest format"),
        ("sha256:../../etc/passwd", "invalid checksum digest format"),
        ("sha256:abc", "invalid checksum digest length"),
        (f"sha256:{HEX}0", "invalid checksum digest length"),
        (f"sha256:{HEX.upper()}", "invalid checksum digest format"),
        (f"sha256:{HEX}\n", "invalid checksum digest format"),
        (f" sha256:{HEX}", "invalid checksum digest format"),
        (f"sha256:{HEX[:-1]}\u0661", "invalid checksum digest format"),
        (f"sha512:{HEX}", "unsupported digest algorithm"),
    ],
)
def test_anything_else_is_refused_in_the_words_of_the_oci_library(text: str, words: str) -> None:
    with pytest.raises(InvalidDigest, match=f"^{words}$"):
        Digest(text)


@given(st.text())
def test_no_accepted_text_can_leave_a_folder(text: str) -> None:
    try:
        digest = Digest.parse(text)
    except InvalidDigest:
        return
    assert "/" not in digest
    assert len(digest.hex) == 64
