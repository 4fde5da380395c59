"""Blobs: there when whole, verified and durable; otherwise not at all."""

import os
from pathlib import Path

import pytest

from wharf.content.blobs import Blobs, NoSuchBlob, WrongContent
from wharf.errors import Internal
from wharf.failpoint import arm
from wharf.schema.digest import Digest

DATA = b"some content"
DIGEST = Digest.of(DATA)


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(str(tmp_path))


def everything(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_committed_blob_is_found_under_its_digest(blobs: Blobs, tmp_path: Path) -> None:
    with blobs.writer() as writer:
        writer.write(DATA[:4])
        writer.write(memoryview(DATA)[4:])
        assert writer.commit(DIGEST, len(DATA)) == DIGEST
    assert everything(tmp_path) == [f"blobs/sha256/{DIGEST.hex}"]
    assert (blobs.read(DIGEST, 100), blobs.size(DIGEST), blobs.exists(DIGEST)) == (DATA, len(DATA), True)


def test_a_blob_is_not_there_before_it_is_committed(blobs: Blobs, tmp_path: Path) -> None:
    with blobs.writer() as writer:
        writer.write(DATA)
        assert not blobs.exists(DIGEST)
    assert everything(tmp_path) == []


@pytest.mark.parametrize(
    ("expected", "size", "words"),
    [
        (Digest.of(b""), None, "unexpected digest"),
        (None, 5, "unexpected size"),
        (DIGEST, 13, "unexpected size"),
    ],
)
def test_content_that_is_not_what_was_promised_is_not_kept(
    blobs: Blobs, tmp_path: Path, expected: Digest | None, size: int | None, words: str
) -> None:
    with blobs.writer() as writer:
        writer.write(DATA)
        with pytest.raises(WrongContent, match=words):
            writer.commit(expected, size)
    assert everything(tmp_path) == []


@pytest.mark.parametrize("name", ["content.blob.written", "content.blob.synced", "content.blob.renamed"])
def test_after_a_failure_at_any_step_a_blob_is_whole_or_absent(
    blobs: Blobs, tmp_path: Path, name: str
) -> None:
    arm(f"{name}=error:28")
    try:
        with blobs.writer() as writer:
            writer.write(DATA)
            with pytest.raises(Internal, match="no space left on device"):
                writer.commit()
    finally:
        arm("")
    assert everything(tmp_path) in ([], [f"blobs/sha256/{DIGEST.hex}"])


def test_putting_the_same_bytes_twice_is_one_blob(blobs: Blobs, tmp_path: Path) -> None:
    assert blobs.put(DATA) == blobs.put(DATA) == DIGEST
    assert len(everything(tmp_path)) == 1


def test_what_is_not_there_is_told(blobs: Blobs) -> None:
    with pytest.raises(NoSuchBlob, match=rf"^blob {DIGEST} not found$"):
        blobs.open(DIGEST)
    with pytest.raises(NoSuchBlob):
        blobs.size(DIGEST)
    blobs.delete(DIGEST)


def test_a_blob_longer_than_its_limit_is_not_read(blobs: Blobs) -> None:
    blobs.put(DATA)
    assert blobs.read(DIGEST, len(DATA)) == DATA
    with pytest.raises(WrongContent, match="longer"):
        blobs.read(DIGEST, len(DATA) - 1)


def test_a_leased_blob_is_not_deleted(blobs: Blobs) -> None:
    blobs.put(DATA)
    with blobs.leases.open() as lease, blobs.leases.open() as other:
        lease.hold(DIGEST)
        other.hold(DIGEST)
        lease.release()
        blobs.delete(DIGEST)
        assert blobs.exists(DIGEST)
    blobs.delete(DIGEST)
    assert not blobs.exists(DIGEST)


def test_sweeping_leaves_what_is_referenced(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put(DATA)
    blobs.put(b"garbage")
    Path(blobs.ingest, "half").write_bytes(b"x")
    assert blobs.sweep({DIGEST}) == 2
    assert everything(tmp_path) == [f"blobs/sha256/{DIGEST.hex}"]


def test_nobody_else_may_look_into_the_store(blobs: Blobs, tmp_path: Path) -> None:
    blobs.put(DATA)
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "blobs/sha256", Path(blobs.path(DIGEST)))}
    assert modes == {0}
    assert os.stat(blobs.ingest).st_mode & 0o077 == 0
