"""The `syslog` driver: each line a message to a collector, as Docker words it (RFC 3164, RFC 5424).

It runs in a courier's process, where it may wait. A lost connection is made anew and the message sent again,
once; what a collector that is away misses is not kept.
"""

import os
import socket
import time
from typing import TypedDict

from wharf.shim.log.lines import Chunk, Lines

_HOST_SOCKETS = ("/dev/log", "/var/run/syslog", "/var/run/log")
_INFO, _ERROR = 6, 3
_AGAIN_S = 1.0
_CONNECT_S = 10.0


class SyslogTarget(TypedDict):
    """Where messages go, and how they are worded. `proto` "" is the host's own socket.

    `address` is a path, or `host:port`. `facility` is its number shifted (RFC 5424, 6.2.1).
    """

    proto: str
    address: str
    facility: int
    format: str
    tag: str
    hostname: str
    tls: dict[str, str]


def _clock(moment: int) -> time.struct_time:
    return time.localtime(moment // 1_000_000_000)


def _stamp(moment: int) -> str:
    """Return Go's time.Stamp: a space before a day of one digit."""
    now = _clock(moment)
    return f"{time.strftime('%b', now)} {now.tm_mday:2} {time.strftime('%H:%M:%S', now)}"


def _zone(now: time.struct_time) -> str:
    offset = now.tm_gmtoff // 60
    return f"{'+' if offset >= 0 else '-'}{abs(offset) // 60:02}:{abs(offset) % 60:02}" if offset else "Z"


def _rfc3339(moment: int, fraction: str = "") -> str:
    now = _clock(moment)
    return time.strftime("%Y-%m-%dT%H:%M:%S", now) + fraction + _zone(now)


def _unix(target: SyslogTarget, priority: int, moment: int) -> str:
    return f"<{priority}>{_stamp(moment)} {target['tag']}[{os.getpid()}]: "


def _rfc3164(target: SyslogTarget, priority: int, moment: int) -> str:
    return f"<{priority}>{_stamp(moment)} {target['hostname']} {target['tag']}[{os.getpid()}]: "


def _rfc5424(target: SyslogTarget, priority: int, moment: int) -> str:
    tag = target["tag"]
    return f"<{priority}>1 {_rfc3339(moment)} {target['hostname']} {tag} {os.getpid()} {tag} - "


def _rfc5424micro(target: SyslogTarget, priority: int, moment: int) -> str:
    tag, fraction = target["tag"], f".{moment // 1000 % 1_000_000:06}"
    return f"<{priority}>1 {_rfc3339(moment, fraction)} {target['hostname']} {tag} {os.getpid()} {tag} - "


FORMATS = {"": _unix, "rfc3164": _rfc3164, "rfc5424": _rfc5424, "rfc5424micro": _rfc5424micro}
"""What stands before the content, by the name of the format."""


class Syslog:
    """Sends to `target`; not connected before the first line."""

    is_full = False

    def __init__(self, target: SyslogTarget) -> None:
        self._target = target
        self._lines = Lines()
        self._sock: socket.socket | None = None
        self._failed_at = 0.0

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Send the lines of `data`; a line without its end waits for it."""
        for chunk in self._lines.feed(stream, data, moment or time.time_ns()):
            self._deliver(stream, chunk)

    def close(self) -> None:
        """Send the unended lines and hang up."""
        for stream, chunk in self._lines.rest(time.time_ns()):
            self._deliver(stream, chunk)
        if self._sock is not None:
            self._sock.close()

    def _deliver(self, stream: int, chunk: Chunk) -> None:
        priority = self._target["facility"] | (_ERROR if stream == 2 else _INFO)
        head = FORMATS[self._target["format"]](self._target, priority, chunk.moment).encode()
        text = chunk.text.removesuffix(b"\n")
        messages = [head + line + b"\n" for line in text.split(b"\n") if line]
        if self._target["proto"] == "tcp+tls" and self._target["format"].startswith("rfc5424"):
            messages = [b"%d %b" % (len(message), message) for message in messages]  # RFC 5425, 4.3
        self._send(messages)

    def _send(self, messages: list[bytes]) -> None:
        for message in messages:
            for _ in range(2):
                try:
                    sock = self._connected()
                    if sock is None:
                        return
                    sock.sendall(message)
                    break
                except OSError:
                    self._hang_up()

    def _connected(self) -> socket.socket | None:
        """Return the connection, None where the collector was away a moment ago."""
        if self._sock is None:
            if self._failed_at and time.monotonic() - self._failed_at < _AGAIN_S:
                return None
            try:
                self._sock = connect(self._target)
            except OSError:
                self._failed_at = time.monotonic()
                return None
        return self._sock

    def _hang_up(self) -> None:
        if self._sock is not None:
            self._sock.close()
            self._sock = None


def connect(target: SyslogTarget) -> socket.socket:
    """Return a connection to the collector; raises OSError."""
    proto, address = target["proto"], target["address"]
    if not proto:
        return _connect_host()
    if proto in {"unix", "unixgram"}:
        return _connect_unix(address, socket.SOCK_STREAM if proto == "unix" else socket.SOCK_DGRAM)
    host, _, port = address.rpartition(":")
    # Bytes: for a text Python would load its codec for international names.
    name = host.strip("[]").encode() or b"localhost"
    if proto == "udp":
        family, kind, number, _, place = socket.getaddrinfo(name, int(port), type=socket.SOCK_DGRAM)[0]
        sock = socket.socket(family, kind, number)
        sock.connect(place)
        return sock
    sock = socket.create_connection((name, int(port)), timeout=_CONNECT_S)  # type: ignore[arg-type]  # typeshed wants str
    sock.settimeout(None)
    return _secure(sock, host, target["tls"]) if proto == "tcp+tls" else sock


def _connect_host() -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        for path in _HOST_SOCKETS:
            try:
                return _connect_unix(path, kind)
            except OSError:
                continue
    raise OSError("Unix syslog delivery error")


def _connect_unix(path: str, kind: socket.SocketKind) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)
    try:
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def _secure(sock: socket.socket, host: str, options: dict[str, str]) -> socket.socket:
    import ssl  # noqa: PLC0415 - for the one container in a thousand; a courier enters no container

    context = ssl.create_default_context(cafile=options.get("ca") or None)
    if options.get("skip-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.get("cert"):
        context.load_cert_chain(options["cert"], options.get("key") or None)
    return context.wrap_socket(sock, server_hostname=host.strip("[]"))
