"""Manifest lists in the making: a folder of each in `~/.docker/manifests`, a file of each of their images.

The layout is Docker's, so that both clients can go on with a list that the other began.
"""

from __future__ import annotations

import json
import os
import re

from wharf.cli.errors import CliError
from wharf.cli.reference import Reference, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wharf.cli.config import ClientConfig

    Manifest = dict[str, Any]
    """`Ref`, `Descriptor` (OCI's, with the platform), `Raw` (base64) and the manifest in full."""

EXPERIMENTAL = (
    "\n\nEXPERIMENTAL:\n"
    "  {command} is an experimental feature.\n"
    "  Experimental features provide early access to product functionality. These\n"
    "  features may change between releases without warning, or can be removed from a\n"
    "  future release. Learn more about experimental features in our documentation:\n"
    "  https://docs.docker.com/go/experimental/"
)
_HTML = re.compile("[<>&\u2028\u2029]")


class NoSuchManifest(CliError):
    """The list, or the image in it, is not kept here."""

    def __init__(self, name: str) -> None:
        super().__init__(f"No such manifest: {name}")


def normalized(text: str) -> Reference:
    """Return what `text` names, with `latest` where it says no more; raises CliError."""
    return parse(text).with_default_tag()


class ManifestStore:
    """The manifest lists below the folder of `config`."""

    def __init__(self, config: ClientConfig) -> None:
        self._root = os.path.join(config.folder, "manifests")

    def images(self, target: Reference) -> list[Manifest]:
        """Return the images of a list; raises NoSuchManifest."""
        folder = self._folder(target)
        try:
            names = sorted(os.listdir(folder))
        except FileNotFoundError:
            raise NoSuchManifest(target.full) from None
        return [_read(os.path.join(folder, name)) for name in names]

    def has(self, target: Reference) -> bool:
        """Return whether there is such a list."""
        return os.path.isdir(self._folder(target))

    def image(self, target: Reference, image: Reference) -> Manifest:
        """Return one image of a list; raises NoSuchManifest."""
        try:
            return _read(os.path.join(self._folder(target), _file_name(image.full)))
        except FileNotFoundError:
            raise NoSuchManifest(image.full) from None

    def save(self, target: Reference, image: Reference, manifest: Manifest) -> None:
        """Put an image into a list, in the place of what the list had by that name."""
        folder = self._folder(target)
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, _file_name(image.full))
        beside = f"{self._root}/.{os.getpid()}"
        with open(beside, "w", encoding="utf-8") as file:
            file.write(go_json(manifest))
        os.replace(beside, path)

    def remove(self, target: Reference) -> None:
        """Drop a list."""
        folder = self._folder(target)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)

    def _folder(self, target: Reference) -> str:
        return os.path.join(self._root, _file_name(target.full))


def go_json(value: object, indent: str | None = None) -> str:
    """Return `value` as Go writes JSON: no spaces or these, and nothing that means something in HTML."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(value, ensure_ascii=False, indent=indent, separators=separators)
    return _HTML.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _read(path: str) -> Manifest:
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise CliError(f"{path}: {error}") from None
    if not isinstance(found, dict) or not isinstance(found.get("Descriptor"), dict):
        raise CliError(f"{path}: not a manifest")
    return found


def _file_name(name: str) -> str:
    return name.replace(":", "-").replace("/", "_")
