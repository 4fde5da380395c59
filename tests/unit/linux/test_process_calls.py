"""Calls about one process, checked against what the kernel says in /proc."""

import os
import resource
import signal
from collections.abc import Callable

import pytest

from wharf.linux import access, clone, libc, prctl, pty, rlimit


def in_child(work: Callable[[], bool]) -> bool:
    """Return what `work` returns in a fork of its own."""
    pid, pidfd = clone.clone3()
    if pid == 0:
        status = 1
        try:
            status = 0 if work() else 2
        finally:
            os._exit(status)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)
    assert result is not None
    assert result.si_pid == pid
    return result.si_status == 0


def status_of(name: str) -> str:
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(line.split("\t")[1].strip() for line in lines if line.startswith(f"{name}:"))


def test_a_clone_is_a_child_with_a_pidfd_that_is_closed_on_exec() -> None:
    pid, pidfd = clone.clone3()
    if pid == 0:
        os._exit(7)
    assert not os.get_inheritable(pidfd)
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    os.close(pidfd)
    assert result is not None
    assert (result.si_pid, result.si_status) == (pid, 7)


def test_a_clone_knows_its_own_pid_and_can_fork_again() -> None:
    parent = os.getpid()

    def work() -> bool:
        grandchild = os.fork()
        if grandchild == 0:
            os._exit(0)
        return os.getpid() != parent and os.getppid() == parent and os.waitpid(grandchild, 0)[1] == 0

    assert in_child(work)


def test_a_clone_that_the_kernel_refuses_raises() -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        clone.clone3(clone.CloneFlag.NEWNS | 0x200)  # CLONE_FS with a new mount namespace


def test_an_undumpable_process_hides_its_files() -> None:
    def work() -> bool:
        prctl.set_dumpable(dumpable=False)
        return os.stat("/proc/self/environ").st_uid == 0

    assert in_child(work)


def test_no_new_privileges_is_set() -> None:
    def work() -> bool:
        prctl.set_no_new_privs()
        return status_of("NoNewPrivs") == "1"

    assert in_child(work)


def test_a_name_is_set() -> None:
    def work() -> bool:
        prctl.set_name("a-name-longer-than-fifteen")
        return status_of("Name") == "a-name-longer-t"

    assert in_child(work)


def test_a_child_dies_with_its_parent() -> None:
    reads, writes = os.pipe()

    def work() -> bool:
        child = os.fork()
        if child == 0:
            prctl.set_pdeathsig(signal.SIGKILL)
            os.write(writes, b"x")
            signal.pause()
        os.read(reads, 1)
        return True

    assert in_child(work)
    os.close(writes)
    assert os.read(reads, 1) == b""  # nobody holds the other end: the grandchild is gone
    os.close(reads)


def test_descriptors_are_closed_on_exec_from_a_number_up() -> None:
    def work() -> bool:
        fds = [os.dup(0), os.dup(0)]
        for fd in fds:
            os.set_inheritable(fd, True)
        prctl.close_on_exec_from(fds[1])
        return [os.get_inheritable(fd) for fd in fds] == [True, False]

    assert in_child(work)


def test_limits_are_the_ones_the_standard_library_sees() -> None:
    def work() -> bool:
        rlimit.set_limit(rlimit.NUMBERS["RLIMIT_CORE"], 0, 4096)
        return resource.getrlimit(resource.RLIMIT_CORE) == (0, 4096) == rlimit.get_limit(4)

    assert in_child(work)


@pytest.mark.parametrize("soft", [-1, 1 << 64])
def test_a_limit_that_is_no_number_of_64_bits_is_refused(soft: int) -> None:
    with pytest.raises(ValueError, match="64-bit"):
        rlimit.set_limit(rlimit.NUMBERS["RLIMIT_CORE"], soft, soft)


def test_a_file_is_executable_or_not(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "file")
    os.close(os.open(path, os.O_CREAT, 0o600))
    with pytest.raises(PermissionError):
        access.require_executable(path)
    os.chmod(path, 0o700)
    access.require_executable(path)


def test_the_type_of_procfs_is_known() -> None:
    fd = os.open("/proc", os.O_RDONLY)
    assert libc.filesystem_type(fd) == 0x9FA0
    os.close(fd)


def test_a_terminal_has_the_size_that_was_set() -> None:
    master, peer = os.openpty()
    pty.set_size(master, 33, 77)
    assert os.get_terminal_size(peer) == (77, 33)
    os.close(master)
    os.close(peer)


@pytest.mark.parametrize(("height", "width"), [(-1, 0), (0, 65536)])
def test_a_size_that_does_not_fit_is_refused(height: int, width: int) -> None:
    master, peer = os.openpty()
    with pytest.raises(OSError, match="Invalid argument"):
        pty.set_size(master, height, width)
    os.close(master)
    os.close(peer)


def test_the_other_end_is_opened_through_the_master() -> None:
    master = os.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    assert pty.is_multiplexer(master)
    pty.unlock(master)
    peer = pty.open_peer(master)
    assert os.ttyname(peer).startswith("/dev/pts/")
    assert not os.get_inheritable(peer)
    os.close(master)
    os.close(peer)
