"""syncfs(2): everything of one file system to the disk, in one call."""

from wharf.linux.libc import check, libc


def syncfs(fd: int) -> None:
    """Return when all that was written to the file system that `fd` is open on is durable; raises OSError.

    One call for a tree of thousands of files, where an fsync(2) for each would cost thousands of commits.
    """
    check(libc.syncfs(fd))
