"""What the daemon's settings say about registries; dockerd's flags of the same names."""

from typing import NamedTuple


class RegistrySettings(NamedTuple):
    """How to reach registries."""

    insecure: tuple[str, ...] = ()
    """Hosts (`host`, `host:port`) and networks (CIDR) that may be spoken to without or with unchecked TLS."""
    mirrors: tuple[str, ...] = ()
    """URLs that are asked before Docker Hub."""
    certificates: str = "/etc/docker/certs.d"
    """Folder of folders `<host>[:<port>]` with `*.crt` (authorities), `*.cert` and `*.key` (our own)."""
    user_agent: str = "wharf"
    downloads: int = 3
    """Blobs that come at the same time."""
    uploads: int = 5
    """Blobs that go at the same time."""
    attempts: int = 5
    """How often a blob is tried again without getting on."""
    stall_s: float = 30.0
    """How long a registry may be silent, in seconds."""
