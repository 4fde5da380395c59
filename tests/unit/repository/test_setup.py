"""`./wharf` and `scripts/setup` on checkouts in every condition; nothing is installed here."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine_kit.client import REPOSITORY

_CLI = "import os, sys; print('cli', os.getcwd(), sys.flags.isolated, sys.flags.no_site, *sys.argv[1:])\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that is set up, as far as its stamps say, around a CLI that prints how it was called."""
    root = tmp_path / "check out"
    (root / "scripts").mkdir(parents=True)
    for name in ("wharf", "test", "scripts/setup", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, root / name)
    (root / "src/wharf/cli").mkdir(parents=True)
    (root / "src/wharf/cli/__main__.py").write_text(_CLI)
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
    digest = hashlib.sha256((root / "pyproject.toml").read_bytes()).hexdigest()
    (root / ".venv/wharf-ready").write_text(f"{digest}  -\n")
    return root


def _run(argv: list[str | Path], cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": os.environ["PATH"], "HOME": str(cwd), **env}
    return subprocess.run(argv, cwd=cwd, env=known, capture_output=True, text=True, check=False, timeout=60)


def test_the_cli_runs_isolated_where_the_user_is(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "os.py").write_text("raise SystemExit('a module of the current folder was imported')\n")
    done = _run([checkout / "wharf", "run", "a b", ""], tmp_path, PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"cli {tmp_path} 1 1 run a b \n"


def test_a_symlink_to_the_command_finds_the_checkout(checkout: Path, tmp_path: Path) -> None:
    link = tmp_path / "bin"
    link.symlink_to(checkout / "wharf")
    assert _run([link, "ps"], tmp_path).stdout.endswith("1 1 ps\n")


def test_relative_and_shell_calls_find_it_too(checkout: Path) -> None:
    assert _run(["./wharf", "ps"], checkout).returncode == 0
    assert _run(["sh", "wharf", "ps"], checkout).returncode == 0


def test_a_touched_pyproject_costs_no_installation(checkout: Path) -> None:
    future = (checkout / ".venv/wharf-ready").stat().st_mtime + 100
    os.utime(checkout / "pyproject.toml", (future - 50, future - 50))
    done = _run([checkout / "wharf", "ps"], checkout, PIP_NO_INDEX="1")
    assert (done.returncode, done.stderr) == (0, "")


def test_no_python_is_said_with_the_way_out(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    tools = checkout / "tools"
    tools.mkdir()
    for name in ("bash", "cat", "dirname", "flock", "id", "mktemp", "rm", "sha256sum", "touch", "tail"):
        found = shutil.which(name)
        assert found is not None, name
        (tools / name).symlink_to(found)
    done = _run([checkout / "scripts/setup", "run"], checkout, PATH=str(tools))
    assert done.returncode == 1
    assert "Wharf needs Python 3.11 or later" in done.stderr
    assert "WHARF_PYTHON=" in done.stderr


def test_no_index_is_said_with_the_way_out(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    done = _run(
        [checkout / "wharf", "ps"],
        checkout,
        PIP_NO_INDEX="1",
        PIP_CONFIG_FILE="/dev/null",
        WHARF_PYTHON=sys.executable,
    )
    assert done.returncode == 1
    assert "the Python packages could not be installed" in done.stderr
    assert "PIP_FIND_LINKS" in done.stderr
    assert not (checkout / ".venv/wharf-ready").exists()


def test_an_installation_that_did_not_end_is_done_again(checkout: Path) -> None:
    (checkout / ".venv/wharf-ready").unlink()
    (checkout / ".venv/wharf-setup-unfinished").touch()
    (checkout / ".venv/left over").touch()
    done = _run([checkout / "wharf", "ps"], checkout, PIP_NO_INDEX="1", WHARF_PYTHON=sys.executable)
    assert "making .venv" in done.stderr
    assert not (checkout / ".venv/left over").exists()


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_environment_behind_a_link_is_used_and_never_replaced(
    checkout: Path, tmp_path: Path, *, is_whole: bool
) -> None:
    theirs = tmp_path / "theirs"
    (checkout / ".venv").rename(theirs)
    (checkout / ".venv").symlink_to(theirs)
    (theirs / "wharf-setup-unfinished").touch()
    (theirs / "wharf-ready").unlink()
    if not is_whole:
        (theirs / "bin/python").unlink()
    before = sorted(theirs.rglob("*"))
    done = _run(
        [checkout / "scripts/setup", "run"],
        checkout,
        PIP_NO_INDEX="1",
        PIP_CONFIG_FILE="/dev/null",
        PIP_TARGET="",
        WHARF_PYTHON=sys.executable,
    )
    assert f".venv is a symbolic link to {theirs}" in done.stderr
    assert ("which is used and not replaced" if is_whole else "which has no Python") in done.stderr
    assert "making .venv" not in done.stderr
    assert (checkout / ".venv").is_symlink()
    assert {*before} <= {*theirs.rglob("*")}
    assert is_whole or done.returncode == 1


def test_an_unknown_kind_of_set_up_is_refused(checkout: Path) -> None:
    done = _run([checkout / "scripts/setup", "everything"], checkout)
    assert done.returncode == 1
    assert "usage" in done.stderr
