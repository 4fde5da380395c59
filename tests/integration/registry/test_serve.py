"""`wharf registry serve` as a program; Docker itself pushes to it and pulls from it where it is there."""

import os
import re
import signal
import socket
import subprocess
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import PROGRAM

_SOCKET = os.environ.get("WHARF_REFERENCE_SOCKET", "/run/ref/docker.sock")
_SERVING = re.compile(r"serving at (127\.0\.0\.1:\d+)")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The address of a registry."""
    command = [*PROGRAM, "registry", "serve", "--root", f"{tmp_path}/registry", "--addr", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        found = _SERVING.search(line)
        assert found is not None, line + server.stderr.read()
        yield found[1]
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0


def test_it_serves_and_ends_when_it_is_told_to(address: str) -> None:
    with urllib.request.urlopen(f"http://{address}/v2/", timeout=10) as answer:
        assert (answer.status, answer.read()) == (200, b"{}")


def _listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


@pytest.mark.reference
@pytest.mark.skipif(not _listens(_SOCKET), reason=f"no reference engine at {_SOCKET}")
def test_docker_pushes_to_it_and_pulls_from_it(address: str) -> None:
    def docker(*words: str) -> str:
        command = ["docker", "-H", f"unix://{_SOCKET}", *words]
        done = subprocess.run(command, capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.decode()

    # Of one with a name: then what goes at the end is this test's name, and never the image.
    images = docker("images", "-q", "--no-trunc", "--filter", "dangling=false").split()
    if not images:
        pytest.skip("the reference engine has no image")
    name = f"{address}/h/{uuid.uuid4().hex[:8]}:1"
    docker("tag", images[0], name)
    try:
        pushed = docker("push", name)
    finally:
        docker("rmi", name)
    digest = re.search(r"digest: (sha256:\w+)", pushed)
    assert digest is not None
    try:
        assert f"Digest: {digest[1]}" in docker("pull", name)
        assert docker("image", "inspect", "-f", "{{.Id}}", name).strip() == images[0]
    finally:
        docker("rmi", name)
