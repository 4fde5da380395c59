"""Which writer a container's log needs."""

from collections.abc import Callable

from wharf.linux.seqpacket import ProtocolError
from wharf.shim.log.courier import Courier
from wharf.shim.log.journald import Journald
from wharf.shim.log.jsonfile import JsonFile
from wharf.shim.log.local import LocalFile
from wharf.shim.log.syslog import Syslog
from wharf.shim.log.writer import LogWriter
from wharf.shim.loop import Loop
from wharf.shim.protocol import LogConfig


class Both:
    """A log sent away, and a copy of it kept here, so that it can be read."""

    def __init__(self, copy: LogWriter, away: LogWriter) -> None:
        self._copy = copy
        self._away = away

    @property
    def is_full(self) -> bool:
        """Whether the container should wait."""
        return self._away.is_full

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Write to both."""
        self._copy.write(stream, data, moment)
        self._away.write(stream, data, moment)

    def close(self) -> None:
        """End both."""
        self._copy.close()
        self._away.close()


def open_log(config: LogConfig, loop: Loop, on_room: Callable[[], None]) -> LogWriter | None:
    """Return the writer for `config`; `on_room` is called when it is not full any longer."""
    match config["driver"]:
        case "none":
            return None
        case "json-file" | "local" if not config.get("buffer"):
            return _open_file(config)
        case _:
            return _open_courier(config, loop, on_room)


def _open_courier(config: LogConfig, loop: Loop, on_room: Callable[[], None]) -> LogWriter:
    """Return a writer with a process of its own, and a copy here where the log itself goes away."""

    def courier(open_writer: Callable[[], LogWriter]) -> Courier:
        return Courier(loop, open_writer, buffer=config.get("buffer", 0), on_room=on_room)

    match config["driver"]:
        case "json-file" | "local":
            return courier(lambda: _open_file(config))
        case "syslog":
            target = config["syslog"]
            away = courier(lambda: Syslog(target))
        case "journald":
            fields = config["journald"]
            away = courier(lambda: Journald(fields))
        case unknown:
            raise ProtocolError(f"unknown log driver {unknown}")
    return Both(_local(config), away) if config["path"] else away


def _open_file(config: LogConfig) -> LogWriter:
    if config["driver"] == "local":
        return _local(config)
    return JsonFile(
        config["path"],
        max_size=config["max_size"],
        max_file=config["max_file"],
        compress=config.get("compress", False),
        attrs=config.get("attrs", ""),
    )


def _local(config: LogConfig) -> LocalFile:
    return LocalFile(
        config["path"],
        max_size=config["max_size"],
        max_file=config["max_file"],
        compress=config.get("compress", False),
    )
