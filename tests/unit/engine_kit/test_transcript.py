"""Transcripts: what is read is what was written, and only what may differ is made equal."""

from pathlib import Path

import pytest

from transcript_kit import Shell, Step, read, write

_TEXT = """\
# A remark.
$ docker run bb:1
> out
! err
= 3

# Another.
$ true
"""


def test_a_file_is_written_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text(_TEXT)
    steps = read(path)
    write(path, steps)
    assert path.read_text() == _TEXT
    assert [(step.command, step.code) for step in steps] == [("docker run bb:1", 3), ("true", 0)]


@pytest.mark.parametrize("line", ["nonsense", "> an answer to nothing"])
def test_other_lines_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.txt"
    path.write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"one\.txt:1"):
        read(path)


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("0" * 64, "<ID>"),
        ("sha256:" + "ab" * 32, "sha256:<ID>"),
        ("deadbeef0123 x", "<SHORT> x"),
        ("2026-11-22T04:55:23.994722143Z", "<TIME>"),
        ("Exited (3) 5 minutes ago", "Exited (3) <AGO>"),
        ("Up About a minute", "Up <FOR>"),
        ("172.17.0.2/16", "<IP>/16"),
        ("2.21MB  x", "<SIZE>  x"),
        ("wharf: no", "docker: no"),
        ("Run 'wharf run --help'", "Run 'docker run --help'"),
        ("exit code 137", "exit code 137"),
        ("10.0.0.1", "10.0.0.1"),
    ],
)
def test_what_differs_from_run_to_run_has_one_name(said: str, heard: str) -> None:
    with Shell.made(["false"]) as shell:
        played = shell.play(Step([], f"printf '%s\\n' \"{said}\"", [], [], 0))
    assert played.out == [heard]


def test_docker_is_the_client_it_was_given() -> None:
    with Shell.made(["echo", "client of", "-H", "x"]) as shell:
        played = shell.play(Step([], "docker ps 'a b'; false", [], [], 0))
    assert (played.out, played.code) == (["client of -H x ps a b"], 1)
