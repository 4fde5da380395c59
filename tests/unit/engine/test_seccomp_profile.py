"""Docker's default profile as our table, our additions to it, and users' own profiles."""

import json
import os
from pathlib import Path

import pytest

from filter_kit import ALLOW, ENOSYS, EPERM, I386, X32_BIT, X86_64, decide
from wharf.engine.containers.seccomp_profile import (
    default_profile,
    docker_profile,
    profile_from_docker_json,
)
from wharf.errors import Internal
from wharf.linux.capability import NAMES
from wharf.linux.seccomp import LinuxSeccomp, compile_filter
from wharf.linux.syscalls import numbers

REFERENCE = Path(__file__).parents[4] / "shared" / "reference" / "seccomp" / "default.json"
WORDS = (
    "CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT"
    " KILL AUDIT_WRITE"
)
DEFAULT = [f"CAP_{word}" for word in WORDS.split()]
X86 = numbers("x86_64")


def _answer(profile: LinuxSeccomp, name: str, *arguments: int) -> int:
    return decide(compile_filter(profile, arch="x86_64"), X86_64, X86[name], arguments)


def _normal(profile: LinuxSeccomp) -> LinuxSeccomp:
    rules = [{**rule, "names": sorted(rule["names"])} for rule in profile["syscalls"]]
    return {**profile, "syscalls": rules}  # type: ignore[typeddict-item]  # the same keys


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of x86-64's rules mean x86-64, wherever they run."""
    uname = os.uname()
    made_up = os.uname_result((uname.sysname, uname.nodename, "6.1.0-13-amd64", uname.version, "x86_64"))
    monkeypatch.setattr(os, "uname", lambda: made_up)


pytestmark = pytest.mark.usefixtures("machine")


@pytest.mark.parametrize(
    "capabilities",
    [
        DEFAULT,
        [],
        list(NAMES),
        [*DEFAULT, "CAP_SYS_ADMIN"],
        *([*DEFAULT, name] for name in NAMES if name not in DEFAULT),
    ],
)
def test_our_table_says_what_dockers_file_says(capabilities: list[str]) -> None:
    if not REFERENCE.exists():
        pytest.skip("Docker's profile is not here")
    theirs = profile_from_docker_json(REFERENCE.read_bytes(), capabilities)
    assert theirs is not None
    assert _normal(docker_profile(capabilities)) == _normal(theirs)


