"""`login` and `logout`: what is asked of the engine, and what is kept where."""

import base64
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import Listener, Ran, answer, listening, wharf

HELPER = """#!/bin/sh
echo "$1" >> "$0.log"
case $1 in
get) [ -f "$0.secret" ] && cat "$0.secret" || { echo "credentials not found in native keychain"; exit 1; };;
store) cat > "$0.secret";;
erase) cat >> "$0.log"; rm -f "$0.secret";;
esac
"""
OK = {"IdentityToken": "", "Status": "Login Succeeded"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The client's config folder; there is no terminal."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    here, nowhere = os.dup(0), os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    yield tmp_path / "config"
    os.dup2(here, 0)
    os.close(here)
    os.close(nowhere)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path, [answer(200, OK)] * 2) as listener:
        yield listener


def config(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "config.json").read_text())
    return found


def ask(engine: Listener, *words: str) -> Ran:
    return wharf("-H", engine.host, *words)


def test_what_was_logged_in_with_is_kept_and_used(folder: Path, engine: Listener) -> None:
    done = ask(engine, "login", "-u", "me", "-p", "pw", "http://registry.test:5000/v2/")
    assert done.stdout == "Login Succeeded\n"
    assert done.stderr == (
        "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n\n"
        f"WARNING! Your credentials are stored unencrypted in '{folder}/config.json'.\n"
        "Configure a credential helper to remove this warning. See\n"
        "https://docs.docker.com/go/credential-store/\n\n"
    )
    assert engine.requests[0].json() == {
        "username": "me",
        "password": "pw",
        "serveraddress": "registry.test:5000",
    }
    text = '{\n\t"auths": {\n\t\t"registry.test:5000": {\n\t\t\t"auth": "bWU6cHc="\n\t\t}\n\t}\n}'
    assert (folder / "config.json").read_text() == text
    assert stat.S_IMODE((folder / "config.json").stat().st_mode) == 0o600
    ask(engine, "push", "registry.test:5000/x:1")
    header = engine.requests[1].headers["x-registry-auth"]
    assert json.loads(base64.urlsafe_b64decode(header)) == {
        "username": "me",
        "password": "pw",
        "serveraddress": "registry.test:5000",
    }


def test_an_identity_token_takes_the_passwords_place(folder: Path, tmp_path: Path) -> None:
    token = {"IdentityToken": "long", "Status": "Login Succeeded"}
    with listening(tmp_path, [answer(200, token), answer(200, token)]) as engine:
        done = ask(engine, "login", "-u", "me", "-p", "pw")
        assert "unencrypted" not in done.stderr
        assert config(folder) == {
            "auths": {"https://index.docker.io/v1/": {"auth": "bWU6", "identitytoken": "long"}}
        }
        again = ask(engine, "login")
        assert again.stdout == "Authenticating with existing credentials... [Username: me]\nLogin Succeeded\n"
        assert engine.requests[1].json()["identitytoken"] == "long"


def test_a_password_may_come_by_standard_input(
    folder: Path, engine: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secret").write_text("pw\n")
    with open(tmp_path / "secret") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        ask(engine, "login", "-u", "me", "--password-stdin", "r.test")
    assert engine.requests[0].json()["password"] == "pw"
    assert config(folder)["auths"] == {"r.test": {"auth": "bWU6cHc="}}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--password-stdin"], "the --password-stdin option requires --username to be set\n"),
        (
            ["--password-stdin", "-u", "a", "-p", "b"],
            "conflicting options: cannot specify both --password and --password-stdin\n",
        ),
        (["-u", "a"], "Error: Cannot perform an interactive login from a non TTY device\n"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_cannot_be_a_login(engine: Listener, words: list[str], told: str) -> None:
    done = ask(engine, "login", *words)
    assert (done.status, done.stderr) == (1, told)
    assert engine.requests == []


@pytest.mark.usefixtures("folder")
def test_a_refused_login_keeps_nothing(folder: Path, tmp_path: Path) -> None:
    with listening(tmp_path, [answer(401, {"message": "unauthorized: no"})]) as engine:
        done = ask(engine, "login", "-u", "me", "-p", "pw", "r.test")
    assert (done.status, done.stderr.splitlines()[-1]) == (1, "Error response from daemon: unauthorized: no")
    assert not (folder / "config.json").exists()


def test_logging_out_forgets_one_registry_and_keeps_the_rest_of_the_file(
    folder: Path, engine: Listener
) -> None:
    folder.mkdir()
    auths = {name: {"auth": "bWU6cHc="} for name in ("r.test", "https://r.test", "other.test")}
    (folder / "config.json").write_text(json.dumps({"auths": auths, "psFormat": "x"}))
    done = ask(engine, "logout", "r.test")
    assert (done.status, done.stdout) == (0, "Removing login credentials for r.test\n")
    assert config(folder) == {"auths": {"other.test": {"auth": "bWU6cHc="}}, "psFormat": "x"}
    assert engine.requests == []


@pytest.fixture
def helper(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A credential helper, the store of all."""
    program = tmp_path / "docker-credential-wt"
    program.write_text(HELPER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder.mkdir()
    (folder / "config.json").write_text('{"credsStore": "wt"}')
    return program


def test_a_helper_keeps_gives_and_forgets(folder: Path, helper: Path, engine: Listener) -> None:
    ask(engine, "login", "-u", "me", "-p", "pw", "r.test")
    assert config(folder) == {"auths": {"r.test": {}}, "credsStore": "wt"}
    assert json.loads(Path(f"{helper}.secret").read_text()) == {
        "ServerURL": "r.test",
        "Username": "me",
        "Secret": "pw",
    }
    ask(engine, "login", "r.test")
    assert engine.requests[1].json()["password"] == "pw"
    ask(engine, "logout", "r.test")
    assert config(folder) == {"auths": {}, "credsStore": "wt"}
    log = Path(f"{helper}.log").read_text()
    assert log == "store\nget\nstore\nerase\nr.testerase\nhttp://r.testerase\nhttps://r.test"


def test_a_helper_that_is_not_there_is_named(folder: Path, engine: Listener) -> None:
    folder.mkdir()
    (folder / "config.json").write_text('{"credHelpers": {"r.test": "wt-nosuch"}}')
    done = ask(engine, "login", "-u", "me", "-p", "pw", "r.test")
    assert done.status == 1
    assert done.stderr.splitlines()[-1] == (
        "Error saving credentials: error storing credentials - err: "
        'exec: "docker-credential-wt-nosuch": executable file not found in $PATH, out: ``'
    )


def test_a_helper_that_knows_nothing_gives_no_credentials(helper: Path, engine: Listener) -> None:
    ask(engine, "push", "r.test/x:1")
    assert engine.requests[0].headers["x-registry-auth"] == "e30="
    assert Path(f"{helper}.log").read_text() == "get\n"
