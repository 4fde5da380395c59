"""Who sees credentials: the registry they are for, its token server, and nobody else."""

import base64
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from registry_kit import (
    BIG_LAYER,
    LAYER,
    QUICK,
    FakeRegistry,
    MemorySink,
    Reply,
    answer,
    error,
    serving,
)
from wharf.errors import EngineError, Unauthorized
from wharf.registry.client.pull import PulledImage, pull
from wharf.registry.credentials import Credentials
from wharf.registry.errors import InvalidDocument, NoCredentials, PullDenied, Unreachable, UnsafeRealm
from wharf.registry.platform import Platform
from wharf.registry.settings import RegistrySettings
from wharf.schema.reference import Reference

HERE = Path(__file__).parent
USER = Credentials("user", "secret")
BASIC = "Basic " + base64.b64encode(b"user:secret").decode()


async def fetch(
    registry: FakeRegistry,
    auth: Credentials | None = USER,
    *,
    settings: RegistrySettings = QUICK,
    domain: str | None = None,
) -> PulledImage:
    return await pull(
        Reference.parse(f"{domain or registry.address}/x"),
        auth=auth,
        platform=Platform.parse("linux/amd64"),
        settings=settings,
        blobs=MemorySink(),
        progress=lambda _: None,
    )


def certificate() -> ssl.SSLContext:
    """Return the context of a server named registry.test, vouched for by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "test-only.crt", HERE / "test-only.key")
    return context


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names under .test lead to 127.0.0.1."""
    look_up = socket.getaddrinfo

    def getaddrinfo(host: str | None, *args: object, **kwargs: object) -> object:
        if host is not None and host.endswith(".test"):
            host = "127.0.0.1"
        return look_up(host, *args, **kwargs)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def gate(challenge: str, accepted: Callable[[], str | None]) -> Reply:
    """Let a request pass that has the accepted header, or ask for one; the token server is open."""

    async def reply(request: web.Request) -> web.StreamResponse:
        if request.path == "/token" or request.headers.get("Authorization") == accepted():
            return web.Response(status=100)
        return error(401, "UNAUTHORIZED", "authentication required", WWW_Authenticate=challenge)

    return reply


def bearer(registry: FakeRegistry, realm: str | None = None, **more: str) -> str:
    parameters = {"realm": realm or f"{registry.url}/token", "service": "test"} | more
    return "Bearer " + ",".join(f'{name}="{value}"' for name, value in parameters.items())


def token(text: str, **more: object) -> Reply:
    return answer(lambda: web.json_response({"token": text} | more))


def sent_to(registry: FakeRegistry, path: str) -> set[str | None]:
    return {request[1] for request in registry.requests if request[0].partition("?")[0] == path}


async def test_basic_credentials_are_sent_when_asked_for() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.before = gate('Basic realm="x"', lambda: BASIC)
        await fetch(registry)
        assert sent_to(registry, "/v2/") == {None}
        assert sent_to(registry, registry.blob_path(LAYER)) == {BASIC}
        with pytest.raises(NoCredentials, match=r"^Head \S+/x/manifests/latest\": no basic auth"):
            await fetch(registry, None)
        with pytest.raises(Unauthorized):
            await fetch(registry, Credentials("user", "wrong"))


async def test_a_token_is_fetched_once_for_the_repository() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.before = gate(bearer(registry), lambda: "Bearer T1")
        registry.once("/token", token("T1"))
        await fetch(registry)
        (path, authorization, _), *_ = (r for r in registry.requests if r[0].startswith("/token"))
    assert path == "/token?service=test&account=user&scope=repository:x:pull"
    assert authorization == BASIC
    assert registry.asked("/token") == 1
    assert sent_to(registry, registry.blob_path(LAYER)) == {"Bearer T1"}


async def test_without_credentials_an_anonymous_token_does() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.before = gate(bearer(registry), lambda: "Bearer anonymous")
        registry.once("/token", answer(lambda: web.json_response({"access_token": "anonymous"})))
        await fetch(registry, None)
    assert sent_to(registry, "/token") == {None}


async def test_a_token_that_is_not_taken_any_more_is_fetched_anew() -> None:
    async with serving() as registry:
        registry.put_image()
        valid = ["Bearer T1"]
        registry.before = gate(bearer(registry), lambda: valid[0])
        registry.once("/token", token("T1"), token("T2"))

        async def revoke(_: web.Request) -> web.StreamResponse:
            valid[0] = "Bearer T2"
            return error(401, "UNAUTHORIZED", "expired", WWW_Authenticate=bearer(registry))

        registry.once(registry.blob_path(BIG_LAYER), revoke)
        await fetch(registry)
    assert registry.asked("/token") == 2