def test_a_default_container_gets_thirteen_rules_of_dockers() -> None:
    profile = docker_profile(DEFAULT)
    assert len(profile["syscalls"]) == 13
    assert len(profile["syscalls"][0]["names"]) == 361
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    assert (profile["defaultAction"], profile["defaultErrnoRet"]) == ("SCMP_ACT_ERRNO", 1)


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("read", (), ALLOW),
        ("ptrace", (), ALLOW),
        ("mount", (), EPERM),
        ("unshare", (), EPERM),
        ("bpf", (), EPERM),
        ("keyctl", (), EPERM),
        ("io_uring_setup", (), EPERM),
        ("clone3", (), ENOSYS),
        ("clone", (17,), ALLOW),
        ("clone", (0x10000000 | 17,), EPERM),
        ("clone", (0x20000,), EPERM),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (8,), ALLOW),
        ("personality", (0x40000,), EPERM),
        ("chroot", (), ALLOW),
        ("reboot", (), EPERM),
    ],
)
def test_a_default_container_may(name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert _answer(default_profile(DEFAULT), name, *arguments) == answer


def test_capabilities_open_calls() -> None:
    assert _answer(default_profile([*DEFAULT, "CAP_SYS_ADMIN"]), "mount") == ALLOW
    assert _answer(default_profile([*DEFAULT, "CAP_SYS_ADMIN"]), "clone3") == ALLOW
    assert _answer(default_profile([*DEFAULT, "CAP_BPF"]), "bpf") == ALLOW
    assert _answer(default_profile([]), "chroot") == EPERM


def test_an_old_kernel_does_not_get_ptrace() -> None:
    old = docker_profile(DEFAULT, release="4.7.9-generic")
    assert _answer(old, "ptrace") == EPERM


@pytest.mark.parametrize("family", [38, 40, 1 << 32 | 38, 1 << 32 | 40])
def test_af_alg_and_af_vsock_sockets_are_refused(family: int) -> None:
    assert _answer(default_profile(DEFAULT), "socket", family) == EPERM


@pytest.mark.parametrize(
    "family", [0, 1, 2, 10, 16, 17, 37, 39, 41, 45, 0xFFFFFFFF, (1 << 64) - 1, 1 << 32 | 2]
)
def test_every_other_family_is_the_kernels_business(family: int) -> None:
    assert _answer(default_profile(DEFAULT), "socket", family) == ALLOW


def test_i386_programs_run_and_x32_ones_do_not() -> None:
    program = compile_filter(default_profile(DEFAULT), arch="x86_64")
    assert decide(program, I386, numbers("i386")["read"]) == ALLOW
    assert decide(program, I386, numbers("i386")["socketcall"]) == ALLOW
    assert decide(program, I386, numbers("i386")["mount"]) == EPERM
    assert decide(program, X86_64, X32_BIT | numbers("x32")["read"]) == EPERM


def test_our_additions_are_the_only_difference_from_docker() -> None:
    dockers, ours = docker_profile(DEFAULT), default_profile(DEFAULT)

    def without_socket(profile: LinuxSeccomp) -> list[object]:
        return [rule for rule in profile["syscalls"] if rule["names"] != ["socket"]]

    assert without_socket(dockers) == without_socket(ours)
    assert ours["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]


def test_arm64_has_a_profile_of_its_own() -> None:
    profile = docker_profile(DEFAULT, machine="aarch64")
    assert profile["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    names = [name for rule in profile["syscalls"] for name in rule["names"]]
    assert "set_tls" in names
    assert "arch_prctl" not in names


def _profile(document: object, capabilities: list[str] | None = None) -> LinuxSeccomp | None:
    return profile_from_docker_json(json.dumps(document), capabilities or [])


def test_an_empty_document_means_no_seccomp() -> None:
    assert _profile({}) is None


def test_everything_of_a_document_is_kept() -> None:
    document = {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 38,
        "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"],
        "listenerPath": "/run/agent.sock",
        "listenerMetadata": "x",
        "syscalls": [
            {
                "names": ["dup"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": 5,
                "args": [{"index": 1, "value": 2, "valueTwo": 3, "op": "SCMP_CMP_MASKED_EQ"}],
            }
        ],
    }
    assert _profile(document) == document


def test_the_old_form_with_one_name_is_read() -> None:
    profile = _profile(
        {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"name": "dup", "action": "SCMP_ACT_ERRNO"}]}
    )
    assert profile is not None
    assert profile["syscalls"] == [{"names": ["dup"], "action": "SCMP_ACT_ERRNO"}]


def test_the_map_gives_this_machines_architectures() -> None:
    mapped = [
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"]},
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86"]},
    ]
    profile = _profile({"defaultAction": "SCMP_ACT_ALLOW", "archMap": mapped})
    assert profile is not None
    assert profile["architectures"] == ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]


@pytest.mark.parametrize(
    ("condition", "applies"),
    [
        ({"includes": {"caps": ["CAP_CHOWN"]}}, True),
        ({"includes": {"caps": ["CAP_CHOWN", "CAP_BPF"]}}, False),
        ({"includes": {"arches": ["arm64", "amd64"]}}, True),
        ({"includes": {"arches": ["arm64"]}}, False),
        ({"includes": {"minKernel": "4.8"}}, True),
        ({"includes": {"minKernel": "6.2"}}, False),
        ({"excludes": {"caps": ["CAP_CHOWN", "CAP_BPF"]}}, False),
        ({"excludes": {"caps": ["CAP_BPF"]}}, True),
        ({"excludes": {"arches": ["amd64"]}}, False),
        ({"excludes": {"minKernel": "5.0"}}, False),
        ({"includes": {}, "excludes": {}, "comment": "none"}, True),
    ],
)
def test_a_rule_counts_when_its_conditions_hold(condition: dict[str, object], *, applies: bool) -> None:
    rule = {"names": ["dup"], "action": "SCMP_ACT_ERRNO", **condition}
    profile = _profile({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}, ["CAP_CHOWN"])
    assert profile is not None
    assert bool(profile["syscalls"]) is applies


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"defaultAction": 3}, "Decoding seccomp profile failed: "),
        ([], "Decoding seccomp profile failed: "),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": "dup"}]},
            "Decoding seccomp profile failed: ",
        ),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["A"], "archMap": [{"architecture": "B"}]},
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either",
        ),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["dup"], "name": "dup"}]},
            "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'",
        ),
        (
            {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"includes": {"minKernel": "new"}}]},
            "invalid minKernel in seccomp profile: 'new'",
        ),
    ],
)
def test_a_wrong_document_is_refused_in_dockers_words(document: object, words: str) -> None:
    with pytest.raises(Internal) as caught:
        _profile(document)
    assert str(caught.value).startswith(words)


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(Internal, match="Decoding seccomp profile failed: "):
        profile_from_docker_json("{", [])
