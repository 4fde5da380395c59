"""Engines under test: a wharfd of our own in a sandbox, or an engine that runs already (the reference)."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from engine_kit.census import Census, difference, take
from engine_kit.client import REPOSITORY, Cli, Http
from engine_kit.image import IMAGE, busybox_archive
from engine_kit.patience import LIMIT_S, eventually
from engine_kit.sandbox import Sandbox


class Engine:
    """An engine that answers on a unix socket; what tests of behaviour need to know of it."""

    def __init__(self, socket_path: str, home: Path) -> None:
        self.socket_path = socket_path
        self.home = home
        self.http = Http(socket_path)

    @property
    def host(self) -> str:
        """The value of `-H`."""
        return f"unix://{self.socket_path}"

    def cli(self, name: str) -> Cli:
        """A client of this engine."""
        return Cli(name, self.host, self.home)

    def load(self, archive: bytes) -> None:
        """Load a docker-archive over the API."""
        answer = self.http(
            "POST", "/images/load?quiet=1", body=archive, headers={"Content-Type": "application/x-tar"}
        )
        assert answer.status == 200, answer.body
        assert b"errorDetail" not in answer.body, answer.body

    def provide_image(self) -> None:
        """See to it that the tests' busybox is there."""
        if self.http("GET", f"/images/{IMAGE}/json").status != 200:
            self.load(busybox_archive())

    def ids(self) -> set[str]:
        """The ids of all containers."""
        answer = self.http("GET", "/containers/json?all=1")
        assert answer.status == 200, answer.body
        found = answer.json()
        assert isinstance(found, list)
        return {str(one["Id"]) for one in found}

    def told_of(self, container: str) -> list[dict[str, Any]]:
        """The events of a container that are kept, up to now."""
        now = time.time_ns()
        filters = urllib.parse.quote(json.dumps({"container": [container], "type": ["container"]}))
        until = f"{now // 10**9}.{now % 10**9:09d}"
        answer = self.http("GET", f"/events?since=1&until={until}&filters={filters}")
        assert answer.status == 200, answer.body
        return [json.loads(line) for line in answer.body.splitlines()]

    def clear(self) -> None:
        """Remove the tests' containers, networks, volumes and images but for busybox; leave others alone."""
        self._clear_containers({"ancestor": [IMAGE]})
        self.clear_named()

    def clear_named(self) -> None:
        """Remove what the tests have named `wt-…`, and nothing else."""
        self._clear_containers({"name": ["^/wt-"]})
        networks = self.http(
            "GET", f"/networks?filters={urllib.parse.quote(json.dumps({'name': ['^wt-']}))}"
        ).json()
        assert isinstance(networks, list)
        for network in networks:
            gone = self.http("DELETE", f"/networks/{network['Id']}")
            assert gone.status in (204, 404), gone.body
        self._clear_volumes()
        answer = self.http("GET", "/images/json")
        images = answer.json()
        assert isinstance(images, list)
        for image in images:
            for tag in image["RepoTags"] or ():
                if tag.startswith("wt-"):
                    removed = self.http("DELETE", f"/images/{tag}?force=1")
                    assert removed.status in (200, 404), removed.body

    def _clear_containers(self, wanted: dict[str, list[str]]) -> None:
        filters = urllib.parse.quote(json.dumps(wanted))
        answer = self.http("GET", f"/containers/json?all=1&filters={filters}")
        assert answer.status == 200, answer.body
        found = answer.json()
        assert isinstance(found, list)
        self.remove({str(one["Id"]) for one in found})

    def _clear_volumes(self) -> None:
        filters = urllib.parse.quote(json.dumps({"name": ["^wt-"]}))
        listed = self.http("GET", f"/volumes?filters={filters}").json()
        assert isinstance(listed, dict)
        for volume in listed["Volumes"] or ():
            gone = self.http("DELETE", f"/volumes/{volume['Name']}")
            assert gone.status in (204, 404), gone.body

    def remove(self, ids: set[str]) -> None:
        """Remove containers, running or not."""
        for container in ids:
            answer = self.http("DELETE", f"/containers/{container}?force=1&v=1")
            assert answer.status in (204, 404) or "already in progress" in answer.message, answer.body
        eventually(lambda: not ids & self.ids(), what="containers to be removed")


