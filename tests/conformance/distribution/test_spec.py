"""Our registry against the OCI distribution specification 1.1, endpoint by endpoint."""

import contextlib
import hashlib
import io
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from registry_kit import (
    CONFIG,
    LAYER,
    MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    MemorySink,
    digest_of,
    index,
    manifest,
)
from wharf.registry.client import push as client
from wharf.registry.client.pull import pull, tags
from wharf.registry.server.app import Registry
from wharf.registry.server.storage import Storage
from wharf.registry.settings import RegistrySettings
from wharf.schema.reference import Reference

BODY = manifest(layers=(LAYER,), kind=OCI_MANIFEST)


class Client:
    """A client of one served registry."""

    def __init__(self, session: aiohttp.ClientSession, address: str, root: Path) -> None:
        self.session = session
        self.address = address
        self.root = root

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> "Answered":
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"http://{self.address}{path}"
        async with self.session.request(method, url, data=io.BytesIO(body), headers=named) as answer:
            return Answered(answer.status, dict(answer.headers), await answer.read())

    async def put_blob(self, name: str, blob: bytes) -> None:
        begun = await self.ask("POST", f"/v2/{name}/blobs/uploads/")
        place = f"{begun.headers['Location']}?digest={digest_of(blob)}"
        assert (await self.ask("PUT", place, blob)).status == 201

    async def put_image(self, name: str, tag: str, body: bytes = BODY) -> "Answered":
        for blob in (CONFIG, LAYER):
            await self.put_blob(name, blob)
        return await self.ask("PUT", f"/v2/{name}/manifests/{tag}", body, Content_Type=OCI_MANIFEST)


class Answered:
    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.json["errors"][0]["code"]


