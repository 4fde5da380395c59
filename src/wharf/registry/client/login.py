"""Logging in: does a registry take these credentials, and does it give a token to use in their place?"""

from http import HTTPStatus

from wharf.errors import EngineError
from wharf.registry.client import challenge
from wharf.registry.client.tokens import Tokens
from wharf.registry.client.transport import Transport
from wharf.registry.credentials import Credentials
from wharf.registry.errors import LoginFailed, Unreachable
from wharf.registry.host import Host, hosts_for
from wharf.registry.settings import RegistrySettings


async def login(domain: str, credentials: Credentials, settings: RegistrySettings) -> str:
    """Return the identity token that the registry `domain` gives for `credentials`, empty for none.

    Raises NotAuthorized, LoginFailed, Unreachable.
    """
    failure: EngineError | None = None
    for host in hosts_for(domain, settings._replace(mirrors=())):
        try:
            return await _login(host, credentials, settings)
        except Unreachable as error:
            failure = error
    assert failure is not None
    raise failure


async def _login(host: Host, credentials: Credentials, settings: RegistrySettings) -> str:
    url = f"{host.base}/v2/"
    transport = Transport(host, settings)
    try:
        tokens = Tokens(transport, credentials)
        async with transport.get(url, {}) as answer:
            if answer.status == HTTPStatus.OK:
                return credentials.identity_token
            headers = answer.headers.getall("WWW-Authenticate", [])
        tokens.learn([found for header in headers for found in challenge.parse(header)])
        authorization, identity_token = await tokens.login(url)
        async with transport.get(url, {}, authorization=authorization) as answer:
            if answer.status != HTTPStatus.OK:
                raise LoginFailed(url, answer.status)
        return identity_token
    finally:
        await transport.close()
