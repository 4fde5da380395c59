"""The spawner's program: `python -I -S warm.py FD SYSPATH`.

It starts itself once more from a copy of the interpreter that nobody can write to, imports all that shims
and workers will need, and serves (`spawner/server.py`). After that no module is loaded any more: a child that
entered a container would load the container's.
"""
# ruff: noqa: PLC0415 - what `wharf` holds is found only once its folder is on sys.path

import os
import sys

_PROTECTED = "protected"


def main(arguments: list[str]) -> None:
    """Serve on descriptor `arguments[0]` until wharfd goes; `arguments[1]` are folders, as in PYTHONPATH."""
    fd, sys_path, *stage = arguments
    sys.path[:0] = sys_path.split(os.pathsep)
    if stage != [_PROTECTED]:
        from wharf.spawner import interpreter

        own = os.path.abspath(__file__)
        rest = ["-I", "-S", "-X", "utf8", own, fd, sys_path, _PROTECTED]
        interpreter.execute(os.path.realpath(sys.executable), rest, dict(os.environ))
    os.environ.pop("LD_LIBRARY_PATH", None)
    _serve(int(fd))


def _serve(fd: int) -> None:
    import contextlib
    import gc
    import socket
    from typing import cast

    from wharf.content import jobs as content
    from wharf.engine.containers import account_job
    from wharf.engine.logs import read_job
    from wharf.keeper.main import JOBS as KEEPER_JOBS
    from wharf.linux import prctl
    from wharf.linux.cgroup import host_mounts
    from wharf.linux.descriptors import close_others
    from wharf.linux.signals import default_internal_signals
    from wharf.runtime.filters import compile_profile
    from wharf.runtime.spec import LinuxSeccomp
    from wharf.shim.main import stand_by
    from wharf.shim.rehearsal import fill_gaps, rehearse
    from wharf.spawner.server import serve
    from wharf.volume import jobs as volume

    close_others({fd})
    os.set_inheritable(fd, False)
    os.umask(0o022)
    default_internal_signals()
    prctl.set_name("wharf-spawner")
    prctl.set_dumpable(dumpable=False)
    with contextlib.suppress(OSError):
        host_mounts()
        rehearse()
    gc.collect()
    _kept = fill_gaps()
    gc.disable()  # a collection would write to every object, and so copy every page that children share
    gc.freeze()

    def prepare_filter(profile: dict[str, object]) -> None:
        """Compile the seccomp profile of the containers to come: it takes 4 ms each time otherwise."""
        compile_profile(cast(LinuxSeccomp, profile))

    jobs = {**content.JOBS, **volume.JOBS, **account_job.JOBS, **read_job.JOBS, **KEEPER_JOBS}
    serve(socket.socket(fileno=fd), jobs, stand_by, {"seccomp": prepare_filter})
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
