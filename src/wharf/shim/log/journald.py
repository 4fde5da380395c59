"""The `journald` driver: each line an entry of the host's journal, with Docker's fields.

It speaks the journal's native protocol (systemd.io/JOURNAL_NATIVE_PROTOCOL) and runs in a courier's process.
"""

import array
import errno
import os
import socket
import time

from wharf.shim.log.lines import Chunk, Lines

SOCKET = "/run/systemd/journal/socket"

_PRIORITIES = {1: b"6", 2: b"3"}


class Journald:
    """Sends entries that carry `fields` beside the message."""

    is_full = False

    def __init__(self, fields: dict[str, str], path: str = SOCKET) -> None:
        self._path = path
        self._lines = Lines()
        self._fields = b"".join(_field(name.encode(), value.encode()) for name, value in fields.items())
        self._epoch = str(time.time_ns()).encode()
        self._ordinal = 0
        self._partial = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def write(self, stream: int, data: bytes, moment: int = 0) -> None:
        """Send the lines of `data`; a line without its end waits for it."""
        for chunk in self._lines.feed(stream, data, moment or time.time_ns()):
            self._deliver(stream, chunk)

    def close(self) -> None:
        """Send the unended lines."""
        for stream, chunk in self._lines.rest(time.time_ns()):
            self._deliver(stream, chunk)
        self._sock.close()

    def _deliver(self, stream: int, chunk: Chunk) -> None:
        partial = b""
        if chunk.ordinal:
            self._partial += chunk.ordinal == 1
            if not chunk.is_last:
                partial = _field(b"CONTAINER_PARTIAL_MESSAGE", b"true")
            partial += _field(b"CONTAINER_PARTIAL_ID", b"%b.%d" % (self._epoch, self._partial))
            partial += _field(b"CONTAINER_PARTIAL_ORDINAL", b"%d" % chunk.ordinal)
            partial += _field(b"CONTAINER_PARTIAL_LAST", b"true" if chunk.is_last else b"false")
        fields = self._fields + partial + _field(b"PRIORITY", _PRIORITIES[stream])
        fields += _field(b"SYSLOG_TIMESTAMP", _rfc3339(chunk.moment))
        for line in chunk.text.removesuffix(b"\n").split(b"\n"):
            self._ordinal += 1
            place = _field(b"CONTAINER_LOG_EPOCH", self._epoch)
            place += _field(b"CONTAINER_LOG_ORDINAL", b"%d" % self._ordinal)
            self._send(_field(b"MESSAGE", line) + fields + place)

    def _send(self, entry: bytes) -> None:
        try:
            self._sock.sendto(entry, self._path)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                self._send_file(entry)

    def _send_file(self, entry: bytes) -> None:
        """Send what is too long for a packet as a sealed file."""
        fd = os.memfd_create("journal entry", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.write(fd, entry)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))
            self._sock.sendmsg([b""], [rights], 0, self._path)
        except OSError:
            return  # the journal is away
        finally:
            os.close(fd)


def _field(name: bytes, value: bytes) -> bytes:
    if b"\n" not in value:
        return name + b"=" + value + b"\n"
    return name + b"\n" + len(value).to_bytes(8, "little") + value + b"\n"


def _rfc3339(moment: int) -> bytes:
    second, nanosecond = divmod(moment, 1_000_000_000)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return f"{stamp}.{nanosecond:09d}Z".encode()
