"""Creating a container, its image fetched where it is missing: what `create` and `run` have in common."""

from __future__ import annotations

import os
import sys
from types import TracebackType

from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import STRING
from wharf.cli.options.container_config import Request
from wharf.cli.platform import platform_fields
from wharf.cli.reference import Reference, is_identifier, parse
from wharf.cli.session import Session
from wharf.cli.streams.terminal import STDOUT, size
from wharf.client import containers
from wharf.client.errors import ApiError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_PULL = ("always", "missing", "never")


def pull_flag(verb: str) -> Flag:
    """Return the flag that says when the image is fetched; `verb` is what follows."""
    missing = "missing" if verb == "running" else "|missing"  # so it stands in the help of `create`
    text = f'Pull image before {verb} ("always", "{missing}", "never")'
    return Flag("pull", STRING, text, default="missing")


def check_pull(parsed: Parsed) -> str:
    """Return when the image is to be fetched.

    Raises:
        CliError: the flag's value is none of its three.
    """
    pull = parsed.text("pull")
    if pull not in ("", *_PULL):
        raise CliError(f'invalid pull option: \'{pull}\': must be one of "always", "missing" or "never"')
    return pull


class IdFile:
    """The file of `--cidfile`: made before the container, removed again if that cannot be."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> IdFile:  # noqa: PYI034 - Self is worth no import of typing
        if not self._path:
            return self
        if os.path.exists(self._path):
            raise CliError(
                f"container ID file found, make sure the other container isn't running or delete {self._path}"
            )
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise CliError(f"failed to create the container ID file: open {self._path}: {reason}") from None
        return self

    def write(self, identifier: str) -> None:
        """Keep the file, with the container's id in it."""
        if self._fd >= 0:
            os.write(self._fd, identifier.encode())
            os.close(self._fd)
            self._fd = -1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            os.unlink(self._path)


def create_container(session: Session, parsed: Parsed, request: Request) -> str:
    """Create the container that `request` asks for and return its id; warnings go to stderr.

    Raises:
        ApiError, CliError: it could not be created, or its image not be fetched.
    """
    _warn(session, request)
    pull, platform = parsed.text("pull"), parsed.text("platform")
    with IdFile(parsed.text("cidfile")) as id_file:
        reference = None if is_identifier(request.image) else parse(request.image).with_default_tag()
        if platform:
            _check_platform(platform)
        out = None if parsed.on("quiet") else sys.stderr
        if pull == "always" and reference:
            _fetch(session, reference, platform, out)
        request.host["ConsoleSize"] = list(size(STDOUT))
        try:
            created = _create(session, parsed, request)
        except ApiError as error:
            if error.status != 404 or reference is None or pull != "missing":
                raise
            _fetch_missing(session, reference, platform, quiet=parsed.on("quiet"))
            created = _create(session, parsed, request)
        identifier, warnings = created
        for warning in warnings:
            session.warn(f"WARNING: {warning}")
        id_file.write(identifier)
    return identifier


def _check_platform(platform: str) -> None:
    try:
        platform_fields(platform)
    except CliError as error:
        raise CliError(f"error parsing specified platform: {error}") from None


def _fetch_missing(session: Session, reference: Reference, platform: str, *, quiet: bool) -> None:
    if not quiet:
        session.warn(f"Unable to find image '{reference.familiar}' locally")
    _fetch(session, reference, platform, None if quiet else sys.stderr)


def _fetch(session: Session, reference: Reference, platform: str, out: TextIO | None) -> None:
    # Most images are there: what fetches one is imported where one is fetched.
    from wharf.cli.pull import fetch

    fetch(session, reference, platform=platform, out=out)


def _create(session: Session, parsed: Parsed, request: Request) -> tuple[str, list[str]]:
    created = containers.create(
        session.engine, request.config, name=parsed.text("name"), platform=parsed.text("platform")
    )
    return created["Id"], created.get("Warnings") or []


def _warn(session: Session, request: Request) -> None:
    host = request.host
    servers = host["Dns"]
    assert isinstance(servers, list)
    for server in servers:
        if server.startswith("127.") or server == "::1":
            session.warn(f"WARNING: Localhost DNS setting (--dns={server}) may fail in containers.")
            return
