"""The way from a command line to a command: groups, names, help, versions, contexts, what is not there."""

import hashlib
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from cli_kit import PROGRAM, answer, listening, run, wharf
from wharf import __version__
from wharf.cli.main import load
from wharf.cli.tree import GROUPS, NOT_YET, ROWS, find


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_command_in_the_tree_is_there_and_has_a_help(row) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001 - a Row
    command = load(row)
    if not command.passes_all:  # else this very process would become another program
        ran = wharf(*row.path.split(), "--help")
        assert ran.status == 0
        assert ran.stdout.startswith(f"Usage:  wharf {row.path}")


def test_no_path_leads_to_two_commands() -> None:
    paths = [path for row in ROWS for path, _ in row.paths()]
    assert len(paths) == len(set(paths))
    assert not {path for path in paths if path in NOT_YET or path in GROUPS}


@pytest.mark.parametrize("path", ["ps", "container ls", "container list", "container ps"])
def test_a_command_has_all_its_names(path: str) -> None:
    found = find(path)
    assert found is not None
    assert found[0].module == "ps"


@pytest.mark.parametrize("words", [["build", "."], ["plugin"], ["secret", "ls"], ["swarm", "init"]])
def test_what_is_not_there_yet_is_told_from_mistakes(words: list[str]) -> None:
    name = " ".join(words[:2]) if words[0] == "container" else words[0]
    assert wharf(*words) == (1, "", f"wharf: '{name}' is not available yet\n")


@pytest.mark.parametrize("flag", ["-v", "--version"])
def test_the_version_of_the_client_needs_no_engine(flag: str) -> None:
    assert wharf(flag) == (0, f"Wharf version {__version__}, build unknown\n", "")


def test_without_a_command_the_help_is_on_stderr() -> None:
    ran = wharf()
    assert (ran.status, ran.stdout) == (0, "")
    assert ran.stderr == wharf("--help").stdout
    assert "Management Commands:\n  container   Manage containers\n" in ran.stderr


def test_the_program_goes_by_the_name_it_is_given() -> None:
    assert wharf("foo", program="docker").stderr.startswith("docker: unknown command: docker foo\n")


def test_several_hosts_are_refused() -> None:
    ran = wharf("-H", "unix:///a", "-H", "unix:///b", "ps")
    assert ran.stderr == "Failed to initialize: unable to resolve docker endpoint: Specify only one -H\n"


def test_tls_is_refused_clearly() -> None:
    assert (
        wharf("--tlsverify", "-H", "tcp://127.0.0.1:1", "ps").stderr
        == "wharf: TLS connections are not available yet\n"
    )


def test_a_log_level_that_is_none_is_refused() -> None:
    assert wharf("-l", "foo", "ps") == (1, "", "Unable to parse logging level: foo\n")


def _context(folder: Path, name: str, host: str) -> None:
    meta = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_a_context_names_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    with listening(tmp_path, [answer(200, []), answer(200, [])]) as listener:
        _context(tmp_path, "far", listener.host)
        (tmp_path / "config.json").write_text('{"currentContext": "far"}')
        assert wharf("--config", str(tmp_path), "-c", "far", "ps", "-q").status == 0
        assert wharf("--config", str(tmp_path), "ps", "-q").status == 0
    assert len(listener.requests) == 2


def test_an_unknown_context_is_named(tmp_path: Path) -> None:
    ran = wharf("--config", str(tmp_path), "-c", "nosuch", "ps")
    assert ran.status == 1
    assert 'context "nosuch": context not found: open ' in ran.stderr


def test_the_config_names_the_usual_format_of_lists(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"psFormat": "{{.Names}}", "HttpHeaders": {"X-Own": "1"}}')
    row = {"Id": "1" * 64, "Names": ["/a"], "Created": 0}
    with listening(tmp_path, [answer(200, [row])]) as listener:
        assert wharf("--config", str(tmp_path), "-H", listener.host, "ps").stdout == "a\n"
    assert listener.requests[0].headers["x-own"] == "1"


_LISTENS = """
import socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); print(flush=True)
s.accept(); s.accept()
"""


def _listener(path: Path, *extra: str) -> int:
    reads, writes = os.pipe()
    command = [sys.executable, "-I", "-S", "-c", _LISTENS, str(path), *extra]
    child = os.posix_spawn(command[0], command, {}, file_actions=[(os.POSIX_SPAWN_DUP2, writes, 1)])
    os.close(writes)
    assert os.read(reads, 1) == b"\n"
    os.close(reads)
    return child


def test_stop_engine_ends_what_listens(tmp_path: Path) -> None:
    child = _listener(tmp_path / "s", "wharf/daemon/__main__.py")
    assert wharf("-H", f"unix://{tmp_path}/s", "system", "stop-engine") == (0, "", "")
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -15


def test_stop_engine_leaves_another_engine_alone(tmp_path: Path) -> None:
    child = _listener(tmp_path / "s")
    ran = wharf("-H", f"unix://{tmp_path}/s", "system", "stop-engine")
    assert ran.status == 1
    assert ran.stderr == f"wharf: what listens on unix://{tmp_path}/s (pid {child}) is not wharfd\n"
    with socket.socket(socket.AF_UNIX) as last:
        last.connect(str(tmp_path / "s"))
    os.waitpid(child, 0)


def test_the_daemon_gets_all_flags_that_follow() -> None:
    ran = run([*PROGRAM, "daemon", "--validate", "--nosuch-flag"])
    assert ran.status != 0
    assert "nosuch-flag" in ran.stderr
