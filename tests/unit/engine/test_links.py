"""Links: their words, and what a linked container's address comes to in variables and hosts files."""

import pytest

from wharf.engine.containers import links, places
from wharf.errors import InvalidParameter

HOSTS = (
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost\n"
    "172.17.0.2\tdb 010132e3ca42 a\n172.17.0.2\tdb2 010132e3ca42 a\nfd00::2\tdb 010132e3ca42 a\n"
    "172.17.0.3\tme\n"
)


@pytest.mark.parametrize(
    ("text", "read"),
    [("a:b", ("a", "b")), ("a", ("a", "a")), ("a:", ("a", "")), (":b", ("", "b")), ("/a:/p/b", ("a", "b"))],
)
def test_a_link_has_a_name_and_an_alias(text: str, read: tuple[str, str]) -> None:
    assert places.parse_link(text) == read


@pytest.mark.parametrize(
    ("text", "words"), [("", "empty string specified for links"), ("a:b:c", "bad format for links: a:b:c")]
)
def test_what_is_no_link_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        places.parse_link(text)
    assert str(caught.value) == words


def test_the_variables_are_those_that_docker_was_seen_to_set() -> None:
    told = links.environment(
        "d-b",
        name="/q/d-b",
        address="172.17.0.2",
        ports=["90/tcp", "82/udp", "83/tcp", "81/tcp", "82/tcp"],
        env=["Q", "A=b=c", "PATH=/bin", "HOME=/x"],
    )
    port = "D_B_PORT_81_TCP"
    ranged = [f"{port}_START=tcp://172.17.0.2:81", f"{port}_PORT_START=81"]
    ranged += [f"{port}_END=tcp://172.17.0.2:83", f"{port}_PORT_END=83"]
    single = []
    for number, protocol in ((81, "tcp"), (82, "tcp"), (82, "udp"), (83, "tcp"), (90, "tcp")):
        key = f"D_B_PORT_{number}_{protocol.upper()}"
        single += [f"{key}={protocol}://172.17.0.2:{number}", f"{key}_ADDR=172.17.0.2"]
        single += [f"{key}_PORT={number}", f"{key}_PROTO={protocol}"]
    first = "D_B_PORT=tcp://172.17.0.2:81"
    assert set(told) == {first, *ranged, *single, "D_B_NAME=/q/d-b", "D_B_ENV_A=b=c"}
    assert told[0] == first


def test_without_ports_there_is_the_name_alone() -> None:
    assert links.environment("x", name="/q/x", address="1.2.3.4", ports=(), env=()) == ["X_NAME=/q/x"]


def test_another_address_replaces_that_of_its_version_and_alias_only() -> None:
    moved = links.led_to(HOSTS, "db", "172.17.0.9")
    assert moved == HOSTS.replace("172.17.0.2\tdb ", "172.17.0.9\tdb ")
    assert links.led_to(HOSTS, "db", "fd00::9") == HOSTS.replace("fd00::2", "fd00::9")
    assert links.led_to(HOSTS, "d.", "172.17.0.9") == HOSTS


def test_a_link_that_is_gone_takes_its_lines_along() -> None:
    assert links.without(HOSTS, "db") == "".join(
        line for line in HOSTS.splitlines(keepends=True) if "\tdb " not in line
    )
    assert links.without(HOSTS, "none") == HOSTS
