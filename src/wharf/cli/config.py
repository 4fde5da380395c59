"""The client's config folder (`~/.docker`, DOCKER_CONFIG, --config): config.json and contexts."""

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
        path = self.path
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

    @property
    def path(self) -> str:
        """Where `config.json` is."""
        return os.path.join(self.folder, "config.json")

    def change(self, key: str, value: object) -> None:
        """Set what stands under `key`, on disk, too.

        Raises:
            OSError: the file cannot be written.
        """
        import json
        import tempfile

        self._values = {"auths": self._values.get("auths", {}), **self._values, key: value}
        if not self._values["auths"] and key != "auths":
            del self._values["auths"]
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        # A link stays one: what it leads to is replaced.
        path = os.path.realpath(self.path)
        fd, temporary = tempfile.mkstemp(prefix="config.json", dir=os.path.dirname(path))
        try:
            with open(fd, "w", encoding="utf-8") as file:
                json.dump(self._values, file, indent="\t", ensure_ascii=False)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

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
