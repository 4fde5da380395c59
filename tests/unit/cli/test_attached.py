"""`run` and `exec` with their streams attached: output, input, exit codes, signals."""

import signal
import socket
import subprocess
from pathlib import Path

from cli_kit import PROGRAM, Container, answer, faking, frame, run


def _all(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_output_goes_to_the_stream_it_came_from_and_the_status_is_the_containers(tmp_path: Path) -> None:
    def process(connection: socket.socket) -> None:
        # A frame may arrive in any number of pieces.
        for byte in frame(1, b"out\n") + frame(2, b"err\n"):
            connection.sendall(bytes([byte]))

    with faking(tmp_path, Container(process, status=7)) as engine:
        ran = run([*PROGRAM, "-H", engine.host, "run", "busybox"])
    assert ran == (7, "out\n", "err\n")


def test_attach_and_wait_are_asked_before_the_start(tmp_path: Path) -> None:
    with faking(tmp_path, Container(lambda _: None)) as engine:
        run([*PROGRAM, "-H", engine.host, "run", "--rm", "busybox"])
    assert engine.asked == [
        "POST /containers/create",
        "POST /containers/c1/attach?stderr=1&stdout=1&stream=1",
        "POST /containers/c1/wait?condition=removed",
        "POST /containers/c1/start",
    ]


def test_the_end_of_stdin_is_passed_on_and_output_after_it_still_comes(tmp_path: Path) -> None:
    def process(connection: socket.socket) -> None:
        connection.sendall(frame(1, _all(connection).upper()))

    with faking(tmp_path, Container(process)) as engine:
        ran = run([*PROGRAM, "-H", engine.host, "run", "-i", "busybox", "cat"], stdin=b"typed")
    assert ran == (0, "TYPED", "")


def test_much_input_and_output_at_once_do_not_block_each_other(tmp_path: Path) -> None:
    size = 8 * 1024 * 1024

    def process(connection: socket.socket) -> None:
        left = size
        while left:
            piece = connection.recv(65536)
            left -= len(piece)
            connection.sendall(frame(1, piece))

    with faking(tmp_path, Container(process)) as engine:
        ran = run([*PROGRAM, "-H", engine.host, "run", "-i", "busybox", "cat"], stdin=b"x" * size)
    assert (ran.status, len(ran.stdout)) == (0, size)


def test_detached_only_the_id_is_printed(tmp_path: Path) -> None:
    with faking(tmp_path, Container(lambda _: None)) as engine:
        ran = run([*PROGRAM, "-H", engine.host, "run", "-d", "busybox"])
    assert ran == (0, "c1\n", "")
    assert engine.asked == ["POST /containers/create", "POST /containers/c1/start"]


def _failing_start(tmp_path: Path, message: str) -> tuple[int, str, str]:
    with faking(tmp_path, Container(lambda _: None), start=answer(400, {"message": message})) as engine:
        engine.container.started.set()
        return run([*PROGRAM, "-H", engine.host, "run", "busybox", "nosuch"])


def test_a_program_that_is_not_there_is_127(tmp_path: Path) -> None:
    message = 'exec: "nosuch": executable file not found in $PATH'
    assert _failing_start(tmp_path, message) == (
        127,
        "",
        f"wharf: Error response from daemon: {message}\n\nRun 'wharf run --help' for more information\n",
    )


def test_a_program_that_cannot_be_invoked_is_126(tmp_path: Path) -> None:
    assert _failing_start(tmp_path, 'exec: "/etc": is a directory: permission denied')[0] == 126


def test_any_other_failure_of_the_engine_is_125(tmp_path: Path) -> None:
    assert _failing_start(tmp_path, "no space left on device")[0] == 125


def test_signals_are_passed_on_by_name(tmp_path: Path) -> None:
    container = Container(lambda _: None, status=143)

    def process(connection: socket.socket) -> None:
        connection.sendall(frame(1, b"up\n"))
        engine.wait_for("/kill?signal=TERM")

    container.process = process
    with faking(tmp_path, container) as engine:
        command = [*PROGRAM, "-H", engine.host, "run", "busybox"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == b"up\n"
            running.send_signal(signal.SIGTERM)
            assert running.wait(20) == 143
    assert "POST /containers/c1/kill?signal=TERM" in engine.asked


def test_without_proxying_a_signal_ends_the_command_alone(tmp_path: Path) -> None:
    def process(connection: socket.socket) -> None:
        connection.sendall(frame(1, b"up\n"))
        _all(connection)

    with faking(tmp_path, Container(process)) as engine:
        command = [*PROGRAM, "-H", engine.host, "run", "-i", "--sig-proxy=false", "busybox"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            assert running.stdout.readline() == b"up\n"
            running.send_signal(signal.SIGINT)
            assert running.wait(20) == 130
    assert not any("kill" in line for line in engine.asked)


def test_exec_ends_as_its_process_ends(tmp_path: Path) -> None:
    container = Container(lambda connection: connection.sendall(frame(2, b"no\n")), status=3)
    with faking(tmp_path, container) as engine:
        ran = run([*PROGRAM, "-H", engine.host, "exec", "c1", "false"])
    assert ran == (3, "", "no\n")


def test_a_reader_that_goes_away_ends_the_command_by_sigpipe(tmp_path: Path) -> None:
    def process(connection: socket.socket) -> None:
        while True:
            connection.sendall(frame(1, b"y\n" * 1000))

    with faking(tmp_path, Container(process)) as engine:
        command = [*PROGRAM, "-H", engine.host, "run", "busybox", "yes"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
            assert running.stdout is not None
            running.stdout.readline()
            running.stdout.close()
            assert running.wait(20) == -signal.SIGPIPE
