"""The two sides of a comparison: an engine that runs already, and a wharfd of our own."""

import abc
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPOSITORY / "tests"))

from engine_kit.client import Http  # noqa: E402  (found by the line above)
from engine_kit.engine import Engine, OwnEngine  # noqa: E402
from engine_kit.image import IMAGE  # noqa: E402

__all__ = ["IMAGE", "OtherSide", "OwnSide", "Side"]


class Side(abc.ABC):
    """An engine, the docker CLI pointed at it, and the memory of its processes."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.socket_path = engine.socket_path
        self._http = Http(engine.socket_path)

    def argv(self, *words: str) -> list[str]:
        """The command line of one client call."""
        return ["docker", "-H", f"unix://{self.socket_path}", *words]

    def docker(self, *words: str) -> str:
        """Run one client call to its success."""
        done = subprocess.run(self.argv(*words), capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise RuntimeError(f"{self.name}: docker {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def sleeper(self, name: str) -> str:
        """A container of this name that runs."""
        if name not in self.names(name):
            self.docker("run", "-d", "--name", name, IMAGE, "sleep", "100000")
        return name

    def names(self, prefix: str) -> list[str]:
        """The containers whose name begins so."""
        found = self._http("GET", "/containers/json?all=1").json()
        assert isinstance(found, list)
        names = [str(one["Names"][0]).lstrip("/") for one in found]
        return [name for name in names if name.startswith(prefix)]

    def remove(self, names: Sequence[str]) -> None:
        """Remove containers."""
        if names:
            self.docker("rm", "-f", *names)

    def clear(self) -> None:
        """Remove what the measurements made."""
        self.remove(self.names("wb-"))

    def pss_bytes(self) -> int:
        """The engine's memory: what is shared counted by share."""
        return sum(_pss(pid) for pid in self.processes())

    @abc.abstractmethod
    def processes(self) -> list[int]:
        """The engine's own processes, without those of the containers."""

    def log_bytes(self, path: str) -> int:
        """The size of a log file as the engine names it."""
        return os.stat(self.see(path)).st_size

    def log_bytes_a_line(self, path: str) -> int:
        """How much of a log file one line takes."""
        with open(self.see(path), "rb") as file:
            return len(file.readline())

    def see(self, path: str) -> str:
        """A path of the engine's as seen from here."""
        return path


class OtherSide(Side):
    """A Docker that runs already, with its containerd and shims."""

    def __init__(self, host: str, home: Path) -> None:
        engine = Engine(host.removeprefix("unix://"), home)
        engine.provide_image()
        super().__init__("docker", engine)
        self._daemon = _listener(self.socket_path)
        chosen = re.search(r"--containerd-namespace[ =](\S+)", _command(self._daemon))
        self._namespace = chosen[1] if chosen else "moby"

    def processes(self) -> list[int]:
        """The daemon and its children (containerd, proxies), and the shims, which have left that family."""
        family = _below(self._daemon)
        if not any("containerd" in _command(pid) for pid in family[1:]):  # one that the host's init started
            family += [pid for pid in _all() if re.match(r"\S*/containerd( |$)", _command(pid))]
        shim = re.compile(rf"\S*containerd-shim-\S+ -namespace {re.escape(self._namespace)} ")
        return [*family, *(pid for pid in _all() if shim.match(_command(pid)))]

    def see(self, path: str) -> str:
        """The daemon may have a root of its own."""
        return f"/proc/{self._daemon}/root{path}"


class OwnSide(Side):
    """A wharfd in a sandbox."""

    def __init__(self, engine: OwnEngine) -> None:
        super().__init__("wharf", engine)
        self._engine = engine

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator["OwnSide"]:
        """From start to end."""
        with OwnEngine.running("bench") as engine:
            yield cls(engine)

    def processes(self) -> list[int]:
        """wharfd, spawner and shims."""
        return [pid for pid in self._engine.sandbox.processes() if not _is_contained(pid)]


def _listener(path: str) -> int:
    """The process that listens on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
        link.connect(path)
        pid: int = struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        return pid


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _below(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += _below(int(child))
    return found


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return ""


def _is_contained(pid: int) -> bool:
    """Whether a process is in a pid namespace of its own, as every container is."""
    with contextlib.suppress(OSError):
        return os.stat(f"/proc/{pid}/ns/pid").st_ino != os.stat("/proc/self/ns/pid").st_ino
    return True


def _pss(pid: int) -> int:
    with contextlib.suppress(OSError):
        found = re.search(r"^Pss: +(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        return int(found[1]) * 1024 if found else 0
    return 0
