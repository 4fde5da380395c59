"""The bytes of netlink messages and attributes."""

import sys

import pytest

from wharf.linux.netlink.message import (
    NLM_F_ACK,
    Message,
    attribute,
    attribute_list,
    attributes,
    be32,
    decode,
    encode,
    nested,
    number,
    string,
    text,
    u32,
)

pytestmark = pytest.mark.skipif(sys.byteorder != "little", reason="the expected bytes are little-endian")


def test_an_attribute_is_padded_to_four_bytes() -> None:
    assert attribute(3, b"eth0\0") == b"\x09\x00\x03\x00eth0\0\0\0\0"


def test_attributes_come_back_as_they_were_put() -> None:
    data = text(3, "eth0") + u32(4, 1500) + nested(18, text(1, "veth")) + be32(7, 1)
    found = attributes(data)
    assert string(found[3]) == "eth0"
    assert number(found[4]) == 1500
    assert string(attributes(found[18])[1]) == "veth"
    assert found[7] == b"\0\0\0\1"


def test_equal_attributes_stay_in_order() -> None:
    assert list(attribute_list(u32(1, 5) + u32(1, 6))) == [(1, u32(0, 5)[4:]), (1, u32(0, 6)[4:])]


def test_a_message_has_its_length_and_asks() -> None:
    data = encode(Message(16, NLM_F_ACK, b"abc"), 7)
    assert data == b"\x13\0\0\0" + b"\x10\0" + b"\x05\0" + b"\x07\0\0\0" + b"\0\0\0\0" + b"abc\0"


def test_messages_of_one_datagram_are_told_apart() -> None:
    data = encode(Message(1, 0, b"a"), 1) + encode(Message(2, 0, b"bc"), 2)
    assert [(m.type, m.sequence, m.body) for m in decode(data)] == [(1, 1, b"a"), (2, 2, b"bc")]


@pytest.mark.parametrize("size", [0, 15, 17, 0xFFFFFFFF])
def test_a_message_with_a_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="wrong length"):
        list(decode(size.to_bytes(4, "little") + bytes(12)))


@pytest.mark.parametrize("size", [0, 3, 9])
def test_an_attribute_with_a_wrong_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="wrong length"):
        attributes(size.to_bytes(2, "little") + bytes(6))