@contextlib.asynccontextmanager
async def serving(root: Path) -> AsyncIterator[Client]:
    registry = Registry(Storage(str(root)))
    runner = web.AppRunner(registry.app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession() as session:
            yield Client(session, address, root)
    finally:
        await runner.cleanup()
        await registry.close()


async def test_a_registry_says_what_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        answer = await it.ask("GET", "/v2/")
        assert (answer.status, answer.json) == (200, {})
        assert answer.headers["Docker-Distribution-Api-Version"] == "registry/2.0"


async def test_a_blob_comes_in_one_request_or_in_chunks(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        digest = digest_of(LAYER)
        done = await it.ask("POST", f"/v2/a/b/blobs/uploads/?digest={digest}", LAYER)
        assert (done.status, done.headers["Location"]) == (201, f"/v2/a/b/blobs/{digest}")
        blob = b"0123456789"
        place = (await it.ask("POST", "/v2/a/b/blobs/uploads/")).headers["Location"]
        first = await it.ask("PATCH", place, blob[:4], Content_Range="0-3")
        assert (first.status, first.headers["Range"]) == (202, "0-3")
        wrong = await it.ask("PATCH", place, blob[6:], Content_Range="6-9")
        assert wrong.refusal == (416, "BLOB_UPLOAD_INVALID")
        status = await it.ask("GET", place)
        assert (status.status, status.headers["Range"]) == (204, "0-3")
        await it.ask("PATCH", first.headers["Location"], blob[4:8], Content_Range="4-7")
        done = await it.ask("PUT", f"{place}?digest={digest_of(blob)}", blob[8:], Content_Range="8-9")
        assert (done.status, done.headers["Docker-Content-Digest"]) == (201, digest_of(blob))
        assert (await it.ask("GET", f"/v2/a/b/blobs/{digest_of(blob)}")).body == blob


async def test_bytes_of_another_digest_are_no_blob(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        place = (await it.ask("POST", "/v2/x/blobs/uploads/")).headers["Location"]
        done = await it.ask("PUT", f"{place}?digest={digest_of(b'other')}", b"this")
        assert done.refusal == (400, "DIGEST_INVALID")
        assert (await it.ask("GET", place)).refusal == (404, "BLOB_UPLOAD_UNKNOWN")
        assert list((tmp_path / "blobs/sha256").iterdir()) == []


async def test_an_upload_that_nobody_goes_on_with_is_swept(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_image("x", "1")
        old = (await it.ask("POST", "/v2/x/blobs/uploads/")).headers["Location"]
        new = (await it.ask("POST", "/v2/x/blobs/uploads/")).headers["Location"]
        half_written = tmp_path / "repositories/x/_tags/.0123456789abcdef"
        half_written.write_bytes(b"sha256:")
        foreign = tmp_path / ".profile"
        foreign.touch()
        for path in (foreign, half_written, tmp_path / "uploads" / old.rpartition("/")[2]):
            os.utime(path, (0, 0))
        everything = {path for path in tmp_path.rglob("*") if path.is_file()}
        assert Storage(str(tmp_path)).sweep(3600) == 2
        left = {path for path in tmp_path.rglob("*") if path.is_file()}
        assert everything - left == {half_written, tmp_path / "uploads" / old.rpartition("/")[2]}
        assert (await it.ask("PATCH", old, b"a")).refusal == (404, "BLOB_UPLOAD_UNKNOWN")
        assert (await it.ask("PATCH", new, b"a")).status == 202
        assert (await it.ask("GET", "/v2/x/manifests/1")).status == 200


async def test_an_upload_may_be_given_up(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        place = (await it.ask("POST", "/v2/x/blobs/uploads/")).headers["Location"]
        assert (await it.ask("DELETE", place)).status == 204
        assert (await it.ask("PATCH", place, b"x")).refusal == (404, "BLOB_UPLOAD_UNKNOWN")
        assert list((tmp_path / "uploads").iterdir()) == []


async def test_a_blob_is_given_whole_or_in_part(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_blob("x", LAYER)
        path = f"/v2/x/blobs/{digest_of(LAYER)}"
        head = await it.ask("HEAD", path)
        assert (head.status, head.headers["Content-Length"]) == (200, str(len(LAYER)))
        assert head.headers["Docker-Content-Digest"] == digest_of(LAYER)
        part = await it.ask("GET", path, Range="bytes=3-5")
        assert (part.status, part.body) == (206, LAYER[3:6])
        assert part.headers["Content-Range"] == f"bytes 3-5/{len(LAYER)}"
        assert (await it.ask("GET", path, Range=f"bytes={len(LAYER)}-")).status == 416
        assert (await it.ask("GET", f"/v2/x/blobs/{digest_of(b'no')}")).refusal == (404, "BLOB_UNKNOWN")
        assert (await it.ask("GET", f"/v2/nosuch/blobs/{digest_of(LAYER)}")).refusal == (404, "NAME_UNKNOWN")


async def test_a_blob_is_mounted_only_from_where_it_is(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_blob("x", LAYER)
        mount = f"/v2/y/blobs/uploads/?mount={digest_of(LAYER)}&from="
        assert (await it.ask("POST", f"{mount}nosuch")).status == 202
        assert (await it.ask("POST", f"{mount}x")).status == 201
        assert (await it.ask("HEAD", f"/v2/y/blobs/{digest_of(LAYER)}")).status == 200


async def test_a_manifest_is_kept_to_the_byte(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        put = await it.put_image("x", "1")
        digest = digest_of(BODY)
        assert (put.status, put.headers["Docker-Content-Digest"]) == (201, digest)
        for name in ("1", digest):
            got = await it.ask("GET", f"/v2/x/manifests/{name}")
            assert (got.body, got.headers["Content-Type"]) == (BODY, OCI_MANIFEST)
            assert got.headers["Docker-Content-Digest"] == digest
        head = await it.ask("HEAD", "/v2/x/manifests/1")
        assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len(BODY)))
        assert (await it.ask("GET", "/v2/x/manifests/1", If_None_Match=f'"{digest}"')).status == 304


@pytest.mark.parametrize(
    ("path", "body", "refusal"),
    [
        ("/v2/x/manifests/1", manifest(layers=(b"no such blob",)), (404, "MANIFEST_BLOB_UNKNOWN")),
        ("/v2/x/manifests/1", b"{}", (400, "MANIFEST_INVALID")),
        ("/v2/x/manifests/1", b"no json", (400, "MANIFEST_INVALID")),
        (f"/v2/x/manifests/{digest_of(b'x')}", BODY, (400, "DIGEST_INVALID")),
        ("/v2/x/manifests/.1", BODY, (400, "TAG_INVALID")),
        ("/v2/X/manifests/1", BODY, (400, "NAME_INVALID")),
        ("/v2/../x/manifests/1", BODY, None),
        ("/v2/x/manifests/1", b" " * (5 << 20), (413, "TOO_LARGE")),
    ],
)
async def test_what_is_no_manifest_is_refused(
    tmp_path: Path, path: str, body: bytes, refusal: tuple[int, str] | None
) -> None:
    async with serving(tmp_path) as it:
        for blob in (CONFIG, LAYER):
            await it.put_blob("x", blob)
        kind = MANIFEST if b"docker" in body[:80] else OCI_MANIFEST
        answer = await it.ask("PUT", path, body, Content_Type=kind)
        if refusal is None:
            assert answer.status == 404
        else:
            assert answer.refusal == refusal
        assert list((tmp_path / "repositories/x").glob("_manifests/*")) == []


async def test_an_index_needs_its_manifests(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        body = index({"linux/amd64": BODY}, OCI_INDEX)
        await it.put_blob("x", LAYER)
        refused = await it.ask("PUT", "/v2/x/manifests/multi", body, Content_Type=OCI_INDEX)
        assert refused.refusal == (404, "MANIFEST_BLOB_UNKNOWN")
        await it.put_image("x", digest_of(BODY))
        done = await it.ask("PUT", "/v2/x/manifests/multi", body, Content_Type=OCI_INDEX)
        assert done.status == 201


async def test_tags_come_in_order_and_in_pages(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        for tag in ("c", "a", "b"):
            await it.put_image("x", tag)
        assert (await it.ask("GET", "/v2/x/tags/list")).json == {"name": "x", "tags": ["a", "b", "c"]}
        page = await it.ask("GET", "/v2/x/tags/list?n=2")
        assert page.json["tags"] == ["a", "b"]
        assert page.headers["Link"] == '</v2/x/tags/list?n=2&last=b>; rel="next"'
        rest = await it.ask("GET", "/v2/x/tags/list?n=2&last=b")
        assert (rest.json["tags"], "Link" in rest.headers) == (["c"], False)
        assert (await it.ask("GET", "/v2/x/tags/list?n=0")).json["tags"] == []
        assert (await it.ask("GET", "/v2/x/tags/list?n=z")).refusal == (400, "PAGINATION_NUMBER_INVALID")
        assert (await it.ask("GET", "/v2/nosuch/tags/list")).refusal == (404, "NAME_UNKNOWN")
        assert (await it.ask("GET", "/v2/_catalog")).json == {"repositories": ["x"]}


async def test_what_refers_to_a_manifest_is_listed(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_image("x", "1")
        subject = {"mediaType": OCI_MANIFEST, "digest": digest_of(BODY), "size": len(BODY)}
        document = json.loads(BODY) | {"subject": subject, "artifactType": "a/b", "annotations": {"k": "v"}}
        referrer = json.dumps(document).encode()
        put = await it.put_image("x", digest_of(referrer), referrer)
        assert put.headers["OCI-Subject"] == digest_of(BODY)
        found = await it.ask("GET", f"/v2/x/referrers/{digest_of(BODY)}")
        assert found.headers["Content-Type"] == OCI_INDEX
        assert found.json["manifests"] == [
            {
                "mediaType": OCI_MANIFEST,
                "digest": digest_of(referrer),
                "size": len(referrer),
                "artifactType": "a/b",
                "annotations": {"k": "v"},
            }
        ]
        none = await it.ask("GET", f"/v2/x/referrers/{digest_of(BODY)}?artifactType=other")
        assert (none.json["manifests"], none.headers["OCI-Filters-Applied"]) == ([], "artifactType")
        nobody = await it.ask("GET", f"/v2/x/referrers/{digest_of(b'nobody')}")
        assert (nobody.status, nobody.json["manifests"]) == (200, [])


async def test_what_is_deleted_is_gone_and_takes_its_tags(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_image("x", "1")
        await it.put_image("x", "2")
        assert (await it.ask("DELETE", "/v2/x/manifests/1")).status == 202
        assert (await it.ask("GET", "/v2/x/tags/list")).json["tags"] == ["2"]
        assert (await it.ask("DELETE", f"/v2/x/manifests/{digest_of(BODY)}")).status == 202
        assert (await it.ask("GET", "/v2/x/manifests/2")).refusal == (404, "MANIFEST_UNKNOWN")
        assert (await it.ask("GET", "/v2/x/tags/list")).json["tags"] == []
        for blob in (CONFIG, LAYER):
            assert (await it.ask("DELETE", f"/v2/x/blobs/{digest_of(blob)}")).status == 202
            assert (await it.ask("DELETE", f"/v2/x/blobs/{digest_of(blob)}")).refusal == (404, "BLOB_UNKNOWN")
        assert list((tmp_path / "blobs/sha256").iterdir()) == []


async def test_a_blob_stays_while_another_repository_has_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        for name in ("x", "y/z"):
            await it.put_blob(name, LAYER)
        await it.ask("DELETE", f"/v2/x/blobs/{digest_of(LAYER)}")
        assert (await it.ask("GET", f"/v2/y/z/blobs/{digest_of(LAYER)}")).body == LAYER


async def test_other_methods_are_unsupported(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        assert (await it.ask("POST", "/v2/x/manifests/1")).refusal == (405, "UNSUPPORTED")


async def test_our_client_pulls_what_it_pushed(tmp_path: Path) -> None:
    async with serving(tmp_path) as it:
        await it.put_image("x", "1")
        reference = Reference.parse(f"{it.address}/x:1")
        settings = RegistrySettings()
        assert await tags(reference, None, settings) == ["1"]
        async with client.repository(reference, None, settings) as to:
            assert await client.exists(to, digest_of(LAYER))
            other = b"x" * 3_000_000

            async def read(start: int, end: int) -> AsyncIterator[bytes]:
                yield other[start:end]

            blob = client.Outgoing(digest_of(other), len(other), read, lambda _: None, lambda _: None)
            await client.upload(to, blob, settings)
            body = manifest(layers=(LAYER, other))
            await client.put_manifest(to, "2", body, MANIFEST)
        pulled = await pull(
            Reference.parse(f"{it.address}/x:2"),
            auth=None,
            platform=None,
            settings=settings,
            blobs=(sink := MemorySink()),
            progress=lambda _: None,
        )
        assert pulled.manifest == body
        assert hashlib.sha256(sink.blobs[digest_of(other)]).hexdigest() == digest_of(other).hex
