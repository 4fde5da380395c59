"""Pulling from a registry on loopback: the good ways, the bad ones, and the hostile ones."""

import asyncio
import json
import socket
from collections.abc import Sequence

import pytest
from aiohttp import web

from registry_kit import (
    BIG_LAYER,
    CONFIG,
    LAYER,
    LIST,
    OCI_INDEX,
    OCI_MANIFEST,
    QUICK,
    FakeRegistry,
    MemorySink,
    answer,
    cut_after,
    digest_of,
    error,
    index,
    manifest,
    serving,
    silence,
    stall_after,
)
from wharf.errors import EngineError, Internal, NotFound, Unauthorized
from wharf.limits import MANIFEST as MANIFEST_MAX
from wharf.registry.client.pull import PulledImage, pull
from wharf.registry.errors import (
    BlobUnknown,
    InvalidDocument,
    ManifestUnknown,
    NoMatchingManifest,
    PullDenied,
    RegistryRefused,
    TooManyRequests,
    Unreachable,
    VerificationFailed,
)
from wharf.registry.platform import Platform
from wharf.registry.progress import PullProgress
from wharf.registry.settings import RegistrySettings
from wharf.schema.digest import Digest
from wharf.schema.reference import Reference

DENIED = "pull access denied for {}/x, repository does not exist or may require 'docker login': "
AMD64 = Platform.parse("linux/amd64")


async def fetch(
    registry: FakeRegistry | str,
    name: str = "x",
    *,
    sink: MemorySink | None = None,
    platform: Platform = AMD64,
    settings: RegistrySettings = QUICK,
    steps: list[PullProgress] | None = None,
) -> PulledImage:
    domain = registry if isinstance(registry, str) else registry.address
    return await pull(
        Reference.parse(f"{domain}/{name}"),
        auth=None,
        platform=platform,
        settings=settings,
        blobs=sink or MemorySink(),
        progress=(steps if steps is not None else []).append,
    )


async def test_an_image_comes_whole_and_verified() -> None:
    async with serving() as registry:
        digest, sink = registry.put_image(), MemorySink()
        image = await fetch(registry, sink=sink)
    assert (image.repo_digest, image.manifest_digest, image.manifest) == (digest, digest, manifest())
    assert (image.config, image.config_digest) == (CONFIG, digest_of(CONFIG))
    assert [layer.digest for layer in image.layers] == [digest_of(LAYER), digest_of(BIG_LAYER)]
    assert sink.blobs == {digest_of(blob): blob for blob in (CONFIG, LAYER, BIG_LAYER)}
    assert sink.open_writers == 0
    assert str(image.reference) == f"{registry.address}/x:latest"


async def test_progress_is_told_in_dockers_words() -> None:
    steps: list[PullProgress] = []
    async with serving() as registry:
        registry.put_image()
        sink = MemorySink()
        sink.blobs[digest_of(LAYER)] = LAYER
        await fetch(registry, sink=sink, steps=steps)
    big, small = digest_of(BIG_LAYER).short, digest_of(LAYER).short
    assert steps[:3] == [
        PullProgress("Pulling from x", "latest"),
        PullProgress("Already exists", small),
        PullProgress("Pulling fs layer", big),
    ]
    assert PullProgress("Downloading", big, len(BIG_LAYER), len(BIG_LAYER)) in steps
    assert steps[-2:] == [PullProgress("Verifying Checksum", big), PullProgress("Download complete", big)]
    assert registry.asked(registry.blob_path(LAYER)) == 0


async def test_a_digest_is_pulled_by_that_and_verified() -> None:
    async with serving() as registry:
        digest = registry.put_image()
        image = await fetch(registry, f"x@{digest}")
        assert image.repo_digest == digest
        other = Digest.of(b"other")
        registry.manifests[other] = registry.manifests["latest"]
        with pytest.raises(VerificationFailed) as wrong:
            await fetch(registry, f"x@{other}")
        assert str(wrong.value) == f"manifest verification failed for digest {other}"


