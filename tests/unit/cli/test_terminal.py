"""`run -it` on a terminal: raw mode and back, sizes, detach keys."""

import os
import pty
import select
import signal
import socket
import struct
import termios
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

from cli_kit import PROGRAM, Container, FakeEngine, faking


class Terminal:
    """A command with a terminal of its own; `fd` is the other end."""

    def __init__(self, command: list[str]) -> None:
        self.fd, slave = pty.openpty()
        self._slave = slave
        self.modes = termios.tcgetattr(slave)
        self.resize(24, 80)
        actions = [(os.POSIX_SPAWN_DUP2, slave, number) for number in (0, 1, 2)]
        self.pid = os.posix_spawn(command[0], command, dict(os.environ), file_actions=actions)

    def resize(self, height: int, width: int) -> None:
        """Give the terminal another size; this tells nobody."""
        ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))

    def read_until(self, words: bytes) -> bytes:
        """Return what is shown, up to `words`."""
        shown = b""
        while words not in shown:
            assert select.select([self.fd], [], [], 20)[0], shown
            shown += os.read(self.fd, 4096)
        return shown

    def end(self) -> int:
        """Wait for the command's end and return its exit code."""
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def has_its_modes_back(self) -> bool:
        """Return whether the terminal is as it was."""
        return termios.tcgetattr(self._slave) == self.modes

    def is_raw(self) -> bool:
        """Return whether it is raw."""
        return not termios.tcgetattr(self._slave)[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def close(self) -> None:
        """Close both ends."""
        os.close(self.fd)
        os.close(self._slave)


def _shell(connection: socket.socket) -> None:
    """Show a prompt, and what is typed in capitals, until an `x`."""
    connection.sendall(b"# ")
    while (typed := connection.recv(100)) and b"x" not in typed:
        connection.sendall(b"<" + typed.upper() + b">")


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeEngine]:
    with faking(tmp_path, Container(_shell, status=5)) as running:
        yield running


@pytest.fixture
def terminal(fake: FakeEngine) -> Iterator[Terminal]:
    running = Terminal([*PROGRAM, "-H", fake.host, "run", "-it", "--rm", "busybox"])
    yield running
    running.close()


def test_the_terminal_is_raw_while_attached_and_itself_again_afterwards(terminal: Terminal) -> None:
    terminal.read_until(b"# ")
    os.write(terminal.fd, b"ab")
    terminal.read_until(b"B>")
    assert terminal.is_raw()
    os.write(terminal.fd, b"x")
    assert terminal.end() == 5
    assert terminal.has_its_modes_back()


def test_control_keys_reach_the_container(terminal: Terminal) -> None:
    terminal.read_until(b"# ")
    os.write(terminal.fd, b"\x03\x04\r")
    assert b"\x03" in terminal.read_until(b"\r")
    os.write(terminal.fd, b"x")
    assert terminal.end() == 5


def test_the_detach_keys_leave_the_container_alone(terminal: Terminal, fake: FakeEngine) -> None:
    terminal.read_until(b"# ")
    os.write(terminal.fd, b"\x10\x11")
    assert terminal.end() == 0
    assert terminal.has_its_modes_back()
    assert not any("kill" in line for line in fake.asked)


def test_the_containers_terminal_gets_our_size_at_the_start_and_when_it_changes(
    terminal: Terminal, fake: FakeEngine
) -> None:
    fake.wait_for("/resize?h=24&w=80")
    terminal.read_until(b"# ")
    os.write(terminal.fd, b"a")
    terminal.read_until(b">")
    terminal.resize(50, 132)
    os.kill(terminal.pid, signal.SIGWINCH)
    fake.wait_for("/resize?h=50&w=132")
    os.write(terminal.fd, b"x")
    assert terminal.end() == 5


def test_a_signal_that_ends_the_command_gives_the_terminal_back_first(terminal: Terminal) -> None:
    terminal.read_until(b"# ")
    os.write(terminal.fd, b"a")
    terminal.read_until(b">")
    os.kill(terminal.pid, signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert terminal.has_its_modes_back()