async def test_an_identity_token_is_posted_and_a_registry_token_sent_as_it_is() -> None:
    async with serving() as registry:
        registry.put_image()
        forms: list[dict[str, object]] = []

        async def oauth(request: web.Request) -> web.StreamResponse:
            forms.append(dict(await request.post()))
            return web.json_response({"access_token": "T3"})

        registry.before = gate(bearer(registry), lambda: "Bearer T3")
        registry.once("/token", oauth)
        await fetch(registry, Credentials(identity_token="refresh"))
        assert forms[0]["grant_type"] == "refresh_token"
        assert forms[0]["refresh_token"] == "refresh"
        assert forms[0]["scope"] == "repository:x:pull"
        await fetch(registry, Credentials(registry_token="T3"))
        assert len(forms) == 1


async def test_a_token_server_that_refuses_is_told() -> None:
    async with serving() as registry:
        registry.before = gate(bearer(registry), lambda: "Bearer T1")
        registry.once("/token", answer(lambda: error(401, "UNAUTHORIZED", "incorrect username or password")))
        with pytest.raises(Unauthorized, match="unauthorized: incorrect username or password"):
            await fetch(registry)
        registry.once("/token", answer(lambda: web.json_response({})))
        with pytest.raises(InvalidDocument, match="did not include a token"):
            await fetch(registry)
        registry.once("/token", token("T1\r\nX: y"))
        with pytest.raises(InvalidDocument, match="did not include a token"):
            await fetch(registry)


async def test_a_token_that_does_not_cover_the_repository_means_denied() -> None:
    async with serving() as registry:
        registry.before = gate(bearer(registry, error="insufficient_scope"), lambda: "Bearer T9")
        registry.once("/token", *[token("T1")] * 2)
        with pytest.raises(PullDenied, match=r"^pull access denied for .*/x, repository does not exist or"):
            await fetch(registry, None)


async def test_a_redirect_elsewhere_is_followed_without_credentials() -> None:
    async with serving() as registry, serving() as other:
        registry.put_image()
        other.put_image()
        registry.before = gate('Basic realm="x"', lambda: BASIC)
        for blob in (LAYER, BIG_LAYER):
            elsewhere = f"{other.url}{other.blob_path(blob)}"
            registry.once(registry.blob_path(blob), redirect(elsewhere))
        await fetch(registry)
        assert other.asked(other.blob_path(LAYER)) == 1
        assert {request[1] for request in other.requests} == {None}


async def test_a_redirect_back_home_has_credentials_again_and_a_loop_ends() -> None:
    async with serving() as registry:
        registry.put_image()
        registry.before = gate('Basic realm="x"', lambda: BASIC)
        registry.once(registry.blob_path(LAYER), redirect(registry.blob_path(LAYER)))
        await fetch(registry)
        registry.once("/v2/x/manifests/latest", *[redirect("/v2/x/manifests/latest")] * 20)
        with pytest.raises(Unreachable, match="stopped after 10 redirects"):
            await fetch(registry)


def redirect(location: str) -> Reply:
    return answer(lambda: web.Response(status=307, headers={"Location": location}))


@pytest.mark.parametrize(
    "location", ["http://127.0.0.1:9/steal", "file:///etc/passwd", "http://[::1", "//127.0.0.1:bad/x"]
)
async def test_an_https_registry_leads_to_no_plain_text(location: str) -> None:
    async with serving(certificate()) as registry:
        registry.put_image()
        registry.once(registry.blob_path(LAYER), redirect(location))
        with pytest.raises(EngineError, match=r"refusing a redirect from https to http|invalid URL"):
            await fetch(registry, settings=QUICK._replace(attempts=1))


async def test_an_https_registrys_token_server_must_be_as_good() -> None:
    async with serving(certificate()) as registry, serving() as sink:
        registry.before = gate(bearer(registry, sink.url), lambda: "Bearer T1")
        with pytest.raises(UnsafeRealm, match="refusing to send credentials to token server"):
            await fetch(registry)
        assert sink.requests == []


@pytest.mark.usefixtures("named")
async def test_a_certificate_nobody_vouches_for_stops_before_a_byte_is_sent(tmp_path: Path) -> None:
    async with serving(certificate()) as registry:
        registry.put_image()
        domain = f"registry.test:{registry.port}"
        with pytest.raises(Unreachable, match="x509: certificate signed by unknown authority"):
            await fetch(registry, domain=domain)
        assert registry.requests == []
        insecure = QUICK._replace(insecure=(domain,))
        await fetch(registry, domain=domain, settings=insecure)
        folder = tmp_path / "certs.d" / domain
        folder.mkdir(parents=True)
        (folder / "ca.crt").write_bytes((HERE / "test-only.crt").read_bytes())
        await fetch(registry, domain=domain, settings=QUICK._replace(certificates=str(folder.parent)))


@pytest.mark.usefixtures("named")
async def test_a_secure_registry_that_speaks_http_gets_nothing() -> None:
    async with serving() as registry:
        registry.put_image()
        with pytest.raises(Unreachable, match="http: server gave HTTP response to HTTPS client"):
            await fetch(registry, domain=f"registry.test:{registry.port}")
        assert registry.requests == []


def test_credentials_show_nothing_of_themselves() -> None:
    text = f"{USER!r} {USER} {Credentials(identity_token='hush')!r}"
    assert "secret" not in text
    assert "hush" not in text
