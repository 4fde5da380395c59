"""The body of `POST /containers/create`, as the version it was sent with means it."""

from typing import Any, Final

import msgspec

from wharf.api.call import Call
from wharf.errors import InvalidParameter
from wharf.schema.container import ContainerCreateRequest
from wharf.schema.host_config import HostConfig

_NOTHING: Final = ContainerCreateRequest()


async def read_create_request(call: Call) -> ContainerCreateRequest:
    """Return the request; raises InvalidParameter where it has no config at all."""
    request = await call.json(ContainerCreateRequest, go_type="container.CreateRequest", needed=True)
    if msgspec.structs.replace(request, host_config=None, networking_config=None) == _NOTHING:
        raise InvalidParameter("config cannot be empty in order to create a container")
    return _as_meant(request, call.version)


def _as_meant(request: ContainerCreateRequest, version: int) -> ContainerCreateRequest:
    """Drop what a version does not know yet, or no longer, and give old ones the defaults they rely on."""
    changes: dict[str, Any] = {}
    if request.host_config is not None:
        changes["host_config"] = _host_config(request.host_config, version)
    if version < 44:
        if request.healthcheck is not None:
            changes["healthcheck"] = msgspec.structs.replace(request.healthcheck, start_interval=0)
        networking = request.networking_config
        if networking is not None and len(networking.endpoints_config or {}) > 1:
            raise InvalidParameter("Container cannot be created with more than one network endpoint")
    return msgspec.structs.replace(request, **changes) if changes else request


def _host_config(host: HostConfig, version: int) -> HostConfig:
    changes: dict[str, Any] = {}
    if host.pids_limit is not None and host.pids_limit <= 0:
        changes["pids_limit"] = None
    if version >= 42:
        if host.kernel_memory:
            changes["kernel_memory"] = 0
    elif host.console_size != (0, 0):
        changes["console_size"] = (0, 0)
    if version < 43 and host.annotations:
        changes["annotations"] = {}
    if version < 41 and not host.cgroupns_mode:
        changes["cgroupns_mode"] = "host"
    if version < 40 and not host.ipc_mode:
        changes["ipc_mode"] = "shareable"
    return msgspec.structs.replace(host, **changes) if changes else host
