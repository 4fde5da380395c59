"""The busybox made here is a whole root file system, sent to the engine as an import."""

import io
import os
import stat
import struct
import tarfile
from pathlib import Path

import pytest

from cli_kit import answer, listening, wharf
from wharf.cli import local_busybox


def _elf(folder: Path, *segments: int) -> Path:
    """Return an ELF file for 64 bits with program headers of these types, and nothing in it."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    path = folder / "elf"
    path.write_bytes(header + b"".join(struct.pack("<I", kind) + bytes(52) for kind in segments))
    return path


def test_a_program_without_interpreter_is_static(tmp_path: Path) -> None:
    assert local_busybox.is_static(str(_elf(tmp_path, 1, 1, 7)))


def test_a_program_with_an_interpreter_is_not(tmp_path: Path) -> None:
    assert not local_busybox.is_static(str(_elf(tmp_path, 6, 3, 1)))


def test_a_script_is_not(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("#!/bin/sh\n" + "#" * 100)
    assert not local_busybox.is_static(str(tmp_path / "script"))


def _archive(program: Path) -> tarfile.TarFile:
    pieces = local_busybox.root_archive(str(program), ["sh", "busybox", "ls", "[", "sh"])
    return tarfile.open(fileobj=io.BytesIO(b"".join(pieces)))


def test_the_archive_has_the_program_a_link_for_each_applet_and_the_usual_folders(tmp_path: Path) -> None:
    program = _elf(tmp_path, 1)
    with _archive(program) as archive:
        names = archive.getnames()
        assert len(names) == len(set(names))
        tmp, shell = archive.getmember("tmp"), archive.getmember("bin/sh")
        assert (tmp.isdir(), stat.S_IMODE(tmp.mode)) == (True, 0o1777)
        assert (shell.islnk(), shell.linkname) == (True, "bin/busybox")
        assert "bin/[" in names
        assert archive.getmember("usr/bin/env").linkname == "/bin/env"
        busybox = archive.extractfile("bin/busybox")
        assert busybox is not None
        assert busybox.read() == program.read_bytes()
        assert archive.getmember("bin/busybox").mode == 0o755
        accounts = archive.extractfile("etc/passwd")
        assert accounts is not None
        assert accounts.read().startswith(b"root:x:0:0:root:/root:/bin/sh\n")
        assert {member.uid for member in archive.getmembers()} == {0}


def test_it_is_made_when_no_registry_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "busybox"
    program.write_bytes(_elf(tmp_path, 1).read_bytes())
    program.chmod(0o755)
    monkeypatch.setattr(local_busybox, "PROGRAMS", (str(program),))
    monkeypatch.setattr(local_busybox, "_output", lambda words: "sh\nls" if "--list" in words else "1:1.37")
    missing = answer(404, {"message": "No such image: busybox:latest"})
    unreachable = answer(500, {"message": "dial tcp: lookup: no such host"})
    made = answer(200, {"status": "sha256:1"})
    created = answer(201, {"Id": "c1", "Warnings": []})
    with listening(tmp_path, [missing, unreachable, made, created]) as engine:
        ran = wharf("-H", engine.host, "create", "busybox")
    assert ran.status == 0
    assert ran.stdout == "c1\n"
    assert ran.stderr == (
        "Unable to find image 'busybox:latest' locally\n"
        "wharf: no registry answers; made busybox:latest from this host's busybox-static 1:1.37 "
        f"({program})\n"
    )
    request = engine.requests[2]
    assert request.method == "POST"
    assert "/images/create?changes=CMD%20%5B%22sh%22%5D&changes=ENV%20PATH" in request.path
    assert request.path.endswith(
        "&fromSrc=-&message=from%20busybox-static%201%3A1.37&repo=busybox&tag=latest"
    )
    with tarfile.open(fileobj=io.BytesIO(request.body)) as archive:
        assert "bin/ls" in archive.getnames()


def test_without_the_package_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_busybox, "PROGRAMS", (str(tmp_path / "nosuch"),))
    unreachable = answer(503, {"message": "pulling an image is not supported by this engine yet"})
    with listening(tmp_path, [unreachable]) as engine:
        ran = wharf("-H", engine.host, "pull", "-q", "busybox")
    assert ran.status == 1
    assert "install the package busybox-static" in ran.stderr


def test_another_image_is_not_made(tmp_path: Path) -> None:
    unreachable = answer(500, {"message": "dial tcp: no such host"})
    with listening(tmp_path, [unreachable]) as engine:
        ran = wharf("-H", engine.host, "pull", "busybox:1.36")
    assert (ran.status, ran.stderr) == (1, "Error response from daemon: dial tcp: no such host\n")


def test_a_refusal_by_the_registry_stands(tmp_path: Path) -> None:
    refused = answer(404, {"message": "pull access denied for busybox"})
    with listening(tmp_path, [refused]) as engine:
        ran = wharf("-H", engine.host, "pull", "-q", "busybox")
    assert (ran.status, ran.stderr) == (1, "Error response from daemon: pull access denied for busybox\n")
    assert os.listdir(tmp_path) == ["engine.sock"]
