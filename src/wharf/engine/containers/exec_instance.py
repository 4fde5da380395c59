"""An exec instance in memory; it does not outlive its container's run."""

import secrets

from wharf.engine.containers.container import Container
from wharf.engine.containers.detach_keys import parse_detach_keys
from wharf.schema.exec_ import ExecConfig


class Exec:
    """One exec instance: what is to run, and how it went."""

    def __init__(self, container: Container, config: ExecConfig) -> None:
        self.id = secrets.token_hex(32)
        self.container = container
        self.config = config
        self.detach_keys = parse_detach_keys(config.detach_keys)
        self.has_started = False
        self.is_running = False
        self.exit_code: int | None = None
        self.pid = 0
        self.started_at = 0

    @property
    def command(self) -> list[str]:
        """The arguments of the process."""
        return list(self.config.cmd or ())

    @property
    def title(self) -> str:
        """The command as events name it: with a blank behind the program even where nothing follows."""
        program, *arguments = self.command
        return f"{program} {' '.join(arguments)}"
