"""`update`: other limits and another restart policy, for a container that runs or does not.

The record is changed first, then the cgroup, last the bundle, from which a shim makes the container again. A
bundle that is behind its record tells that an update was cut short: `finish` does the rest of it.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping

import msgspec

from wharf.engine.containers import kernel_view, limits, restart_policy
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.limit_support import limit_support
from wharf.engine.containers.oci import resources
from wharf.engine.errors import NotRunning
from wharf.errors import Conflict, EngineError, Internal
from wharf.failpoint import failpoint
from wharf.linux.cgroup import LinuxResources
from wharf.schema.container import UpdateRequest
from wharf.schema.host_config import HostConfig, RestartPolicy

_LIMITS = (
    "blkio_weight",
    "cpu_shares",
    "nano_cpus",
    "cpu_period",
    "cpu_quota",
    "cpuset_cpus",
    "cpuset_mems",
    "memory",
    "memory_swap",
    "memory_reservation",
    "kernel_memory",
    "cpu_realtime_period",
    "cpu_realtime_runtime",
)
"""What changes where it is not zero; other limits of the request are ignored, as in Docker."""

_IGNORED = (
    "blkio_weight_device",
    "blkio_device_read_bps",
    "blkio_device_write_bps",
    "blkio_device_read_iops",
    "blkio_device_write_iops",
    "memory_swappiness",
    "oom_kill_disable",
)
_KERNEL = ("memory", "cpu", "pids", "blockIO")


def admit(request: UpdateRequest) -> tuple[HostConfig, list[str]]:
    """Return what is asked for, without what the kernel cannot do, and warnings that say what that is."""
    policy = request.restart_policy
    if policy.name:
        restart_policy.check(policy)
    asked = HostConfig(**{field: getattr(request, field) for field in UpdateRequest.__struct_fields__})
    checked, warnings = limits.check(asked, limit_support(), is_update=True)
    return msgspec.structs.replace(checked, **dict.fromkeys(_IGNORED)), warnings


async def update(context: Context, container: Container, asked: HostConfig) -> None:
    """Change a container as `asked`; nothing is changed where that fails."""
    async with container.lock:
        if container.is_being_removed:
            raise _cannot(container, 'container is marked for removal and cannot be "update"')
        before = container.record
        host = merged(container, asked)
        await context.index.change(container, msgspec.structs.replace(before, host_config=host))
        failpoint("update.recorded")
        try:
            await _apply(context, container, in_kernel(host, asked))
        except OSError as error:
            await context.index.change(container, before)
            raise Internal(f"Cannot update container {container.id}: {_words(error)}") from error
        failpoint("update.applied")
        await _tell_shim(container, asked.restart_policy)
    context.emit(container, "update")


def merged(container: Container, asked: HostConfig) -> HostConfig:
    """Return the container's host config with what is asked for; raises Conflict in Docker's words."""
    now = container.record.host_config
    for new, name, old, other in (
        (asked.nano_cpus, "Nano CPUs", now.cpu_period, "CPU Period"),
        (asked.nano_cpus, "Nano CPUs", now.cpu_quota, "CPU Quota"),
        (asked.cpu_period, "CPU Period", now.nano_cpus, "NanoCPUs"),
        (asked.cpu_quota, "CPU Quota", now.nano_cpus, "NanoCPUs"),
    ):
        if new > 0 and old > 0:
            raise _cannot(
                container, f"Conflicting options: {name} cannot be updated as {other} has already been set"
            )
    if asked.memory and asked.memory > now.memory_swap and not asked.memory_swap:
        raise _cannot(
            container,
            "Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the "
            "same time",
        )
    changes: dict[str, object] = {name: value for name in _LIMITS if (value := getattr(asked, name))}
    if asked.pids_limit is not None:
        changes["pids_limit"] = asked.pids_limit
    if asked.restart_policy.name:
        if now.auto_remove and asked.restart_policy.name != "no":
            raise _cannot(
                container,
                "Restart policy cannot be updated because AutoRemove is enabled for the container",
            )
        changes["restart_policy"] = asked.restart_policy
    return msgspec.structs.replace(now, **changes)


def in_kernel(host: HostConfig, asked: HostConfig) -> LinuxResources:
    """Return the limits that change, as OCI resources; those of memory together, since they hang together."""
    whole = resources.resources(host, ())
    wanted = resources.resources(asked, ())
    made: LinuxResources = {}
    if asked.memory or asked.memory_swap or asked.memory_reservation:
        made["memory"] = whole.get("memory") or {}
        if host.memory_swap == -1:
            made["memory"]["swap"] = -1
    if "cpu" in wanted:
        made["cpu"] = wanted["cpu"]
    if "blockIO" in wanted:
        made["blockIO"] = {"weight": asked.blkio_weight}
    if asked.pids_limit is not None:
        made["pids"] = {"limit": asked.pids_limit or -1}
    return made


async def finish(context: Context, container: Container) -> None:
    """Do the rest of an update that was cut short; the caller holds the lock."""
    host = container.record.host_config
    with contextlib.suppress(EngineError):  # it ends just now
        await _tell_shim(container, host.restart_policy)
    wanted = resources.resources(host, ())
    try:
        path, document = _bundle(context, container)
    except NotRunning:
        return
    if _limits_of(document["linux"]["resources"]) == _limits_of(wanted):
        return
    try:
        await _apply(context, container, _limits_of(wanted))
    except OSError:
        _write(path, document, wanted)  # the kernel's word on it is final


async def _apply(context: Context, container: Container, changes: LinuxResources) -> None:
    """Bring a running container's cgroup and bundle up to its record."""
    if container.run is None or not changes:
        return
    try:
        cgroup = kernel_view.cgroup_of(context, container)
        path, document = _bundle(context, container)
    except NotRunning:
        return
    try:
        await asyncio.to_thread(cgroup.apply, changes)
    except FileNotFoundError:
        if os.path.isdir(os.path.dirname(path)) and container.is_alive:
            raise
        return  # it ended meanwhile
    _write(path, document, resources.resources(container.record.host_config, ()))


