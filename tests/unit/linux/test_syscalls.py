"""The generated tables of system calls, against other sources of the same facts."""

import re
import shutil
import subprocess

import pytest

from filter_kit import AARCH64, ARM, I386, X86_64, libseccomp
from wharf.linux.syscalls import numbers


@pytest.mark.parametrize(
    ("machine", "name", "number"),
    [
        ("x86_64", "read", 0),
        ("x86_64", "seccomp", 317),
        ("x86_64", "uretprobe", 335),
        ("x86_64", "clone3", 435),
        ("i386", "socketcall", 102),
        ("i386", "socket", 359),
        ("x32", "ioctl", 514),
        ("x32", "read", 0),
        ("aarch64", "openat", 56),
        ("aarch64", "seccomp", 277),
        ("arm", "sync_file_range2", 341),
        ("arm", "arm_sync_file_range", 341),
        ("arm", "set_tls", 0xF0005),
        ("arm", "mseal", 462),
    ],
)
def test_known_numbers(machine: str, name: str, number: int) -> None:
    assert numbers(machine)[name] == number


@pytest.mark.parametrize("machine", ["x86_64", "i386", "x32", "aarch64", "arm"])
def test_calls_since_linux_5_1_have_one_number_everywhere(machine: str) -> None:
    table = numbers(machine)
    assert (table["pidfd_send_signal"], table["openat2"], table["file_setattr"]) == (424, 437, 469)


def test_an_unknown_machine_is_an_error() -> None:
    with pytest.raises(KeyError):
        numbers("vax")


@pytest.mark.parametrize(("machine", "header"), [("x86_64", "64"), ("i386", "32"), ("x32", "x32")])
def test_numbers_are_those_of_the_kernels_headers(machine: str, header: str) -> None:
    if shutil.which("cpp") is None:
        pytest.skip("no C preprocessor here")
    result = subprocess.run(
        ["cpp", "-dM"], input=f"#include <asm/unistd_{header}.h>", text=True, capture_output=True, check=False
    )
    if result.returncode != 0:
        pytest.skip("no kernel headers for this machine here")
    found = re.findall(r"#define __NR_(\w+) (?:\(__X32_SYSCALL_BIT \+ )?(\d+)", result.stdout)
    defined = {name: int(number) for name, number in found if name != "syscalls"}
    table = numbers(machine)
    assert len(defined) > 300
    assert {name: table.get(name) for name in defined} == defined


@pytest.mark.parametrize(
    ("machine", "audit_number"), [("x86_64", X86_64), ("i386", I386), ("aarch64", AARCH64), ("arm", ARM)]
)
def test_numbers_are_libseccomps(machine: str, audit_number: int) -> None:
    library = libseccomp()
    if library is None:
        pytest.skip("no libseccomp here")
    ours = numbers(machine)
    theirs = {name: library.number_on(audit_number, name) for name in ours}
    known = {name: number for name, number in theirs.items() if number >= 0}
    assert len(known) > 280
    assert known == {name: ours[name] for name in known}
