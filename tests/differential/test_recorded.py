"""Our engine answers as Docker did when the transcripts were recorded, whichever client asks."""

import difflib
from pathlib import Path

import pytest

from engine_kit.client import clients
from engine_kit.engine import Engine
from transcript_kit import Shell, Step, read

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
KNOWN = {
    tuple(line.split()[:2])
    for line in (Path(__file__).parent / "known_failures.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
}


@pytest.mark.kernel
@pytest.mark.parametrize("client", clients())
@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_it_answers_as_docker_does(
    path: Path, client: str, engine: Engine, request: pytest.FixtureRequest
) -> None:
    if (client, path.stem) in KNOWN:
        request.applymarker(pytest.mark.xfail(reason="listed in known_failures.txt", strict=True))
    recorded = read(path)
    with Shell.made(engine.cli(client).argv()) as shell:
        answered = [shell.play(step) for step in recorded]
    wanted, got = (_lines(steps) for steps in (recorded, answered))
    differs = "\n".join(difflib.unified_diff(wanted, got, "Docker", "Wharf", lineterm="", n=1))
    assert not differs, differs


def _lines(steps: list[Step]) -> list[str]:
    return "".join(step.text() for step in steps).splitlines()
