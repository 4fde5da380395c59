"""Only sysctls of the container's own namespaces pass, and none that says two things: CVE-2022-0811."""

import pytest

from wharf.linux.clone import CloneFlag
from wharf.runtime.errors import CannotInvoke
from wharf.runtime.sysctl import check

ALL = CloneFlag.NEWIPC | CloneFlag.NEWNET | CloneFlag.NEWUTS


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/ip_forward", "net/ipv4/ip_forward"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("kernel.shmmax", "kernel/shmmax"),
        ("fs.mqueue.msg_max", "fs/mqueue/msg_max"),
        ("kernel.domainname", "kernel/domainname"),
    ],
)
def test_a_name_leads_to_its_file(name: str, path: str) -> None:
    assert check({name: "1"}, ALL) == {path: "1"}


@pytest.mark.parametrize(
    "name",
    [
        "kernel.core_pattern",
        "kernel.shm_rmid_forced+kernel.core_pattern",
        "kernel.shmmax=1 kernel.core_pattern",
        "kernel.shmmax\n",
        "net/../kernel/core_pattern",
        "net.ipv4/../../../kernel/core_pattern",
        "net..kernel",
        "/net/ipv4/ip_forward",
        "net/ipv4/",
        "net.",
        "net",
        "",
        ".",
        "..",
        "kernel",
        "vm.overcommit_memory",
        "fs.mqueue",
        "fs.mqueuex.y",
        "netx.y",
        "KERNEL.SHMMAX",
        "kernel.shmmax.",
        "net.ipv4.ip_forward\0",
        "net.ipv4.ip forward",
    ],
)
def test_anything_else_is_refused(name: str) -> None:
    with pytest.raises(CannotInvoke, match="sysctl"):
        check({name: "1"}, ALL)


@pytest.mark.parametrize(
    ("name", "missing", "words"),
    [
        ("net.ipv4.ip_forward", CloneFlag.NEWNET, "not allowed in host network namespace"),
        ("kernel.shmmax", CloneFlag.NEWIPC, "is not allowed in the hosts ipc namespace"),
        ("kernel.domainname", CloneFlag.NEWUTS, "is not in a separate kernel namespace"),
    ],
)
def test_those_of_a_shared_namespace_are_refused_in_runcs_words(name: str, missing: int, words: str) -> None:
    with pytest.raises(CannotInvoke) as caught:
        check({name: "1"}, ALL & ~missing)
    assert str(caught.value) == f'sysctl "{name}" {words}'


def test_the_hostname_has_a_field_of_its_own() -> None:
    with pytest.raises(CannotInvoke, match='conflicts with the OCI "hostname" field'):
        check({"kernel.hostname": "x"}, ALL)
