"""JSON as Go's decoder reads it, and its words where it does not."""

from typing import Any

import pytest

from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerConfig, ContainerCreateRequest
from wharf.schema.decode import decode
from wharf.schema.host_config import HostConfig, PortBinding


def host(document: str) -> HostConfig:
    return decode(document.encode(), HostConfig)


@pytest.mark.parametrize("word", ["Cmd", "Entrypoint", "Shell"])
def test_a_word_stands_for_a_list_of_one(word: str) -> None:
    config = decode(b'{"%b":"a b"}' % word.encode(), ContainerConfig)
    assert getattr(config, word.lower()) == ["a b"]


def test_names_are_compared_without_case_at_every_depth() -> None:
    request = decode(
        b'{"IMAGE":"x","HostConfig":{"logconfig":{"TYPE":"none"}},'
        b'"NetworkingConfig":{"endpointsConfig":{"n":{"aliases":["a"]}}}}',
        ContainerCreateRequest,
    )
    assert request.host_config is not None
    assert request.networking_config is not None
    assert (request.image, request.host_config.log_config.type) == ("x", "none")
    endpoint = (request.networking_config.endpoints_config or {})["n"]
    assert endpoint is not None
    assert endpoint.aliases == ["a"]


@pytest.mark.parametrize(
    ("document", "attribute", "expected"),
    [
        ('{"Memory":null}', "memory", 0),
        ('{"Mounts":null}', "mounts", []),
        ('{"Tmpfs":null}', "tmpfs", {}),
        ('{"Tmpfs":{"/a":null}}', "tmpfs", {"/a": ""}),
        ('{"Binds":null}', "binds", None),
        ('{"Binds":["a",null]}', "binds", ["a", ""]),
        ('{"MemorySwappiness":null}', "memory_swappiness", None),
        ('{"Memory":null,"MemorySwappiness":0}', "memory_swappiness", 0),
        ('{"ConsoleSize":[5]}', "console_size", (5, 0)),
        ('{"ConsoleSize":[5,6,7]}', "console_size", (5, 6)),
        ('{"PortBindings":{"80/tcp":null}}', "port_bindings", {"80/tcp": None}),
        ('{"PortBindings":{"80/tcp":[null]}}', "port_bindings", {"80/tcp": [PortBinding()]}),
        ('{"PidsLimit":-1}', "pids_limit", -1),
        ('{"Memory":9223372036854775807}', "memory", 2**63 - 1),
        ("null", "memory", 0),
    ],
)
def test_null_and_short_arrays_are_filled_with_zero_values(
    document: str, attribute: str, expected: Any
) -> None:
    assert getattr(host(document), attribute) == expected


REFUSED = "invalid JSON: json: cannot unmarshal"


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "invalid JSON: got EOF while reading request body"),
        ("  ", "invalid JSON: got EOF while reading request body"),
        ("{", "invalid JSON: unexpected EOF"),
        ('{"Memory":1', "invalid JSON: unexpected EOF"),
        ("x", "invalid JSON: invalid character 'x' looking for beginning of value"),
        ("{}x", "unexpected content after JSON"),
        ("{} {}", "unexpected content after JSON"),
        ("[]", f"{REFUSED} array into Go value of type HostConfig"),
        ("1", f"{REFUSED} number into Go value of type HostConfig"),
        ("true", f"{REFUSED} bool into Go value of type HostConfig"),
        (
            '{"Binds":"x"}',
            f"{REFUSED} string into Go struct field .Binds of type []string",
        ),
        (
            '{"LogConfig":{"Type":1}}',
            f"{REFUSED} number into Go struct field .LogConfig.Type of type string",
        ),
        (
            f'{{"Memory":{10**38}}}',
            f"{REFUSED} number {10**38} into Go struct field .Memory of type int64",
        ),
        ("[" * 100_000, "invalid JSON: json: exceeded max depth"),
    ],
)
def test_what_cannot_be_read_is_refused_in_gos_words(document: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        host(document)
    assert str(refused.value) == words
