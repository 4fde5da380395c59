"""Who a container's process is: numbers of the spec, and Docker's `user[:group]` looked up inside."""

import os
import re

import pytest

from runtime_kit import Box, spec_of
from wharf.runtime import CreateFailed
from wharf.runtime.spec import Spec, User


def identity(box: Box, user: User) -> str:
    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = user

    return box.shell("id", as_user).out.strip()


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", "uid=0(root) gid=0(root) groups=0(root),10(wheel)"),
        ("root", "uid=0(root) gid=0(root) groups=0(root),10(wheel)"),
        ("0", "uid=0(root) gid=0(root) groups=0(root),10(wheel)"),
        ("daemon", "uid=1(daemon) gid=1(daemon) groups=1(daemon),10(wheel)"),
        ("daemon:", "uid=1(daemon) gid=1(daemon) groups=1(daemon),10(wheel)"),
        ("daemon:wheel", "uid=1(daemon) gid=10(wheel) groups=10(wheel)"),
        ("1000", "uid=1000 gid=0(root) groups=0(root)"),
        ("1000:1000", "uid=1000 gid=1000 groups=1000"),
        ("+5", "uid=5 gid=0(root) groups=0(root)"),
        ("007", "uid=7 gid=0(root) groups=0(root)"),
        (":5", "uid=0(root) gid=5 groups=5"),
        ("2147483647", "uid=2147483647 gid=0(root) groups=0(root)"),
    ],
)
def test_a_user_is_who_docker_says(box: Box, user: str, expected: str) -> None:
    assert identity(box, {"username": user}) == expected


@pytest.mark.parametrize(
    ("user", "message"),
    [
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("0:nosuch", "unable to find group nosuch: no matching entries in group file"),
        ("-1", "uids and gids must be in range 0-2147483647"),
        ("2147483648", "uids and gids must be in range 0-2147483647"),
        ("4294967296", "uids and gids must be in range 0-2147483647"),
        ("99999999999999999999", "uids and gids must be in range 0-2147483647"),
        ("0:4294967296", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_a_user_that_is_none_is_refused_in_dockers_words(box: Box, user: str, message: str) -> None:
    with pytest.raises(CreateFailed) as failure:
        identity(box, {"username": user})
    assert str(failure.value) == message


def test_groups_to_add_may_be_names_and_numbers(box: Box) -> None:
    out = identity(box, {"username": "1000:1000", "groupAdd": ["daemon", "77"]})
    assert set(re.findall(r"\d+", out.split("groups=")[1])) == {"1000", "1", "77"}


def test_a_group_to_add_that_is_none_is_refused(box: Box) -> None:
    with pytest.raises(CreateFailed, match="unable to find group nosuch: no matching entries in group file"):
        identity(box, {"username": "0", "groupAdd": ["nosuch"]})


def test_a_user_other_than_root_has_the_bounding_set_only(box: Box) -> None:
    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = {"username": "1000"}

    out = box.shell("grep Cap /proc/self/status", as_user).out
    assert re.findall(r"\t(\w+)", out) == ["0" * 16, "0" * 16, "0" * 16, "00000000a80425fb", "0" * 16]


def test_the_numbers_of_a_spec_are_taken_as_they_are(box: Box) -> None:
    out = identity(box, {"uid": 42, "gid": 43, "additionalGids": [44, 45]})
    assert out == "uid=42 gid=43 groups=44,45"


def test_capabilities_of_another_user_are_what_the_spec_says(box: Box) -> None:
    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = {"uid": 42, "gid": 42}
        raw = ["CAP_NET_RAW"]
        spec["process"]["capabilities"] = {
            "bounding": raw,
            "effective": raw,
            "permitted": raw,
            "inheritable": raw,
            "ambient": raw,
        }

    out = box.shell("grep Cap /proc/self/status", as_user).out
    assert re.findall(r"\t(\w+)", out) == ["0000000000002000"] * 5


def test_home_of_a_user_without_an_entry_is_the_root_folder(box: Box) -> None:
    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = {"username": "1000"}

    assert "HOME=/\n" in box.shell("env", as_user).out


def test_the_primary_group_counts_for_access(box: Box) -> None:
    """A directory that its group may not enter, CVE-2022-36109."""
    (box.upper / "d").mkdir(mode=0o707)
    (box.upper / "d").chmod(0o707)
    (box.upper / "d/x").touch()
    os.chown(box.upper / "d", 0, 1000)

    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = {"username": "1000:1000"}

    assert "Permission denied" in box.shell("ls /d", as_user).err


def test_a_passwd_file_that_is_a_link_out_of_the_root_is_read_inside(box: Box) -> None:
    (box.upper / "etc").mkdir()
    (box.upper / "etc/passwd").symlink_to("/../../../../etc/passwd-inside")
    (box.upper / "etc/passwd-inside").write_text("inside:x:77:78::/:/bin/sh\n")
    assert identity(box, {"username": "inside"}) == "uid=77(inside) gid=78 groups=78"


def test_a_passwd_file_that_is_a_fifo_is_refused(box: Box) -> None:
    (box.upper / "etc").mkdir()
    os.mkfifo(box.upper / "etc/passwd")
    with pytest.raises(CreateFailed, match="not a regular file"):
        identity(box, {"username": "daemon"})


def test_a_process_owns_its_output(box: Box) -> None:
    def as_user(spec: Spec) -> None:
        spec["process"]["user"] = {"username": "1000"}

    assert box.shell("echo again >/dev/stdout", as_user) == (0, "again\n", "")


def test_the_containers_own_spec_is_untouched_by_a_look_up(box: Box) -> None:
    spec = spec_of("true")
    spec["process"]["user"] = {"username": "daemon"}
    assert box.run(spec).status == 0
    assert spec["process"]["user"] == {"username": "daemon"}
