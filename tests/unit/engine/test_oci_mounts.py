"""What `-v`, `--mount` and `--tmpfs` come to."""

import re

import pytest

from wharf.engine.containers.oci import mounts
from wharf.engine.errors import NotYet
from wharf.errors import InvalidParameter
from wharf.runtime.spec import Mount as OCIMount
from wharf.schema.host_config import HostConfig, Mount


def test_a_bind_is_private_and_writable_unless_told_otherwise() -> None:
    bind = mounts.parse_bind("/host:/inside")
    assert bind.oci() == {
        "destination": "/inside",
        "type": "bind",
        "source": "/host",
        "options": ["rbind", "rprivate"],
    }


def test_a_readonly_shared_bind_says_so() -> None:
    assert mounts.parse_bind("/host:/inside:ro,rshared").oci()["options"] == ["rbind", "ro", "rshared"]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("/a", "invalid volume specification: '/a'"),
        ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
        ("/a:/b:zz", "invalid mode: zz"),
        ("/a:b", "mount path must be absolute"),
        ("/a:/", "destination can't be '/'"),
        ("a/b:/c", "includes invalid characters for a local volume name"),
    ],
)
def test_a_bad_bind_is_refused_in_dockers_words(spec: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=re.escape(words)):
        mounts.parse_bind(spec)


def test_a_named_volume_is_refused_by_name() -> None:
    with pytest.raises(NotYet, match='named volume "data"'):
        mounts.parse_bind("data:/data")


def test_two_mounts_on_one_destination_are_refused() -> None:
    with pytest.raises(InvalidParameter, match=r"^Duplicate mount point: /b$"):
        mounts.user_mounts(HostConfig(binds=["/a:/b", "/c:/b"]))


def test_a_missing_source_is_made_for_v_and_refused_for_mount() -> None:
    assert mounts.user_mounts(HostConfig(binds=["/no/such/folder:/b"]))[0].create_source
    with pytest.raises(InvalidParameter, match="bind source path does not exist: /no/such/folder"):
        mounts.user_mounts(HostConfig(mounts=[Mount(type="bind", source="/no/such/folder", target="/b")]))


def test_a_tmpfs_is_closed_by_default_and_not_listed() -> None:
    (made,) = mounts.user_mounts(HostConfig(tmpfs={"/t": "size=1m"}))
    assert made.oci()["options"] == ["noexec", "nosuid", "nodev", "size=1m"]
    assert not made.is_listed


def test_a_user_mount_replaces_the_default_one() -> None:
    standard: list[OCIMount] = [{"destination": "/proc"}, {"destination": "/dev/shm"}]
    assert mounts.overlay(standard, [{"destination": "/dev/shm", "type": "bind"}]) == [
        {"destination": "/proc"},
        {"destination": "/dev/shm", "type": "bind"},
    ]


def test_a_user_dev_takes_everything_below_it_away() -> None:
    standard: list[OCIMount] = [
        {"destination": "/proc"},
        {"destination": "/dev"},
        {"destination": "/dev/pts"},
    ]
    assert mounts.overlay(standard, [{"destination": "/dev", "type": "bind"}]) == [
        {"destination": "/proc"},
        {"destination": "/dev", "type": "bind"},
    ]
