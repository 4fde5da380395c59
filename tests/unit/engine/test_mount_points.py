"""What `-v`, `--mount`, `--tmpfs` and `--volumes-from` are read as, and refused for, in Docker's words."""

import re
from pathlib import Path

import pytest

from wharf.engine.containers.mounts import tmpfs
from wharf.engine.containers.mounts.binds import VolumesFrom, parse_bind, parse_volumes_from
from wharf.engine.containers.mounts.wanted import parse_mount
from wharf.errors import Internal, InvalidParameter
from wharf.schema.host_config import (
    BindOptions,
    ImageOptions,
    Mount,
    TmpfsOptions,
    VolumeOptions,
)


def test_a_path_is_bound_and_made_where_it_is_missing() -> None:
    bind = parse_bind("/host/:/inside/")
    assert (bind.type, bind.source, bind.destination) == ("bind", "/host", "/inside")
    assert bind.makes_source
    assert not bind.readonly


def test_a_name_is_a_volume_that_takes_the_images_content() -> None:
    volume = parse_bind("data:/inside:ro")
    assert (volume.type, volume.name, volume.mode) == ("volume", "data", "ro")
    assert volume.readonly
    assert volume.copies
    assert not volume.is_anonymous


def test_nocopy_leaves_the_images_content_where_it_is() -> None:
    assert not parse_bind("data:/inside:nocopy").copies


def test_a_place_alone_is_an_anonymous_volume() -> None:
    assert parse_bind("/inside").is_anonymous