@pytest.mark.parametrize("kind", [LIST, OCI_INDEX])
async def test_of_an_index_the_platforms_manifest_is_taken(kind: str) -> None:
    async with serving() as registry:
        registry.put_image()
        arm = manifest(layers=(LAYER,), kind=OCI_MANIFEST)
        registry.put(arm, kind=OCI_MANIFEST)
        body = index({"linux/amd64": manifest(), "linux/arm64/v8": arm}, kind)
        digest = registry.put(body, "multi", kind=kind)
        image = await fetch(registry, "x:multi", platform=Platform.parse("linux/arm64"))
        assert (image.repo_digest, image.manifest, image.from_index) == (digest, arm, body)
        with pytest.raises(NoMatchingManifest) as none:
            await fetch(registry, "x:multi", platform=Platform.parse("linux/s390x"))
        assert str(none.value) == "no matching manifest for linux/s390x in the manifest list entries"


async def test_an_index_may_lie_about_neither_digest_nor_size() -> None:
    async with serving() as registry:
        registry.put_image()
        body = index({"linux/amd64": b"x"})
        registry.put(body, "lie", kind=LIST)
        registry.manifests[digest_of(b"x")] = registry.manifests["latest"]
        with pytest.raises(VerificationFailed, match="manifest verification failed"):
            await fetch(registry, "x:lie")
        short = json.loads(index({"linux/amd64": manifest()}))
        short["manifests"][0]["size"] -= 1
        registry.put(json.dumps(short).encode(), "short", kind=LIST)
        with pytest.raises(InvalidDocument, match="not of the size"):
            await fetch(registry, "x:short")


async def test_indexes_in_indexes_end_somewhere() -> None:
    async with serving() as registry:
        body = manifest()
        registry.put_image()
        for _ in range(4):
            body = index({"linux/amd64": body})
            registry.put(body, "deep", kind=LIST)
        with pytest.raises(InvalidDocument, match="too deep"):
            await fetch(registry, "x:deep")


async def test_a_blob_that_was_cut_is_taken_up_by_range() -> None:
    async with serving() as registry:
        registry.put_image()
        path, sink = registry.blob_path(BIG_LAYER), MemorySink()
        registry.once(path, cut_after(BIG_LAYER, 1_000_000), cut_after(BIG_LAYER, 70_000))
        await fetch(registry, sink=sink)
    assert sink.blobs[digest_of(BIG_LAYER)] == BIG_LAYER
    offsets = [r[2] for r in registry.requests if r[0] == path]
    assert offsets[0] is None
    assert len(offsets) == 3
    assert all(offset is not None and offset.startswith("bytes=") for offset in offsets[1:])


async def test_a_registry_without_ranges_sends_the_blob_again() -> None:
    async with serving() as registry:
        registry.put_image()
        path, sink = registry.blob_path(BIG_LAYER), MemorySink()
        registry.once(path, cut_after(BIG_LAYER, 1_000_000))
        registry.once(path, answer(lambda: web.Response(body=BIG_LAYER)))
        await fetch(registry, sink=sink)
    assert sink.blobs[digest_of(BIG_LAYER)] == BIG_LAYER


async def test_a_range_that_was_not_asked_for_is_not_taken() -> None:
    async with serving() as registry:
        registry.put_image()
        path, sink = registry.blob_path(BIG_LAYER), MemorySink()
        wrong = {"Content-Range": f"bytes 5-9/{len(BIG_LAYER)}"}
        registry.once(path, cut_after(BIG_LAYER, 1_000_000))
        registry.once(path, answer(lambda: web.Response(status=206, body=b"12345", headers=wrong)))
        await fetch(registry, sink=sink)
    assert sink.blobs[digest_of(BIG_LAYER)] == BIG_LAYER


