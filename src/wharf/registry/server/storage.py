"""Where a registry keeps things: blobs by digest, and per repository the links to them.

`<root>/blobs/sha256/<hex>`, `<root>/uploads/<id>`, and `<root>/repositories/<name>/` with `_blobs/<hex>`,
`_manifests/<hex>` (holding the media type) and `_tags/<tag>` (holding the digest). A file is written beside,
synced, and renamed: none is ever half there. Everything here blocks. A blob goes with its last link.
"""

import contextlib
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator

from wharf.registry.server.refusals import Refused
from wharf.schema.digest import Digest

_FOLDERS = ("blobs/sha256", "uploads", "repositories")
_UPLOAD = re.compile(r"[0-9a-f]{32}", re.ASCII)


class Storage:
    """A registry's folder; one process has it."""

    def __init__(self, root: str) -> None:
        self._root = root
        for folder in _FOLDERS:
            os.makedirs(f"{root}/{folder}", mode=0o700, exist_ok=True)

    # Blobs

    def blob_path(self, digest: Digest) -> str:
        """Return where the blob's bytes are, or would be."""
        return f"{self._root}/blobs/sha256/{digest.hex}"

    def has_blob(self, name: str, digest: Digest) -> bool:
        """Whether repository `name` has the blob."""
        return os.path.exists(self._link(name, "_blobs", digest.hex))

    def mount(self, name: str, digest: Digest) -> None:
        """Give `name` a blob that is here."""
        self._write(self._link(name, "_blobs", digest.hex), b"")

    def delete_blob(self, name: str, digest: Digest) -> None:
        """Take a blob from `name`; raises Refused."""
        try:
            os.unlink(self._link(name, "_blobs", digest.hex))
        except FileNotFoundError:
            raise Refused("BLOB_UNKNOWN", {"digest": digest}) from None
        self._collect(digest)

    # Uploads

    def begin_upload(self) -> str:
        """Begin an upload and return its id."""
        upload = secrets.token_hex(16)
        self._write(self._upload(upload), b"")
        return upload

    def upload_size(self, upload: str) -> int:
        """Return how many bytes have come; raises Refused."""
        with self._known_upload():
            return os.stat(self._upload(upload)).st_size

    def append(self, upload: str, data: bytes) -> None:
        """Append to an upload; raises Refused."""
        with self._known_upload():
            fd = os.open(self._upload(upload), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        with open(fd, "wb") as file:
            file.write(data)

    def cancel(self, upload: str) -> None:
        """Give an upload up; raises Refused."""
        with self._known_upload():
            os.unlink(self._upload(upload))

    def finish(self, upload: str, name: str, digest: Digest) -> None:
        """Make an upload the blob `digest` of `name`; raises Refused when it is another, and forgets it."""
        path = self._upload(upload)
        with self._known_upload(), open(path, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digest.hex:
                os.unlink(path)
                raise Refused("DIGEST_INVALID", {"digest": digest})
            os.fsync(file.fileno())
        os.rename(path, self.blob_path(digest))
        _sync(f"{self._root}/blobs/sha256")
        self.mount(name, digest)

    def sweep(self, age_s: float) -> int:
        """Remove uploads that nobody went on with for so long, and what a crash left half written.

        Return how many files went. A client that comes back later is told that its upload is not known.
        """
        gone = 0
        limit = time.time() - age_s
        for top in _FOLDERS:
            for folder, _, names in os.walk(f"{self._root}/{top}"):
                for name in names:
                    if top == "uploads" or name.startswith("."):
                        gone += _removed_if_older(f"{folder}/{name}", limit)
        return gone

    # Manifests and tags

    def put_manifest(self, name: str, body: bytes, media_type: str, tag: str | None) -> Digest:
        """Keep a manifest, under a tag if one is given; return its digest."""
        digest = Digest.of(body)
        self._write(self.blob_path(digest), body)
        self._write(self._link(name, "_manifests", digest.hex), media_type.encode())
        if tag is not None:
            self._write(self._link(name, "_tags", tag), str(digest).encode())
        return digest

    def manifest(self, name: str, reference: str) -> tuple[Digest, str]:
        """Return digest and media type of what a tag or a digest leads to; raises Refused."""
        self.check_repository(name)
        try:
            digest = Digest(reference) if ":" in reference else self._tag(name, reference)
            with open(self._link(name, "_manifests", digest.hex), encoding="utf-8") as file:
                return digest, file.read()
        except FileNotFoundError:
            raise Refused("MANIFEST_UNKNOWN", {"Reference": reference}) from None

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of a manifest that is known."""
        with open(self.blob_path(digest), "rb") as file:
            return file.read()

    def delete_manifest(self, name: str, reference: str) -> None:
        """Forget a tag, or a manifest with all its tags; raises Refused."""
        digest, _ = self.manifest(name, reference)
        if ":" not in reference:
            os.unlink(self._link(name, "_tags", reference))
            return
        for tag in self.tags(name):
            if self._tag(name, tag) == digest:
                os.unlink(self._link(name, "_tags", tag))
        os.unlink(self._link(name, "_manifests", digest.hex))
        self._collect(digest)

    def tags(self, name: str) -> list[str]:
        """Return the tags of a repository, in order; raises Refused."""
        self.check_repository(name)
        return sorted(self._names(f"{self._repository(name)}/_tags"))

    def manifests(self, name: str) -> Iterator[tuple[Digest, str]]:
        """Yield digest and media type of each manifest of a repository."""
        for found in sorted(self._names(f"{self._repository(name)}/_manifests")):
            yield self.manifest(name, f"sha256:{found}")

    def check_repository(self, name: str) -> None:
        """Raise Refused when there is no such repository."""
        if not os.path.isdir(self._repository(name)):
            raise Refused("NAME_UNKNOWN", {"name": name})

    def repositories(self) -> list[str]:
        """Return all repositories, in order."""
        base = f"{self._root}/repositories"
        found = []
        for folder, folders, _ in os.walk(base):
            if any(name.startswith("_") for name in folders):
                found.append(os.path.relpath(folder, base))
            folders[:] = [name for name in folders if not name.startswith("_")]
        return sorted(found)

    def _tag(self, name: str, tag: str) -> Digest:
        with open(self._link(name, "_tags", tag), encoding="ascii") as file:
            return Digest(file.read())

    def _collect(self, digest: Digest) -> None:
        """Remove a blob that no repository links any more."""
        for name in self.repositories():
            if any(os.path.exists(self._link(name, kind, digest.hex)) for kind in ("_blobs", "_manifests")):
                return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.blob_path(digest))

    def _repository(self, name: str) -> str:
        return f"{self._root}/repositories/{name}"

    def _link(self, name: str, kind: str, key: str) -> str:
        return f"{self._repository(name)}/{kind}/{key}"

    def _upload(self, upload: str) -> str:
        if _UPLOAD.fullmatch(upload) is None:
            raise Refused("BLOB_UPLOAD_UNKNOWN")
        return f"{self._root}/uploads/{upload}"

    @staticmethod
    @contextlib.contextmanager
    def _known_upload() -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise Refused("BLOB_UPLOAD_UNKNOWN") from None

    @staticmethod
    def _names(folder: str) -> list[str]:
        try:
            return [name for name in os.listdir(folder) if not name.startswith(".")]
        except FileNotFoundError:
            return []

    def _write(self, path: str, data: bytes) -> None:
        """Write a file beside, sync it, and give it its name."""
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        beside = f"{folder}/.{secrets.token_hex(8)}"
        with open(beside, "xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(beside, path)
        _sync(folder)


def _removed_if_older(path: str, limit: float) -> bool:
    with contextlib.suppress(FileNotFoundError):
        if os.stat(path).st_mtime < limit:
            os.unlink(path)
            return True
    return False


def _sync(folder: str) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
