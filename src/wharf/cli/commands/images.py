"""`image ls`, `images`: list images, a row for each of their names."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping

from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Flag, Parsed
from wharf.cli.format_flag import LIST_FORMAT
from wharf.cli.kinds import FILTER, SWITCH
from wharf.cli.output.listing import Listing
from wharf.cli.output.text import short_id
from wharf.client import images

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import ImageSummary

HEADERS = {
    "ID": "IMAGE ID",
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Containers": "CONTAINERS",
    "VirtualSize": "SIZE",
    "SharedSize": "SHARED SIZE",
    "UniqueSize": "UNIQUE SIZE",
}
_RAW = (
    "repository: {{ .Repository }}\n"
    "{{if .Tag}}tag: {{ .Tag }}\n{{end}}"
    "image_id: {{ .ID }}\ncreated_at: {{ .CreatedAt }}\nvirtual_size: {{ .Size }}\n"
)
NONE = "<none>"


def names_of(image: ImageSummary, *, digests: bool) -> Iterator[tuple[str, str, str]]:
    """Yield repository, tag and digest of each row that the image has."""
    tags: dict[str, list[str]] = {}
    for name in image.get("RepoTags") or []:
        repository, _, tag = name.rpartition(":")
        tags.setdefault(repository, []).append(tag)
    by_digest: dict[str, list[str]] = {}
    for name in image.get("RepoDigests") or []:
        repository, _, digest = name.partition("@")
        by_digest.setdefault(repository, []).append(digest)
    if not tags and not by_digest:
        yield NONE, NONE, NONE
    for repository, names in tags.items():
        known = by_digest.pop(repository, [])
        for tag in names:
            if digests and known:
                for digest in known:
                    yield repository, tag, digest
            else:
                yield repository, tag, NONE
    for repository, known in by_digest.items():
        if digests:
            for digest in known:
                yield repository, NONE, digest
        else:
            yield repository, NONE, ""


def columns(
    image: ImageSummary, name: tuple[str, str, str], *, no_trunc: bool
) -> Mapping[str, Callable[[], object]]:
    """Return how each column of a row is made; a row is a name of an image."""
    from wharf.cli.output.duration import go_time
    from wharf.cli.output.units import human_size
    from wharf.duration import human_duration

    repository, tag, digest = name
    created, size = image.get("Created", 0), image.get("Size", 0)
    shared, users = image.get("SharedSize", -1), image.get("Containers", -1)
    return {
        "ID": lambda: image["Id"] if no_trunc else short_id(image["Id"]),
        "Repository": lambda: repository,
        "Tag": lambda: tag,
        "Digest": lambda: digest,
        "CreatedSince": lambda: human_duration(time.time() - created) + " ago" if created > 0 else "N/A",
        "CreatedAt": lambda: go_time(created),
        "Size": lambda: human_size(size, 3),
        "Containers": lambda: "N/A" if users == -1 else str(users),
        "VirtualSize": lambda: human_size(size),
        "SharedSize": lambda: "N/A" if shared == -1 else human_size(shared),
        "UniqueSize": lambda: "N/A" if shared == -1 else human_size(size - shared),
    }


def run(session: Session, parsed: Parsed) -> None:
    """List the images."""
    filters = parsed.pairs("filter")
    if parsed.arguments:
        filters.setdefault("reference", []).append(parsed.arguments[0])
    if parsed.on("tree"):
        _print_tree(session, parsed, filters)
        return
    quiet = parsed.on("quiet")
    layout = parsed.text("format") or ("" if quiet else session.config.text("imagesFormat"))
    digests = parsed.on("digests")
    rows = images.listing(session.engine, everything=parsed.on("all"), filters=filters)
    usual = ("Repository", "Tag", *(("Digest",) if digests else ()), "ID", "CreatedSince", "Size")
    no_trunc = parsed.on("no-trunc")
    Listing("*formatter.imageContext", HEADERS, usual, raw=_RAW).print(
        (
            columns(row, name, no_trunc=no_trunc)
            for row in rows
            for name in names_of(row, digests=digests or ".Digest" in layout)
        ),
        layout,
        quiet="ID" if quiet else "",
    )


_NOT_OF_A_TREE = {"quiet": "quiet", "no-trunc": "no-trunc", "digests": "show-digest", "format": "format"}
"""Flags, and what Docker calls them."""


def _print_tree(session: Session, parsed: Parsed, filters: Mapping[str, list[str]]) -> None:
    import sys

    from wharf.cli.output.image_tree import ImageTree

    for flag, name in _NOT_OF_A_TREE.items():
        if parsed.on(flag):
            raise CliError(f"--{name} is not yet supported with --tree")
    everything = parsed.on("all")
    rows = images.listing(session.engine, everything=everything, filters=filters, manifests=True)
    named = [row for row in rows if everything or row.get("RepoTags") or row.get("RepoDigests")]
    ImageTree(named, sys.stdout).print()


COMMAND = Command(
    "[OPTIONS] [REPOSITORY[:TAG]]",
    run,
    most=1,
    flags=(
        Flag("all", SWITCH, "Show all images (default hides intermediate images)", short="a"),
        Flag("digests", SWITCH, "Show digests"),
        Flag("filter", FILTER, "Filter output based on conditions provided", short="f"),
        LIST_FORMAT,
        Flag("no-trunc", SWITCH, "Don't truncate output"),
        Flag("quiet", SWITCH, "Only show image IDs", short="q"),
        Flag("tree", SWITCH, "List multi-platform images as a tree (EXPERIMENTAL)"),
    ),
)
