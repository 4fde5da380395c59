"""An images' room on a temporary data root, with a real spawner; and image archives of every form."""

import contextlib
import io
import json
import os
import tarfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import content_worker
from content_kit import Member, tar
from wharf.content.blobs import Blobs
from wharf.content.layers import Layers, Source
from wharf.engine.images.images import Images, ImageUse
from wharf.linux import mount
from wharf.linux.clone import CloneFlag, unshare
from wharf.schema.digest import Digest
from wharf.schema.image import Progress
from wharf.spawner.client import Spawner
from wharf.state.database import Database

CREATED = "2020-01-02T03:04:05.000000006Z"


class Room(NamedTuple):
    """The rooms under test, and what they told."""

    images: Images
    layers: Layers
    blobs: Blobs
    db: Database
    spawner: Spawner
    events: list[tuple[str, str, Mapping[str, str]]]
    uses: dict[str, list[ImageUse]]
    root: Path

    def actions(self) -> list[str]:
        return [action for action, _, _ in self.events]

    def folders(self) -> set[str]:
        return {name for name in os.listdir(self.root / "snapshots") if name != "trash"}

    def blob_files(self) -> set[str]:
        return set(os.listdir(self.root / "content/blobs/sha256"))


@contextlib.asynccontextmanager
async def room(root: Path) -> AsyncIterator[Room]:
    """Open the rooms on the data root `root`; closing and opening again is a restart."""
    for name in ("content", "snapshots", "tmp"):
        (root / name).mkdir(exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        spawner = await Spawner.start(content_worker.program())
        stack.push_async_callback(spawner.close)
        db = await Database.open(f"{root}/engine.db")
        stack.push_async_callback(db.close)
        blobs = Blobs(f"{root}/content")
        layers = Layers(db, spawner, f"{root}/snapshots")
        await layers.open()
        stack.push_async_callback(layers.close)
        events: list[tuple[str, str, Mapping[str, str]]] = []
        uses: dict[str, list[ImageUse]] = {}
        images = Images(
            db=db,
            spawner=spawner,
            blobs=blobs,
            layers=layers,
            temporary=f"{root}/tmp",
            emit=lambda _, action, image_id, attributes: events.append((action, image_id, attributes)),
            users=lambda image_id: uses.get(image_id, []),
        )
        await images.open()
        stack.push_async_callback(images.close)
        yield Room(images, layers, blobs, db, spawner, events, uses, root)


def config(layers: Sequence[bytes], **fields: object) -> bytes:
    """Return an image's config document for these plain layers."""
    document: dict[str, object] = {
        "architecture": "amd64",
        "os": "linux",
        "created": CREATED,
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [Digest.of(layer) for layer in layers]},
        "history": [{"created": CREATED, "created_by": f"layer {n}"} for n in range(len(layers))],
    }
    return json.dumps(document | fields).encode()


def archive(files: Mapping[str, bytes], members: Iterable[Member] = ()) -> bytes:
    """Return a tar of these files and members."""
    return tar([*(Member(name, data) for name, data in files.items()), *members])


def docker_archive(
    document: bytes, layers: Sequence[bytes], tags: Sequence[str] = (), *, parent: str = ""
) -> bytes:
    """Return what Docker's `save` wrote until version 24, without its symlinks."""
    names = [f"{n}/layer.tar" for n in range(len(layers))]
    item = {"Config": "config.json", "RepoTags": list(tags) or None, "Layers": names, "Parent": parent}
    files = {"manifest.json": json.dumps([item]).encode(), "config.json": document}
    return archive(files | dict(zip(names, layers, strict=True)))


def oci_archive(document: bytes, layers: Sequence[bytes], name: str = "") -> bytes:
    """Return an OCI image layout."""
    described = [_descriptor("application/vnd.oci.image.layer.v1.tar", layer) for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "config": _descriptor("application/vnd.oci.image.config.v1+json", document),
            "layers": described,
        }
    ).encode()
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest)
    if name:
        entry["annotations"] = {"io.containerd.image.name": name}
    files = {f"blobs/sha256/{Digest.of(blob).hex}": blob for blob in (document, manifest, *layers)}
    index = {"schemaVersion": 2, "manifests": [entry]}
    return archive(
        {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps(index).encode(), **files}
    )


def _descriptor(media_type: str, blob: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": Digest.of(blob), "size": len(blob)}


async def stream(data: bytes) -> AsyncIterator[bytes]:
    """Yield `data` in the pieces that a socket would give."""
    for at in range(0, len(data), 65536):
        yield data[at : at + 65536]


async def load(room: Room, data: bytes) -> list[str]:
    """Load an archive; return the lines that the client would see."""
    lines: list[Progress] = []
    await room.images.load(stream(data), quiet=True, report=lines.append)
    return [line.stream for line in lines]


async def save(room: Room, *names: str) -> bytes:
    """Return what `save` gives for `names`."""
    return b"".join([piece async for piece in await room.images.save(names)])


def files_of(data: bytes) -> dict[str, bytes]:
    """Return the regular files in an archive."""
    with tarfile.open(fileobj=io.BytesIO(data)) as opened:
        found = {}
        for member in opened:
            file = opened.extractfile(member)
            if member.isreg() and file is not None:
                found[member.name] = file.read()
        return found


async def chain(opened: Room, *layers: bytes, hold: str | None = None) -> str:
    """Unpack layers as one chain; keep it for `hold`."""
    folder = opened.root / "tmp"
    with opened.layers.leases.open() as lease:
        parent: str | None = None
        for number, layer in enumerate(layers):
            path = folder / f"{number}.tar"
            path.write_bytes(layer)
            fd = os.open(path, os.O_RDONLY)
            try:
                source = Source(fd, 0, len(layer))
                parent = await opened.layers.unpack(Digest.of(layer), parent, source, lease=lease)
            finally:
                os.close(fd)
                path.unlink()
        assert parent is not None
        if hold is not None:
            top = parent
            await opened.db.write(lambda connection: opened.layers.hold_in(connection, hold, top))
    return parent


def seen(opened: Room, key: str, script: str) -> str:
    """Mount container `key`'s root in a namespace of its own and return what `script` prints there."""
    (root,) = opened.layers.mounts(key)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            unshare(CloneFlag.NEWNS)
            mount.mount("none", "/", "", mount.MountFlag.REC | mount.MountFlag.PRIVATE)
            os.chdir(root["cwd"] or "/")
            mount.mount("overlay", "/mnt", "overlay", 0, ",".join(root["options"]))
            os.dup2(w, 1)
            os.chdir("/mnt")
            os.execvp("sh", ["sh", "-c", script])
        finally:
            os._exit(status)
    os.close(w)
    with os.fdopen(r) as output:
        text = output.read()
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return text
