"""What is known of images elsewhere: the manifests they came by, and which repositories hold their layers.

The tables are in `catalog.py`. A layer's gzip form is remembered by digest only; its bytes are made anew
where they are needed, and are the same each time. `layer_place` only ever saves work: what a registry says
counts.
"""

import sqlite3
from collections.abc import Mapping
from typing import NamedTuple

from wharf.schema.digest import Digest


class StoredManifest(NamedTuple):
    """A manifest as it came."""

    digest: Digest
    media_type: str
    body: bytes


class Form(NamedTuple):
    """How a layer goes over the wire: the blob's digest and size."""

    digest: Digest
    size: int


def record_manifest(connection: sqlite3.Connection, image_id: str, manifest: StoredManifest) -> None:
    """Record that an image came by `manifest`, whose blob is here."""
    connection.execute(
        "INSERT OR REPLACE INTO image_manifest VALUES (?, ?, ?)",
        (manifest.digest, manifest.media_type, image_id),
    )


def manifests_of(connection: sqlite3.Connection, image_id: str) -> list[tuple[Digest, str]]:
    """Return the manifests an image came by: digest and media type."""
    rows = connection.execute(
        "SELECT digest, media_type FROM image_manifest WHERE image_id = ? ORDER BY digest", (image_id,)
    )
    return [(Digest(digest), media_type) for digest, media_type in rows]


def gzip_form(connection: sqlite3.Connection, diff_id: Digest) -> Form | None:
    """Return what a layer's tar was compressed to, if it ever was."""
    row = connection.execute("SELECT digest, size FROM layer_gzip WHERE diff_id = ?", (diff_id,)).fetchone()
    return None if row is None else Form(Digest(row[0]), row[1])


def record_gzip(connection: sqlite3.Connection, diff_id: Digest, form: Form) -> None:
    """Remember what a layer's tar was compressed to."""
    connection.execute("INSERT OR REPLACE INTO layer_gzip VALUES (?, ?, ?)", (diff_id, *form))


def places_of(connection: sqlite3.Connection, digest: Digest) -> list[str]:
    """Return the repositories that were seen to have the blob, `domain/path` each."""
    rows = connection.execute(
        "SELECT DISTINCT repository FROM layer_place WHERE digest = ? ORDER BY repository", (digest,)
    )
    return [row[0] for row in rows]


def record_places(connection: sqlite3.Connection, layers: Mapping[Digest, Digest], repository: str) -> None:
    """Remember that a repository has these blobs, by the diff id of what is in them."""
    connection.executemany(
        "INSERT OR IGNORE INTO layer_place VALUES (?, ?, ?)",
        [(diff_id, digest, repository) for diff_id, digest in layers.items()],
    )


def forget_lost(connection: sqlite3.Connection) -> None:
    """Forget what is known of layers that are not here any more."""
    connection.execute("DELETE FROM layer_gzip WHERE diff_id NOT IN (SELECT diff_id FROM layer)")
    connection.execute("DELETE FROM layer_place WHERE diff_id NOT IN (SELECT diff_id FROM layer)")
