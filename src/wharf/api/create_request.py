"""The body of `POST /containers/create`, as the version it was sent with means it."""

import re
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from wharf.api.call import Call
from wharf.errors import Internal, InvalidParameter
from wharf.schema.container import ContainerConfig, ContainerCreateRequest
from wharf.schema.host_config import HostConfig
from wharf.schema.network import EndpointSettings, NetworkingConfig
from wharf.schema.struct import members

_MAC_DEPRECATED: Final = (
    "The container-wide MacAddress field is now deprecated. "
    "It should be specified in EndpointsConfig instead."
)
_INTERFACE: Final = re.compile(r"eth[0-9]+", re.ASCII)
_NOTHING: Final = ContainerCreateRequest()


async def read_create_request(call: Call) -> tuple[ContainerCreateRequest, list[str]]:
    """Return the request, and warnings; raises InvalidParameter where it has no config at all."""
    body = await call.body() if call.has_body() else b""
    request = call.decoded(body, ContainerCreateRequest, go_type="container.CreateRequest")
    is_empty = replace(request, host_config=None, networking_config=None) == _NOTHING
    if is_empty and not _names_config(body):
        raise InvalidParameter("config cannot be empty in order to create a container")
    return _with_mac_at_endpoint(_as_meant(request, call.version), call.version)


def _names_config(body: bytes) -> bool:
    """Tell whether a body has a member of the config at all, if only an empty one."""
    document = msgspec.json.decode(body)
    names = {name.lower() for name in members(ContainerConfig)}
    return isinstance(document, dict) and any(
        name.lower() in names and value is not None for name, value in document.items()
    )


def _as_meant(request: ContainerCreateRequest, version: int) -> ContainerCreateRequest:
    """Drop what a version does not know yet, or no longer, and give old ones the defaults they rely on."""
    changes: dict[str, Any] = {}
    if version >= 48 and request.host_config is not None:
        _check_sysctls(request.host_config)
    if request.host_config is not None:
        changes["host_config"] = _host_config(request.host_config, version)
    if version < 44:
        if request.healthcheck is not None:
            changes["healthcheck"] = replace(request.healthcheck, start_interval=0)
        networking = request.networking_config
        if networking is not None and len(networking.endpoints_config or {}) > 1:
            raise InvalidParameter("Container cannot be created with more than one network endpoint")
    return replace(request, **changes) if changes else request


def _with_mac_at_endpoint(
    request: ContainerCreateRequest, version: int
) -> tuple[ContainerCreateRequest, list[str]]:
    """Move a container-wide MAC address to the endpoint it belongs to; since 1.44 with a warning."""
    asked = dict((request.networking_config and request.networking_config.endpoints_config) or {})
    mode = (request.host_config.network_mode if request.host_config else "") or "default"
    mac = request.mac_address
    has_endpoint = mode not in {"host", "none"} and not mode.startswith("container:")
    if not mac:
        if version >= 44 or not any(settings and settings.mac_address for settings in asked.values()):
            return request, []
        asked = {name: settings and replace(settings, mac_address="") for name, settings in asked.items()}
    elif has_endpoint:
        name = next((name for name in (mode, "default", "bridge") if name in asked), mode)
        settings = asked.get(name) or EndpointSettings()
        if version >= 44 and settings.mac_address not in {"", mac}:
            raise InvalidParameter(
                "the container-wide MAC address must match the endpoint-specific MAC address for the main "
                "network, or be left empty"
            )
        asked[name] = replace(settings, mac_address=mac)
    elif version < 44:
        raise InvalidParameter("conflicting options: mac-address and the network mode")
    changed = replace(request, mac_address="", networking_config=NetworkingConfig(endpoints_config=asked))
    return changed, [_MAC_DEPRECATED] if mac and version >= 44 else []


def _check_sysctls(host: HostConfig) -> None:
    """Refuse a setting of one interface: since 1.48 it belongs to the endpoint."""
    for name in host.sysctls:
        parts = name.split(".")
        if (
            len(parts) > 4
            and parts[0] == "net"
            and parts[2] in {"conf", "neigh"}
            and _INTERFACE.fullmatch(parts[3])
        ):
            raise Internal(
                f'interface specific sysctl setting "{name}" must be supplied using driver option '
                "'com.docker.network.endpoint.sysctls'"
            )


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
    return replace(host, **changes) if changes else host
