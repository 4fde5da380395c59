"""The engine is started where nobody listens, once, and its failure is told."""

import os
import sys
from pathlib import Path

import pytest

from wharf.cli import autostart, session
from wharf.cli.errors import CliError
from wharf.client.errors import CannotConnect

_SERVES = """
import os, socket, sys, time
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen()
os.write(int(os.environ["WHARF_READY_FD"]), b"\\n")
open(sys.argv[1] + ".pid", "a").write(f"{os.getpid()} {os.getsid(0)} {os.getcwd()}\\n")
s.accept()[0].recv(100)
"""
_FAILS = "import sys; print('no room left', file=sys.stderr); sys.exit(1)"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(autostart, "LOG", str(tmp_path / "wharfd.log"))
    monkeypatch.setattr(autostart, "LOCK", str(tmp_path / "start.lock"))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return str(tmp_path / "engine.sock")


def _daemon(monkeypatch: pytest.MonkeyPatch, program: str, path: str) -> None:
    command = [sys.executable, "-I", "-S", "-c", program, path]
    monkeypatch.setattr(autostart, "daemon_program", lambda: command)


def test_it_is_started_in_a_session_of_its_own_and_said_in_one_line(
    path: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _daemon(monkeypatch, _SERVES, path)
    autostart.start_engine(path)
    said = capsys.readouterr()
    assert said.err == f"wharf: started the engine (log: {autostart.LOG})\n"
    autostart.start_engine(path)  # it is there now: nothing happens, and it ends as this probe hangs up
    assert capsys.readouterr().err == ""
    os.waitpid(-1, 0)
    (line,) = Path(path + ".pid").read_text().splitlines()
    pid, sid, folder = line.split()
    assert pid == sid
    assert folder == "/"


def test_what_it_said_when_it_failed_is_shown(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(autostart.LOG).write_text("from another time\n")
    _daemon(monkeypatch, _FAILS, path)
    with pytest.raises(CliError) as caught:
        autostart.start_engine(path)
    os.waitpid(-1, 0)
    assert (
        str(caught.value) == f"wharf: the engine did not start on {path} (log: {autostart.LOG})\nno room left"
    )


def test_only_root_starts_one(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotConnect):
        autostart.start_engine(path)


def _refused(monkeypatch: pytest.MonkeyPatch, settings: session.Globals) -> str:
    def never(_path: str) -> None:
        raise AssertionError("an engine was started")

    monkeypatch.setattr(autostart, "start_engine", never)
    with pytest.raises(CannotConnect) as caught:
        session.Session("wharf", settings).engine.ping()
    return str(caught.value)


def test_an_address_that_was_given_is_never_started(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WHARF_AUTOSTART")
    words = f"Cannot connect to the Docker daemon at unix://{path}. Is the docker daemon running?"
    assert _refused(monkeypatch, session.Globals(hosts=[f"unix://{path}"])) == words
    monkeypatch.setenv("DOCKER_HOST", f"unix://{path}")
    assert _refused(monkeypatch, session.Globals()) == words


def test_it_can_be_turned_off(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr(session, "DEFAULT_HOST", f"unix://{path}")
    monkeypatch.setenv("WHARF_AUTOSTART", "0")
    assert "Cannot connect" in _refused(monkeypatch, session.Globals())