class OwnEngine(Engine):
    """A wharfd with roots and a sandbox of its own."""

    def __init__(self, name: str, folder: Path, *, flags: Sequence[str] = ()) -> None:
        super().__init__(str(folder / "wharf.sock"), folder / "home")
        self.folder = folder
        # As in an ordinary engine, what need not outlive the host is not on a disk.
        self.data_root, self.exec_root = folder / "data", Path("/run", folder.name)
        self.pid_file = folder / "wharfd.pid"
        self.log_path = folder / "wharfd.log"
        self.flags = list(flags)
        self.sandbox = Sandbox(name)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_warm = False

    @classmethod
    @contextlib.contextmanager
    def running(
        cls, name: str, *, flags: Sequence[str] = (), failpoints: str = "", disk: str | None = None
    ) -> Iterator[Self]:
        """An engine from start to end, with the tests' image; everything of it is gone afterwards.

        With `disk` (a size, like 64m) its data root is a file system of that size, for `fill_disk` to fill.
        """
        folder = Path(tempfile.mkdtemp(prefix="wharf-test-"))
        try:
            engine = cls(name, folder, flags=flags)
            engine.home.mkdir()
            with _mounted(engine.data_root, disk), engine.sandbox:
                engine.start(failpoints=failpoints)
                engine.provide_image()
                yield engine
                engine.finish()
        finally:
            shutil.rmtree(folder)
            shutil.rmtree(Path("/run", folder.name), ignore_errors=True)

    @property
    def pid(self) -> int:
        """The daemon."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """The end of what the daemon wrote on its standard error, for the words of a failure."""
        return self.log_path.read_text(errors="replace")[-3000:]

    def start(self, *, failpoints: str = "", limit_s: float = LIMIT_S) -> None:
        """Start the daemon and wait until it serves."""
        ready, told = os.pipe()
        argv = [
            sys.executable,
            "-I",
            str(REPOSITORY / "src/wharf/daemon/__main__.py"),
            *("--data-root", str(self.data_root), "--exec-root", str(self.exec_root)),
            *("-H", self.host, "--pidfile", str(self.pid_file)),
            *self.flags,
        ]
        env = {"PATH": os.environ["PATH"], "HOME": str(self.home), "WHARF_READY_FD": str(told)}
        if failpoints:
            env["WHARF_FAILPOINTS"] = failpoints
        try:
            with self.log_path.open("ab") as log:
                self._process = self.sandbox.popen(argv, env=env, pass_fds=[told], stdout=log, stderr=log)
        finally:
            os.close(told)
        self._is_warm = False
        with open(ready, "rb") as answer:
            os.set_blocking(ready, False)
            said = eventually(
                lambda: _read_some(answer.fileno()), limit_s=limit_s, what="the engine to serve"
            )
        if said != b"\n":
            raise AssertionError(f"the engine ended with {self._process.wait()}; its log:\n{self.log}")

    def stop(self, *, limit_s: float = LIMIT_S) -> int:
        """Ask the daemon to end; its exit code."""
        self._process_or_fail().send_signal(signal.SIGTERM)
        return self._process_or_fail().wait(timeout=limit_s)

    def kill(self) -> None:
        """End the daemon at once."""
        self._process_or_fail().kill()
        self._process_or_fail().wait(timeout=LIMIT_S)

    def wait_killed(self, *, limit_s: float = LIMIT_S) -> None:
        """Wait until a failpoint has ended the daemon."""
        assert self._process_or_fail().wait(timeout=limit_s) == -signal.SIGKILL, self.log

    @property
    def has_ended(self) -> bool:
        """Whether the daemon is gone."""
        return self._process_or_fail().poll() is not None

    def finish(self) -> None:
        """Remove all containers, end the daemon, and see that nothing runs on."""
        if self.has_ended:
            return
        self.remove(self.ids())
        code = self.stop()
        assert code == 0, f"the engine ended with {code}; its log:\n{self.log}"
        eventually(lambda: not self.sandbox.processes(), what="the engine's processes to end")
        left = [*self.sandbox.folders(), *(str(one) for one in self.exec_root.rglob("containers/*"))]
        assert not left, f"the engine left {left}"

    def fill_disk(self) -> None:
        """Leave no room where the engine keeps its data: a file takes what is left of its own file system."""
        with (self.data_root / "filler").open("wb") as filler, contextlib.suppress(OSError):
            while True:
                filler.write(bytes(1 << 16))
                filler.flush()

    def free_disk(self) -> None:
        """Take `fill_disk` back."""
        (self.data_root / "filler").unlink()

    def census(self) -> Census:
        """Count everything of this engine; the daemon must run."""
        return take(
            roots=[self.data_root, self.exec_root],
            cgroups=self.sandbox.parents(),
            pids=self.sandbox.processes(),
            engine=self.pid,
            network=self.sandbox.pid,
        )

    def warm(self) -> None:
        """Let the engine run one container, so that it has what it keeps for the next ones."""
        if not self._is_warm:
            before = self.census()["links"]
            self.cli("wharf")("run", "--rm", IMAGE, "true").ok()
            known = {"docker0", *before}
            eventually(lambda: known >= set(self.census()["links"]), what="the first container's link to go")
            self._is_warm = True

    def base(self) -> Census:
        """The census of a warm engine at rest: what a connection that was just closed leaves is gone."""
        self.warm()
        counted = self.census()

        def same_as_before() -> bool:
            nonlocal counted
            before, counted = counted, self.census()
            return self._rests(counted) and not difference(before, counted)

        eventually(same_as_before, what="the engine to rest")
        return counted

    def _rests(self, census: Census) -> bool:
        """Whether nothing is being deleted behind, and the next shim waits in reserve."""
        roots = (self.data_root, self.exec_root)
        folders = {path.name for root in roots for path in (root / "containers").iterdir()}
        return folders <= self.ids() and any("wharf-reserve" in line for line in census["processes"])

    def settle(self, base: Census, *, limit_s: float = 5.0) -> None:
        """Wait until the census equals `base`; what differs is the failure's words."""
        self.warm()
        differs: list[str] = ["not looked yet"]

        def equal() -> bool:
            differs[:] = difference(base, self.census())
            return not differs

        try:
            eventually(equal, limit_s=limit_s)
        except AssertionError:
            raise AssertionError("the census is not as before:\n" + "\n".join(differs)) from None

    def _process_or_fail(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the engine was never started"
        return self._process


@contextlib.contextmanager
def _mounted(root: Path, size: str | None) -> Iterator[None]:
    if size is None:
        yield
        return
    root.mkdir(0o710)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=710,size={size}", "tmpfs", root], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", root], check=True)


def _read_some(fd: int) -> bytes | None:
    try:
        return os.read(fd, 16) or b"ended"
    except BlockingIOError:
        return None
