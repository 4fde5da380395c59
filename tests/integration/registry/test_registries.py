"""Logging in, searching and looking, against registries that do what they are told."""

import base64

import pytest
from aiohttp import web

import registry_kit
from registry_kit import CONFIG, LIST, QUICK, FakeRegistry, answer, error, serving
from wharf.engine.registries import Registries
from wharf.errors import EngineError, InvalidParameter, Unauthorized
from wharf.registry.errors import LoginFailed, NoCredentials
from wharf.schema.filters import Filters
from wharf.schema.registry import AuthConfig, AuthResponse

BASIC = "Basic " + base64.b64encode(b"me:pw").decode()
REGISTRIES = Registries(QUICK)


def account(registry: FakeRegistry, password: str = "pw") -> AuthConfig:
    return AuthConfig(username="me", password=password, server_address=registry.address)


def guarded(registry: FakeRegistry, challenge: str, wanted: str) -> None:
    """Let the registry want an `Authorization`, and hint at it by `challenge`."""

    async def guard(request: web.Request) -> web.StreamResponse:
        if request.path == "/token" or request.headers.get("Authorization") == wanted:
            return web.Response(status=100)
        return error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=challenge)

    registry.before = guard


async def test_a_registry_with_passwords_takes_the_right_one() -> None:
    async with serving() as registry:
        guarded(registry, 'Basic realm="r"', BASIC)
        assert await REGISTRIES.login(account(registry)) == AuthResponse(status="Login Succeeded")
        with pytest.raises(LoginFailed) as refused:
            await REGISTRIES.login(account(registry, "wrong"))
        words = f"login attempt to http://{registry.address}/v2/ failed with status: 401 Unauthorized"
        assert str(refused.value) == words


async def test_a_token_server_gives_an_identity_token() -> None:
    async with serving() as registry:
        guarded(registry, f'Bearer realm="{registry.url}/token",service="s"', "Bearer t")
        granted = answer(lambda: web.json_response({"token": "t", "refresh_token": "long"}))
        registry.once("/token", granted, granted)
        assert (await REGISTRIES.login(account(registry))).identity_token == "long"
        asked = [path for path, _, _ in registry.requests if path.startswith("/token")]
        assert asked == ["/token?service=s&account=me&client_id=docker&offline_token=true"]
        again = AuthConfig(identity_token="long", server_address=registry.address)
        assert (await REGISTRIES.login(again)).identity_token == "long"
        assert registry.log.count("POST /token") == 1


async def test_a_token_server_that_refuses_is_quoted() -> None:
    async with serving() as registry:
        guarded(registry, f'Bearer realm="{registry.url}/token"', "Bearer t")
        wrong = {"details": "incorrect username or password"}
        registry.once("/token", answer(lambda: web.json_response(wrong, status=401)))
        with pytest.raises(Unauthorized) as refused:
            await REGISTRIES.login(account(registry, "wrong"))
        url = f"http://{registry.address}/v2/"
        assert str(refused.value) == f'Get "{url}": unauthorized: incorrect username or password'


async def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidParameter) as refused:
        await REGISTRIES.login(AuthConfig(username="me", password="pw", server_address="a b"))
    assert str(refused.value) == (
        'unable to parse server address: parse "https://a b": invalid character " " in host name'
    )


async def test_a_search_asks_the_index_and_filters_what_it_finds() -> None:
    results = [
        {"name": "x", "star_count": 5, "is_official": True, "description": "d"},
        {"name": "y/x", "star_count": 2},
    ]
    async with serving() as registry:
        found = answer(lambda: web.json_response({"num_results": 2, "results": results}))
        registry.once("/v1/search", *[found] * 4)
        term = f"{registry.address}/x"

        async def names(limit: int = 0, **filters: str) -> list[str]:
            given = Filters({name.replace("_", "-"): [value] for name, value in filters.items()})
            each = await REGISTRIES.search(term, limit=limit, filters=given, auth="")
            return [one.name for one in each]

        assert await names() == ["x", "y/x"]
        assert await names(limit=3, is_official="true") == ["x"]
        assert await names(stars="3") == ["x"]
        assert await names(is_official="false") == ["y/x"]
        asked = [path for path, _, _ in registry.requests if path.startswith("/v1/search")]
        assert asked[:2] == ["/v1/search?q=x&n=25", "/v1/search?q=x&n=3"]


@pytest.mark.parametrize(
    ("limit", "filters", "words"),
    [
        (101, {}, "limit 101 is outside the range of [1, 100]"),
        (-1, {}, "limit -1 is outside the range of [1, 100]"),
        (0, {"foo": ["a"]}, "invalid filter 'foo'"),
        (0, {"stars": ["a"]}, "invalid filter 'stars=a': strconv.Atoi: parsing \"a\": invalid syntax"),
    ],
)
async def test_what_cannot_be_searched_for(limit: int, filters: dict[str, list[str]], words: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        await REGISTRIES.search("x", limit=limit, filters=Filters(filters), auth="")
    assert str(refused.value) == words


async def test_a_registry_without_search_says_so() -> None:
    async with serving() as registry:
        with pytest.raises(EngineError, match=r"^Unexpected status code 404$"):
            await REGISTRIES.search(f"{registry.address}/x", limit=0, filters=Filters(), auth="")


async def test_a_name_is_looked_up_without_its_layers() -> None:
    async with serving() as registry:
        digest = registry.put_image()
        shown = await REGISTRIES.inspect(f"{registry.address}/x", auth="")
        assert (shown.descriptor.digest, shown.descriptor.media_type) == (digest, registry_kit.MANIFEST)
        assert [platform.architecture for platform in shown.platforms or ()] == ["amd64"]
        body = registry_kit.index({"linux/amd64": registry_kit.manifest(), "linux/arm/v7": CONFIG})
        registry.put(body, "multi", kind=LIST)
        shown = await REGISTRIES.inspect(f"{registry.address}/x:multi", auth="")
        assert shown.descriptor.size == len(body)
        assert [platform.variant for platform in shown.platforms or ()] == ["", "v7"]
        assert registry.asked(registry.blob_path(registry_kit.LAYER)) == 0


async def test_without_a_password_a_registry_that_wants_one_is_told_of() -> None:
    async with serving() as registry:
        guarded(registry, 'Basic realm="r"', BASIC)
        with pytest.raises(NoCredentials) as refused:
            await REGISTRIES.inspect(f"{registry.address}/x:1", auth="")
        url = f"{registry.url}/v2/x/manifests/1"
        assert str(refused.value) == f'Head "{url}": no basic auth credentials'
