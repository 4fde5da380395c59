"""`wharf-runtime` from the outside: runc's commands, over several processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from runtime_kit import CGROUP_TOP, LIMIT_S, drain
from wharf.runtime.example import example
from wharf.runtime.spec import Spec

SOURCES = Path(__file__).parents[3] / "src"
PROGRAM = (
    f"import sys; sys.path.insert(0, {str(SOURCES)!r}); "
    "from wharf.runtime.program.main import console; console()"
)


class Runtime:
    """The program with a --root of its own, and one bundle."""

    def __init__(self, folder: Path, lower: Path) -> None:
        self.root = folder / "state"
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        shutil.copytree(lower, self.bundle / "rootfs", symlinks=True)
        self.spec: Spec = example()
        self.spec["process"]["terminal"] = False
        self.spec["linux"]["cgroupsPath"] = f"{CGROUP_TOP}/{os.urandom(6).hex()}"
        self.log = folder / "log"

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        (self.bundle / "config.json").write_text(json.dumps(self.spec))
        command = [
            sys.executable,
            "-I",
            "-S",
            "-c",
            PROGRAM,
            "--root",
            str(self.root),
            "--log",
            str(self.log),
        ]
        return subprocess.run(
            [*command, "--log-format", "json", *words],
            cwd=self.bundle,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def ok(self, *words: str) -> str:
        done = self(*words)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def state(self, name: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = json.loads(self.ok("state", name))
        return found

    def logged(self) -> str:
        return str(json.loads(self.log.read_text().splitlines()[-1])["msg"])


@pytest.fixture
def runtime(tmp_path: Path, lower: Path) -> Iterator[Runtime]:
    made = Runtime(tmp_path, lower)
    yield made
    for name in made.ok("list", "-q").split():
        made.ok("delete", "-f", name)


def quiet_create(runtime: Runtime, name: str) -> None:
    """Create with files for output: pipes of ours would be held open by the container."""
    (runtime.bundle / "config.json").write_text(json.dumps(runtime.spec))
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, "--root", str(runtime.root), "create", name]
    with open(runtime.bundle / "out", "wb") as out:
        subprocess.run(
            command,
            cwd=runtime.bundle,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            timeout=LIMIT_S,
            check=True,
        )


def test_run_gives_the_output_and_the_status(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sh", "-c", "echo out; echo err >&2; exit 5"]
    done = runtime("run", "c1")
    assert (done.returncode, done.stdout, done.stderr) == (5, "out\n", "err\n")
    assert runtime.ok("list", "-q") == ""


def test_a_container_goes_from_created_to_running_to_stopped(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sh", "-c", "echo started; exec sleep 1000"]
    quiet_create(runtime, "c1")
    assert runtime.state("c1")["status"] == "created"
    assert (runtime.bundle / "out").read_text() == ""
    runtime.ok("start", "c1")
    state = runtime.state("c1")
    assert (state["status"], state["bundle"], state["ociVersion"]) == (
        "running",
        str(runtime.bundle),
        "1.2.1",
    )
    pidfd = os.pidfd_open(state["pid"])
    runtime.ok("kill", "c1", "KILL")
    os.close(wait_for_end(pidfd))
    assert (runtime.bundle / "out").read_text() == "started\n"
    assert {key: runtime.state("c1")[key] for key in ("status", "pid")} == {"status": "stopped", "pid": 0}
    runtime.ok("delete", "c1")
    assert runtime("state", "c1").returncode == 1


def wait_for_end(pidfd: int) -> int:
    import select

    assert select.select([pidfd], [], [], LIMIT_S)[0]
    return pidfd


def test_a_created_container_can_be_deleted(runtime: Runtime) -> None:
    quiet_create(runtime, "c1")
    runtime.ok("delete", "c1")
    assert runtime.ok("list", "-q") == ""


def test_a_running_container_is_deleted_only_by_force(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    refused = runtime("delete", "c1")
    assert refused.stderr == "cannot delete container c1 that is not stopped: running\n"
    runtime.ok("delete", "--force", "c1")


def test_a_container_is_started_once(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    assert runtime("start", "c1").stderr == "cannot start an already running container\n"


def test_a_name_is_taken_once(runtime: Runtime) -> None:
    quiet_create(runtime, "c1")
    assert runtime("create", "c1").stderr == "runc create failed: container with given ID already exists\n"


@pytest.mark.parametrize("name", ["", "../x", "a/b", "..", "a b", "a\n"])
def test_a_name_that_is_none_is_refused(runtime: Runtime, name: str) -> None:
    assert "container ID" in runtime("run", name).stderr
    assert not runtime.root.exists() or os.listdir(runtime.root) == []


def test_exec_runs_in_the_container(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    script = "pwd; id -u; echo $A; cat /proc/1/cmdline | head -c 5"
    done = runtime("exec", "-e", "A=b", "--cwd", "/tmp", "-u", "5:6", "c1", "sh", "-c", f"{script}; exit 3")
    assert (done.returncode, done.stdout, done.stderr) == (3, "/tmp\n5\nb\nsleep", "")


def test_exec_of_a_missing_program_is_told_and_logged(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    words = (
        'exec failed: unable to start container process: exec: "nosuch": executable file not found in $PATH'
    )
    assert runtime("exec", "c1", "nosuch").stderr == f"{words}\n"
    assert runtime.logged() == words


def test_a_paused_container_takes_no_exec_and_goes_on_when_resumed(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    runtime.ok("pause", "c1")
    assert runtime.state("c1")["status"] == "paused"
    assert "cannot exec in a paused container" in runtime("exec", "c1", "true").stderr
    runtime.ok("resume", "c1")
    assert runtime.ok("exec", "c1", "echo", "on") == "on\n"


def test_a_failed_run_leaves_nothing_and_says_why(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["nosuch"]
    done = runtime("run", "c1")
    words = (
        "runc run failed: unable to start container process: error during container init: "
        'exec: "nosuch": executable file not found in $PATH'
    )
    assert (done.returncode, done.stderr) == (1, f"{words}\n")
    assert runtime.logged() == words
    assert runtime.ok("list", "-q") == ""


def test_a_terminal_is_handed_over_the_console_socket(runtime: Runtime, tmp_path: Path) -> None:
    runtime.spec["process"]["terminal"] = True
    runtime.spec["process"]["args"] = ["tty"]
    path = str(tmp_path / "console.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen(1)
        runtime.ok("create", "--console-socket", path, "--pid-file", str(tmp_path / "pid"), "c1")
        connection, _ = listener.accept()
        with connection:
            _, fds, _, _ = socket.recv_fds(connection, 100, 1)
    pidfd = os.pidfd_open(int((tmp_path / "pid").read_text()))
    runtime.ok("start", "c1")
    os.close(wait_for_end(pidfd))
    assert drain(fds[0]) == "/dev/pts/0\r\n"
    os.close(fds[0])


def test_a_terminal_without_a_socket_is_refused_when_detached(runtime: Runtime) -> None:
    runtime.spec["process"]["terminal"] = True
    assert "without setting console socket" in runtime("create", "c1").stderr


def test_signals_reach_a_container_in_the_foreground(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = [
        "sh",
        "-c",
        "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done",
    ]
    (runtime.bundle / "config.json").write_text(json.dumps(runtime.spec))
    command = [sys.executable, "-I", "-S", "-c", PROGRAM, "--root", str(runtime.root), "run", "c1"]
    with subprocess.Popen(command, cwd=runtime.bundle, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 9


@pytest.mark.parametrize("command", ["checkpoint", "restore", "events", "update"])
def test_a_command_that_is_not_there_says_so(runtime: Runtime, command: str) -> None:
    assert runtime(command, "c1").stderr == f"the command '{command}' is not supported by this runtime\n"


def test_features_are_json(runtime: Runtime) -> None:
    assert json.loads(runtime.ok("features"))["linux"]["seccomp"] == {"enabled": True}


def test_a_spec_is_written_once(runtime: Runtime, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    runtime.ok("spec", "-b", str(tmp_path / "new"))
    assert json.loads((tmp_path / "new/config.json").read_text()) == example()
    assert "exists" in runtime("spec", "-b", str(tmp_path / "new")).stderr


def test_the_processes_are_listed(runtime: Runtime) -> None:
    runtime.spec["process"]["args"] = ["sleep", "1000"]
    quiet_create(runtime, "c1")
    runtime.ok("start", "c1")
    assert json.loads(runtime.ok("ps", "-f", "json", "c1")) == [runtime.state("c1")["pid"]]
