"""The image `busybox` made on the spot from Debian's static busybox, where no registry can be reached.

One layer: the program, a link for each of its applets, and the few folders and files that programs expect.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from wharf.cli.errors import CliError
from wharf.cli.output.progress import discard
from wharf.cli.output.tar import TarWriter
from wharf.cli.session import Session
from wharf.client import images

PROGRAMS = ("/bin/busybox", "/usr/bin/busybox")
_PACKAGE = "busybox-static"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PT_INTERP = 3

_FOLDERS = (
    ("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755), ("lib", 0o755), ("proc", 0o755),
    ("root", 0o700), ("sbin", 0o755), ("sys", 0o755), ("tmp", 0o1777), ("usr", 0o755), ("usr/bin", 0o755),
    ("usr/sbin", 0o755), ("var", 0o755), ("var/spool", 0o755), ("var/spool/mail", 0o755), ("var/www", 0o755),
)  # fmt: skip
_ACCOUNTS = (
    "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "bin:x:2:2:bin:/bin:/bin/false\n"
    "www-data:x:33:33:www-data:/var/www:/bin/false\n"
    "nobody:x:65534:65534:nobody:/home:/bin/false\n"
)
_GROUPS = (
    "root:x:0:\ndaemon:x:1:\nbin:x:2:\nsys:x:3:\nadm:x:4:\ntty:x:5:\ndisk:x:6:\nwheel:x:10:\n"
    "www-data:x:33:\nutmp:x:43:\nstaff:x:50:\nusers:x:100:\nnobody:x:65534:\n"
)


def make_busybox(session: Session) -> None:
    """Make `busybox:latest` in the engine and say on stderr where it came from.

    Raises:
        CliError: there is no static busybox here.
        ClientError: the engine did not take it.
    """
    program = find_program()
    version = _output(["dpkg-query", "-W", "-f", "${Version}", _PACKAGE])
    source = f"{_PACKAGE} {version}".strip()
    archive = root_archive(program, _output([program, "--list"]).split())
    changes = ['CMD ["sh"]', f"ENV PATH={_PATH}"]
    discard(
        images.import_archive(
            session.engine,
            "-",
            archive,
            repository="busybox",
            tag_name="latest",
            message=f"from {source}",
            changes=changes,
        )
    )
    session.warn(f"wharf: no registry answers; made busybox:latest from this host's {source} ({program})")


def find_program() -> str:
    """Return the path of a busybox that needs no libraries.

    Raises:
        CliError: there is none.
    """
    for path in PROGRAMS:
        if os.access(path, os.X_OK) and is_static(path):
            return path
    raise CliError(
        "no registry answers, and this host has no static busybox to make the image from: "
        f"install the package {_PACKAGE}"
    )


def is_static(path: str) -> bool:
    """Return whether the ELF file (elf(5)) at `path` asks for no interpreter, so needs nothing but itself."""
    with open(path, "rb") as file:
        header = file.read(64)
        if len(header) < 64 or header[:4] != b"\x7fELF" or header[4] != 2:
            return False
        order = "little" if header[5] == 1 else "big"
        start = int.from_bytes(header[32:40], order)  # type: ignore[arg-type]  # little or big
        size = int.from_bytes(header[54:56], order)  # type: ignore[arg-type]
        count = int.from_bytes(header[56:58], order)  # type: ignore[arg-type]
        file.seek(start)
        table = file.read(size * count)
    kinds = (table[at : at + 4] for at in range(0, len(table), size or 1))
    return all(int.from_bytes(kind, order) != _PT_INTERP for kind in kinds)  # type: ignore[arg-type]


def root_archive(program: str, applets: list[str]) -> Iterator[bytes]:
    """Yield a tar archive of the root file system; everything has the date of `program`."""
    with open(program, "rb") as file:
        content = file.read()
    tar = TarWriter(int(os.stat(program).st_mtime))
    for name, mode in _FOLDERS:
        yield tar.folder(name, mode)
    yield tar.file("bin/busybox", 0o755, content)
    for applet in sorted(set(applets) - {"busybox"}):
        yield tar.hard_link(f"bin/{applet}", "bin/busybox")
    yield tar.symbolic_link("usr/bin/env", "/bin/env")
    yield tar.file("etc/passwd", 0o644, _ACCOUNTS.encode())
    yield tar.file("etc/group", 0o644, _GROUPS.encode())
    yield tar.end()


def _output(command: list[str]) -> str:
    """Return what a program prints; nothing if it is not there or fails."""
    reads, writes = os.pipe2(os.O_CLOEXEC)
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, writes, 1),
        (os.POSIX_SPAWN_OPEN, 2, "/dev/null", os.O_WRONLY, 0),
    ]
    try:
        child = os.posix_spawnp(command[0], command, dict(os.environ), file_actions=actions)
    except FileNotFoundError:
        os.close(reads)
        return ""
    finally:
        os.close(writes)
    with open(reads, "rb") as pipe:
        printed = pipe.read()
    _, status = os.waitpid(child, 0)
    return printed.decode("utf-8", "replace").strip() if status == 0 else ""
