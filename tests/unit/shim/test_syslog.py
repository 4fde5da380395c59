"""Messages to a syslog collector: their words (RFC 3164, RFC 5424) and their way."""

import os
import re
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

from wharf.shim.log.syslog import Syslog, SyslogTarget, connect

MOMENT = 1_700_000_000_123_456_789
ZONE = "[+-][0-9]{2}:[0-9]{2}|Z"


def target(proto: str, address: str, form: str = "", **tls: str) -> SyslogTarget:
    return {
        "proto": proto,
        "address": address,
        "facility": 3 << 3,
        "format": form,
        "tag": "the-tag",
        "hostname": "here",
        "tls": tls,
    }


@pytest.mark.parametrize(
    ("form", "pattern"),
    [
        ("", r"<30>Nov 1[45] [0-9:]{8} the-tag\[PID\]: text\n"),
        ("rfc3164", r"<30>Nov 1[45] [0-9:]{8} here the-tag\[PID\]: text\n"),
        ("rfc5424", rf"<30>1 2023-11-1[45]T[0-9:]{{8}}({ZONE}) here the-tag PID the-tag - text\n"),
        (
            "rfc5424micro",
            rf"<30>1 2023-11-1[45]T[0-9:]{{8}}\.123456({ZONE}) here the-tag PID the-tag - text\n",
        ),
    ],
)
def test_a_message_is_worded_as_its_format_says(tmp_path: Path, form: str, pattern: str) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as collector:
        collector.bind(str(tmp_path / "log"))
        log = Syslog(target("unixgram", str(tmp_path / "log"), form))
        log.write(1, b"text\n", MOMENT)
        assert re.fullmatch(pattern.replace("PID", str(os.getpid())), collector.recv(1000).decode())
        log.close()


def test_every_line_is_a_datagram_and_stderr_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
        collector.bind(("127.0.0.1", 0))
        log = Syslog(target("udp", f"127.0.0.1:{collector.getsockname()[1]}"))
        log.write(1, b"one\n\ntwo\n", MOMENT)
        log.write(2, b"bad \xff\n", MOMENT)
        log.write(1, b"unended", MOMENT)
        log.close()
        got = [collector.recv(1000) for _ in range(4)]
    assert [message.partition(b"]: ")[2] for message in got] == [
        b"one\n",
        b"two\n",
        b"bad \xff\n",
        b"unended\n",
    ]
    assert [message[:4] for message in got] == [b"<30>", b"<30>", b"<27>", b"<30>"]


def test_a_collector_that_hangs_up_is_called_again(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "log"))
        listener.listen()
        log = Syslog(target("unix", str(tmp_path / "log")))
        log.write(1, b"one\n", MOMENT)
        first, _ = listener.accept()
        assert first.recv(1000).endswith(b": one\n")
        first.close()
        log.write(1, b"two\n", MOMENT)
        second, _ = listener.accept()
        with second:
            assert second.recv(1000).endswith(b": two\n")
        log.close()


def test_a_collector_that_is_away_costs_lines_and_nothing_else(tmp_path: Path) -> None:
    log = Syslog(target("unix", str(tmp_path / "nobody")))
    log.write(1, b"one\ntwo\n", MOMENT)
    log.close()
    with pytest.raises(OSError, match="No such file"):
        connect(target("unix", str(tmp_path / "nobody")))


def test_over_tls_messages_are_counted(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    made += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "1"]
    subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    got: list[bytes] = []

    def collect(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with context.wrap_socket(sock, server_side=True) as secure:
            got.append(secure.recv(1000))

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=collect, args=(listener,))
        thread.start()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        log = Syslog(target("tcp+tls", address, "rfc5424", ca=str(cert)))
        log.write(1, b"secret\n", MOMENT)
        thread.join(20)
        log.close()
    length, _, message = got[0].partition(b" ")
    assert int(length) == len(message)
    assert message.endswith(b" - secret\n")
