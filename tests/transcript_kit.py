r"""Transcripts: shell lines and what they answered, as text that is read, replayed and recorded.

    # what this shows
    $ docker run --rm bb:1 sh -c 'echo out; echo err >&2; exit 3'
    > out
    ! err
    = 3

`$` is a line for `sh`, `>` its standard output, `!` its standard error, `=` its exit code when that is not 0,
`#` a remark. `docker` is whichever client is asked, pointed at whichever engine. What differs from run to run
(ids, times, addresses, sizes) is replaced by a name in angle brackets before it is written or compared.
"""

import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

LIMIT_S = 60

_UNSTABLE = [
    (re.compile(pattern), name)
    for pattern, name in (
        (r"\b[0-9a-f]{64}\b", "<ID>"),
        (r"\b(?=[0-9a-f]*\d)[0-9a-f]{12}\b", "<SHORT>"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<TIME>"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} \w+", "<TIME>"),
        (r"\b(\d+ \w+|About an? \w+|Less than a second) ago\b", "<AGO>"),
        (r"\bUp (\d+ \w+|About an? \w+|Less than a second)\b", "Up <FOR>"),
        (r"\b172\.\d+\.\d+\.\d+\b", "<IP>"),
        (r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", "<MAC>"),
        (r"\b\d+(\.\d+)?(B|kB|MB|GB)\b", "<SIZE>"),
        (r"\bSRun (?=')", "Run "),  # a slip of the client up to 28.2
        (r"  +", "  "),
    )
]
_OURS = [
    (re.compile(r"^wharf: ", re.MULTILINE), "docker: "),
    (re.compile(r"\bwharf (?=[a-z\[-])"), "docker "),
]

_WRAPPER = """\
#!/bin/sh
case "$1" in run | create) verb=$1; shift; set -- "$verb" --cidfile {made}/$$ "$@" ;; esac
exec {client} "$@"
"""
"""The client, which also notes what it makes: an engine that others use is cleared of that and no more."""


class Step(NamedTuple):
    """One line and its answer; `remarks` stand before it."""

    remarks: list[str]
    command: str
    out: list[str]
    err: list[str]
    code: int

    def text(self) -> str:
        """The step as it stands in a file."""
        lines = [*self.remarks, f"$ {self.command}"]
        lines += [f"> {line}".rstrip() for line in self.out]
        lines += [f"! {line}".rstrip() for line in self.err]
        if self.code:
            lines.append(f"= {self.code}")
        return "".join(f"{line}\n" for line in lines)


def read(path: Path) -> list[Step]:
    """The steps of a file."""
    steps: list[Step] = []
    remarks: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        mark, text = line[:1], line[2:]
        if mark in ("", "#"):
            remarks.append(line)
        elif mark == "$":
            steps.append(Step(remarks, text, [], [], 0))
            remarks = []
        elif not steps or mark not in (">", "!", "="):
            raise ValueError(f"{path}:{number}: not a line of a transcript: {line}")
        elif mark == "=":
            steps[-1] = steps[-1]._replace(code=int(text))
        else:
            (steps[-1].out if mark == ">" else steps[-1].err).append(text)
    return steps


def write(path: Path, steps: list[Step]) -> None:
    """Put the steps into a file."""
    path.write_text("".join(step.text() for step in steps))


class Shell:
    """Where transcripts are replayed: a folder of its own, and `docker` meaning the client under test."""

    def __init__(self, folder: Path, client: list[str]) -> None:
        self.work = folder / "work"
        self.work.mkdir()
        programs = folder / "bin"
        programs.mkdir()
        wrapper = programs / "docker"
        self._made = folder / "made"
        self._made.mkdir()
        wrapper.write_text(_WRAPPER.format(client=shlex.join(client), made=shlex.quote(str(self._made))))
        wrapper.chmod(0o755)
        self._env = {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": str(folder), "TERM": "xterm"}
        self._env["WHARF_AUTOSTART"] = "0"

    @classmethod
    @contextmanager
    def made(cls, client: list[str]) -> Iterator["Shell"]:
        """A shell whose folder is removed at the end; below /run, which an engine in its own tree shares."""
        folder = Path(tempfile.mkdtemp(prefix="wharf-transcript-", dir="/run"))
        try:
            yield cls(folder, client)
        finally:
            shutil.rmtree(folder)

    def made_containers(self) -> set[str]:
        """The ids of the containers that this shell has made, whether they are still there or not."""
        return {path.read_text() for path in self._made.iterdir()} - {""}

    def play(self, step: Step) -> Step:
        """Run the step's line again; the step with this answer."""
        done = subprocess.run(
            ["sh", "-c", step.command],
            env=self._env,
            cwd=self.work,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
        )
        return step._replace(out=self._lines(done.stdout), err=self._lines(done.stderr), code=done.returncode)

    def _lines(self, said: bytes) -> list[str]:
        text = said.decode(errors="backslashreplace").replace(str(self.work), "<WORK>").replace("\r", "<CR>")
        # Where the wrapper had the id written is none of the transcript's business.
        text = re.sub(f'"{re.escape(str(self._made))}/[0-9]+"', '""', text)
        for pattern, name in (*_OURS, *_UNSTABLE):
            text = pattern.sub(name, text)
        return [line.rstrip() for line in text.splitlines()]
