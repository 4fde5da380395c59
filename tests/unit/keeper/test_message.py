"""DNS messages, against bytes written by hand from RFC 1035."""

import pytest

from wharf.keeper import message
from wharf.keeper.message import Code

_HEAD = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
_QUESTION = b"\x02Db\x03net\x00\x00\x01\x00\x01"


def test_a_question_is_read_without_regard_to_case() -> None:
    query = message.parse(_HEAD + _QUESTION)
    assert query is not None
    assert (query.id, query.name, query.type, query.is_internet, query.size) == (
        0x1234,
        "db.net",
        1,
        True,
        512,
    )
    assert query.question == _QUESTION


def test_an_asker_says_how_much_it_takes() -> None:
    head = _HEAD[:-2] + b"\x00\x01"
    query = message.parse(head + _QUESTION + b"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00")
    assert query is not None
    assert query.size == 4096


@pytest.mark.parametrize(
    "data",
    [
        b"",
        _HEAD,
        _HEAD[:11],
        _HEAD + b"\x02Db",
        _HEAD + b"\x02Db\x00\x00\x01",
        _HEAD + b"\xc0\x0c\x00\x01\x00\x01",
        _HEAD + b"\x40" + b"a" * 64 + b"\x00\x00\x01\x00\x01",
        _HEAD + b"\x3f" + (b"a" * 63 + b"\x3f") * 5,
        b"\x12\x34\x81" + _HEAD[3:] + _QUESTION,
        b"\x12\x34\x29" + _HEAD[3:] + _QUESTION,
        _HEAD[:5] + b"\x02" + _HEAD[6:] + _QUESTION + _QUESTION,
    ],
)
def test_what_is_no_question_is_none(data: bytes) -> None:
    assert message.parse(data) is None


def test_an_answer_points_back_to_the_question() -> None:
    query = message.parse(_HEAD + _QUESTION)
    assert query is not None
    assert message.answer(query, Code.NOERROR, [message.address_data("10.0.0.2")]) == (
        b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + _QUESTION
        + b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x02\x58\x00\x04\x0a\x00\x00\x02"
    )  # fmt: skip


def test_what_does_not_fit_a_datagram_is_cut() -> None:
    query = message.parse(_HEAD + _QUESTION)
    assert query is not None
    long = message.answer(query, Code.NOERROR, [b"\0\0\0\0"] * 40)
    short = message.cut(long, query)
    assert len(short) <= 512
    assert short == b"\x12\x34\x83\x80\x00\x01\x00\x00\x00\x00\x00\x00" + _QUESTION


def test_only_the_answer_to_our_question_is_taken() -> None:
    response = b"\x00\x07\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00" + _QUESTION
    assert message.is_response_to(response, 7, _QUESTION)
    assert not message.is_response_to(response, 8, _QUESTION)
    assert not message.is_response_to(response, 7, _QUESTION.replace(b"Db", b"Dc"))
    assert not message.is_response_to(b"\x00\x07\x01" + response[3:], 7, _QUESTION)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("2.0.0.10.in-addr.arpa", "10.0.0.2"),
        ("1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa", "2001:db8::1"),
        ("0.0.10.in-addr.arpa", None),
        ("x.0.0.10.in-addr.arpa", None),
        ("999.0.0.10.in-addr.arpa", None),
        ("db.net", None),
    ],
)
def test_reverse_names(name: str, address: str | None) -> None:
    assert message.reversed_address(name) == address
