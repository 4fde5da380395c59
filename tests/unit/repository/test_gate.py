"""The gate: formatter, linter, types, import directions and spelling, as tests."""

import os
import subprocess
import sys

import pytest

from engine_kit.client import REPOSITORY

_PYTHON = [sys.executable, "-I", "-m"]


@pytest.mark.parametrize(
    "argv",
    [
        pytest.param([*_PYTHON, "ruff", "format", "--check", "."], id="ruff format"),
        pytest.param([*_PYTHON, "ruff", "check", "."], id="ruff check"),
        pytest.param([*_PYTHON, "mypy"], id="mypy"),
        pytest.param(
            [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"],
            id="import-linter",
        ),
        pytest.param(
            [*_PYTHON, "codespell_lib", *(name for name in os.listdir(REPOSITORY) if name[0] != ".")],
            id="codespell",
        ),
    ],
)
def test_the_gate_is_open(argv: list[str]) -> None:
    env = {**os.environ, "PYTHONPATH": str(REPOSITORY / "src")}
    done = subprocess.run(argv, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
