"""The files by which a shim and its container's end are known."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf import failpoint
from wharf.shim import record
from wharf.shim.protocol import ExitRecord

ENDED: ExitRecord = {
    "status": 3,
    "oom_killed": False,
    "started_at": 1,
    "exited_at": 2,
    "error": None,
    "restarting": False,
    "restarts": 0,
}


@pytest.fixture(autouse=True)
def no_failpoints() -> Iterator[None]:
    yield
    failpoint.arm("")


def test_the_exit_record_is_whole_json(tmp_path: Path) -> None:
    record.write_exit(str(tmp_path), ENDED)
    assert json.loads((tmp_path / "exit.json").read_text()) == ENDED
    assert os.listdir(tmp_path) == ["exit.json"]


@pytest.mark.parametrize("point", ["shim.record.write", "shim.record.rename"])
def test_a_failed_write_leaves_the_old_record(tmp_path: Path, point: str) -> None:
    record.write_exit(str(tmp_path), ENDED)
    failpoint.arm(f"{point}=error:5")
    with pytest.raises(OSError, match="failpoint"):
        record.write_exit(str(tmp_path), {**ENDED, "status": 4})
    assert json.loads((tmp_path / "exit.json").read_text()) == ENDED


def test_our_own_pid_file_names_a_living_shim(tmp_path: Path) -> None:
    record.write_pid(str(tmp_path))
    assert record.living_shim(str(tmp_path)) == os.getpid()


def test_a_pid_of_another_start_time_is_not_the_shim(tmp_path: Path) -> None:
    record.write_pid(str(tmp_path))
    pid, started = (tmp_path / "shim.pid").read_text().split()
    (tmp_path / "shim.pid").write_text(f"{pid} {int(started) - 1}\n")
    assert record.living_shim(str(tmp_path)) is None


@pytest.mark.parametrize("text", ["", "1", "x y", "999999999 5"])
def test_what_names_no_process_is_no_shim(tmp_path: Path, text: str) -> None:
    (tmp_path / "shim.pid").write_text(text)
    assert record.living_shim(str(tmp_path)) is None


def test_no_file_is_no_shim(tmp_path: Path) -> None:
    assert record.living_shim(str(tmp_path)) is None


def test_an_ended_process_that_nobody_has_reaped_is_no_shim(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        record.write_pid(str(tmp_path))
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert record.living_shim(str(tmp_path)) is None
    os.waitpid(pid, 0)


@pytest.mark.parametrize(("ending", "status"), [(7, 7), (-9, 137), (-15, 143)])
def test_an_end_by_signal_is_128_and_its_number(ending: int, status: int) -> None:
    pid = os.fork()
    if pid == 0:
        if ending < 0:
            os.kill(os.getpid(), -ending)
        os._exit(ending)
    pidfd = os.pidfd_open(pid)
    assert record.wait_status(pidfd)[0] == status
    os.close(pidfd)
