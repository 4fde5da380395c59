"""Namespaces of other containers that a container joins: `--network`, `--pid`, `--ipc container:NAME`.

A name is replaced by the id when the container is created, and looked up again at each start: whoever is
joined has to run then. What happens to the donor later does not reach the one that has joined, but for the
end of a pid namespace, which ends all in it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.oci.security import names_label
from wharf.engine.containers.record import Record, Status
from wharf.errors import Conflict, EngineError, Internal, InvalidParameter, NotFound
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

_PREFIX = "container:"
_NO_IPC = "failed to join IPC namespace"
_NO_PID = "failed to join PID namespace"


def donor_of(mode: str) -> str | None:
    """Return whose namespace a mode means to join, None where it joins nobody's."""
    return mode.removeprefix(_PREFIX) if mode.startswith(_PREFIX) else None


def with_ids(context: Context, host: HostConfig) -> HostConfig:
    """Return `host` with the ids of those it names, as far as they exist.

    Raises InvalidParameter for an unknown one whose label dockerd would have to take over.
    """
    changes: dict[str, str] = {}
    for field in ("network_mode", "ipc_mode", "pid_mode"):
        if not (ref := donor_of(getattr(host, field))):
            continue
        try:
            changes[field] = _PREFIX + context.index.find(ref).id
        except EngineError as error:
            if field != "network_mode" and not names_label(host.security_opt or []):
                raise InvalidParameter(str(error)) from error
    return msgspec.structs.replace(host, **changes) if changes else host


class Donors(NamedTuple):
    """The containers that are joined, by the namespace's name in the OCI configuration."""

    network: Container | None = None
    ipc: Container | None = None
    pid: Container | None = None

    def pids(self) -> Mapping[str, int]:
        """Return the inits of the donors by namespace."""
        named = self._asdict()
        return {kind: donor.condition.pid for kind, donor in named.items() if donor is not None}

    def check(self) -> None:
        """Refuse where a donor has ended since it was looked up: its pid may be somebody else's by now."""
        for donor in self:
            if donor is None:
                continue
            try:
                with open(f"/proc/{donor.condition.pid}/cgroup", encoding="utf-8") as file:
                    is_there = donor.id in file.read()
            except OSError:
                is_there = False
            if not is_there:
                raise Conflict(f"cannot join a namespace of container {donor.id}: it has ended")


def donors(context: Context, container: Container) -> Donors:
    """Return who is joined by a container that is about to start; raises dockerd's errors."""
    host = container.record.host_config
    return Donors(
        _network_donor(context, container),
        _ipc_donor(context, host.ipc_mode),
        _pid_donor(context, host.pid_mode),
    )


def _network_donor(context: Context, container: Container) -> Container | None:
    ref = donor_of(container.record.host_config.network_mode)
    if ref is None:
        return None
    try:
        donor = context.index.find(ref)
    except EngineError as error:
        raise Internal(f"joining network namespace of container: {error}") from error
    if donor is container:
        raise Internal("cannot join own network namespace")
    if not donor.is_alive:
        raise Conflict(
            f"cannot join network namespace of a non running container: container {donor.name} is "
            f"{donor.visible_status}"
        )
    _refuse_restarting(donor)
    return donor


def _refuse_restarting(donor: Container) -> None:
    if donor.visible_status is Status.RESTARTING:
        raise Conflict(f"Container {donor.id} is restarting, wait until the container is running")


def _ipc_donor(context: Context, mode: str) -> Container | None:
    ref = donor_of(mode)
    if ref is None:
        return None
    if not ref:
        raise InvalidParameter(f'{_NO_IPC}: invalid name or ID supplied: ""')
    try:
        donor = context.index.find(ref)
    except NotFound as error:
        raise NotFound(f"{_NO_IPC}: {error}") from error
    if not donor.is_alive:
        raise Conflict(f"{_NO_IPC}: container {donor.id} is not running")
    _refuse_restarting(donor)
    if donor.record.host_config.ipc_mode != "shareable":
        raise InvalidParameter(
            f"{_NO_IPC}: container {donor.id}: non-shareable IPC "
            "(hint: use IpcMode:shareable for the donor container)"
        )
    return donor


def _pid_donor(context: Context, mode: str) -> Container | None:
    ref = donor_of(mode)
    if ref is None:
        return None
    try:
        donor = context.index.find(ref)
    except EngineError as error:
        raise Internal(f"{_NO_PID}: {error}") from error
    if not donor.is_alive:
        raise Internal(f"{_NO_PID}: container {donor.id} is not running")
    return donor


def network_owner(context: Context, record: Record) -> Record:
    """Return whose network a container uses in the end: its own, or its donor's, or that one's donor's."""
    seen = {record.id}
    while (ref := donor_of(record.host_config.network_mode)) and ref in context.index and ref not in seen:
        record = context.index.find(ref).record
        seen.add(record.id)
    return record


def effective_config(context: Context, record: Record) -> ContainerConfig:
    """Return the config with the names of the container whose network it shares."""
    names = network_owner(context, record).config
    if names is record.config:
        return names
    return msgspec.structs.replace(record.config, hostname=names.hostname, domainname=names.domainname)
