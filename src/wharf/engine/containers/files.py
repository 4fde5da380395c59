"""The files the engine writes for each start of a container: hostname, hosts, resolv.conf."""

from collections.abc import Sequence

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.oci.spec import Files
from wharf.network import hosts, resolv
from wharf.network.endpoint import Endpoint

_HOSTS_FILE = "/etc/hosts"
_HOST_GATEWAY = "host-gateway"


def write(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> Files:
    """Write the files of a start below the container's folder; return where they are."""
    record = container.record
    folder = context.paths.container(record.id)
    made = Files(f"{folder}/resolv.conf", f"{folder}/hostname", f"{folder}/hosts")
    texts = {
        made.resolv_conf: _resolv_conf(context, container),
        made.hostname: f"{record.config.hostname}\n",
        made.hosts: _hosts(context, container, endpoints),
    }
    for path, text in texts.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return made


def _resolv_conf(context: Context, container: Container) -> str:
    host, settings = container.record.host_config, context.networks.settings
    return resolv.make(
        _read(resolv.HOST_FILE),
        transform="" if host.network_mode == "host" else resolv.LEGACY,
        dns=host.dns or settings.dns,
        dns_search=host.dns_search or settings.dns_search,
        dns_options=host.dns_options or settings.dns_opts,
    )


def _hosts(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> str:
    config, host = container.record.config, container.record.host_config
    extra = [
        (context.networks.host_gateway if address == _HOST_GATEWAY else address, name)
        for address, name in map(hosts.split_extra, host.extra_hosts or ())
    ]
    if host.network_mode == "host":
        return _read(_HOSTS_FILE) + "".join(f"{address}\t{names}\n" for address, names in extra)
    return hosts.make(
        addresses=[endpoint.ip for endpoint in endpoints if endpoint.ip],
        hostname=config.hostname,
        domainname=config.domainname,
        extra=extra,
    )


def _read(path: str) -> str:
    """Return one of the host's own files, or nothing where the host has none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
