"""A container's hosts file, against what the reference engine wrote."""

import pytest

from wharf.network.hosts import make, own_names, split_extra

IPV6 = (
    "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
    "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"
)


def test_a_container_on_the_default_bridge() -> None:
    text = make(addresses=["172.17.0.2"], hostname="6a66769a0223")
    assert text == f"127.0.0.1\tlocalhost\n{IPV6}172.17.0.2\t6a66769a0223\n"


def test_extra_hosts_stand_before_the_containers_own() -> None:
    extra = [split_extra("a:1.2.3.4"), split_extra("b:172.17.0.1"), split_extra("six:::1")]
    text = make(addresses=["172.17.0.2"], hostname="foo.bar.baz", extra=extra)
    assert text == (
        f"127.0.0.1\tlocalhost\n{IPV6}1.2.3.4\ta\n172.17.0.1\tb\n::1\tsix\n172.17.0.2\tfoo.bar.baz foo\n"
    )


def test_a_container_without_network_has_localhost_only() -> None:
    assert make() == f"127.0.0.1\tlocalhost\n{IPV6}"
    assert make(ipv6=False) == "127.0.0.1\tlocalhost\n"


@pytest.mark.parametrize(
    ("hostname", "domainname", "names"),
    [("c1", "", "c1"), ("c1", "dom", "c1.dom c1"), ("a.b.c", "", "a.b.c a"), ("a.b", "c", "a.b.c a")],
)
def test_the_short_name_follows_the_full_one(hostname: str, domainname: str, names: str) -> None:
    assert own_names(hostname, domainname) == names
