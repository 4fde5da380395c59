"""The network room's tables: networks, endpoints, and the links that may be on the host.

Each function takes a connection inside a transaction of `state.Database`. A row of `network_link` is written
with the endpoint, before the link is made, and struck off after the link is gone, so that a veth pair always
has an owner that a sweep can ask for.
"""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from wharf.network.endpoint import Endpoint
from wharf.network.network import Network
from wharf.network.published import PublishedPort

STATEMENTS = (
    """
    CREATE TABLE network (
        id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document BLOB NOT NULL, last_ipv4 TEXT
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE network_endpoint (
        id TEXT PRIMARY KEY, network_id TEXT NOT NULL REFERENCES network, ipv4 TEXT, document BLOB NOT NULL,
        UNIQUE (network_id, ipv4)
    ) WITHOUT ROWID
    """,
    """
    CREATE TABLE network_link (
        name TEXT PRIMARY KEY, network_id TEXT NOT NULL REFERENCES network
    ) WITHOUT ROWID
    """,
    "CREATE TABLE network_port (container_id TEXT PRIMARY KEY, document BLOB NOT NULL) WITHOUT ROWID",
)

_networks = msgspec.json.Decoder(Network)
_ports = msgspec.json.Decoder(tuple[PublishedPort, ...])
_endpoints = msgspec.json.Decoder(Endpoint)


class Stored(msgspec.Struct, frozen=True):
    """All that is stored."""

    networks: dict[str, Network]
    last_ipv4: dict[str, str]
    """For networks with addresses: the one given last."""
    endpoints: dict[str, Endpoint]
    links: dict[str, str]
    """Name of a link → id of its network."""
    ports: dict[str, tuple[PublishedPort, ...]]
    """Id of a container → its published ports."""


def load(db: sqlite3.Connection) -> Stored:
    """Return everything, networks in order of their creation."""
    rows = db.execute("SELECT id, document, last_ipv4 FROM network").fetchall()
    networks = sorted((_networks.decode(row[1]) for row in rows), key=lambda network: network.created_ns)
    endpoints = db.execute("SELECT id, document FROM network_endpoint").fetchall()
    return Stored(
        networks={network.id: network for network in networks},
        last_ipv4={row[0]: row[2] for row in rows if row[2] is not None},
        endpoints={row[0]: _endpoints.decode(row[1]) for row in endpoints},
        ports={
            row[0]: _ports.decode(row[1])
            for row in db.execute("SELECT container_id, document FROM network_port").fetchall()
        },
        links=dict(db.execute("SELECT name, network_id FROM network_link").fetchall()),
    )


def save_network(db: sqlite3.Connection, network: Network) -> None:
    """Write a network, new or changed."""
    db.execute(
        "INSERT INTO network (id, name, document) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, document = excluded.document",
        (network.id, network.name, msgspec.json.encode(network)),
    )


def add_endpoint(db: sqlite3.Connection, endpoint: Endpoint, last_ipv4: str | None) -> None:
    """Write a new endpoint, its link, and how far its network has given addresses."""
    db.execute(
        "INSERT INTO network_endpoint VALUES (?, ?, ?, ?)",
        (endpoint.id, endpoint.network_id, endpoint.ip or None, msgspec.json.encode(endpoint)),
    )
    if endpoint.host_link:
        db.execute("INSERT INTO network_link VALUES (?, ?)", (endpoint.host_link, endpoint.network_id))
    if last_ipv4 is not None:
        db.execute("UPDATE network SET last_ipv4 = ? WHERE id = ?", (last_ipv4, endpoint.network_id))


def remove_endpoints(db: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Forget endpoints; their links stay on record until `remove_links`."""
    db.executemany("DELETE FROM network_endpoint WHERE id = ?", [(one,) for one in ids])


def remove_links(db: sqlite3.Connection, names: Iterable[str]) -> None:
    """Forget links that are gone."""
    db.executemany("DELETE FROM network_link WHERE name = ?", [(name,) for name in names])


def save_ports(db: sqlite3.Connection, container_id: str, ports: Sequence[PublishedPort]) -> None:
    """Write the published ports of a container; none at all: forget it."""
    db.execute("DELETE FROM network_port WHERE container_id = ?", (container_id,))
    if ports:
        db.execute("INSERT INTO network_port VALUES (?, ?)", (container_id, msgspec.json.encode(ports)))


def remove_network(db: sqlite3.Connection, network_id: str) -> None:
    """Forget a network that has no endpoint; links that are still on record of it go too."""
    db.execute("DELETE FROM network_link WHERE network_id = ?", (network_id,))
    db.execute("DELETE FROM network WHERE id = ?", (network_id,))


def save_endpoint(db: sqlite3.Connection, endpoint: Endpoint) -> None:
    """Write an endpoint that has changed; its addresses and links are what they were."""
    db.execute(
        "UPDATE network_endpoint SET document = ? WHERE id = ?",
        (msgspec.json.encode(endpoint), endpoint.id),
    )
