"""The command line starts fast: it imports little, and what a command does not need it does not import."""

import json
import os
from pathlib import Path

import pytest

from cli_kit import PROGRAM, REPOSITORY, answer, listening, run

HEAVY = {
    "argparse", "asyncio", "calendar", "ctypes", "dataclasses", "datetime", "email", "http.client", "inspect",
    "logging", "shutil", "ssl", "subprocess", "tarfile", "tempfile", "threading", "typing", "urllib",
}  # fmt: skip
BUDGET_S = 0.060

_LISTED = """
import sys
sys.path.insert(0, sys.argv[1])
from wharf.cli.main import load, main
from wharf.cli.tree import find
load(find(sys.argv[2])[0])
import json
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize("command", ["version", "run", "exec", "ps", "stop", "rm", "kill", "start"])
def test_a_command_imports_nothing_heavy(command: str) -> None:
    source = str(REPOSITORY / "src")
    ran = run([*PROGRAM[:3], "-c", _LISTED, source, command])
    assert ran.status == 0, ran.stderr
    assert set(json.loads(ran.stdout)) & HEAVY == set()


def test_the_version_takes_at_most_sixty_milliseconds(tmp_path: Path) -> None:
    version = {"Version": "1", "ApiVersion": "1.51", "Components": [], "Platform": {"Name": ""}}
    took: list[float] = []
    with listening(tmp_path, [answer(200, version) for _ in range(15)]) as listener:
        command = [*PROGRAM, "-H", listener.host, "version"]
        silent = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
        for _ in range(15):
            child = os.posix_spawn(command[0], command, dict(os.environ), file_actions=silent)
            _, status, usage = os.wait4(child, 0)
            assert status == 0
            took.append(usage.ru_utime + usage.ru_stime)
    # The processor's time, and the least of it: what else the machine does only adds.
    assert min(took) <= BUDGET_S
