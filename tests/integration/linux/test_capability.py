"""The five capability sets on the real kernel, each test in a child that gives them up."""

import os

import pytest

from confinement_kit import in_child, needs_root
from wharf.linux import capability, prctl

pytestmark = [pytest.mark.kernel, needs_root]


def _status() -> dict[str, int]:
    with open("/proc/self/status") as lines:
        return {line[:6]: int(line[7:], 16) for line in lines if line.startswith("Cap")}


def _sets(**wanted: list[str]) -> dict[str, list[str]]:
    empty: dict[str, list[str]] = {
        "bounding": [],
        "effective": [],
        "permitted": [],
        "inheritable": [],
        "ambient": [],
    }
    return {**empty, **wanted}


def test_the_five_sets_are_what_was_asked_for() -> None:
    def work() -> tuple[list[str], dict[str, int]]:
        refused = capability.set_capabilities(
            **_sets(
                bounding=["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"],
                permitted=["CAP_CHOWN", "CAP_KILL"],
                effective=["CAP_CHOWN"],
                inheritable=["CAP_KILL"],
                ambient=["CAP_KILL"],
            )
        )
        return refused, _status()

    refused, status = in_child(work)
    assert refused == []
    assert status == {
        "CapBnd": 1 << 0 | 1 << 5 | 1 << 7,
        "CapPrm": 1 << 0 | 1 << 5,
        "CapEff": 1 << 0,
        "CapInh": 1 << 5,
        "CapAmb": 1 << 5,
    }


def test_capabilities_are_set_after_the_user_was_changed() -> None:
    def work() -> dict[str, int]:
        prctl.set_keepcaps(keep=True)
        os.setresuid(1234, 1234, 1234)
        keep = ["CAP_NET_RAW"]
        capability.set_capabilities(keep, keep, keep, keep, keep)
        return _status()

    assert in_child(work) == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 1 << 13)


def test_nothing_is_left_when_nothing_is_asked_for() -> None:
    def work() -> dict[str, int]:
        capability.set_capabilities(**_sets())
        return _status()

    assert set(in_child(work).values()) == {0}


def test_what_cannot_be_granted_is_reported_and_left_out() -> None:
    def work() -> tuple[list[str], int]:
        capability.set_capabilities(**_sets(bounding=["CAP_CHOWN"], permitted=["CAP_CHOWN"]))
        wanted = ["CAP_CHOWN", "CAP_SYS_TIME", "CAP_FLY"]
        refused = capability.set_capabilities(
            **_sets(bounding=["CAP_CHOWN"], permitted=wanted, effective=wanted)
        )
        return refused, capability.current().effective

    assert in_child(work) == [["CAP_FLY", "CAP_SYS_TIME"], 1]


def test_dropping_from_the_bounding_set_without_the_right_is_refused() -> None:
    def work() -> str:
        everything = capability.names_of(capability.bounding_mask())
        capability.set_capabilities(**_sets(bounding=everything))
        try:
            capability.drop_bounding(0)
        except PermissionError:
            return "refused"
        return "dropped"

    assert in_child(work) == "refused"


def test_a_bounding_set_that_is_right_already_needs_no_right() -> None:
    def work() -> str:
        everything = capability.bounding_mask()
        capability.set_capabilities(**_sets(bounding=capability.names_of(everything)))
        capability.drop_bounding(everything)
        return "kept"

    assert in_child(work) == "kept"


def test_ambient_capabilities_survive_execve_of_a_user_without_rights() -> None:
    def work() -> dict[str, int]:
        prctl.set_keepcaps(keep=True)
        os.setresuid(1234, 1234, 1234)
        keep = ["CAP_NET_RAW"]
        capability.set_capabilities(keep, keep, keep, keep, keep)
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.dup2(writer, 1)
            os.execv("/bin/grep", ["grep", "CapEff", "/proc/self/status"])
        os.close(writer)
        with open(reader) as pipe:
            return {"CapEff": int(pipe.read().split()[1], 16)}

    assert in_child(work) == {"CapEff": 1 << 13}
