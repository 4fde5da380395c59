"""What a worker needs to see a container's files as the container does (`content/view.py`)."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import NamedTuple

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.mounts import running
from wharf.engine.containers.oci import mounts, spec
from wharf.engine.containers.record import Status
from wharf.engine.errors import NotRunning, Restarting
from wharf.errors import Internal

_OF_THE_RUNTIME = ("/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/proc", "/sys", "/sys/fs/cgroup")
_KINDS = ("bind", "tmpfs")
_READONLY = frozenset({"ro", "rro"})


class View(NamedTuple):
    """The arguments of a job that takes a view, and the descriptor that goes with them (borrowed)."""

    args: dict[str, object]
    fd: int


@contextlib.contextmanager
def view(context: Context, container: Container, *, writes: bool) -> Iterator[View]:
    """Give the view of a container; whoever `writes` holds its lock, so that no start comes between.

    Raises Internal when what is mounted in a container that does not run is not there.
    """
    namespace = _namespace(container) if container.is_alive else None
    if namespace is not None:
        try:
            yield View({"mounts": _mounted(context, container), "lower": []}, namespace)
        finally:
            os.close(namespace)
        return
    if writes and container.run is not None:  # its layer may be mounted again at any moment
        is_restarting = container.condition.status is Status.RESTARTING
        raise Restarting(container.id) if is_restarting else NotRunning(container.id)
    number, lower = context.layers.stack_of(container.id)
    args: dict[str, object] = {
        "mounts": _to_mount(context, container),
        "lower": lower,
        "upper": number if writes else None,
        "readonly": writes and container.record.host_config.readonly_rootfs,
    }
    fd = os.open(context.paths.snapshots, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield View(args, fd)
    finally:
        os.close(fd)


def _namespace(container: Container) -> int | None:
    """Return the mount namespace of a container that runs, None when it has just ended."""
    process = f"/proc/{container.condition.pid}"
    with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
        fd = os.open(f"{process}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        stack.callback(os.close, fd)
        with open(f"{process}/cgroup", encoding="utf-8", errors="replace") as file:
            if container.id in file.read():  # else its number is another process's by now
                stack.pop_all()
                return fd
    return None


def _mounted(context: Context, container: Container) -> list[dict[str, object]]:
    """Return what the present start has mounted for the user, outermost first."""
    try:
        with open(f"{context.paths.bundle(container.id)}/config.json", encoding="utf-8") as file:
            listed = json.load(file)["mounts"]
    except FileNotFoundError as error:
        raise Internal(f"container {container.id} has no bundle") from error
    return [
        _entry(each["destination"], "", readonly=False)
        for each in listed
        if each.get("type") in _KINDS and each["destination"] not in _OF_THE_RUNTIME
    ]


def _to_mount(context: Context, container: Container) -> list[dict[str, object]]:
    """Return what a start would bind, outermost first."""
    folder = context.paths.container(container.id)
    files = spec.Files(f"{folder}/resolv.conf", f"{folder}/hostname", f"{folder}/hosts")
    made = [mount for mount in files.mounts(readonly=False) if os.path.exists(mount["source"])]
    listed = mounts.overlay(made, running.at_rest(context, container))
    return [
        {
            **_entry(each["destination"], each["source"], readonly=not _READONLY.isdisjoint(each["options"])),
            "subpath": each.get("subpath", ""),
        }
        for each in listed
    ]


def _entry(destination: str, source: str, *, readonly: bool) -> dict[str, object]:
    return {"destination": destination, "source": source, "readonly": readonly}
