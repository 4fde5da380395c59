"""The options of the driver `local`, in Docker's words."""

import re

import pytest

from wharf.errors import InvalidParameter
from wharf.linux.mount import MountFlag
from wharf.volume import local
from wharf.volume.volume import check_name


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"foo": "bar"}, 'create v: invalid option: "foo"'),
        ({"type": "tmpfs"}, 'create v: missing required option: "device"'),
        ({"device": "/x"}, 'create v: missing required option: "type"'),
        ({"o": "bind"}, 'create v: missing required option: "device"'),
        ({"size": "10m"}, "create v: quota size requested but no quota support"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{re.escape(words)}$"):
        local.check("v", options)


@pytest.mark.parametrize("options", [{}, {"type": "none", "o": "bind", "device": "/x"}])
def test_options_that_go_together_are_taken(options: dict[str, str]) -> None:
    local.check("v", options)


def test_a_bind_shows_a_folder_and_is_mounted_by_each_container() -> None:
    bind = local.read({"type": "none", "o": "rbind,ro", "device": "/x"})
    assert bind is not None
    assert bind.is_bind
    assert not bind.is_shared
    assert bind.flags == MountFlag.BIND | MountFlag.REC | MountFlag.RDONLY


def test_a_tmpfs_is_one_for_all_containers() -> None:
    tmpfs = local.read({"type": "tmpfs", "o": "size=1m,uid=1000", "device": "tmpfs"})
    assert tmpfs is not None
    assert tmpfs.is_shared
    assert tmpfs.data == ("size=1m", "uid=1000")


def test_no_options_are_a_plain_folder() -> None:
    assert local.read({}) is None
    assert local.read(None) is None


@pytest.mark.parametrize(
    ("kind", "options", "name"),
    [
        ("nfs", "addr=server.example,rw", "server.example"),
        ("nfs", "addr=192.0.2.1", ""),
        ("nfs", "addr=2001:db8::1", ""),
        ("nfs", "rw", ""),
        ("ext4", "addr=server.example", ""),
    ],
)
def test_only_a_servers_name_is_looked_up(kind: str, options: str, name: str) -> None:
    share = local.read({"type": kind, "o": options, "device": ":/x"})
    assert share is not None
    assert share.host_name == name


def test_the_address_takes_the_names_place() -> None:
    share = local.read({"type": "nfs", "o": "addr=server,soft", "device": ":/x"})
    assert share is not None
    assert share.at("192.0.2.1").data == ("addr=192.0.2.1", "soft")


def test_a_failed_mount_is_told_without_its_password() -> None:
    share = local.read({"type": "cifs", "o": "username=u,password=secret", "device": "//s/x"})
    assert share is not None
    assert share.failure("/m") == (
        "error while mounting volume '/m': failed to mount local volume: "
        "mount //s/x:/m, data: username=u,password=********"
    )


def test_a_failed_bind_is_told_with_its_flags() -> None:
    bind = local.read({"type": "none", "o": "bind", "device": "/no/such"})
    assert bind is not None
    assert bind.failure("/m").endswith("mount /no/such:/m, flags: 0x1000")


@pytest.mark.parametrize("name", ["ab", "a.b-c_d", "0" * 64])
def test_a_good_name_is_taken(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a", "create a: volume name is too short"),
        ("a/b", 'create a/b: "a/b" includes invalid characters for a local volume name'),
        ("..", "includes invalid characters"),
        (".trash", "includes invalid characters"),
        ("ab\n", "includes invalid characters"),
        ("aé", "includes invalid characters"),
    ],
)
def test_a_bad_name_is_refused(name: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(words)):
        check_name(name)
