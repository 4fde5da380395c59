"""The client's config folder (`~/.docker`, DOCKER_CONFIG, --config): config.json and contexts, read only."""

from __future__ import annotations

import os

from wharf.cli.errors import CliError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ClientConfig:
    """What `config.json` in `folder` says; everything is empty where there is none."""

    __slots__ = ("_values", "folder")

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._values: dict[str, Any] = {}
        path = os.path.join(folder, "config.json")
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return
        except OSError as error:
            _warn(f"Error loading config file: open {path}: {_reason(error)}")
            return
        import json

        try:
            values = json.loads(text)
        except ValueError as error:
            _warn(f"Error loading config file: {path}: {error}")
            return
        if isinstance(values, dict):
            self._values = values

    def text(self, key: str) -> str:
        """Return the text under `key`, empty if there is none."""
        value = self._values.get(key)
        return value if isinstance(value, str) else ""

    def table(self, key: str) -> dict[str, Any]:
        """Return the object under `key`, empty if there is none."""
        value = self._values.get(key)
        return value if isinstance(value, dict) else {}

    def context_host(self, name: str) -> str:
        """Return the engine's address in context `name`.

        Raises:
            CliError: there is no such context.
        """
        import hashlib
        import json

        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        path = os.path.join(self.folder, "contexts", "meta", digest, "meta.json")
        try:
            with open(path, encoding="utf-8") as file:
                meta = json.load(file)
            return str(meta["Endpoints"]["docker"]["Host"])
        except OSError as error:
            raise CliError(
                "Failed to initialize: unable to resolve docker endpoint: "
                f'context "{name}": context not found: open {path}: {_reason(error)}'
            ) from None
        except (ValueError, KeyError, TypeError):
            raise CliError(
                "Failed to initialize: unable to resolve docker endpoint: "
                f'context "{name}": no docker endpoint'
            ) from None


def default_folder() -> str:
    """Return the folder that is used unless `--config` names another."""
    return os.environ.get("DOCKER_CONFIG") or os.path.join(os.path.expanduser("~"), ".docker")


def _reason(error: OSError) -> str:
    """Go writes the system's messages in lower case."""
    return (error.strerror or str(error)).lower()


def _warn(text: str) -> None:
    import sys

    print(f"WARNING: {text}", file=sys.stderr)
