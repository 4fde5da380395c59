"""Filters on the real kernel, each in a child that lives under it."""

import array
import ctypes
import errno
import os
import platform
import signal
import socket
from collections.abc import Callable

import pytest

from confinement_kit import child, in_child
from wharf.engine.containers.seccomp_profile import default_profile
from wharf.linux import prctl
from wharf.linux.seccomp import LinuxSeccomp, SyscallRule, compile_filter, filter_flags, load_filter

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64"), reason="no tables for this machine"),
]

ALLOW = "SCMP_ACT_ALLOW"
KEEP_ERRNO = ctypes.CDLL(None, use_errno=True)


def _mkdir_rule(action: str, **more: int) -> SyscallRule:
    rule: SyscallRule = {"names": ["mkdir", "mkdirat"], "action": action}
    return {**rule, **more}  # type: ignore[typeddict-item]  # errnoRet


def _under(profile: LinuxSeccomp, work: Callable[[], object]) -> object:
    def confined() -> object:
        prctl.set_no_new_privs()
        assert load_filter(compile_filter(profile), filter_flags(profile)) is None
        return work()

    return in_child(confined)


def _mkdir_errno() -> int:
    try:
        os.mkdir("/nowhere/at/all")
    except OSError as error:
        return error.errno or 0
    return 0


def _call(number: int, *arguments: int) -> int:
    """Return the errno of a system call, 0 for success."""
    words = [ctypes.c_long(argument) for argument in arguments]
    return ctypes.get_errno() if KEEP_ERRNO.syscall(ctypes.c_long(number), *words) < 0 else 0


def test_a_call_answers_the_errno_of_its_rule() -> None:
    profile: LinuxSeccomp = {
        "defaultAction": ALLOW,
        "syscalls": [_mkdir_rule("SCMP_ACT_ERRNO", errnoRet=errno.EXDEV)],
    }
    assert _under(profile, _mkdir_errno) == errno.EXDEV


def test_without_a_rule_the_call_is_the_kernels() -> None:
    assert _under({"defaultAction": ALLOW, "syscalls": []}, _mkdir_errno) == errno.ENOENT


def test_a_killing_rule_kills() -> None:
    profile: LinuxSeccomp = {
        "defaultAction": ALLOW,
        "syscalls": [_mkdir_rule("SCMP_ACT_KILL_PROCESS")],
    }

    def work() -> None:
        prctl.set_no_new_privs()
        load_filter(compile_filter(profile), filter_flags(profile))
        _mkdir_errno()

    with child(work) as process:
        process.go()
        assert process.wait() == -signal.SIGSYS


def test_a_filter_without_the_right_to_load_it_is_refused() -> None:
    def work() -> int:
        os.setresuid(1234, 1234, 1234)
        try:
            load_filter(compile_filter({"defaultAction": ALLOW}), 0)
        except PermissionError as error:
            return error.errno or 0
        return 0

    if os.geteuid() != 0:
        pytest.skip("needs root")
    assert in_child(work) == errno.EACCES


def test_a_notifying_rule_gives_a_listener() -> None:
    profile: LinuxSeccomp = {"defaultAction": ALLOW, "syscalls": [_mkdir_rule("SCMP_ACT_NOTIFY")]}

    def work() -> bool:
        prctl.set_no_new_privs()
        listener = load_filter(compile_filter(profile), filter_flags(profile))
        assert listener is not None
        return not os.get_inheritable(listener)

    assert in_child(work) is True


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        (38, {errno.EPERM}),
        (40, {errno.EPERM}),
        (socket.AF_INET, {0}),
        (socket.AF_UNIX, {0}),
        (45, {errno.EAFNOSUPPORT, 0}),
    ],
)
def test_the_default_profile_and_sockets(family: int, expected: set[int]) -> None:
    def work() -> int:
        try:
            socket.socket(family, socket.SOCK_STREAM).close()
        except OSError as error:
            return error.errno or 0
        return 0

    assert _under(default_profile([]), work) in expected


def test_the_upper_half_of_a_family_opens_nothing() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("numbers of x86-64")
    assert _under(default_profile([]), lambda: _call(41, 1 << 32 | 38, 5, 0)) == errno.EPERM


def test_the_default_profile_and_new_namespaces() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("numbers of x86-64")
    assert _under(default_profile([]), lambda: _call(272, 0x20000)) == errno.EPERM
    assert _under(default_profile([]), lambda: _call(435, 0, 0)) == errno.ENOSYS
    assert _under(default_profile([]), lambda: _call(999)) == errno.ENOSYS


def test_the_default_profile_and_x32() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("numbers of x86-64")
    assert _under(default_profile([]), lambda: _call(0x40000000 | 39)) == errno.EPERM


def test_a_python_program_lives_under_the_default_profile() -> None:
    def work() -> str:
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.dup2(writer, 1)
            os.execv("/bin/sh", ["sh", "-c", "echo $((6 * 7)); ls / | grep -c usr"])
        os.close(writer)
        with open(reader) as pipe:
            return pipe.read()

    assert _under(default_profile(["CAP_CHOWN"]), work) == "42\n1\n"


def _int_0x80(number: int) -> int:
    """Make a call of i386 without arguments from a 64-bit process; return its answer."""
    import mmap

    code = array.array("B", b"\x53\xb8" + number.to_bytes(4, "little") + b"\x31\xdb\xcd\x80\x5b\xc3")
    page = mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code.tobytes())
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return int(ctypes.CFUNCTYPE(ctypes.c_int)(address)())


def test_calls_of_i386_are_filtered_by_their_own_numbers() -> None:
    if platform.machine() != "x86_64":
        pytest.skip("a machine without i386")
    profile: LinuxSeccomp = {
        "defaultAction": ALLOW,
        "architectures": ["SCMP_ARCH_X86"],
        "syscalls": [{"names": ["getppid"], "action": "SCMP_ACT_ERRNO", "errnoRet": 77}],
    }
    if in_child(lambda: _int_0x80(20)) < 0:
        pytest.skip("this kernel has no i386 calls")
    assert _under(profile, lambda: _int_0x80(64)) == -77  # getppid of i386
    assert _under(profile, lambda: _int_0x80(110)) != -77  # getppid of x86-64, another call here
