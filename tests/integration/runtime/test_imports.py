"""Nothing is imported, loaded or opened by this interpreter once it stands in a container's root: M3."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from runtime_kit import LIMIT_S, Box, spec_of
from wharf.runtime.spec import Spec

SOURCES = Path(__file__).parents[3] / "src"
SCRIPT = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
from wharf.runtime import CreateFailed, Stdio, create, rootfs
spec, bundle, root = json.loads(sys.argv[2])
inside = []
pivot = rootfs.pivot

def pivot_and_watch(root):
    pivot(root)
    inside.append(True)

def watch(event, args):
    if inside and (event in ("import", "open", "compile", "ctypes.dlopen", "os.listdir", "os.scandir")
                   or event.startswith(("subprocess", "os.posix_spawn", "os.system", "os.fork"))):
        os.write(2, f"{event} {args}\\n".encode())

sys.addaudithook(watch)
rootfs.pivot = pivot_and_watch
try:
    container = create(spec, bundle, root=root, stdio=Stdio(0, 1, 2))
    container.start()
    os.waitid(os.P_PIDFD, container.pidfd, os.WEXITED)
    container.cgroup.remove()
except CreateFailed as error:
    sys.stdout.write(str(error))
"""


def run(box: Box, spec: Spec) -> subprocess.CompletedProcess[str]:
    arguments = json.dumps([spec, str(box.bundle), box.root])
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", SCRIPT, str(SOURCES), arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )


@pytest.mark.parametrize("user", ["root", "daemon", "1000:1000"])
def test_a_start_loads_nothing(box: Box, user: str) -> None:
    spec = spec_of("echo", "done")
    spec["process"]["user"] = {"username": user}
    done = run(box, spec)
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.parametrize(
    ("args", "message"), [(["nosuch"], "executable file not found"), (["/etc/passwd"], "permission denied")]
)
def test_a_failure_loads_nothing(box: Box, args: list[str], message: str) -> None:
    done = run(box, spec_of(*args))
    assert message in done.stdout
    assert done.stderr == ""


def test_a_bug_of_ours_loads_nothing(box: Box) -> None:
    """Not even source lines for a traceback, whose paths would lead into the container."""
    spec = spec_of("echo")
    spec["process"]["user"]["umask"] = "nonsense"  # type: ignore[typeddict-item]
    done = run(box, spec)
    assert "TypeError" in done.stdout
    assert done.stderr == ""
