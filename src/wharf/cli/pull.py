"""Fetching an image, as `pull` does and as `run` and `create` do when the image is not there."""

from __future__ import annotations

from wharf.cli.credentials import registry_auth
from wharf.cli.output.progress import StreamError, discard, show_progress
from wharf.cli.reference import DEFAULT_DOMAIN, Reference
from wharf.cli.session import Session
from wharf.client import images
from wharf.client.errors import ApiError, ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def fetch(
    session: Session,
    reference: Reference,
    *,
    platform: str = "",
    every_tag: bool = False,
    out: TextIO | None,
) -> None:
    """Fetch what `reference` names and show the progress on `out`; None shows nothing.

    Raises:
        ApiError, StreamError: in the engine's words, where it could not.
        CliError: busybox, which is made here where no registry answers, could not be made.
    """
    tag = "" if every_tag else reference.digest or reference.tag
    messages = images.pull(
        session.engine,
        reference.familiar_name,
        tag,
        platform=platform,
        registry_auth=registry_auth(session, reference.domain),
    )
    try:
        if out is None:
            discard(messages)
        else:
            show_progress(messages, out)
    except (ApiError, StreamError) as error:
        if not _is_busybox(reference) or not _no_registry(error):
            raise
        from wharf.cli.local_busybox import make_busybox

        make_busybox(session)


def _is_busybox(reference: Reference) -> bool:
    return (reference.domain, reference.path, reference.tag) == (DEFAULT_DOMAIN, "library/busybox", "latest")


_UNREACHABLE = ("dial tcp", "no such host", "connection refused", "timeout", "unreachable", "name resolution")


def _no_registry(error: ClientError) -> bool:
    """Return whether the engine got no answer from a registry, or fetches no images at all."""
    if isinstance(error, ApiError) and error.status in (501, 502, 503, 504):
        return True
    text = str(error).lower()
    return any(words in text for words in _UNREACHABLE)
