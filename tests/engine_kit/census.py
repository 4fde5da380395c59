"""The census: everything an engine could leave behind, counted from outside.

Mounts in every mount namespace, network links, addresses, routes and nftables objects, cgroups, processes,
folders and files, descriptors. Two of them must be equal before and after whatever was done and undone.
Also a program: `census.py take --pid PID --root DIR…` prints one as JSON,
`census.py diff BEFORE AFTER` compares two.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

from engine_kit import nftables
from engine_kit.sandbox import hierarchies, network_of

Census = dict[str, list[str]]

_ITS_OWN = re.compile(r"/engine\.db(-wal|-shm)?$|/tmp/empty$")
"""What the engine makes when it first needs it, and keeps."""


def take(
    *,
    roots: Sequence[Path],
    cgroups: Sequence[Path] = (),
    pids: Iterable[int] = (),
    engine: int | None = None,
    network: int | None = None,
) -> Census:
    """Count what belongs to the engine with these roots.

    `cgroups` are the folders below which its cgroups lie, `pids` its processes, `engine` the daemon whose
    descriptors are counted, `network` a process in its network namespace.
    """
    counted: Census = {
        "mounts": _mounts(roots),
        "processes": sorted({_describe(pid) for pid in {*pids, *_mentioning(roots)} if _is_there(pid)}),
        "cgroups": sorted(
            str(path) for top in cgroups for path in top.rglob("*") if path.is_dir() and not path.is_symlink()
        ),
        "files": sorted(_files(roots)),
    }
    if engine is not None:
        counted["descriptors"] = _descriptors(engine)
    if network is not None:
        counted |= _network(network)
    return counted


def difference(before: Census, after: Census) -> list[str]:
    """A line for each thing that came (+) or went (-); empty when the two are equal."""
    lines = []
    for category in sorted({*before, *after}):
        old, new = Counter(before.get(category, ())), Counter(after.get(category, ()))
        lines += [f"+ {category}: {one}" for one in (new - old).elements()]
        lines += [f"- {category}: {one}" for one in (old - new).elements()]
    return lines


def _mounts(roots: Sequence[Path]) -> list[str]:
    """Mounts that mention a root, of every mount namespace that some process is in."""
    seen: dict[int, list[str]] = {}
    for process in _processes():
        with contextlib.suppress(OSError):
            inode = os.stat(f"/proc/{process}/ns/mnt").st_ino
            if inode not in seen:
                seen[inode] = Path(f"/proc/{process}/mountinfo").read_text().splitlines()
    found = []
    for lines in seen.values():
        for line in lines:
            if any(str(root) in line for root in roots):
                fields, _, rest = line.partition(" - ")
                found.append(f"{fields.split()[4]} {rest.split()[0]}")
    return sorted(found)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _mentioning(roots: Sequence[Path]) -> list[int]:
    """Processes that have a root in their command line or are rooted in one."""
    found = []
    for pid in _processes():
        if pid in (os.getpid(), os.getppid()):
            continue
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
            if any(str(root).encode() in line for root in roots):
                found.append(pid)
    return found


def _is_there(pid: int) -> bool:
    return os.path.exists(f"/proc/{pid}")


def _describe(pid: int) -> str:
    """The command line, without what differs from one start to the next."""
    with contextlib.suppress(OSError):
        words = (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        )
        name = Path(f"/proc/{pid}/comm").read_text().strip()
        return f"{name}: {words}"
    return "gone"


def _files(roots: Sequence[Path]) -> Iterable[str]:
    """Every path below the roots, sockets and folders too."""
    for root in roots:
        for folder, folders, files in os.walk(root):
            for name in (*folders, *files):
                path = os.path.join(folder, name)
                if not _ITS_OWN.search(path):
                    yield path
            if re.search(r"/snapshots/[^/]+$", folder):  # a layer's content is its image's business
                folders.clear()


def _descriptors(pid: int) -> list[str]:
    """The daemon's descriptors by what they are; numbers of pipes and sockets do not matter."""
    found = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            found.append(re.sub(r"\[?\d+\]?", "N", os.readlink(f"/proc/{pid}/fd/{name}")))
    return sorted(found)


def _network(pid: int) -> Census:
    """Links, addresses, routes and nftables objects where `pid` is."""
    counted: Census = {}
    failed: list[BaseException] = []

    def look() -> None:
        try:
            with network_of(pid):
                counted["links"] = sorted(name for _, name in socket.if_nameindex())
                counted["nftables"] = nftables.objects()
        except BaseException as error:
            failed.append(error)

    looking = threading.Thread(target=look)  # a namespace is entered by one thread, and that thread ends
    looking.start()
    looking.join()
    if failed:
        raise failed[0]
    trie = Path(f"/proc/{pid}/net/fib_trie").read_text()
    counted["addresses"] = sorted(set(re.findall(r"\|-- (\S+)\n\s+/32 host LOCAL", trie)))
    counted["routes"] = sorted(
        " ".join(line.split()[:3]) for line in Path(f"/proc/{pid}/net/route").read_text().splitlines()[1:]
    )
    return counted


def main() -> int:
    """The program around `take` and `difference`."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    taking = verbs.add_parser("take")
    taking.add_argument("--root", type=Path, action="append", default=[])
    taking.add_argument("--pid", type=int, help="the engine")
    taking.add_argument("--cgroup", default="docker", help="folder in each hierarchy")
    comparing = verbs.add_parser("diff")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    chosen = parser.parse_args()
    if chosen.verb == "take":
        cgroups = [Path(one.path, chosen.cgroup) for one in hierarchies()]
        counted = take(roots=chosen.root, cgroups=cgroups, engine=chosen.pid, network=chosen.pid)
        json.dump(counted, sys.stdout, indent=1)
        return 0
    lines = difference(json.loads(chosen.before.read_text()), json.loads(chosen.after.read_text()))
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
