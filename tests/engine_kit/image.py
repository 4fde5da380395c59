"""Images made by Python alone: a root from the host's static busybox, docker-archive files around layers.

The same input gives the same bytes, so two engines that load one give it one id.
"""

import functools
import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

IMAGE = "bb:1"
"""The name the tests' busybox has in every engine."""

_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n"
    "app:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\ndaemon:x:1:\nstaff:x:50:app\napp:x:1000:\nnogroup:x:65534:\n",
}


def busybox_path() -> str | None:
    """The host's busybox, if it is one that runs without the host's libraries."""
    path = shutil.which("busybox")
    if path is None:
        return None
    linked = subprocess.run(["ldd", path], capture_output=True, check=False)
    return path if linked.returncode else None


def entry(name: str, *, mode: int = 0o755, kind: bytes = tarfile.DIRTYPE, link: str = "") -> tarfile.TarInfo:
    """A tar header owned by root and dated 1970."""
    header = tarfile.TarInfo(name)
    header.type, header.mode, header.linkname = kind, mode, link
    return header


def layer(parts: Iterable[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """The tar of these headers and contents."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for header, content in parts:
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return out.getvalue()


@functools.cache
def busybox_layer() -> bytes:
    """A small root file system: busybox, its names, accounts, a file that cannot be executed."""
    path = busybox_path()
    assert path is not None, "the package busybox-static is not installed"
    names = subprocess.run([path, "--list"], capture_output=True, check=True, text=True).stdout.split()
    parts = [
        (entry(folder), b"") for folder in ("bin", "dev", "etc", "home", "proc", "root", "sys", "tmp", "var")
    ]
    parts[-2][0].mode = 0o1777
    parts.append((entry("bin/busybox", kind=tarfile.REGTYPE), Path(path).read_bytes()))
    parts += [
        (entry(f"bin/{name}", kind=tarfile.SYMTYPE, link="busybox"), b"")
        for name in sorted(names)
        if name != "busybox"
    ]
    parts += [
        (entry(name, mode=0o644, kind=tarfile.REGTYPE), text.encode()) for name, text in _ACCOUNTS.items()
    ]
    parts.append((entry("etc/plain", mode=0o644, kind=tarfile.REGTYPE), b"no program\n"))
    return layer(parts)


def docker_archive(
    name: str | None, layers: Sequence[bytes], config: Mapping[str, object] | None = None
) -> bytes:
    """A tar as `docker save` writes it (manifest.json and layers), holding one image."""
    document = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "created": "2024-01-02T03:04:05Z",
            "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"], **(config or {})},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_digest(one)}" for one in layers]},
            "history": [{"created": "2024-01-02T03:04:05Z", "created_by": "tests"} for _ in layers],
        },
        sort_keys=True,
    ).encode()
    config_name = f"{_digest(document)}.json"
    manifest = [
        {
            "Config": config_name,
            "RepoTags": [name] if name else None,
            "Layers": [f"{_digest(one)}/layer.tar" for one in layers],
        }
    ]
    files = {config_name: document, **{f"{_digest(one)}/layer.tar": one for one in layers}}
    files["manifest.json"] = json.dumps(manifest).encode()
    return layer((entry(path, mode=0o644, kind=tarfile.REGTYPE), content) for path, content in files.items())


@functools.cache
def busybox_archive() -> bytes:
    """The tests' image as a docker-archive."""
    return docker_archive(IMAGE, [busybox_layer()])


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
