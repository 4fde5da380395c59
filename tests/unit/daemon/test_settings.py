"""wharfd's flags and file, as dockerd takes them."""

import json
import re
from pathlib import Path

import pytest

from wharf.daemon.settings import NOT_YET, SETTINGS, Settings, read
from wharf.errors import InvalidParameter
from wharf.network.settings import AddressPool


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "daemon.json"


def configure(file: Path, **keys: object) -> Settings:
    file.write_text(json.dumps(keys))
    return read(["--config-file", str(file)]).settings


def test_every_row_is_a_field() -> None:
    assert [setting.field for setting in SETTINGS] == list(Settings._fields)


def test_no_setting_is_both_done_and_not_done() -> None:
    assert not {setting.flag for setting in SETTINGS} & set(NOT_YET)


def test_the_defaults_are_the_default_engine() -> None:
    settings = read([]).settings
    assert (settings.data_root, settings.exec_root) == ("/var/lib/wharf", "/run/wharf")
    assert settings.pidfile == "/run/wharf/wharfd.pid"
    assert settings.is_default_instance


def test_flags_are_read() -> None:
    settings = read(
        ["-H", "unix:///a", "-H", "tcp://127.0.0.1:1", "--iptables=false", "-D", "--mtu", "1400"]
    ).settings
    assert settings.host == ("unix:///a", "tcp://127.0.0.1:1")
    assert (settings.iptables, settings.debug, settings.mtu) == (False, True, 1400)


def test_a_pool_is_read_from_flag_and_file(file: Path) -> None:
    pool = AddressPool("10.1.0.0/16", 24)
    assert read(["--default-address-pool", "base=10.1.0.0/16,size=24"]).settings.default_address_pool == (
        pool,
    )
    given = configure(file, **{"default-address-pools": [{"base": "10.1.0.0/16", "size": 24}]})
    assert given.default_address_pool == (pool,)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--ip", "nowhere"], 'invalid argument "nowhere" for "--ip" flag: failed to parse IP: "nowhere"'),
        (["--publish-policy", "none"], "invalid publish-policy: none"),
        (
            ["--publish-policy", "host-firewall", "--userland-proxy=false"],
            "--publish-policy=host-firewall needs --userland-proxy",
        ),
        (["--iptables=false", "--icc=false"], "You specified --iptables=false with --icc=false. "),
    ],
)
def test_what_makes_no_sense_for_ports_is_refused(flags: list[str], words: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(words)):
        read(flags)


def test_how_ports_are_published_is_read() -> None:
    settings = read([]).settings
    assert (settings.ip, settings.userland_proxy, settings.publish_policy) == ("0.0.0.0", True, "docker")
    settings = read(["--ip", "::1", "--userland-proxy=0", "--publish-policy=loopback"]).settings
    assert (settings.ip, settings.userland_proxy, settings.publish_policy) == ("::1", False, "loopback")


def test_lists_have_plural_keys_in_the_file(file: Path) -> None:
    assert configure(file, hosts=["unix:///a"], labels=["a=b"]).host == ("unix:///a",)


def test_a_setting_in_both_places_is_an_error(file: Path) -> None:
    file.write_text('{"mtu": 1400}')
    with pytest.raises(InvalidParameter, match="specified both as a flag and in the configuration file: mtu"):
        read(["--config-file", str(file), "--mtu", "1300"])


def test_an_unknown_key_is_an_error(file: Path) -> None:
    with pytest.raises(InvalidParameter, match="don't match any configuration option: nonsense"):
        configure(file, nonsense=1)


@pytest.mark.parametrize("keys", [{"mtu": "1400"}, {"mtu": True}, {"hosts": "a"}, {"debug": 1}, {"bip": 5}])
def test_a_value_of_the_wrong_type_is_an_error(file: Path, keys: dict[str, object]) -> None:
    with pytest.raises(InvalidParameter, match="wrong type of value"):
        configure(file, **keys)


def test_a_setting_that_is_not_done_is_refused_by_name(file: Path) -> None:
    with pytest.raises(InvalidParameter, match="--userns-remap is not supported"):
        read(["--userns-remap", "default"])
    with pytest.raises(InvalidParameter, match="userns-remap is not supported"):
        configure(file, **{"userns-remap": "default"})


@pytest.mark.parametrize("text", ["", "[]", "{", '{"mtu": }'])
def test_a_broken_file_is_an_error_with_its_name(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(InvalidParameter, match=str(file)):
        read(["--config-file", str(file)])


def test_a_file_that_was_named_must_exist(file: Path) -> None:
    with pytest.raises(InvalidParameter, match="no such file"):
        read(["--config-file", str(file)])


def test_log_options_are_read_from_flags_and_file(file: Path) -> None:
    flags = ["--log-driver", "local", "--log-opt", "max-size=1m", "--log-opt", "max-file=2"]
    settings = read(flags).settings
    assert settings.log_driver == "local"
    assert dict(settings.log_opt) == {"max-size": "1m", "max-file": "2"}
    given = configure(file, **{"log-driver": "json-file", "log-opts": {"tag": "a=b"}})
    assert dict(given.log_opt) == {"tag": "a=b"}


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--log-opt", "x"], "should be of the form NAME=VALUE"),
        (["--log-opt", "x=1"], "failed to set log opts: unknown log opt 'x' for json-file log driver"),
        (["--log-driver", "foo"], 'error looking up logging plugin foo: plugin "foo" not found'),
    ],
)
def test_wrong_log_options_are_refused(flags: list[str], words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        read(flags)


@pytest.mark.parametrize(
    "flag", ["max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"]
)
def test_limits_of_transfers_are_numbers_that_make_sense(flag: str) -> None:
    field = flag.replace("-", "_")
    assert getattr(read([f"--{flag}", "7"]).settings, field) == 7
    with pytest.raises(InvalidParameter, match=f"^invalid {flag.replace('-', ' ')}: -1$"):
        read([f"--{flag}", "-1"])
