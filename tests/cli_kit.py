"""What the tests of the command line share: running it, and engines that only listen."""

import contextlib
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from wharf.cli.errors import CliError, exit_code_of
from wharf.cli.main import main
from wharf.client.errors import ClientError

REPOSITORY = Path(__file__).resolve().parent.parent
PROGRAM = [sys.executable, "-I", "-S", str(REPOSITORY / "src/wharf/cli/__main__.py")]
DOCKER = shutil.which("docker")


class Ran(NamedTuple):
    """How a command ended."""

    status: int
    stdout: str
    stderr: str


def wharf(*words: str, program: str = "wharf") -> Ran:
    """Run the command line in this process."""
    stdout, stderr = io.StringIO(), io.StringIO()
    status = 0
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        try:
            main(list(words), program)
        except (CliError, ClientError) as error:
            status = exit_code_of(error)
            if str(error):
                stderr.write(f"{error}\n")
    return Ran(status, stdout.getvalue(), stderr.getvalue())


def run(command: list[str], *, env: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ran:
    """Run a program to its end."""
    done = subprocess.run(
        command, input=stdin, capture_output=True, timeout=60, check=False, env={**os.environ, **(env or {})}
    )
    return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())


def docker(*words: str, host: str) -> Ran:
    """Run Docker's own client against `host`."""
    assert DOCKER is not None
    return run([DOCKER, "-H", host, *words])


class Request(NamedTuple):
    """A request that a listening engine got."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        """Return the body."""
        decoded = json.loads(self.body)
        assert isinstance(decoded, dict)
        return decoded


_PONG = b"HTTP/1.1 200 OK\r\nApi-Version: 1.51\r\nOstype: linux\r\nContent-Length: 0\r\n\r\n"


class Listener:
    """An engine that keeps what it is asked, and answers each request with the next of `answers`.

    A `/_ping` is answered by itself and not kept. Without an answer left, it is 400 `{"message": "kept"}`.
    """

    def __init__(self, path: str, answers: list[bytes] | None = None) -> None:
        self.host = f"unix://{path}"
        self.requests: list[Request] = []
        self._answers = answers or []
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(16)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self._converse(stream)

    def _converse(self, stream: io.BufferedRWPair) -> None:
        while line := stream.readline():
            method, path, _ = line.decode().split()
            headers = dict(_header(field) for field in iter(stream.readline, b"\r\n"))
            body = _body(stream, headers)
            if path.endswith("/_ping"):
                stream.write(_PONG)
            else:
                self.requests.append(Request(method, path, headers, body))
                stream.write(self._answers.pop(0) if self._answers else answer(400, {"message": "kept"}))
            stream.flush()


def _header(line: bytes) -> tuple[str, str]:
    name, _, value = line.decode().partition(":")
    return name.lower(), value.strip()


def _body(stream: io.BufferedRWPair, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return stream.read(int(headers.get("content-length", 0)))
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body


def answer(status: int, body: object = None) -> bytes:
    """Return an HTTP answer with `body` as JSON."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\nApi-Version: 1.51\r\nContent-Type: application/json\r\n"
    return (head + f"Content-Length: {len(content)}\r\n\r\n").encode() + content


@contextlib.contextmanager
def listening(folder: Path, answers: list[bytes] | None = None) -> Iterator[Listener]:
    """Give a Listener on a socket in `folder`."""
    listener = Listener(str(folder / "engine.sock"), answers)
    try:
        yield listener
    finally:
        listener.close()


class Container:
    """A container of a FakeEngine: what its process does with the attached connection, and how it ends."""

    def __init__(self, process: Callable[[socket.socket], None], *, status: int = 0) -> None:
        self.process = process
        self.status = status
        self.started = threading.Event()
        self.ended = threading.Event()


class FakeEngine:
    """An engine with one container, as `run` and `exec` need it.

    Each connection has its own thread. `asked` is what was asked, as `METHOD /path?query`, in its order.
    """

    def __init__(self, path: str, container: Container, *, start: bytes | None = None) -> None:
        self.host = f"unix://{path}"
        self.container = container
        self.asked: list[str] = []
        self.heard = threading.Condition()
        self._start = start or answer(204)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen(16)
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Stop listening, when all that was begun has ended."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(10)
        for thread in self._threads[1:]:
            thread.join(10)
        self._socket.close()

    def wait_for(self, words: str) -> None:
        """Return when something with `words` in it has been asked."""
        with self.heard:
            assert self.heard.wait_for(lambda: any(words in line for line in self.asked), 20), self.asked

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[connection], daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rwb", buffering=0) as raw, contextlib.suppress(OSError):
            stream = io.BufferedReader(raw)
            while line := stream.readline():
                method, path, _ = line.decode().split()
                headers = dict(_header(field) for field in iter(stream.readline, b"\r\n"))
                stream.read(int(headers.get("content-length", 0)))
                path = path.removeprefix("/v1.51")
                with self.heard:
                    self.asked.append(f"{method} {path}")
                    self.heard.notify_all()
                if not self._answer(connection, path):
                    return

    def _answer(self, connection: socket.socket, path: str) -> bool:
        """Answer one request; return whether the connection goes on."""
        bare = path.partition("?")[0]
        if bare in ("/containers/create", "/containers/c1/exec"):
            connection.sendall(answer(201, {"Id": "c1", "Warnings": []}))
        elif bare in ("/containers/c1/attach", "/exec/c1/start"):
            connection.sendall(b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
            if bare.startswith("/exec"):
                self.container.started.set()
            self.container.started.wait(20)
            try:
                self.container.process(connection)
            finally:
                self.container.ended.set()
            return False
        elif bare.endswith("/wait"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            self.container.ended.wait(20)
            body = json.dumps({"StatusCode": self.container.status}).encode() + b"\n"
            connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        elif bare.endswith("/start"):
            connection.sendall(self._start)
            if self._start.startswith(b"HTTP/1.1 2"):
                self.container.started.set()
            else:
                self.container.ended.set()
        elif bare == "/exec/c1/json":
            connection.sendall(answer(200, {"Running": False, "ExitCode": self.container.status}))
        else:
            connection.sendall(answer(204))
        return True


def frame(stream: int, content: bytes) -> bytes:
    """Return `content` as the engine sends it where there is no terminal."""
    return bytes([stream, 0, 0, 0]) + len(content).to_bytes(4, "big") + content


@contextlib.contextmanager
def faking(folder: Path, container: Container, *, start: bytes | None = None) -> Iterator[FakeEngine]:
    """Give a FakeEngine on a socket in `folder`."""
    engine = FakeEngine(str(folder / "fake.sock"), container, start=start)
    try:
        yield engine
    finally:
        engine.close()
