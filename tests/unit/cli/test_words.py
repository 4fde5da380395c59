"""What is printed for help and for mistakes is what Docker's client prints, with its exit codes.

Docker's side is kept in `words.json`, so that this runs without it; where its client is here, what is kept is
compared with what it says. `WHARF_RECORD=1` writes the file anew.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import DOCKER, Listener, Ran, docker, listening, wharf

KEPT = Path(__file__).with_name("words.json")

MISTAKES = Path(__file__).with_name("mistakes.txt").read_text().splitlines()

COMMANDS = (
    "run", "create", "exec", "ps", "images", "rmi", "rm", "stop", "start", "restart", "kill", "logs",
    "attach", "wait", "inspect", "tag", "load", "import", "save", "history", "pull", "version", "info",
    "events", "rename", "pause", "unpause", "port", "container ls", "container list", "container ps",
    "container run", "container inspect", "container rm", "container remove", "image ls", "image list",
    "image rm", "image inspect", "image remove", "network ls", "network list", "network inspect",
    "volume inspect", "volume rm", "volume remove", "volume prune",
    "system info", "system events", "commit", "cp", "diff", "export", "container cp",
)  # fmt: skip


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path) as listening_engine:
        yield listening_engine


def _lines() -> list[str]:
    return [f"{command} --help" for command in COMMANDS] + MISTAKES


def _as_ours(ran: Ran) -> Ran:
    """Return what Docker's client printed with its name replaced by ours."""
    return Ran(ran.status, *(_renamed(text) for text in (ran.stdout, ran.stderr)))


def _renamed(text: str) -> str:
    text = text.replace("\nSRun ", "\nRun ")  # a slip of Docker's, in one message of 28.2
    for before in ("\n", "\t", "'", "  ", ", ", "command: "):
        text = text.replace(f"{before}docker ", f"{before}wharf ").replace("\ndocker: ", "\nwharf: ")
    return "wharf: " + text.removeprefix("docker: ") if text.startswith("docker: ") else text


def _ask_docker(line: str, host: str) -> Ran:
    return docker(*line.split(), host=host)


@pytest.mark.skipif(DOCKER is None, reason="compares with Docker's client, which is not here")
def test_what_is_kept_is_what_docker_says(listener: Listener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/no-such-home")
    said = {line: list(_ask_docker(line, listener.host)) for line in _lines()}
    if os.environ.get("WHARF_RECORD"):
        KEPT.write_text(json.dumps(said, indent=1, ensure_ascii=False) + "\n")
    assert json.loads(KEPT.read_text()) == said


@pytest.mark.parametrize("line", _lines())
def test_help_and_mistakes_are_worded_as_docker_does(line: str, listener: Listener) -> None:
    status, stdout, stderr = json.loads(KEPT.read_text())[line]
    theirs = _as_ours(Ran(status, stdout, stderr))
    ours = wharf("-H", listener.host, *line.split())
    assert ours.stderr == theirs.stderr
    assert ours.stdout == theirs.stdout
    assert ours.status == theirs.status