def test_what_the_user_wrote_of_propagation_is_kept() -> None:
    bind = parse_bind("/host:/inside:ro,z,rshared")
    assert bind.propagation == "rshared"
    assert bind.chose_propagation
    assert not parse_bind("/host:/inside:ro").chose_propagation


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "invalid volume specification: ''"),
        (":/a", "invalid volume specification: ':/a'"),
        ("/a:ro", "invalid volume specification: '/a:ro'"),
        ("/a:/b:ro:x", "invalid volume specification: '/a:/b:ro:x'"),
        ("/a:/b:zz", "invalid mode: zz"),
        ("/a:/b:ro,rw", "invalid mode: ro,rw"),
        ("/a:/b:z,Z", "invalid mode: z,Z"),
        ("/a:/b:shared,slave", "invalid mode: shared,slave"),
        ("/a:/b:,", "invalid mode: ,"),
        (
            "/a:b",
            (
                "invalid volume specification: '/a:b': invalid mount config for type \"bind\": "
                "invalid mount path: 'b' mount path must be absolute"
            ),
        ),
        (
            "v:/",
            (
                "invalid volume specification: 'v:/': invalid mount config for type \"volume\": "
                "invalid specification: destination can't be '/'"
            ),
        ),
        (
            "/a:/b:nocopy",
            (
                "invalid volume specification: '/a:/b:nocopy': invalid mount config for type \"bind\": "
                "field VolumeOptions must not be specified"
            ),
        ),
        (
            "vv:/b:rslave",
            (
                "invalid volume specification: 'vv:/b:rslave': invalid mount config for type \"volume\": "
                "field BindOptions must not be specified"
            ),
        ),
    ],
)
def test_a_bad_bind_is_refused(spec: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{re.escape(words)}$"):
        parse_bind(spec)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("c", VolumesFrom("c", readonly=False)),
        ("c:ro", VolumesFrom("c", readonly=True)),
        ("c:rw,z", VolumesFrom("c", readonly=False)),
    ],
)
def test_volumes_are_taken_over_as_they_are_or_readonly(spec: str, wanted: VolumesFrom) -> None:
    assert parse_volumes_from(spec) == wanted


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("", "volumes-from specification cannot be an empty string"),
        ("c:bad", "invalid mode: bad"),
        ("c:rshared", "invalid mode: rshared"),
        ("c:nocopy", "invalid mode: nocopy"),
    ],
)
def test_a_bad_volumes_from_is_refused(spec: str, words: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{re.escape(words)}$"):
        parse_volumes_from(spec)


def test_a_mount_of_a_folder_has_to_find_it(tmp_path: Path) -> None:
    bind = parse_mount(Mount(type="bind", source=str(tmp_path), target="/d", read_only=True))
    assert (bind.source, bind.readonly, bind.makes_source) == (str(tmp_path), True, False)
    missing = str(tmp_path / "no")
    with pytest.raises(InvalidParameter, match=f"bind source path does not exist: {missing}$"):
        parse_mount(Mount(type="bind", source=missing, target="/d"))


def test_a_mount_may_ask_for_its_source_to_be_made() -> None:
    options = BindOptions(create_mountpoint=True)
    assert parse_mount(Mount(type="bind", source="/no/such", target="/d", bind_options=options)).makes_source


@pytest.mark.parametrize(
    ("mount", "words"),
    [
        (Mount(type="volume", target=""), "field Target must not be empty"),
        (
            Mount(type="bind", source="rel", target="/d"),
            "invalid mount path: 'rel' mount path must be absolute",
        ),
        (Mount(type="bind", target="/d"), "field Source must not be empty"),
        (
            Mount(type="bind", source="/", target="/d", bind_options=BindOptions(propagation="no")),
            "invalid propagation mode: no",
        ),
        (
            Mount(type="bind", source="/", target="/d", image_options=ImageOptions()),
            "field ImageOptions must not be specified",
        ),
        (
            Mount(type="volume", target="/d", volume_options=VolumeOptions(subpath="a")),
            "must not set Subpath when using anonymous volumes",
        ),
        (
            Mount(type="volume", source="vv", target="/d", volume_options=VolumeOptions(subpath="a/../../b")),
            "subpath must be a relative path within the volume",
        ),
        (
            Mount(type="volume", target="/d", read_only=True),
            "must not set ReadOnly mode when using anonymous volumes",
        ),
        (Mount(type="tmpfs", source="x", target="/d"), "field Source must not be specified"),
        (
            Mount(type="tmpfs", target="/d", tmpfs_options=TmpfsOptions(options=[["uid", "5"]])),
            "invalid option: uid",
        ),
        (
            Mount(type="tmpfs", target="/d", tmpfs_options=TmpfsOptions(options=[["a", "b", "c"]])),
            "invalid option array length",
        ),
        (Mount(type="image", target="/d"), "field Source must not be empty"),
        (
            Mount(type="image", source="i", target="/d", image_options=ImageOptions(subpath="/etc")),
            "subpath must be a relative path within the volume",
        ),
        (Mount(type="npipe", source="x", target="/d"), "mount type unknown"),
        (Mount(type="cluster", source="x", target="/d"), "mount type unknown"),
        (Mount(source="x", target="/d"), "mount type unknown"),
    ],
)
def test_a_bad_mount_is_refused(mount: Mount, words: str) -> None:
    full = f'invalid mount config for type "{mount.type}": {words}'
    with pytest.raises(InvalidParameter, match=f"^{re.escape(full)}$"):
        parse_mount(mount)


@pytest.mark.parametrize(
    ("mount", "section"),
    [
        (Mount(type="volume", target="/d", bind_options=BindOptions()), "BindOptions"),
        (Mount(type="volume", target="/d", tmpfs_options=TmpfsOptions()), "TmpfsOptions"),
        (Mount(type="bind", source="/", target="/d", volume_options=VolumeOptions()), "VolumeOptions"),
        (Mount(type="image", source="i", target="/d", bind_options=BindOptions()), "BindOptions"),
    ],
)
def test_options_of_another_kind_are_refused(mount: Mount, section: str) -> None:
    words = f'{section} must not be specified on mount type "{mount.type}"'
    with pytest.raises(InvalidParameter, match=f"^{re.escape(words)}$"):
        parse_mount(mount)


@pytest.mark.parametrize(
    ("size", "text"), [(1 << 30, "size=1g"), (3 << 20, "size=3m"), (2048, "size=2k"), (1000, "size=1000")]
)
def test_a_tmpfs_size_is_written_with_the_largest_unit(size: int, text: str) -> None:
    assert tmpfs.data_of(TmpfsOptions(size_bytes=size), readonly=False) == text


def test_a_tmpfs_mount_says_all_it_was_told() -> None:
    options = TmpfsOptions(size_bytes=4096, mode=0o1770, options=[["exec"]])
    assert tmpfs.data_of(options, readonly=True) == "ro,mode=1770,size=4k,exec"


def test_the_later_of_two_tmpfs_options_counts() -> None:
    assert tmpfs.merged("exec,size=1m,size=2m,shared") == ["nosuid", "nodev", "exec", "size=2m", "shared"]


def test_a_tmpfs_is_closed_by_default() -> None:
    assert tmpfs.merged("defaults") == ["noexec", "nosuid", "nodev", "rprivate"]


@pytest.mark.parametrize("data", ["nope", "nope=1", "size"])
def test_an_unknown_tmpfs_option_is_refused_at_the_start(data: str) -> None:
    name = data.partition("=")[0]
    with pytest.raises(Internal, match=f'^invalid tmpfs option "{name}"$'):
        tmpfs.merged(data)
