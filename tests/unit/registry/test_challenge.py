"""WWW-Authenticate headers, and refusals' bodies."""

import time

import pytest

from wharf.registry.client.challenge import Challenge, parse
from wharf.registry.client.refusal import read


@pytest.mark.parametrize(
    ("header", "challenges"),
    [
        (
            'Bearer realm="https://a/token",service="s",scope="repository:x:pull,push"',
            [
                Challenge(
                    "bearer", {"realm": "https://a/token", "service": "s", "scope": "repository:x:pull,push"}
                )
            ],
        ),
        (
            'Basic realm="x", Bearer realm = "y"',
            [Challenge("basic", {"realm": "x"}), Challenge("bearer", {"realm": "y"})],
        ),
        (
            r'Basic realm="a \"b\" \\ c", charset=UTF-8',
            [Challenge("basic", {"realm": 'a "b" \\ c', "charset": "UTF-8"})],
        ),
        ("Negotiate", [Challenge("negotiate", {})]),
        ("", []),
        ('=,"', []),
    ],
)
def test_challenges_are_read_as_rfc_9110_writes_them(header: str, challenges: list[Challenge]) -> None:
    assert parse(header) == challenges


@pytest.mark.parametrize(
    "text", ["Bearer " + 'a="b",' * 20_000, "a " * 50_000, 'Bearer x="' + "\\" * 100_000, "," * 100_000]
)
def test_a_hostile_header_costs_no_time(text: str) -> None:
    begun = time.process_time()
    parse(text)
    assert time.process_time() - begun < 0.5


def test_a_refusals_text_is_the_code_and_the_message() -> None:
    body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"},{"code":"X"}]}'
    assert (read(404, body).code, read(404, body).text) == (
        "MANIFEST_UNKNOWN",
        "manifest unknown: manifest unknown",
    )
    assert read(403, b'{"errors":[{"code":"DENIED"}]}').text == "denied"


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b'{"errors":5}', b"{" * 100_000])
def test_a_body_that_is_no_refusal_leaves_the_status(body: bytes) -> None:
    assert read(502, body).text == "received unexpected HTTP status: 502 Bad Gateway"
    assert read(599, body).text == "received unexpected HTTP status: 599"
