"""Standard input, output and error: the caller's descriptors, or a console of the container's own."""

import errno
import fcntl
import os
import stat
from typing import NamedTuple

from wharf.failpoint import failpoint
from wharf.linux import mount, pty
from wharf.linux.libc import filesystem_type
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused, cause

_DEVPTS_SUPER_MAGIC = 0x1CD1
_NULL = os.makedev(1, 3)


class Stdio(NamedTuple):
    """Three descriptors, borrowed; they become 0, 1 and 2 of the process."""

    stdin: int
    stdout: int
    stderr: int


class Console(NamedTuple):
    """A pseudo-terminal: the caller's end and the process's."""

    master: int
    terminal: int


def open_console(root: Root, size: tuple[int, int] | None) -> Console:
    """Open a pseudo-terminal of the container's devpts; `size` is height and width in characters.

    The terminal's end is opened through the master (TIOCGPTPEER), by no path that an image could have laid
    out (CVE-2025-52565). Raises Refused.
    """
    failpoint("runtime.console")
    try:
        master = root.open("/dev/pts/ptmx", os.O_RDWR | os.O_NOCTTY | os.O_NOFOLLOW)
    except OSError as error:
        raise Refused(f"open /dev/pts/ptmx: {cause(error)}") from error
    try:
        if filesystem_type(master) != _DEVPTS_SUPER_MAGIC or not pty.is_multiplexer(master):
            raise Refused("/dev/pts/ptmx is not a pseudo-terminal multiplexer")
        pty.unlock(master)
        terminal = pty.open_peer(master)
        if size is not None:
            pty.set_size(terminal, *size)
        return Console(master, terminal)
    except OSError as error:
        os.close(master)
        raise Refused(f"open console: {cause(error)}") from error
    except BaseException:
        os.close(master)
        raise


def mount_console(root: Root, terminal: int) -> None:
    """Put the terminal over /dev/console; raises Refused."""
    try:
        target = root.make_file("/dev/console", 0o666)
        try:
            tree = mount.clone_tree(terminal, recursive=False)
            try:
                mount.attach(tree, target)
            finally:
                os.close(tree)
        finally:
            os.close(target)
    except OSError as error:
        raise Refused(f"mount console: {cause(error)}") from error


def take(stdio: Stdio) -> None:
    """Make `stdio` the descriptors 0, 1 and 2, whatever numbers they have."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3) for fd in stdio]
    for number, fd in enumerate(high):
        os.dup2(fd, number)
        os.close(fd)


def use_own_null(root: Root) -> None:
    """Replace the host's null device on 0, 1 and 2 by the container's own.

    Else the container could change the mode of the host's node through its descriptor.
    """
    hosts = [fd for fd in (0, 1, 2) if _is_null(fd)]
    if not hosts:
        return
    try:
        own = root.open("/dev/null", os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        return  # a container without a null device keeps what it was given
    try:
        if _is_null(own):
            for fd in hosts:
                os.dup2(own, fd)
    finally:
        os.close(own)


def _is_null(fd: int) -> bool:
    status = os.fstat(fd)
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == _NULL


def take_console(terminal: int) -> None:
    """Make the terminal descriptors 0, 1 and 2, and the controlling terminal of this session."""
    take(Stdio(terminal, terminal, terminal))
    pty.set_controlling(0)


def give_to(uid: int) -> None:
    """Make `uid` the owner of 0, 1 and 2, so that the process can open /dev/stdout again.

    The null device is everybody's, and left alone; so is what refuses a new owner.
    """
    for fd in (0, 1, 2):
        status = os.fstat(fd)
        if status.st_uid == uid or _is_null(fd):
            continue
        try:
            os.fchown(fd, uid, status.st_gid)
        except OSError as error:
            if error.errno not in (errno.EPERM, errno.EINVAL, errno.EROFS):
                raise Refused(f"fchown stdio: {cause(error)}") from error
