"""The catalog: every image and every name, in memory, with the tables behind.

What looks is not asynchronous; what changes is a function on a connection (for the caller's transaction) and
one on memory, for after the commit. Names are stored in full (`docker.io/library/busybox:latest`).
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping

from wharf.engine.images.errors import NoSuchImage
from wharf.engine.images.image import Image
from wharf.schema.digest import Digest, InvalidDigest
from wharf.schema.reference import Reference

MIGRATIONS = (
    "CREATE TABLE image (id TEXT PRIMARY KEY, parent TEXT, last_tagged INTEGER NOT NULL) WITHOUT ROWID",
    """CREATE TABLE image_name (
        name TEXT PRIMARY KEY,
        image_id TEXT NOT NULL REFERENCES image ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX image_name_by_image ON image_name (image_id)",
    """CREATE TABLE image_manifest (
        digest TEXT PRIMARY KEY,
        media_type TEXT NOT NULL,
        image_id TEXT NOT NULL REFERENCES image ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX image_manifest_by_image ON image_manifest (image_id)",
    """CREATE TABLE layer_gzip (
        diff_id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL
    ) WITHOUT ROWID""",
    """CREATE TABLE layer_place (
        diff_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        repository TEXT NOT NULL,
        PRIMARY KEY (diff_id, digest, repository)
    ) WITHOUT ROWID""",
)


class Catalog:
    """All images by id, all names with the id they lead to."""

    def __init__(self) -> None:
        self._images: dict[str, Image] = {}
        self._names: dict[Reference, Digest] = {}
        self._by_image: dict[str, list[Reference]] = {}

    def __iter__(self) -> Iterator[Image]:
        return iter(self._images.values())

    def __contains__(self, image_id: str) -> bool:
        return image_id in self._images

    def get(self, image_id: str) -> Image | None:
        """Return the image with exactly this id."""
        return self._images.get(image_id)

    def names(self, image_id: str) -> list[Reference]:
        """Return the names of an image, in the order of their letters."""
        return sorted(self._by_image.get(image_id, ()), key=str)

    def names_in(self, repository: str) -> list[tuple[Reference, Digest]]:
        """Return the names in a repository (`domain/path`) with the images they lead to, in order."""
        found = [(name, image_id) for name, image_id in self._names.items() if name.name == repository]
        return sorted(found, key=lambda pair: str(pair[0]))

    def children(self, image_id: str) -> list[Image]:
        """Return the images that were made from this one."""
        return [image for image in self._images.values() if image.parent == image_id]

    def lookup(self, reference: Reference) -> Digest | None:
        """Return the id that a name leads to; a tag beside a digest does not count, none means `latest`."""
        if reference.digest is not None:
            reference = reference.with_digest(reference.digest)
        return self._names.get(reference.tagged())

    def resolve(self, text: str) -> Image:
        """Return the image a user means by `text`: a name, an id, or the beginning of one.

        Raises NoSuchImage, and InvalidParameter for what can be neither.
        """
        image_id = _as_id(text)
        if image_id is not None:
            image = self._images.get(image_id)
            if image is None:
                raise NoSuchImage(image_id)
            return image
        reference = Reference.parse(text)
        image = self._images.get(self.lookup(reference) or "") or self._by_prefix(text)
        if image is None:
            raise NoSuchImage(reference.tagged().familiar)
        return image

    def _by_prefix(self, text: str) -> Image | None:
        """Return the one image whose id begins with `text`, with `sha256:` or without; None for several."""
        digits = text.removeprefix("sha256:")
        if not digits:
            return None
        prefix = f"sha256:{digits}"
        found = [image for key, image in self._images.items() if key.startswith(prefix)]
        return found[0] if len(found) == 1 else None

    # Memory, after a commit

    def add(self, image: Image) -> None:
        """Know `image`; one that is known is replaced (its times and parent may be new)."""
        self._images[image.id] = image
        self._by_image.setdefault(image.id, [])

    def discard(self, image_id: str) -> None:
        """Forget an image and its names."""
        self._images.pop(image_id, None)
        for name in self._by_image.pop(image_id, []):
            del self._names[name]

    def point(self, name: Reference, image_id: Digest) -> None:
        """Let `name` lead to an image that is known."""
        self.unpoint(name)
        self._names[name] = image_id
        self._by_image[image_id].append(name)

    def unpoint(self, name: Reference) -> None:
        """Forget a name."""
        old = self._names.pop(name, None)
        if old is not None:
            self._by_image[old].remove(name)


def _as_id(text: str) -> Digest | None:
    """Return `text` as an image id if it can be nothing else."""
    try:
        return Digest.parse(text if text.startswith("sha256:") else f"sha256:{text}")
    except InvalidDigest:
        return None


def load(
    connection: sqlite3.Connection,
) -> tuple[list[tuple[Digest, Digest | None, int]], list[tuple[Reference, Digest]]]:
    """Return the recorded images (id, parent, time of the last tag) and names."""
    images = [
        (Digest(image_id), None if parent is None else Digest(parent), last_tagged)
        for image_id, parent, last_tagged in connection.execute("SELECT id, parent, last_tagged FROM image")
    ]
    rows = connection.execute("SELECT name, image_id FROM image_name")
    return images, [(Reference.parse(name), Digest(image_id)) for name, image_id in rows]


def record(connection: sqlite3.Connection, image: Image) -> None:
    """Record an image, or its new parent and times."""
    connection.execute(
        "INSERT INTO image VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE "
        "SET parent = excluded.parent, last_tagged = excluded.last_tagged",
        (image.id, image.parent, image.last_tagged),
    )


def erase(connection: sqlite3.Connection, image_id: str) -> None:
    """Remove an image's record and its names'."""
    connection.execute("DELETE FROM image WHERE id = ?", (image_id,))


def record_names(connection: sqlite3.Connection, names: Mapping[Reference, str]) -> None:
    """Record names, each with the image it leads to; a name that is taken moves."""
    connection.executemany(
        "INSERT OR REPLACE INTO image_name VALUES (?, ?)",
        [(str(name), image_id) for name, image_id in names.items()],
    )


def erase_names(connection: sqlite3.Connection, names: Iterable[Reference]) -> None:
    """Remove names."""
    connection.executemany("DELETE FROM image_name WHERE name = ?", [(str(name),) for name in names])


def referenced(images: Collection[Image]) -> set[str]:
    """Return the digests of the config blobs that must stay."""
    return {image.id for image in images}
