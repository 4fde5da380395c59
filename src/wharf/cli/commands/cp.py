"""`container cp`, `cp`: files between a container and this machine, or an archive on stdin or stdout."""

from __future__ import annotations

import sys
from collections.abc import Callable

from wharf.cli.command import Command
from wharf.cli.copying import paths
from wharf.cli.copying.paths import CopyInfo
from wharf.cli.copying.progress import Progress
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.kinds import SWITCH
from wharf.cli.output.files import pieces_of, write_file
from wharf.cli.output.units import human_size
from wharf.cli.streams.terminal import STDOUT, is_terminal
from wharf.client import files
from wharf.client.errors import ApiError
from wharf.client.files import DEVICE, DIRECTORY, SYMLINK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session


def run(session: Session, parsed: Parsed) -> None:
    """Copy."""
    source, destination = parsed.arguments
    if not source:
        raise CliError("source can not be empty")
    if not destination:
        raise CliError("destination can not be empty")
    source_container, source_path = _split(source)
    container, path = _split(destination)
    quiet = parsed.on("quiet") if "quiet" in parsed.changed else not is_terminal(STDOUT)
    if source_container and container:
        raise CliError("copying between containers is not supported")
    if source_container:
        follow = parsed.on("follow-link")
        _copy_out(session, source_container, source_path, path, follow=follow, quiet=quiet)
    elif container:
        _copy_in(session, source_path, container, path, parsed, quiet=quiet)
    else:
        raise CliError("must specify at least one container source")


def _split(text: str) -> tuple[str, str]:
    """Return container and path; no container for a local path, which may hold a colon if it is explicit."""
    if text.startswith("/"):
        return "", text
    container, colon, path = text.partition(":")
    return ("", text) if not colon or container.startswith(".") else (container, path)


def _copy_out(
    session: Session, container: str, source: str, destination: str, *, follow: bool, quiet: bool
) -> None:
    if destination != "-":
        destination = paths.local(destination)
    paths.check_output(destination)
    rebase_name = ""
    if follow:
        source, rebase_name = _followed(session, container, source)
    stat, archive = files.copy_out(session.engine, container, source)
    with archive:
        if destination == "-":
            write_file("", archive.pieces())
            return
        from wharf.cli.copying.unpack import unpack

        progress = Progress("Copying from container - ", sys.stderr)
        is_directory = bool(stat.mode & DIRECTORY)
        info = CopyInfo(source, exists=True, is_directory=is_directory, rebase_name=rebase_name)
        renamed = _replacing((paths.split(source)[1], rebase_name) if rebase_name else None)
        try:
            folder, renaming = paths.plan(info, paths.destination(destination))
            again = _replacing(renaming)
            pieces = archive.pieces() if quiet else progress.counted(archive.pieces())
            unpack(pieces, folder, lambda name: again(renamed(name)))
        finally:
            progress.clear()
            if not quiet:
                session.warn(f"Successfully copied {human_size(progress.copied, 3)} to {destination}")


def _followed(session: Session, container: str, path: str) -> tuple[str, str]:
    """Return where a path leads if it is a link, and the name that it was asked for by."""
    try:
        stat = files.stat_path(session.engine, container, path)
    except ApiError:
        return path, ""
    if not stat.mode & SYMLINK:
        return path, ""
    return paths.rebased(path, _target(path, stat.link_target))


def _target(path: str, target: str) -> str:
    return target if target.startswith("/") else paths.clean(f"{paths.split(path)[0]}/{target}")


def _replacing(renaming: tuple[str, str] | None) -> Callable[[str], str]:
    """Return what puts a new beginning in the place of an old one in a member's name."""
    if renaming is None:
        return lambda name: name
    old, new = renaming
    return lambda name: name.replace("" if old == "/" else old, new, 1)


def _copy_in(
    session: Session, source: str, container: str, path: str, parsed: Parsed, *, quiet: bool
) -> None:
    if source != "-":
        source = paths.local(source)
    target = _destination(session, container, path)
    copy_owner = parsed.on("archive")
    if source == "-":
        if not target.is_directory:
            raise CliError(f'destination "{container}:{path}" must be a directory')
        files.copy_in(session.engine, container, target.path, pieces_of("-"), copy_owner=copy_owner)
        if not quiet:
            session.warn(f"Successfully copied 0B to {container}:{target.path}")
        return
    from wharf.cli.copying.pack import packed

    info = paths.source(source, follow_link=parsed.on("follow-link"))
    folder, renaming = paths.plan(info, target)
    own = _replacing((paths.split(info.path)[1], info.rebase_name) if info.rebase_name else None)
    again = _replacing(renaming)
    progress = Progress("Copying to container - ", sys.stderr)
    pieces = packed(info.path, lambda name: again(own(name)))
    try:
        files.copy_in(
            session.engine,
            container,
            folder,
            pieces if quiet else progress.counted(pieces),
            copy_owner=copy_owner,
        )
    finally:
        progress.clear()
        if not quiet:
            session.warn(f"Successfully copied {human_size(progress.copied, 3)} to {container}:{target.path}")


def _destination(session: Session, container: str, path: str) -> CopyInfo:
    """Return what is at the destination in the container; whatever hinders is for the copy itself to tell."""
    target = path
    try:
        stat = files.stat_path(session.engine, container, path)
        if stat.mode & SYMLINK:
            target = _target(path, stat.link_target)
            stat = files.stat_path(session.engine, container, target)
    except ApiError:
        return CopyInfo(target)
    if stat.mode & DEVICE:
        raise CliError(
            f'destination "{container}:{path}" must be a directory or a regular file: got a device'
        )
    return CopyInfo(target, exists=True, is_directory=bool(stat.mode & DIRECTORY))


COMMAND = Command(
    "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\t{program} cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
    run,
    least=2,
    most=2,
    long=(
        "Copy files/folders between a container and the local filesystem\n\n"
        "Use '-' as the source to read a tar archive from stdin\n"
        "and extract it to a directory destination in a container.\n"
        "Use '-' as the destination to stream a tar archive of a\n"
        "container source to stdout."
    ),
    flags=(
        Flag("archive", SWITCH, "Archive mode (copy all uid/gid information)", short="a"),
        Flag("follow-link", SWITCH, "Always follow symbol link in SRC_PATH", short="L"),
        Flag(
            "quiet",
            SWITCH,
            "Suppress progress output during copy. Progress output is automatically suppressed if no "
            "terminal is attached",
            short="q",
        ),
    ),
)
