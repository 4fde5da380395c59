"""Where a registry is, and which may be spoken to without TLS."""

import pytest

from wharf.errors import InvalidParameter
from wharf.registry.host import Host, Origin, hosts_for, is_insecure
from wharf.registry.settings import RegistrySettings

PLAIN = RegistrySettings()


def test_docker_hub_lives_at_registry_1() -> None:
    assert hosts_for("docker.io", PLAIN) == [Host("https://registry-1.docker.io", True, "docker.io")]


def test_any_other_registry_is_spoken_to_by_tls_only() -> None:
    assert hosts_for("registry.example:5000", PLAIN) == [
        Host("https://registry.example:5000", True, "registry.example:5000")
    ]


@pytest.mark.parametrize("domain", ["127.0.0.1", "127.9.9.9:5000", "localhost:5000", "[::1]:5000"])
def test_loopback_may_be_spoken_to_without(domain: str) -> None:
    https, http = hosts_for(domain, PLAIN)
    assert (https.base, https.checks_certificate) == (f"https://{domain}", False)
    assert http.base == f"http://{domain}"


@pytest.mark.parametrize("domain", ["128.0.0.1", "127.0.0.1.example", "localhost.example", "10.0.0.1:5000"])
def test_what_only_looks_like_loopback_may_not(domain: str) -> None:
    assert not is_insecure(domain, PLAIN)


def test_the_settings_list_hosts_ports_and_networks() -> None:
    settings = RegistrySettings(insecure=("one.example", "two.example:5000", "10.0.0.0/8"))
    assert is_insecure("one.example:99", settings)
    assert is_insecure("two.example:5000", settings)
    assert not is_insecure("two.example", settings)
    assert is_insecure("10.1.2.3:5000", settings)
    assert not is_insecure("11.1.2.3:5000", settings)


def test_mirrors_come_before_docker_hub_and_for_it_alone() -> None:
    settings = RegistrySettings(mirrors=("https://mirror.example/", "http://127.0.0.1:5000"))
    assert [host.base for host in hosts_for("docker.io", settings)] == [
        "https://mirror.example",
        "http://127.0.0.1:5000",
        "https://registry-1.docker.io",
    ]
    assert len(hosts_for("registry.example", settings)) == 1
    with pytest.raises(InvalidParameter, match="not secure"):
        hosts_for("docker.io", RegistrySettings(mirrors=("http://mirror.example",)))


def test_an_origin_is_scheme_host_and_port() -> None:
    assert (
        Origin.of("https://a.example/x")
        == Origin.of("https://A.example:443/y")
        != Origin.of("http://a.example:443")
    )
    for wrong in ("ftp://a", "https://", "https://a:b", "/x", "http://[::1"):
        with pytest.raises(InvalidParameter, match="invalid URL"):
            Origin.of(wrong)
