"""The files the engine writes for each start of a container: hostname, hosts, resolv.conf."""

from collections.abc import Sequence

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.oci.spec import Files
from wharf.network.endpoint import Endpoint


def write(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> Files:
    """Write the files of a start below the container's folder; return where they are."""
    record = container.record
    folder = context.paths.container(record.id)
    made = Files(f"{folder}/resolv.conf", f"{folder}/hostname", f"{folder}/hosts")
    texts = context.networks.files(
        mode=record.host_config.network_mode,
        hostname=record.config.hostname,
        domainname=record.config.domainname,
        endpoints=endpoints,
        extra_hosts=record.host_config.extra_hosts or (),
        dns=record.host_config.dns or (),
        dns_search=record.host_config.dns_search or (),
        dns_options=record.host_config.dns_options or (),
    )
    for path, text in (
        (made.resolv_conf, texts.resolv_conf),
        (made.hostname, f"{record.config.hostname}\n"),
        (made.hosts, texts.hosts),
    ):
        assert path is not None
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return made
