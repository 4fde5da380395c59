"""What the router of images makes of a request."""

from typing import Any

import pytest

from api_kit import Api
from wharf.schema.filters import Filters


async def test_the_list_reads_its_query(api: Api) -> None:
    await api.ask("GET", '/images/json?all=1&filters={"reference":["b"]}')
    assert api.rooms.images.asked == [("list", (Filters({"reference": ["b"]}), True))]


@pytest.mark.parametrize(("version", "values"), [("1.40", ("b",)), ("1.41", ())])
async def test_the_old_filter_ends_with_1_40(api: Api, version: str, values: tuple[str, ...]) -> None:
    await api.ask("GET", f"/v{version}/images/json?filter=b")
    ((_, (filters, _)),) = api.rooms.images.asked
    assert filters.get("reference") == values


async def test_names_of_images_have_slashes(api: Api) -> None:
    reply = await api.ask("GET", "/images/host:5000/a/b:tag/json")
    assert reply.json()["Comment"] == "host:5000/a/b:tag"


async def test_history_is_a_list(api: Api) -> None:
    assert (await api.ask("GET", "/images/a/b/history")).json()[0]["Id"] == "a/b"


async def test_tag_answers_201(api: Api) -> None:
    assert (await api.ask("POST", "/images/a/b/tag?repo=c/d&tag=e")).status == 201
    assert api.rooms.images.asked == [("tag", ("a/b", "c/d", "e"))]


@pytest.mark.parametrize(
    ("query", "force", "prune"), [("", False, True), ("?force=1&noprune=1", True, False)]
)
async def test_remove_says_what_went(api: Api, query: str, *, force: bool, prune: bool) -> None:
    assert (await api.ask("DELETE", f"/images/a/b{query}")).json() == [{"Untagged": "a/b"}]
    assert api.rooms.images.asked == [("remove", ("a/b", force, prune, ""))]


async def test_an_image_is_removed_for_one_platform_at_most(api: Api) -> None:
    refused = await api.ask("DELETE", "/v1.50/images/a?platforms=x&platforms=y")
    assert (refused.status, refused.message) == (400, "multiple platforms are not supported")
    await api.ask("DELETE", "/v1.50/images/a?platforms=x")
    await api.ask("DELETE", "/v1.49/images/a?platforms=x&platforms=y")
    assert api.rooms.images.asked == [
        ("remove", ("a", False, True, "x")),
        ("remove", ("a", False, True, "")),
    ]


@pytest.mark.parametrize(("query", "quiet"), [("", True), ("?quiet=1", True), ("?quiet=0", False)])
async def test_load_reports_line_by_line(api: Api, query: str, *, quiet: bool) -> None:
    reply = await api.ask("POST", f"/images/load{query}", body=b"archive" * 50_000)
    assert reply.body == b'{"stream":"Loaded image: x %b\\n"}\r\n' % str(quiet).encode()
    assert len(api.rooms.images.loaded) == 350_000


async def test_a_load_that_fails_says_so_in_its_last_line(api: Api) -> None:
    reply = await api.ask("POST", "/images/load", body=b"bad")
    assert reply.status == 200
    assert reply.body == b'{"errorDetail":{"message":"bad archive"},"error":"bad archive"}\r\n'


async def test_an_import_ends_with_its_id(api: Api) -> None:
    query = "fromSrc=-&repo=r&tag=t&message=m&platform=linux/arm64&changes=CMD%20a&changes=ENV%20b=c"
    reply = await api.ask("POST", f"/images/create?{query}", body=b"tar")
    assert reply.body == b'{"status":"sha256:2"}\r\n'
    assert api.rooms.images.loaded == b"tar"
    expected: tuple[Any, ...] = (("CMD a", "ENV b=c"), "m", "r", "t", "linux/arm64")
    assert api.rooms.images.asked == [("import", expected)]


async def test_several_images_are_saved_as_one_tar(api: Api) -> None:
    reply = await api.ask("GET", "/images/get?names=a&names=b")
    assert (reply.headers["Content-Type"], reply.body) == ("application/x-tar", b"tar of a,b")


async def test_an_engine_that_cannot_pull_says_so(api: Api) -> None:
    reply = await api.ask("POST", "/images/create?fromImage=busybox")
    assert (reply.status, reply.message) == (501, "pulling an image is not supported by this engine yet")
