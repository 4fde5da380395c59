"""The process part of the OCI configuration is what Docker 28.5 gives."""

import pytest

from wharf.engine.containers.oci import defaults, process, security
from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

EVERYTHING = ("CAP_CHOWN", "CAP_KILL", "CAP_SYS_ADMIN")


def test_the_environment_begins_with_path_and_hostname() -> None:
    config = ContainerConfig(env=["A=1"])
    assert process.environment(config, "h") == [f"PATH={defaults.PATH}", "HOSTNAME=h", "A=1"]


def test_a_terminal_has_a_term_unless_the_user_gives_one() -> None:
    assert "TERM=xterm" in process.environment(ContainerConfig(tty=True), "h")
    given = process.environment(ContainerConfig(tty=True, env=["TERM=vt100"]), "h")
    assert [entry for entry in given if entry.startswith("TERM")] == ["TERM=vt100"]


def test_a_later_value_replaces_an_earlier_one_in_its_place() -> None:
    assert process.merge_env(["A=1", "B=2"], ["A=3", "C=4"]) == ["A=3", "B=2", "C=4"]


def test_a_bare_name_takes_the_variable_away() -> None:
    assert process.environment(ContainerConfig(env=["HOSTNAME"]), "h") == [f"PATH={defaults.PATH}"]


def test_the_default_capabilities_are_dockers_fourteen() -> None:
    names = process.capability_names(HostConfig(), available=EVERYTHING)
    assert len(names) == 14
    assert "CAP_SYS_ADMIN" not in names


@pytest.mark.parametrize("name", ["sys_admin", "CAP_SYS_ADMIN", "Sys_Admin"])
def test_a_capability_is_added_however_it_is_written(name: str) -> None:
    names = process.capability_names(HostConfig(cap_add=[name]), available=EVERYTHING)
    assert names[-1] == "CAP_SYS_ADMIN"


def test_adding_all_gives_what_there_is_but_the_dropped() -> None:
    host = HostConfig(cap_add=["ALL"], cap_drop=["KILL"])
    assert process.capability_names(host, available=EVERYTHING) == ["CAP_CHOWN", "CAP_SYS_ADMIN"]


def test_dropping_all_leaves_only_the_added() -> None:
    host = HostConfig(cap_add=["CHOWN"], cap_drop=["all"])
    assert process.capability_names(host, available=EVERYTHING) == ["CAP_CHOWN"]


def test_an_unknown_capability_is_refused_in_dockers_words() -> None:
    with pytest.raises(InvalidParameter, match=r'^invalid CapAdd: unknown capability: "CAP_FOO"$'):
        process.capability_names(HostConfig(cap_add=["foo"]), available=EVERYTHING)


def test_no_process_gets_inheritable_or_ambient_capabilities() -> None:
    sets = process.capability_sets(["CAP_CHOWN"])
    assert sets["inheritable"] == sets["ambient"] == []


@pytest.mark.parametrize(
    ("option", "expected"),
    [("no-new-privileges", True), ("no-new-privileges=true", True), ("no-new-privileges:false", False)],
)
def test_no_new_privileges_is_read_in_every_form(option: str, expected: bool) -> None:  # noqa: FBT001 - a case
    assert security.read(HostConfig(security_opt=[option])).no_new_privileges is expected
