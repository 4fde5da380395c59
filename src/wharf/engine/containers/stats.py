"""`stats`: what a container uses, once or every second.

The cgroup, /proc/stat and the init's view of its network are read on a thread, all at once. A container that
does not run uses nothing: Docker then shows an empty look, and so do we.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator

import msgspec

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.kernel_view import cgroup_of
from wharf.engine.errors import NotRunning
from wharf.errors import InvalidParameter
from wharf.linux import counters
from wharf.linux.cgroup import Cgroup
from wharf.schema.stats import ContainerStats, CpuStats, NetworkStats
from wharf.schema.timestamp import ZERO, rfc3339

INTERVAL_S = 1.0


def stats(
    context: Context, container: Container, *, stream: bool, one_shot: bool
) -> AsyncIterator[ContainerStats]:
    """Return looks at a container: one every second, or one alone; refuses as Docker does."""
    if stream and one_shot:
        raise InvalidParameter("cannot have stream=true and one-shot=true")
    if stream:
        return _looks(context, container)
    return _one_look(context, container, at_once=one_shot)


async def _looks(context: Context, container: Container) -> AsyncIterator[ContainerStats]:
    """Look every second, until the container is removed."""
    cpu, read = CpuStats(), ZERO
    while not container.removed.done():
        look = await _look(context, container)
        yield msgspec.structs.replace(
            look, name=f"/{container.name}", id=container.id, precpu_stats=cpu, preread=read
        )
        cpu, read = look.cpu_stats, look.read
        await _next_tick(container)


async def _one_look(
    context: Context, container: Container, *, at_once: bool
) -> AsyncIterator[ContainerStats]:
    """Give one look; unless it is to come `at_once`, with one a second before it as `precpu_stats`."""
    if not container.is_alive:
        yield ContainerStats(name=f"/{container.name}", id=container.id)
        return
    if at_once:  # without its name, in Docker too
        yield await _look(context, container)
        return
    looks = _looks(context, container)
    await anext(looks, None)
    if (look := await anext(looks, None)) is not None:
        yield look


async def _next_tick(container: Container) -> None:
    await asyncio.wait([container.removed], timeout=INTERVAL_S)


async def _look(context: Context, container: Container) -> ContainerStats:
    try:
        cgroup = cgroup_of(context, container)
        return await asyncio.to_thread(_read, cgroup, _pid_of_network(container))
    except (NotRunning, FileNotFoundError, ProcessLookupError):
        return ContainerStats()
    except OSError:
        if container.is_alive:
            raise
        return ContainerStats()  # its cgroup went while it was read


def _pid_of_network(container: Container) -> int:
    """Return the process whose interfaces are the container's own; 0 where it uses the host's."""
    return 0 if container.record.host_config.network_mode == "host" else container.condition.pid


def _read(cgroup: Cgroup, pid: int) -> ContainerStats:
    used = cgroup.stats()
    look = msgspec.convert(used, type=ContainerStats)
    machine = counters.processor_time()
    memory = look.memory_stats
    total = _machine_memory()
    if not 0 < memory.limit <= total and "memory_stats" in used:
        memory = msgspec.structs.replace(memory, limit=total)
    return msgspec.structs.replace(
        look,
        read=rfc3339(time.time_ns()),
        cpu_stats=msgspec.structs.replace(
            look.cpu_stats, system_cpu_usage=machine.total_ns, online_cpus=machine.online
        ),
        memory_stats=memory,
        networks=_networks(cgroup, pid) if pid else {},
    )


def _networks(cgroup: Cgroup, pid: int) -> dict[str, NetworkStats]:
    try:
        traffic = counters.traffic(pid)
    except (FileNotFoundError, ProcessLookupError):
        return {}
    if pid not in cgroup.processes():  # the number belongs to somebody else by now
        return {}
    return {name: NetworkStats(**figures._asdict()) for name, figures in traffic.items()}


def _machine_memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
