"""The bundle: the folder below the exec root from which a shim makes a container.

Its existence is the record that a start has begun: it is made before the first change to the kernel and
removed after the last one is undone, so what it names (cgroup, shim) is never without an owner.
"""

import os
import posixpath

import msgspec

from wharf.engine.containers import health, links
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.joined import Donors, effective_config
from wharf.engine.containers.mounts.running import Prepared
from wharf.engine.containers.oci import spec
from wharf.failpoint import failpoint
from wharf.shim.protocol import LogConfig, ShimConfig

_FILES = (
    "config.json",
    "shim.json",
    "shim.sock",
    "shim.pid",
    "exit.json",
    "init.pid",
    "health.json",
    "previous.json",
)


def write(
    context: Context,
    container: Container,
    files: spec.Files,
    *,
    log: LogConfig,
    donors: Donors,
    prepared: Prepared,
) -> str:
    """Write the bundle of a start and return its path."""
    record, host = container.record, container.record.host_config
    subject = spec.Subject(
        id=record.id,
        config=effective_config(context, record),
        host=host,
        args=[record.path, *record.args],
        files=files,
        mounts=prepared.mounts,
        root_propagation=prepared.propagation,
        cgroup_parent=posixpath.normpath(f"/{(host.cgroup_parent or context.cgroup_parent).lstrip('/')}"),
        cgroup_mode=context.cgroup_mode,
        available_capabilities=context.available_capabilities,
        docker_init=context.paths.docker_init,
        joined=donors.pids(),
        linked=links.variables(context, record),
    )
    config = spec.build(subject)
    height, width = host.console_size
    shim: ShimConfig = {
        "id": record.id,
        "root": context.layers.mounts(record.id),
        "tty": record.config.tty,
        "open_stdin": record.config.open_stdin,
        "stdin_once": record.config.stdin_once,
        "log": log,
        "console_size": (height, width) if height and width else None,
        "restart": {
            "name": host.restart_policy.name,
            "maximum": host.restart_policy.maximum_retry_count,
            "count": container.condition.restart_count,
        },
    }
    if checks := health.for_shim(context, record):
        shim["health"], shim["probe"] = checks
    path = context.paths.bundle(record.id)
    os.mkdir(path, 0o700)
    failpoint("bundle.made")
    _put(f"{path}/config.json", config)
    _put(f"{path}/shim.json", shim)
    return path


def remove(path: str) -> None:
    """Remove a bundle; what is not there is not missed."""
    for name in _FILES:
        _unlink(f"{path}/{name}")
    if os.path.isdir(path):
        for left in os.listdir(path):  # a shim that died in the middle of a write leaves a temporary file
            _unlink(f"{path}/{left}")
        failpoint("bundle.remove")
        os.rmdir(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _put(path: str, value: object) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(msgspec.json.encode(value))
