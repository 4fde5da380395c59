"""What can go wrong with a registry, in Docker's words.

A registry's own error codes (OCI distribution specification, "Error codes") are told as its library tells
them: the code in small letters, a colon, the message.
"""

from http import HTTPStatus

from wharf.errors import Forbidden, Internal, InvalidParameter, NotFound, Unauthorized


class Unreachable(Internal):
    """No connection, no name, no certificate, no answer."""

    def __init__(self, method: str, url: str, cause: str) -> None:
        super().__init__(f'{method} "{url}": {cause}')
        self.url = url
        self.cause = cause


class ManifestUnknown(NotFound):
    """The repository has no such tag or digest."""

    def __init__(self, reference: str, cause: str) -> None:
        super().__init__(f"manifest for {reference} not found: {cause}")


class PullDenied(NotFound):
    """The repository does not exist for this user."""

    def __init__(self, repository: str, cause: str) -> None:
        super().__init__(
            f"pull access denied for {repository}, repository does not exist or may require 'docker login':"
            f" {cause}"
        )


class NotAuthorized(Unauthorized):
    """The registry wants credentials, or other ones."""


class AccessDenied(Forbidden):
    """This user may not do that with the repository."""

    def __init__(self) -> None:
        super().__init__("denied: requested access to the resource is denied")


class NoCredentials(Internal):
    """The registry wants a name and a password, and none were given."""

    def __init__(self, request: str = "") -> None:
        super().__init__(f"{request}no basic auth credentials")


class LoginFailed(Internal):
    """The registry does not take the name and the password."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"login attempt to {url} failed with status: {status} {HTTPStatus(status).phrase}")


class SearchFailed(Internal):
    """The index does not search."""

    def __init__(self, status: int) -> None:
        super().__init__(f"Unexpected status code {status}")


class UnusableEndpoint(InvalidParameter):
    """No index answers there; `failures` say why, over https and, where that is allowed, http."""

    def __init__(self, base: str, failures: list[str]) -> None:
        attempts = zip(("HTTPS", "HTTP"), failures, strict=False)
        told = ". ".join(f"{scheme} attempt: {failure}" for scheme, failure in attempts)
        super().__init__(f'invalid registry endpoint "{base}/v1/". {told}')


class BlobUnknown(NotFound):
    """The registry does not have a blob that a manifest names."""

    def __init__(self) -> None:
        super().__init__("unknown blob")


class TooManyRequests(Forbidden):
    """The registry limits how often it is asked; `retry_after_s` is when it wants to be asked again."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RegistryRefused(Internal):
    """Any other error that a registry gave."""


class NoMatchingManifest(NotFound):
    """The index has nothing for the platform."""

    def __init__(self, platform: str) -> None:
        super().__init__(f"no matching manifest for {platform} in the manifest list entries")


class InvalidDocument(InvalidParameter):
    """A manifest, index or config is not what it should be."""


class VerificationFailed(InvalidDocument):
    """Content does not have the digest or the size that was promised."""

    def __init__(self, what: str, digest: str) -> None:
        super().__init__(f"{what} verification failed for digest {digest}")
        self.digest = digest


class UnsafeRealm(InvalidParameter):
    """A registry asked to send credentials where they do not belong."""

    def __init__(self, realm: str) -> None:
        super().__init__(f'refusing to send credentials to token server "{realm}"')
