"""Manifests and indexes: what is taken, and what could be read in two ways and is refused."""

import json
from typing import Any

import pytest

from registry_kit import CONFIG, LAYER, LIST, MANIFEST, OCI_INDEX, OCI_MANIFEST, digest_of, index, manifest
from wharf.limits import IMAGE_CONFIG, LAYERS
from wharf.registry.documents import check
from wharf.registry.errors import InvalidDocument

GOOD: dict[str, Any] = json.loads(manifest(layers=(LAYER,)))
INDEX: dict[str, Any] = json.loads(index({"linux/amd64": manifest()}))


def changed(document: dict[str, Any], **members: object) -> bytes:
    merged = {key: value for key, value in (document | members).items() if value is not ...}
    return json.dumps(merged).encode()


@pytest.mark.parametrize(
    "header", [MANIFEST, f"{MANIFEST}; charset=utf-8", "", "application/json", "text/plain"]
)
def test_a_manifest_is_known_by_header_or_by_itself(header: str) -> None:
    found = check(changed(GOOD), header, None)
    assert found.as_manifest is not None
    assert (found.media_type, found.config.digest) == (MANIFEST, digest_of(CONFIG))
    assert [layer.digest for layer in found.layers] == [digest_of(LAYER)]


def test_an_oci_manifest_may_leave_its_type_to_the_header() -> None:
    assert check(changed(GOOD, mediaType=...), OCI_MANIFEST, None).media_type == OCI_MANIFEST


@pytest.mark.parametrize("kind", [LIST, OCI_INDEX])
def test_an_index_is_known_too(kind: str) -> None:
    assert check(changed(INDEX, mediaType=kind), kind, None).as_index is not None


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (changed(GOOD), LIST),
        (changed(GOOD), OCI_MANIFEST),
        (changed(GOOD, mediaType=LIST), MANIFEST),
        (changed(GOOD, mediaType=LIST), LIST),
        (changed(GOOD, mediaType=...), ""),
        (changed(GOOD, manifests=[]), MANIFEST),
        (changed(INDEX, layers=[]), LIST),
        (changed(INDEX, config={}), LIST),
        (changed(INDEX), MANIFEST),
        (changed(GOOD, schemaVersion=1), MANIFEST),
        (changed(GOOD, schemaVersion=3), MANIFEST),
        (changed(GOOD, fsLayers=[]), MANIFEST),
        (changed({}), MANIFEST),
        (b"{notjson", MANIFEST),
        (b"[]", MANIFEST),
        (b"null", MANIFEST),
        (b"\xff\xfe", MANIFEST),
        (b"[" * 100_000, MANIFEST),
        (b'{"a":' * 100_000, MANIFEST),
        (changed(GOOD, config={"digest": "sha256:../../etc/passwd", "size": 1}), MANIFEST),
        (changed(GOOD, config={"digest": f"sha512:{'0' * 128}", "size": 1}), MANIFEST),
        (changed(GOOD, layers=[{"digest": digest_of(LAYER), "size": -1}]), MANIFEST),
        (changed(GOOD, layers=[{"digest": digest_of(LAYER), "size": 1.5}]), MANIFEST),
        (changed(GOOD, layers=[{"digest": digest_of(LAYER).upper(), "size": 1}]), MANIFEST),
        (changed(GOOD, layers="none"), MANIFEST),
    ],
)
def test_what_is_ambiguous_or_ill_formed_is_refused(body: bytes, header: str) -> None:
    with pytest.raises(InvalidDocument):
        check(body, header, None)


def test_as_many_layers_as_the_limit_pass_and_one_more_does_not() -> None:
    layer = GOOD["layers"][0]
    assert len(check(changed(GOOD, layers=[layer] * LAYERS), MANIFEST, None).layers) == LAYERS
    with pytest.raises(InvalidDocument, match="max depth exceeded"):
        check(changed(GOOD, layers=[layer] * (LAYERS + 1)), MANIFEST, None)


def test_a_config_of_the_greatest_size_passes_and_one_byte_more_does_not() -> None:
    assert check(changed(GOOD, config=GOOD["config"] | {"size": IMAGE_CONFIG}), MANIFEST, None).config.size
    with pytest.raises(InvalidDocument, match="image config is larger"):
        check(changed(GOOD, config=GOOD["config"] | {"size": IMAGE_CONFIG + 1}), MANIFEST, None)


def test_an_index_of_a_thousand_entries_passes_and_one_more_does_not() -> None:
    entry = INDEX["manifests"][0]
    assert check(changed(INDEX, manifests=[entry] * 1000), LIST, None).as_index is not None
    with pytest.raises(InvalidDocument, match="more than 1000"):
        check(changed(INDEX, manifests=[entry] * 1001), LIST, None)
