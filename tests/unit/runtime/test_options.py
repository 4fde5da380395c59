"""Mount options are read as runc reads them."""

import pytest

from wharf.linux.mount import MountAttr, MountFlag
from wharf.runtime.options import Propagation, parse


def test_flags_and_parameters_are_told_apart() -> None:
    wanted = parse(["nosuid", "noexec", "mode=755", "newinstance"])
    assert wanted.add == MountAttr.NOSUID | MountAttr.NOEXEC
    assert wanted.parameters == [("mode", "755"), ("newinstance", None)]


@pytest.mark.parametrize(
    ("options", "add", "clear"),
    [
        (["ro"], MountAttr.RDONLY, 0),
        (["ro", "rw"], 0, MountAttr.RDONLY),
        (["rw", "ro"], MountAttr.RDONLY, 0),
        (["strictatime"], MountAttr.STRICTATIME, 0),
        (["noatime", "strictatime"], MountAttr.STRICTATIME, 0),
        (["strictatime", "relatime"], 0, MountAttr.ATIME),
        (["suid"], 0, MountAttr.NOSUID),
    ],
)
def test_the_later_of_two_that_contradict_counts(options: list[str], add: int, clear: int) -> None:
    wanted = parse(options)
    assert (wanted.add, wanted.clear) == (add, clear)


def test_rbind_is_a_recursive_bind() -> None:
    wanted = parse(["rbind", "rprivate"])
    assert (wanted.bind, wanted.recursive) == (True, True)
    assert wanted.propagation == (Propagation(MountFlag.PRIVATE, recursive=True),)


def test_recursive_attributes_are_kept_apart() -> None:
    wanted = parse(["rbind", "rro", "rnosuid"])
    assert (wanted.add, wanted.add_recursively) == (0, MountAttr.RDONLY | MountAttr.NOSUID)


def test_what_mount_8_only_notes_is_left_out() -> None:
    assert parse(["defaults", "async", "remount", ""]).parameters == []


@pytest.mark.parametrize("option", ["tmpcopyup", "idmap"])
def test_what_cannot_be_done_is_refused(option: str) -> None:
    with pytest.raises(ValueError, match=option):
        parse([option])


def test_flags_are_named_as_runc_names_them() -> None:
    assert parse(["rbind", "ro", "nosuid"]).flag_names() == "MS_RDONLY|MS_NOSUID|MS_BIND|MS_REC"


def test_no_flags_have_a_name_too() -> None:
    assert parse([]).flag_names() == "0x0"
