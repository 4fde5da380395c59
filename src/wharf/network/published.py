"""A published port, as it is on record."""

import msgspec


class PublishedPort(msgspec.Struct, frozen=True):
    """A port of a container, and where on the host it is found."""

    protocol: str
    container_port: int
    host_ip: str
    host_port: int
