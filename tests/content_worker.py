"""A spawner with the jobs of `content`, as a program: what `daemon/warm.py` is, without the rooms above."""

import os
import socket
import sys
import sysconfig
from typing import NoReturn

_SOURCE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "src")


def program() -> list[str]:
    """Return the command line of the spawner."""
    found = dict.fromkeys((_SOURCE, sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))
    search = os.pathsep.join(found)
    return [os.path.realpath(sys.executable), "-I", "-S", os.path.abspath(__file__), "3", search]


if __name__ == "__main__":
    sys.path[:0] = sys.argv[2].split(os.pathsep)
    from wharf.content.jobs import JOBS
    from wharf.spawner.server import serve

    def _no_shim(await_order: object) -> NoReturn:
        raise AssertionError(f"this spawner has no shims: {await_order}")

    serve(socket.socket(fileno=int(sys.argv[1])), JOBS, _no_shim)