async def test_a_stalled_blob_is_taken_up_again() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.once(registry.blob_path(BIG_LAYER), stall_after(BIG_LAYER, 2_000_000))
        sink = MemorySink()
        await fetch(registry, sink=sink)
    assert sink.blobs[digest_of(BIG_LAYER)] == BIG_LAYER


async def test_a_blob_that_never_gets_on_is_given_up() -> None:
    async with serving() as registry:
        registry.put_image()
        path, sink = registry.blob_path(LAYER), MemorySink()
        registry.once(path, *[cut_after(LAYER, 0)] * 9)
        with pytest.raises(Unreachable):
            await fetch(registry, sink=sink, settings=QUICK._replace(attempts=2))
        assert registry.asked(path) == 2
    assert digest_of(LAYER) not in sink.blobs
    assert sink.open_writers == 0


async def test_passing_trouble_of_a_registry_is_waited_out() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.once(registry.blob_path(LAYER), answer(lambda: error(503, "UNAVAILABLE", "later")))
        await fetch(registry)
        assert registry.asked(registry.blob_path(LAYER)) == 2


@pytest.mark.parametrize(
    ("blob", "served", "kind", "words"),
    [
        (LAYER, LAYER[:-1] + b"x", VerificationFailed, "filesystem layer verification failed for digest"),
        (CONFIG, CONFIG[:-1] + b" ", VerificationFailed, "image config verification failed for digest"),
        (LAYER, LAYER + b"x", InvalidDocument, "is larger than its manifest says"),
        (LAYER, LAYER[:-1], Unreachable, "unexpected EOF"),
        (LAYER, None, BlobUnknown, "unknown blob"),
    ],
)
async def test_a_wrong_blob_is_never_kept(
    blob: bytes, served: bytes | None, kind: type[EngineError], words: str
) -> None:
    async with serving() as registry:
        registry.put_image()
        if served is None:
            del registry.blobs[digest_of(blob)]
        else:
            registry.blobs[digest_of(blob)] = served
        sink = MemorySink()
        with pytest.raises(kind, match=words):
            await fetch(registry, sink=sink, settings=QUICK._replace(attempts=1))
    assert digest_of(blob) not in sink.blobs
    assert sink.open_writers == 0


async def test_a_manifests_lie_about_a_size_is_refused() -> None:
    async with serving() as registry:
        registry.put_image()
        lie = json.loads(manifest(layers=(LAYER,)))
        lie["layers"][0]["size"] += 1
        registry.put(json.dumps(lie).encode(), "lie")
        with pytest.raises(Unreachable, match="unexpected EOF"):
            await fetch(registry, "x:lie", settings=QUICK._replace(attempts=1))


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "words"),
    [
        (
            404,
            "MANIFEST_UNKNOWN",
            "manifest unknown",
            ManifestUnknown,
            "manifest for {}/x:latest not found: manifest unknown: manifest unknown",
        ),
        (
            403,
            "DENIED",
            "requested access to the resource is denied",
            PullDenied,
            DENIED + "denied: requested access to the resource is denied",
        ),
        (
            404,
            "NAME_UNKNOWN",
            "repository name not known to registry",
            PullDenied,
            DENIED + "name unknown: repository name not known to registry",
        ),
        (401, "UNAUTHORIZED", "who are you", Unauthorized, "unauthorized: who are you"),
        (429, "TOOMANYREQUESTS", "slow down", TooManyRequests, "toomanyrequests: slow down"),
        (400, "NAME_INVALID", "\x1b[31mred\n", RegistryRefused, "name invalid:  [31mred "),
    ],
)
async def test_refusals_are_told_in_dockers_words(
    status: int, code: str, message: str, kind: type[EngineError], words: str
) -> None:
    async with serving() as registry:
        registry.once("/v2/x/manifests/latest", answer(lambda: error(status, code, message)))
        with pytest.raises(kind) as refused:
            await fetch(registry)
        assert str(refused.value) == words.format(registry.address)


