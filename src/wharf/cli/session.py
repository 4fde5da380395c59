"""What a command needs of its surroundings: the engine it talks to, the config, its own name.

Only this module and `main.py` read the environment's DOCKER_* and WHARF_* for the client.
"""

from __future__ import annotations

import os
import sys

from wharf.cli.config import ClientConfig, default_folder
from wharf.cli.errors import CliError
from wharf.client.address import Address
from wharf.client.engine import Engine
from wharf.client.errors import BadAddress, CannotConnect

DEFAULT_SOCKET = "/run/wharf/wharf.sock"
DEFAULT_HOST = f"unix://{DEFAULT_SOCKET}"


class Globals:
    """The flags before the command."""

    __slots__ = ("config", "context", "debug", "hosts", "tls")

    def __init__(
        self,
        *,
        config: str = "",
        context: str = "",
        debug: bool = False,
        hosts: list[str] | None = None,
        tls: bool = False,
    ) -> None:
        self.config = config
        self.context = context
        self.debug = debug
        self.hosts = hosts or []
        self.tls = tls


class Session:
    """One run of the command line; `program` is the name it goes by, `path` the command's."""

    __slots__ = ("_config", "_engine", "path", "program", "settings")

    def __init__(self, program: str, settings: Globals) -> None:
        self.program = program
        self.settings = settings
        self.path = ""
        self._engine: Engine | None = None
        self._config: ClientConfig | None = None

    @property
    def config(self) -> ClientConfig:
        """The client's config, read on first use."""
        if self._config is None:
            self._config = ClientConfig(self.settings.config or default_folder())
        return self._config

    @property
    def context_name(self) -> str:
        """The name of the context in use; `default` where flags or environment name an engine."""
        if self.settings.context:
            return self.settings.context
        if self.settings.hosts or os.environ.get("DOCKER_HOST"):
            return "default"
        return os.environ.get("DOCKER_CONTEXT") or self.config.text("currentContext") or "default"

    def host(self) -> str:
        """Return the engine's address that flags, environment or context ask for; empty for our default."""
        hosts = self.settings.hosts
        if len(hosts) > 1:
            raise CliError("Failed to initialize: unable to resolve docker endpoint: Specify only one -H")
        if hosts and self.settings.context:
            raise CliError(
                "Failed to initialize: conflicting options: cannot specify both --host and --context"
            )
        if hosts:
            return _full_address(hosts[0])
        if not self.settings.context and (host := os.environ.get("DOCKER_HOST")):
            return _full_address(host)
        name = self.context_name
        return "" if name == "default" else self.config.context_host(name)

    @property
    def engine(self) -> Engine:
        """The engine. Our own is started where the default one is asked for and nobody answers.

        Raises:
            CliError: the address cannot be used, or TLS is asked for.
            CannotConnect: nobody answers there and none may be started.
        """
        if self._engine is None:
            self._engine = self._connect()
        return self._engine

    def _connect(self) -> Engine:
        asked = self.host()
        if self.settings.tls or (asked.startswith("tcp://") and os.environ.get("DOCKER_TLS_VERIFY")):
            raise CliError(f"{self.program}: TLS connections are not available yet")
        try:
            address = Address(asked or DEFAULT_HOST)
        except BadAddress as error:
            text = str(error)
            prefix = "Failed to initialize: "
            raise CliError(prefix + text if text.startswith("unable") else text) from None
        headers = {name: str(value) for name, value in self.config.table("HttpHeaders").items()}
        engine = Engine(address, version=os.environ.get("DOCKER_API_VERSION", ""), headers=headers)
        if not asked and os.environ.get("WHARF_AUTOSTART") != "0":
            engine.adopt(self._reach_or_start(address))
        return engine

    def _reach_or_start(self, address: Address) -> socket:
        try:
            return address.connect()
        except CannotConnect as error:
            if not isinstance(error.__cause__, FileNotFoundError | ConnectionRefusedError):
                raise
            from wharf.cli.autostart import start_engine

            start_engine(DEFAULT_SOCKET)
            return address.connect()

    def close(self) -> None:
        """Drop what is held of the engine."""
        if self._engine is not None:
            self._engine.close()

    def log_error(self, text: str) -> None:
        """Print an error that does not end the command, in the form of Docker's client log."""
        if sys.stderr.isatty():
            self.warn(f"\x1b[31mERRO\x1b[0m[0000] {text}")
            return
        import time

        from wharf.cli.output.duration import rfc3339
        from wharf.cli.output.text import go_quote

        self.warn(f'time="{rfc3339(int(time.time()))}" level=error msg={go_quote(text)}')

    def warn(self, text: str) -> None:
        """Print a line on stderr."""
        sys.stdout.flush()
        print(text, file=sys.stderr, flush=True)


def _full_address(host: str) -> str:
    """Return `host` with the scheme that Docker assumes: tcp."""
    return host if "://" in host else f"tcp://{host}"


TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
