"""docker-init does for a program what tini does: run here without a container."""

import contextlib
import hashlib
import os
import select
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf.engine.docker_init import executable, install

DIGESTS = {
    "x86_64": "b66da7e346a4e112b519e4034767a666bd1e9190c828f46aea0ceb8f5fb53549",
    "aarch64": "7fb5d3ad5a0a023af05af9fbefb9d7feabd97a1330ceea5a6c793576e85ebdf1",
}


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "docker-init"
    install(str(path))
    return str(path)


def run(program: str, *words: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "--", *words], env={"PATH": path}, capture_output=True, text=True, timeout=20, check=False
    )


@contextlib.contextmanager
def running(program: str, script: str) -> Iterator[subprocess.Popen[str]]:
    """A shell script below docker-init that has said `ready`."""
    argv = [program, "--", "sh", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], 20)[0], "the script does not begin"
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("machine", DIGESTS)
def test_its_code_is_what_was_compared_in_an_emulator(machine: str) -> None:
    assert hashlib.sha256(executable(machine)).hexdigest() == DIGESTS[machine]


def test_it_is_installed_once_and_replaced_when_it_differs(program: str) -> None:
    before = os.stat(program)
    install(program)
    assert os.stat(program).st_ino == before.st_ino
    assert stat.S_IMODE(before.st_mode) == 0o555
    os.chmod(program, 0o755)
    Path(program).write_bytes(b"older")
    install(program)
    assert Path(program).read_bytes() == executable(os.uname().machine)


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_it_ends_with_the_programs_exit_code(program: str, status: int) -> None:
    assert run(program, "sh", "-c", f"exit {status}").returncode == status


def test_a_program_that_a_signal_kills_counts_as_128_and_the_signal(program: str) -> None:
    assert run(program, "sh", "-c", "kill -KILL $$").returncode == 137


def test_arguments_environment_and_streams_reach_the_program(program: str) -> None:
    done = run(program, "sh", "-c", 'echo "$1|$PATH"; echo error >&2', "sh", "two words")
    assert done.stdout == f"two words|{os.environ['PATH']}\n"
    assert done.stderr == "error\n"


@pytest.mark.parametrize(
    ("name", "words", "status"),
    [
        ("nosuch", "No such file or directory", 127),
        ("/nosuch/program", "No such file or directory", 127),
        ("/etc", "Permission denied", 126),
        ("", "No such file or directory", 127),
    ],
)
def test_a_program_that_cannot_be_executed_is_told_of_in_tinis_words(
    program: str, name: str, words: str, status: int
) -> None:
    done = run(program, name)
    assert done.returncode == status
    assert done.stderr.startswith("[FATAL tini (")
    assert done.stderr.endswith(f")] exec {name} failed: {words}\n")


def test_the_search_goes_on_behind_a_folder_where_it_is_forbidden(program: str, tmp_path: Path) -> None:
    (tmp_path / "sh").write_text("not executable")
    assert run(program, "sh", "-c", "exit 4", path=f"{tmp_path}:/nosuch:/usr/bin:/bin").returncode == 4
    assert run(program, "sh", path=f"{tmp_path}:/nosuch").returncode == 126


def test_a_name_longer_than_any_path_harms_nobody(program: str) -> None:
    done = run(program, "x" * 20000)
    assert done.returncode in (1, 127)
    assert done.stderr.startswith("[FATAL tini (")


def test_without_a_program_it_says_so(program: str) -> None:
    done = subprocess.run([program], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (1, "docker-init: no program is given\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP, signal.SIGRTMIN + 3])
def test_a_signal_is_handed_on(program: str, number: int) -> None:
    script = f"trap 'exit 42' {int(number)}; echo ready; while :; do sleep 0.05; done"
    with running(program, script) as process:
        process.send_signal(number)
        assert process.wait(20) == 42


def test_the_program_leads_a_process_group_of_its_own(program: str) -> None:
    done = run(program, "sh", "-c", "echo $$; cut -d' ' -f5 /proc/$$/stat")
    own, group = done.stdout.split()
    assert own == group


def test_the_program_has_no_signal_blocked_or_ignored(program: str) -> None:
    done = run(program, "sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    assert {line.split()[1] for line in done.stdout.splitlines()} <= {"0" * 16, "0000000001001000"}


@pytest.mark.skipif(os.geteuid() != 0, reason="a pid namespace needs root")
def test_what_the_program_leaves_behind_is_reaped(program: str) -> None:
    script = """
        (sleep 0.3 & exec true)  # an orphan, which is process 1's; unreaped it would stay
        until grep -qs '(sleep)' /proc/[0-9]*/stat; do :; done
        while grep -qs '(sleep)' /proc/[0-9]*/stat; do :; done
        exit 5
    """
    argv = ["unshare", "--pid", "--fork", "--mount-proc", program, "--", "sh", "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 5, done.stderr
