"""Registries as the Engine API shows them: login, search, and what a name leads to elsewhere."""

from wharf.schema.oci import Descriptor, Platform
from wharf.schema.struct import Struct, omit, wire, zero


class AuthConfig(Struct, rename="lower"):
    """Who somebody is to a registry; the body of `POST /auth` and, in base64, of `X-Registry-Auth`."""

    username: str = omit("")
    password: str = omit("")
    auth: str = omit("")
    email: str = omit("")
    server_address: str = omit("", name="serveraddress")
    identity_token: str = omit("", name="identitytoken")
    registry_token: str = omit("", name="registrytoken")


class AuthResponse(Struct):
    """The answer to `POST /auth`; the token, where there is one, takes the password's place."""

    identity_token: str = ""
    status: str = ""


class SearchResult(Struct):
    """One repository that a search found."""

    star_count: int = wire(0, name="star_count")
    is_official: bool = wire(False, name="is_official")
    name: str = wire("", name="name")
    is_automated: bool = wire(False, name="is_automated")
    description: str = wire("", name="description")


class DistributionInspect(Struct):
    """The answer to `GET /distribution/{name}/json`."""

    descriptor: Descriptor = zero(Descriptor)
    platforms: list[Platform] | None = None
