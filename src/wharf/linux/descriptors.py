"""Which descriptors a process holds: proc_pid_fd(5)."""

import os
from collections.abc import Collection


def close_others(keep: Collection[int]) -> None:
    """Close every descriptor but 0, 1, 2 and those to `keep`.

    By list, since close_range(2) without an upper end is a loop over all numbers where Python was built for
    an older C library.
    """
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in keep:
            try:
                os.close(fd)
            except OSError:
                continue  # the one that listed the folder
