"""Manifests in a registry, asked for by the client itself, with one blocking request at a time.

Credentials go to the registry's own origin, and to the token server that it names: over https, or over http
where the registry itself is spoken to like that. They never go along a redirect.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
import ssl
from base64 import b64encode
from urllib.parse import quote, urlencode, urljoin, urlsplit

from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
KINDS = (DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX)

_BODY_MAX = 8 << 20
_TIMEOUT_S = 60
_REDIRECTS_MAX = 10
_PARAMETER = re.compile(r'([A-Za-z_]+)="([^"]*)"')


class RegistryError(ClientError):
    """The registry refused, or could not be asked."""


class NotThere(RegistryError):
    """There is no such thing, or none for us; another address of the registry may know more."""


class SpeaksHttp(RegistryError):
    """What listens there speaks no TLS."""


class _Answer:
    """One answer, read whole."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Message, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Registry:
    """A registry at `base` (`https://host:port`); `account` is what is known of the user there."""

    def __init__(self, base: str, account: Mapping[str, str], *, checks_certificate: bool) -> None:
        self._base = base
        self._account = account
        self._checks_certificate = checks_certificate
        self._challenge = ""
        self._tokens: dict[str, str] = {}

    def ping(self) -> None:
        """See that a registry is there; raises SpeaksHttp, RegistryError."""
        answer = self._request("GET", f"{self._base}/v2/")
        if answer.status == 401:
            self._challenge = answer.headers.get("WWW-Authenticate", "")

    def manifest(self, repository: str, name: str, expected: str = "") -> tuple[str, str, bytes]:
        """Return media type, digest and bytes of manifest `name`, a tag or a digest.

        `expected` is the digest it must have, where one is known.
        """
        url = f"{self._base}/v2/{repository}/manifests/{name}"
        answer = self._asked("GET", url, _pull(repository), {"Accept": ", ".join(KINDS)})
        digest = f"sha256:{hashlib.sha256(answer.body).hexdigest()}"
        if expected not in ("", digest):
            raise RegistryError(f"manifest verification failed for digest {expected}")
        return answer.headers.get("Content-Type", "").partition(";")[0], digest, answer.body

    def blob(self, repository: str, digest: str) -> bytes:
        """Return a small blob, of which each byte is verified."""
        url = f"{self._base}/v2/{repository}/blobs/{digest}"
        body = self._asked("GET", url, _pull(repository)).body
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise RegistryError(f"image config verification failed for digest {digest}")
        return body

    def put_manifest(self, repository: str, name: str, kind: str, body: bytes) -> str:
        """Store a manifest, and return its digest."""
        url = f"{self._base}/v2/{repository}/manifests/{name}"
        self._asked("PUT", url, _push(repository), {"Content-Type": kind}, body)
        return f"sha256:{hashlib.sha256(body).hexdigest()}"

    def mount(self, repository: str, digest: str, source: str) -> bool:
        """Let `repository` have a blob that `source` has; return whether it does."""
        fields = urlencode({"mount": digest, "from": source})
        url = f"{self._base}/v2/{repository}/blobs/uploads/?{fields}"
        scopes = (*_push(repository), *_pull(source))
        answer = self._asked("POST", url, scopes)
        if answer.status == 201:
            return True
        location = urljoin(url, answer.headers.get("Location", ""))
        if _origin(location) == _origin(url):
            self._asked("DELETE", location, scopes)  # the upload that was begun in the mount's place
        return False

    def _asked(
        self,
        method: str,
        url: str,
        scopes: tuple[str, ...],
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> _Answer:
        """Send a request with what it takes to be allowed to; raise what a refusal means."""
        authorization = self._authorization(scopes)
        answer = self._request(method, url, headers, body, authorization)
        if answer.status == 401 and (challenge := answer.headers.get("WWW-Authenticate", "")):
            self._challenge = challenge
            self._tokens.clear()
            answer = self._request(method, url, headers, body, self._authorization(scopes))
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        return answer

    def _authorization(self, scopes: tuple[str, ...]) -> str:
        scheme, _, rest = self._challenge.partition(" ")
        if scheme.lower() == "basic":
            if not self._account.get("username"):
                raise RegistryError("no basic auth credentials")
            return self._basic()
        if scheme.lower() != "bearer":
            return ""
        scope = " ".join(scopes)
        if scope not in self._tokens:
            self._tokens[scope] = self._fetch_token(dict(_PARAMETER.findall(rest)), scopes)
        return f"Bearer {self._tokens[scope]}"

    def _basic(self) -> str:
        pair = f"{self._account.get('username', '')}:{self._account.get('password', '')}"
        return f"Basic {b64encode(pair.encode()).decode()}"

    def _fetch_token(self, challenge: Mapping[str, str], scopes: tuple[str, ...]) -> str:
        if known := self._account.get("registrytoken"):
            return known
        realm, service = challenge.get("realm", ""), challenge.get("service", "")
        if urlsplit(realm).scheme != "https" and not self._base.startswith("http://"):
            raise RegistryError(f'refusing to send credentials to token server "{realm}"')
        if refresh := self._account.get("identitytoken"):
            form = {
                "client_id": "docker",
                "grant_type": "refresh_token",
                "refresh_token": refresh,
                "scope": " ".join(scopes),
                "service": service,
            }
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            answer = self._request("POST", realm, kind, urlencode(form).encode())
        else:
            fields = [("service", service), *(("scope", scope) for scope in scopes)]
            named = bool(self._account.get("username"))
            if named:
                fields.append(("account", self._account["username"]))
            url = f"{realm}{'&' if '?' in realm else '?'}{urlencode(fields)}"
            answer = self._request("GET", url, authorization=self._basic() if named else "")
        if answer.status != 200:
            raise _refusal(answer)
        found = _object(answer.body)
        token = str(found.get("token") or found.get("access_token") or "")
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise RegistryError("authorization server did not include a token in the response")
        return token

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        authorization: str = "",
    ) -> _Answer:
        """Send one request, along the redirects of one that only asks."""
        origin = _origin(url)
        for _ in range(_REDIRECTS_MAX):
            carried = dict(headers or {})
            if authorization and _origin(url) == origin:
                carried["Authorization"] = authorization
            answer = self._exchange(method, url, carried, body)
            target = answer.headers.get("Location")
            if method != "GET" or target is None or answer.status not in (301, 302, 303, 307, 308):
                return answer
            following = urljoin(url, target)
            if urlsplit(following).scheme not in ("https", urlsplit(url).scheme):
                raise RegistryError(f'{method.title()} "{url}": refusing to go from https to "{following}"')
            url = following
        raise RegistryError(f'{method.title()} "{url}": stopped after {_REDIRECTS_MAX} redirects')

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> _Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        try:
            if parts.scheme == "https":
                port = parts.port or 443
                connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                    host, port, timeout=_TIMEOUT_S, context=self._tls(url)
                )
            elif parts.scheme == "http":
                port = parts.port or 80
                connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
            else:
                raise RegistryError(f'unsupported protocol scheme "{parts.scheme}"')
            try:
                path = quote(parts.path or "/", safe="/:@%+~") + (f"?{parts.query}" if parts.query else "")
                connection.request(method, path, body or None, dict(headers))
                response = connection.getresponse()
                content = response.read(_BODY_MAX + 1)
                if len(content) > _BODY_MAX:
                    raise RegistryError(f'{method.title()} "{url}": answer is larger than {_BODY_MAX} bytes')
                return _Answer(response.status, response.headers, content)
            finally:
                connection.close()
        except (OSError, ValueError, http.client.HTTPException) as error:
            told = f'{method.title()} "{url}": {_cause(error, host, parts.port)}'
            raise (SpeaksHttp if _is_plain(error) else RegistryError)(told) from error

    def _tls(self, url: str) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if not self._checks_certificate and _origin(url) == _origin(self._base):
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _pull(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull",)


def _push(repository: str) -> tuple[str, ...]:
    return (f"repository:{repository}:pull,push",)


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _object(body: bytes) -> dict[str, object]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


_ABSENT = ("UNAUTHORIZED", "MANIFEST_UNKNOWN", "NAME_UNKNOWN")


def _refusal(answer: _Answer) -> RegistryError:
    """Return what a registry's refusal means (distribution specification, "Error codes")."""
    faults = _object(answer.body).get("errors")
    fault = faults[0] if isinstance(faults, list) and faults else None
    if not isinstance(fault, dict) or not fault.get("code"):
        return NotThere(f"received unexpected HTTP status: {answer.status}")
    code, message = str(fault["code"]), str(fault.get("message") or "")
    words = _printable(f"{code.replace('_', ' ').lower()}: {message}".removesuffix(": "))
    return NotThere(words) if code.upper() in _ABSENT else RegistryError(words)


def _printable(text: str) -> str:
    """Return `text` without control characters: it comes from outside and ends on a terminal."""
    return "".join(char if char.isprintable() else " " for char in text[:512])


def _is_plain(error: Exception) -> bool:
    return isinstance(error, ssl.SSLError) and error.reason in (
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "RECORD_LAYER_FAILURE",
    )


def _cause(error: Exception, host: str, port: int | None) -> str:
    """Return why a request failed, in the words of Go where they are known."""
    if _is_plain(error):
        return "http: server gave HTTP response to HTTPS client"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return f"dial tcp: lookup {host}: no such host"
    if isinstance(error, TimeoutError):
        return "net/http: request canceled (Client.Timeout exceeded)"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}:{port or 443}: connect: connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