async def test_answers_that_are_no_registrys() -> None:
    async with serving() as registry:
        page = answer(lambda: web.Response(status=404, text="<html>nope</html>"))
        registry.once("/v2/x/manifests/latest", page)
        with pytest.raises(RegistryRefused, match=r"^unknown: <html>nope</html>$"):
            await fetch(registry)
        registry.once("/v2/x/manifests/latest", answer(lambda: web.Response(status=503, text="x")))
        with pytest.raises(RegistryRefused, match="received unexpected HTTP status: 503 Service Unavailable"):
            await fetch(registry)


async def test_a_manifest_of_the_greatest_size_passes_and_one_byte_more_does_not() -> None:
    async with serving() as registry:
        registry.put_image()
        for extra, passes in ((0, True), (1, False)):
            body = manifest()
            padded = body[:-1] + b" " * (MANIFEST_MAX - len(body) + extra) + body[-1:]
            registry.put(padded, "big")
            outcome: Sequence[object] = await asyncio.gather(fetch(registry, "x:big"), return_exceptions=True)
            assert isinstance(outcome[0], PulledImage if passes else InvalidDocument)


async def test_an_unreachable_registry_is_told_as_go_tells_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable) as refused:
        await fetch(f"127.0.0.1:{port}")
    assert str(refused.value) == (
        f'Get "http://127.0.0.1:{port}/v2/": dial tcp 127.0.0.1:{port}: connect: connection refused'
    )
    assert isinstance(refused.value, Internal)


async def test_a_registry_that_says_nothing_is_left() -> None:
    async with serving() as registry:
        registry.before = silence
        with pytest.raises(Unreachable, match="timeout awaiting response headers"):
            await fetch(registry)


async def test_only_so_many_blobs_come_at_a_time() -> None:
    running, most = 0, 0
    blobs = tuple(bytes([n]) * 100 for n in range(8))

    async def count(request: web.Request) -> web.StreamResponse:
        nonlocal running, most
        if "/blobs/" in request.path and digest_of(CONFIG) not in request.path:
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            running -= 1
        return web.Response(status=100)

    async with serving() as registry:
        registry.before = count
        for blob in (CONFIG, *blobs):
            registry.blobs[digest_of(blob)] = blob
        registry.put(manifest(layers=blobs), "many")
        await fetch(registry, "x:many")
    assert most == QUICK.downloads


async def test_a_layer_that_stands_twice_comes_once() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.put(manifest(layers=(LAYER, LAYER)), "twice")
        image = await fetch(registry, "x:twice")
        assert [layer.digest for layer in image.layers] == [digest_of(LAYER)] * 2
        assert registry.asked(registry.blob_path(LAYER)) == 1


async def test_a_cancelled_pull_lets_go_of_everything() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.once(registry.blob_path(BIG_LAYER), stall_after(BIG_LAYER, 1000))
        sink = MemorySink()
        begun = asyncio.Event()
        running = asyncio.create_task(
            pull(
                Reference.parse(f"{registry.address}/x"),
                auth=None,
                platform=AMD64,
                settings=QUICK._replace(stall_s=60),
                blobs=sink,
                progress=lambda step: begun.set() if step.status == "Downloading" else None,
            )
        )
        await asyncio.wait_for(begun.wait(), 5)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert sink.open_writers == 0


async def test_a_mirror_is_asked_first_and_missed_by_nobody() -> None:
    hub = Reference.parse("busybox")
    async with serving() as registry:
        registry.put_image()
        settings = QUICK._replace(mirrors=(registry.url,))
        image = await pull(
            hub, auth=None, platform=AMD64, settings=settings, blobs=MemorySink(), progress=lambda _: None
        )
        assert image.config == CONFIG
        assert registry.asked("/v2/library/busybox/manifests/latest") == 1


async def test_not_found_is_a_kind_of_its_own() -> None:
    async with serving() as registry:
        with pytest.raises(NotFound):
            await fetch(registry, "x:nosuch")
