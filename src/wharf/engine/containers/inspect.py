"""What the API shows of one container."""

import msgspec

from wharf.engine.containers import health, links, places, published
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.exec_instance import Exec
from wharf.engine.containers.joined import donor_of, effective_config, network_owner
from wharf.engine.containers.oci import security
from wharf.engine.containers.record import Record, Status
from wharf.engine.containers.sizes import Sizes
from wharf.network.endpoint import Endpoint
from wharf.schema.container import ContainerConfig, ContainerInspect, ContainerState, DriverData, MountPoint
from wharf.schema.exec_ import ExecInspect, ProcessConfig
from wharf.schema.host_config import HostConfig
from wharf.schema.network import EndpointSettings, NetworkSettings
from wharf.schema.timestamp import rfc3339


def inspect(context: Context, container: Container, sizes: Sizes | None = None) -> ContainerInspect:
    """Return everything about a container, with its `sizes` if they were measured."""
    record, condition = container.record, container.condition
    host = record.host_config
    folder = context.paths.container(network_owner(context, record).id)
    has_files = condition.started_at > 0 or bool(condition.error)
    has_log = condition.started_at > 0 or condition.error.startswith(_TASK_FAILED)
    layer = context.layers.describe(record.id)
    return ContainerInspect(
        id=record.id,
        created=rfc3339(record.created),
        path=record.path,
        args=record.args,
        state=state(container),
        image=record.image_id,
        resolv_conf_path=f"{folder}/resolv.conf" if has_files else "",
        hostname_path=f"{folder}/hostname" if has_files else "",
        hosts_path=f"{folder}/hosts" if has_files else "",
        log_path=context.paths.log(record.id) if has_log and _logs_to_file(record.host_config) else "",
        name=f"/{record.name}",
        restart_count=condition.restart_count,
        driver="overlay2",
        platform="linux",
        app_armor_profile=security.read(host).apparmor or "",
        exec_ids=[one for one in container.exec_ids if context.execs[one].exit_code is None] or None,
        host_config=msgspec.structs.replace(host, links=links.shown(context, record)),
        graph_driver=DriverData(data={"ID": record.id, **layer}, name="overlay2"),
        mounts=mount_points(container),
        config=_shown_config(context, record, has_started=has_files),
        network_settings=network_settings(context, container),
        size_rw=sizes.writable if sizes else None,
        size_root_fs=sizes.root if sizes else None,
    )


_TASK_FAILED = "failed to create task for container"
"""How the errors begin that came after a log was opened."""


def _shown_config(context: Context, record: Record, *, has_started: bool) -> ContainerConfig:
    """Return the config with the names that a start took over, and the address asked for the main network."""
    config = effective_config(context, record) if has_started else record.config
    main = record.endpoints.get(record.host_config.network_mode)
    mac = main.mac_address if main else ""
    return msgspec.structs.replace(config, mac_address=mac) if mac != config.mac_address else config


def _logs_to_file(host: HostConfig) -> bool:
    return host.log_config.type == "json-file"


def state(container: Container) -> ContainerState:
    """Return the state of a container as inspect shows it."""
    condition, status = container.condition, container.visible_status
    return ContainerState(
        status=status.value,
        running=condition.status.is_alive,
        paused=condition.status is Status.PAUSED,
        restarting=status is Status.RESTARTING,
        oom_killed=condition.oom_killed,
        dead=status is Status.DEAD,
        pid=condition.pid,
        exit_code=condition.exit_code,
        error=condition.error,
        started_at=rfc3339(condition.started_at),
        finished_at=rfc3339(condition.finished_at),
        health=health.shown(condition),
    )


def mount_points(container: Container) -> list[MountPoint]:
    """Return the mounts as inspect and list show them; those of `--tmpfs` are none of them."""
    return [
        MountPoint(
            type=point.type,
            name=point.name,
            source=point.source,
            destination=point.destination,
            driver=point.driver,
            mode=point.mode,
            rw=not point.readonly,
            propagation=point.propagation,
        )
        for point in container.record.mounts
    ]


def endpoint_settings(context: Context, container: Container) -> dict[str, EndpointSettings]:
    """Return the container's place in each of its networks, as it is now."""
    shown: dict[str, EndpointSettings] = {}
    record = container.record
    for name in sorted(record.endpoints):
        asked = record.endpoints[name] or EndpointSettings()
        if container.condition.started_at and context.networks.knows(name):
            network = context.networks.find(name)
            names = places.dns_names(record, asked.aliases or ()) if network.has_names else None
            asked = msgspec.structs.replace(
                asked, network_id=network.id, dns_names=None if names is None else list(names)
            )
        shown[name] = asked
    has_place = container.run and container.condition.status is not Status.RESTARTING
    for endpoint in container.run.endpoints if has_place and container.run else ():
        shown[endpoint.network_name] = _settings(shown.get(endpoint.network_name), endpoint)
    return shown


def _settings(asked: EndpointSettings | None, endpoint: Endpoint) -> EndpointSettings:
    return msgspec.structs.replace(
        asked or EndpointSettings(),
        network_id=endpoint.network_id,
        endpoint_id=endpoint.id,
        gateway=endpoint.gateway,
        ip_address=endpoint.ip,
        ip_prefix_len=endpoint.prefix_len,
        ipv6_gateway=endpoint.gateway6,
        global_ipv6_address=endpoint.ip6,
        global_ipv6_prefix_len=endpoint.prefix_len6,
        mac_address=endpoint.mac,
    )


def network_settings(context: Context, container: Container) -> NetworkSettings:
    """Return the network part of inspect; the flat fields mirror the default bridge's."""
    networks = endpoint_settings(context, container)
    config, host = container.record.config, container.record.host_config
    has_network = not config.network_disabled and donor_of(host.network_mode) is None
    pid = container.condition.pid if has_network else 0
    shown = NetworkSettings(
        sandbox_id=container.id if pid else "",
        sandbox_key=f"/proc/{pid}/ns/net" if pid else "",
        ports=published.shown_ports(context, container),
        networks={**networks},
    )
    if (bridge := networks.get("bridge")) is None:
        return shown
    return msgspec.structs.replace(
        shown,
        endpoint_id=bridge.endpoint_id,
        gateway=bridge.gateway,
        ip_address=bridge.ip_address,
        ip_prefix_len=bridge.ip_prefix_len,
        ipv6_gateway=bridge.ipv6_gateway,
        global_ipv6_address=bridge.global_ipv6_address,
        global_ipv6_prefix_len=bridge.global_ipv6_prefix_len,
        mac_address=bridge.mac_address,
    )


def inspect_exec(found: Exec) -> ExecInspect:
    """Return everything about an exec instance."""
    config = found.config
    return ExecInspect(
        id=found.id,
        running=found.is_running,
        exit_code=found.exit_code,
        process_config=ProcessConfig(
            tty=config.tty,
            entrypoint=found.command[0],
            arguments=found.command[1:],
            privileged=config.privileged,
            user=config.user,
        ),
        open_stdin=config.attach_stdin,
        open_stderr=config.attach_stderr,
        open_stdout=config.attach_stdout,
        can_remove=not found.is_running and found.has_started,
        container_id=found.container.id,
        pid=found.pid,
    )
