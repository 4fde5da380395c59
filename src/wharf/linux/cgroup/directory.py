"""One directory of a cgroup hierarchy: its control files, its processes, making and removing it.

Every control file is read and written in one system call each, as the kernel expects; errors name the file.
"""

import errno
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

_PAGE = 65536
_REMOVAL_PAUSES_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
_FRESH_TASK_TRIES = 20
_FRESH_TASK_PAUSE_S = 0.005


def read(directory: str, name: str) -> str:
    """Return the text of a control file, without its last newline."""
    fd = os.open(f"{directory}/{name}", os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while part := os.read(fd, _PAGE):  # a long list comes a page at a time, however much is asked for
            text += part
    finally:
        os.close(fd)
    return text.decode().rstrip("\n")


def read_number(directory: str, name: str) -> int | None:
    """Return the number in a control file; None for `max`."""
    text = read(directory, name)
    return None if text == "max" else int(text)


def read_table(directory: str, name: str) -> dict[str, int]:
    """Return a control file of `key number` lines (flat keyed, in the kernel's words)."""
    table = {}
    for line in read(directory, name).splitlines():
        key, _, number = line.partition(" ")
        if number.isdigit():
            table[key] = int(number)
    return table


def write(directory: str, name: str, *values: str | int) -> None:
    """Put each of `values` into a control file, one system call for each.

    Raises OSError with the file's path and, as a note, the value that was refused.
    """
    path = f"{directory}/{name}"
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        for value in values:
            try:
                os.write(fd, str(value).encode())
            except OSError as error:
                refused = OSError(error.errno, os.strerror(error.errno or 0), path)
                refused.add_note(f"writing {value!r}")
                raise refused from None
    finally:
        os.close(fd)


def open_directory(path: str) -> int:
    """Return a new descriptor of a cgroup's directory, as clone3(2) and bpf(2) take it."""
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def exists(directory: str, name: str) -> bool:
    """Say whether a control file is there."""
    return os.access(f"{directory}/{name}", os.F_OK)


def add(directory: str, pid: int) -> None:
    """Move the process `pid` here, with all its threads."""
    for left in reversed(range(_FRESH_TASK_TRIES)):
        try:
            write(directory, "cgroup.procs", pid)
        except OSError as error:
            # A task that the scheduler has not seen yet (TASK_NEW) is refused with EINVAL by the cpu
            # controller (kernel/sched/core.c, cpu_cgroup_can_attach); it passes within moments.
            if error.errno != errno.EINVAL or not left:
                raise
            time.sleep(_FRESH_TASK_PAUSE_S)
        else:
            return


def below(directory: str) -> Iterator[str]:
    """Give the cgroups below `directory`, children before parents, and it last; nothing when it is gone."""
    try:
        with os.scandir(directory) as entries:
            children = [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except (FileNotFoundError, NotADirectoryError):
        return
    for child in children:
        yield from below(child)
    yield directory


def has_children(directory: str) -> bool:
    """Say whether there are cgroups below, by one stat(2): a cgroup counts its children in its link count."""
    return os.stat(directory).st_nlink > 2


def missing_controller(controller: str) -> OSError:
    """Return the error for a limit whose controller this host does not have."""
    return OSError(errno.ENODEV, f"cgroup controller {controller!r} is not available")


def processes(directory: str) -> list[int]:
    """Return the processes here and below, by rising pid; none when the cgroup is gone."""
    found: set[int] = set()
    try:
        for cgroup in below(directory) if has_children(directory) else (directory,):
            found.update(map(int, read(cgroup, "cgroup.procs").split()))
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENODEV):  # ENODEV: removed while it was read
            raise
    return sorted(found)


def kill(directory: str) -> None:
    """Send SIGKILL to each process here and below."""
    for pid in processes(directory):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def make(directory: str) -> None:
    """Make a new cgroup; an empty one of that name, left over from before, is replaced.

    Raises FileExistsError when the one that is there is in use.
    """
    try:
        os.mkdir(directory, 0o755)
    except FileExistsError:
        try:
            for cgroup in below(directory):
                os.rmdir(cgroup)
        except OSError:
            raise FileExistsError(errno.EEXIST, "cgroup is in use", directory) from None
        os.mkdir(directory, 0o755)


def make_parents(directory: str, top: str) -> None:
    """Make what is missing between `top`, a mount point, and `directory`, without the latter."""
    parent = os.path.dirname(directory)
    missing = []
    while len(parent) > len(top) and not os.path.isdir(parent):
        missing.append(parent)
        parent = os.path.dirname(parent)
    for path in reversed(missing):
        with suppress(FileExistsError):  # another container's start was first
            os.mkdir(path, 0o755)


def remove(directories: Iterable[str], timeout_s: float) -> None:
    """Remove the cgroups `directories` and all below; those that are gone already are no error.

    The kernel answers EBUSY until the last process has been reaped, and for a moment after: wait for it, at
    most `timeout_s` seconds in all, then raise OSError (EBUSY). The others are removed even so.
    """
    deadline = time.monotonic() + timeout_s
    pauses = iter(_REMOVAL_PAUSES_S)
    left = list(directories)
    while left := [directory for directory in left if not _removed(directory)]:
        now = time.monotonic()
        if now >= deadline:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), left[0])
        time.sleep(min(next(pauses, _REMOVAL_PAUSES_S[-1]), deadline - now))


def _removed(directory: str) -> bool:
    """Try to remove a cgroup and all below; say whether it is gone."""
    try:
        os.rmdir(directory)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
    else:
        return True
    try:
        if not has_children(directory):
            return False
        for cgroup in below(directory):
            os.rmdir(cgroup)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def discard(tops: Iterable[str]) -> None:
    """Remove the directories that nothing is in; what is in use, or gone, is left alone."""
    for top in tops:
        try:
            os.rmdir(top)
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.ENOENT):
                raise
