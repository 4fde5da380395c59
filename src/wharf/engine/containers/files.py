"""The files the engine writes for each start of a container: hostname, hosts, resolv.conf."""

import logging
import os
from collections.abc import Callable, Sequence
from functools import partial

from wharf.engine.containers import links, naming, places
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.joined import network_owner
from wharf.engine.containers.oci.spec import Files
from wharf.network import hosts, resolv
from wharf.network.endpoint import Endpoint

_log = logging.getLogger(__name__)

_HOSTS_FILE = "/etc/hosts"
_HOST_GATEWAY = "host-gateway"
_LARGEST = 1 << 20
"""Bytes of a hosts file that is still edited."""


def write(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> Files:
    """Write the files of a start below the container's folder; return where they are.

    A container that joins another's network has that one's files.
    """
    record = container.record
    owner = network_owner(context, record)
    folder = context.paths.container(owner.id)
    made = Files(f"{folder}/resolv.conf", f"{folder}/hostname", f"{folder}/hosts")
    if owner is not record:
        return made
    texts = {
        made.resolv_conf: _resolv_conf(context, container, endpoints),
        made.hostname: f"{record.config.hostname}\n",
        made.hosts: _hosts(context, container, endpoints),
    }
    for path, text in texts.items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    return made


def _resolv_conf(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> str:
    host, settings = container.record.host_config, context.networks.settings
    if host.network_mode == "host":
        transform = ""
    else:
        transform = resolv.INTERNAL if naming.has_names(endpoints) else resolv.LEGACY
    return resolv.make(
        _read(resolv.HOST_FILE),
        transform=transform,
        dns=host.dns or settings.dns,
        dns_search=host.dns_search or settings.dns_search,
        dns_options=host.dns_options or settings.dns_opts,
    )


def add_resolver(
    context: Context, container: Container, before: Sequence[Endpoint], after: Sequence[Endpoint]
) -> None:
    """Lead a running container to its own resolver, once it has one, unless it has edited the file."""
    old, new = _resolv_conf(context, container, before), _resolv_conf(context, container, after)
    if old != new:
        path = f"{context.paths.container(container.id)}/resolv.conf"
        _edit(path, lambda text: new if text == old else text)


def _hosts(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> str:
    config, host = container.record.config, container.record.host_config
    extra = [
        (context.networks.host_gateway if address == _HOST_GATEWAY else address, name)
        for address, name in map(hosts.split_extra, host.extra_hosts or ())
    ]
    extra += links.host_lines(context, container.record)
    if host.network_mode == "host":
        return _read(_HOSTS_FILE) + "".join(f"{address}\t{names}\n" for address, names in extra)
    return hosts.make(
        addresses=[address for endpoint in endpoints for address in _addresses(endpoint)],
        hostname=config.hostname,
        domainname=config.domainname,
        extra=extra,
    )


def add_addresses(context: Context, container: Container, endpoint: Endpoint) -> None:
    """Put the addresses of a new endpoint into the hosts file of a running container, as it has made it."""
    config = container.record.config
    names = hosts.own_names(config.hostname, config.domainname)

    def add(text: str) -> str:
        ends = "" if not text or text.endswith("\n") else "\n"
        return text + ends + "".join(f"{address}\t{names}\n" for address in _addresses(endpoint))

    _edit(f"{context.paths.container(container.id)}/hosts", add)


def remove_addresses(context: Context, container: Container, endpoint: Endpoint) -> None:
    """Take the lines of an endpoint's addresses out of the hosts file of a running container."""
    gone = set(_addresses(endpoint))

    def remove(text: str) -> str:
        lines = text.splitlines(keepends=True)
        return "".join(line for line in lines if not gone.intersection(line.split()[:1]))

    _edit(f"{context.paths.container(container.id)}/hosts", remove)


def tell_parents(context: Context, container: Container, endpoints: Sequence[Endpoint]) -> None:
    """Put the addresses of a started container into the hosts files of those that link to it."""
    addresses = [one for each in endpoints if each.network_name == places.BRIDGE for one in _addresses(each)]
    for parent, alias in links.parents(context, container):
        path = f"{context.paths.container(parent.id)}/hosts"
        for address in addresses:
            try:
                _edit(path, partial(links.led_to, alias=alias, address=address))
            except OSError as error:  # a full disk is no reason for the other one not to run
                _log.error("cannot tell container %s of an address: %s", parent.record.short_id, error)


def remove_link(context: Context, container: Container, alias: str) -> None:
    """Take a linked container's lines out of the hosts file of a running container."""
    _edit(f"{context.paths.container(container.id)}/hosts", partial(links.without, alias=alias))


def _addresses(endpoint: Endpoint) -> list[str]:
    return [address for address in (endpoint.ip, endpoint.ip6) if address]


def _edit(path: str, change: Callable[[str], str]) -> None:
    """Rewrite a file that is mounted in a container: in place, since a mount does not follow a new inode.

    Its content is the container's: one that has grown beyond what a hosts file can be is left alone.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, "r+", encoding="utf-8", errors="surrogateescape", newline="") as file:
        if os.fstat(descriptor).st_size > _LARGEST:
            return
        text = change(file.read())
        file.seek(0)
        file.write(text)
        file.truncate()


def _read(path: str) -> str:
    """Return one of the host's own files, or nothing where the host has none."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""
