"""Go's names and zero values."""

import msgspec
import pytest

from wharf.schema.host_config import HostConfig
from wharf.schema.struct import Struct, encode, go_name, omit, wire, zero


class Inner(Struct):
    """A struct that is held by value."""

    size: int = 0


class Sample(Struct):
    """One member of each sort."""

    text: str = ""
    number: int = 0
    truth: bool = False
    maybe: int | None = None
    strings: list[str] | None = None
    never_null: list[str] = zero(list)
    pair: tuple[int, int] = (0, 0)
    inner: Inner = zero(Inner)
    named: str = wire("", name="OTHER")
    left_out: str = omit("")
    empty_list: list[str] = omit([])
    empty_map: dict[str, str] = omit({})
    pointer: Inner | None = omit(None, name="Ptr")


ZERO = (
    b'{"Text":"","Number":0,"Truth":false,"Maybe":null,"Strings":null,"NeverNull":[],"Pair":[0,0],'
    b'"Inner":{"Size":0},"OTHER":""}'
)


def test_zero_values_are_written_and_omitempty_is_not() -> None:
    assert encode(Sample()) == ZERO


def test_a_decoded_zero_value_is_left_out_again() -> None:
    document = b'{"LeftOut":"","EmptyList":[],"EmptyMap":{},"Ptr":null}'
    assert encode(msgspec.json.decode(document, type=Sample)) == ZERO


def test_a_value_is_written_where_there_is_one() -> None:
    sample = Sample(left_out="x", empty_list=["y"], empty_map={"b": "1", "a": "2"}, pointer=Inner(size=1))
    assert encode(sample).endswith(
        b'"LeftOut":"x","EmptyList":["y"],"EmptyMap":{"a":"2","b":"1"},"Ptr":{"Size":1}}'
    )


def test_defaults_are_not_shared() -> None:
    Sample().never_null.append("x")
    Sample().empty_list.append("x")
    assert encode(Sample()) == ZERO


def test_unknown_members_are_dropped() -> None:
    assert encode(msgspec.json.decode(b'{"New":1,"Inner":{"New":2}}', type=Sample)) == ZERO


def test_a_struct_is_a_value() -> None:
    host = HostConfig(memory=1)
    with pytest.raises(AttributeError):
        host.memory = 2  # type: ignore[misc]  # that it is refused is the point
    assert msgspec.structs.replace(host, memory=2) == HostConfig(memory=2)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("id", "Id"),
        ("image_id", "ImageID"),
        ("ip_address", "IPAddress"),
        ("global_ipv6_prefix_len", "GlobalIPv6PrefixLen"),
        ("cpu_shares", "CpuShares"),
        ("uts_mode", "UTSMode"),
        ("oom_kill_disable", "OomKillDisable"),
        ("io_maximum_iops", "IOMaximumIOps"),
        ("blkio_device_read_iops", "BlkioDeviceReadIOps"),
        ("exec_ids", "ExecIDs"),
        ("stdin_once", "StdinOnce"),
    ],
)
def test_names_are_gos(name: str, expected: str) -> None:
    assert go_name(name) == expected