def _bundle(context: Context, container: Container) -> tuple[str, dict[str, dict[str, LinuxResources]]]:
    path = f"{context.paths.bundle(container.id)}/config.json"
    try:
        with open(path, encoding="utf-8") as file:
            document: dict[str, dict[str, LinuxResources]] = json.load(file)
    except (FileNotFoundError, json.JSONDecodeError):
        raise NotRunning(container.id) from None
    return path, document


def _write(path: str, document: Mapping[str, dict[str, LinuxResources]], limits_now: LinuxResources) -> None:
    """Put other limits into a bundle; its devices stay."""
    old = document["linux"]["resources"]
    document["linux"]["resources"] = {"devices": old.get("devices", []), **_limits_of(limits_now)}
    beside = f"{path}.new"
    with open(beside, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(msgspec.json.encode(document))
    failpoint("update.bundle")
    os.rename(beside, path)


def _limits_of(wanted: LinuxResources) -> LinuxResources:
    found: LinuxResources = {}
    for name in _KERNEL:
        if name in wanted:
            found[name] = wanted[name]  # type: ignore[literal-required]
    return found


async def _tell_shim(container: Container, policy: RestartPolicy) -> None:
    """Give the shim, which keeps to it, the new restart policy."""
    run = container.run
    if not policy.name or run is None or run.peer is None:
        return
    try:
        await run.peer.call("restart-policy", name=policy.name, maximum=policy.maximum_retry_count)
    except EngineError as error:
        if container.run is run and container.is_alive:
            raise _cannot(container, str(error)) from error


def _cannot(container: Container, words: str) -> Conflict:
    return Conflict(f"Cannot update container {container.id}: {words}")


def _words(error: OSError) -> str:
    """Return what Docker's runtime says of a limit that the kernel refuses."""
    text = (error.strerror or str(error)).strip()
    notes = getattr(error, "__notes__", ())
    value = next((note.removeprefix("writing ").strip("'") for note in notes), "")
    if error.filename and value:
        text = f'failed to write "{value}": write {error.filename}: {text.lower()}'
    return f"runc did not terminate successfully: exit status 1: {text}\n"
