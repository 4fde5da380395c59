"""The clients that judge an engine: the real docker CLI, our wharf CLI, raw HTTP over the socket."""

import contextlib
import fcntl
import http.client
import json
import os
import re
import select
import shutil
import socket
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from engine_kit.patience import LIMIT_S

REPOSITORY = Path(__file__).resolve().parents[2]


class Result(NamedTuple):
    """What a command said and how it ended."""

    code: int
    out: str
    err: str
    raw: bytes
    """Standard output as it came."""

    def ok(self) -> str:
        """The output of a command that had to succeed, without the last newline."""
        assert self.code == 0, f"exit code {self.code}: {self.err or self.out}"
        return self.out.rstrip("\n")


class Cli:
    """One command-line client, pointed at one engine."""

    def __init__(self, name: str, host: str, home: Path) -> None:
        self.name = name
        self._argv = [*_programs()[name], "-H", host]
        self._env = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm"}
        self._env["WHARF_AUTOSTART"] = "0"

    def argv(self, *words: str) -> list[str]:
        """The whole command line for `words`."""
        return [*self._argv, *words]

    def __call__(self, *words: str, stdin: bytes | None = None, limit_s: float = 60) -> Result:
        """Run one command to its end."""
        done = subprocess.run(
            self.argv(*words),
            env=self._env,
            cwd="/",
            capture_output=True,
            timeout=limit_s,
            check=False,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
        )
        out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
        return Result(done.returncode, out, err, done.stdout)

    @contextlib.contextmanager
    def piped(self, *words: str) -> Iterator[subprocess.Popen[bytes]]:
        """A running command whose three streams are pipes; killed at the end if it still runs."""
        pipe = subprocess.PIPE
        argv = self.argv(*words)
        with subprocess.Popen(argv, env=self._env, cwd="/", stdin=pipe, stdout=pipe, stderr=pipe) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextlib.contextmanager
    def terminal(self, *words: str, rows: int = 24, columns: int = 80) -> Iterator["Terminal"]:
        """A running command on a terminal of its own."""
        with self.in_terminal(*self.argv(*words), rows=rows, columns=columns) as terminal:
            yield terminal

    @contextlib.contextmanager
    def in_terminal(self, *argv: str, rows: int = 24, columns: int = 80) -> Iterator["Terminal"]:
        """Any program on a terminal of its own, with the client's environment."""
        ours, theirs = os.openpty()
        try:
            fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
            process = subprocess.Popen(
                ["setsid", "--ctty", "--wait", *argv],
                env=self._env,
                cwd="/",
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
            )
        finally:
            os.close(theirs)
        with process:
            terminal = Terminal(process, ours)
            try:
                yield terminal
            finally:
                process.kill()
                os.close(ours)


def say(client: subprocess.Popen[bytes], line: bytes) -> None:
    """Give a piped client a line of input, and leave its input open.

    Docker closes the output of an attached client with its input, unless the container was made for one
    client only (StdinOnce), so closing would race with the answer.
    """
    assert client.stdin is not None
    client.stdin.write(line)
    client.stdin.flush()


class Terminal:
    """The other side of a command's terminal."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self._process, self._fd = process, fd
        self.seen = b""

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def resize(self, rows: int, columns: int) -> None:
        """Change the window; the command gets SIGWINCH."""
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def expect(self, pattern: bytes, *, limit_s: float = LIMIT_S) -> re.Match[bytes]:
        """Wait until what was printed since the last match holds `pattern`."""
        end = time.monotonic() + limit_s
        while not (found := re.search(pattern, self.seen)):
            if not self._read(end - time.monotonic()):
                raise AssertionError(f"the terminal never showed {pattern!r}; it shows {self.seen!r}")
        self.seen = self.seen[found.end() :]
        return found

    def shows(self, pattern: bytes, *, limit_s: float) -> bool:
        """Whether `expect` would find `pattern` in time."""
        try:
            self.expect(pattern, limit_s=limit_s)
        except AssertionError:
            return False
        return True

    def wait(self, *, limit_s: float = LIMIT_S) -> int:
        """Read until the command ends; its exit code."""
        end = time.monotonic() + limit_s
        while self._read(end - time.monotonic()):
            pass
        return self._process.wait(timeout=max(end - time.monotonic(), 0.1))

    def _read(self, limit_s: float) -> bool:
        if limit_s <= 0 or not select.select([self._fd], [], [], limit_s)[0]:
            return False
        try:
            piece = os.read(self._fd, 65536)
        except OSError:  # EIO: nobody holds the other side any more
            return False
        self.seen += piece
        return bool(piece)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, limit_s: float) -> None:
        super().__init__("localhost", timeout=limit_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer(NamedTuple):
    """An HTTP answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def message(self) -> str:
        """The words of an error."""
        document = self.json()
        assert isinstance(document, dict), document
        return str(document["message"])


class Http:
    """Raw requests to an engine's unix socket."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __call__(
        self,
        method: str,
        target: str,
        document: object = None,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float = 30,
    ) -> Answer:
        """Ask once, on a connection of its own."""
        connection = _UnixConnection(self.path, limit_s)
        sent = dict(headers or {})
        if document is not None:
            body = json.dumps(document).encode()
            sent.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, target, body=body, headers=sent)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def open(self) -> socket.socket:
        """A bare connection, for what HTTP clients cannot do."""
        bare = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bare.settimeout(LIMIT_S)
        bare.connect(self.path)
        return bare


def _programs() -> dict[str, list[str]]:
    found = {"wharf": [sys.executable, "-I", "-S", str(REPOSITORY / "src/wharf/cli/__main__.py")]}
    if docker := shutil.which("docker"):
        found["docker"] = [docker]
    return found


def clients() -> Sequence[str]:
    """The command-line clients that are here: `wharf` always, `docker` where it is installed."""
    return sorted(_programs())
