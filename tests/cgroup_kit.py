"""A folder that stands in for a cgroup: control files are plain files, and every write to them is kept."""

from collections.abc import Callable
from pathlib import Path

import pytest

from wharf.linux.cgroup import directory

Writes = list[tuple[str, str]]


def recorded(monkeypatch: pytest.MonkeyPatch, refuse: Callable[[str, str], None] | None = None) -> Writes:
    """Return the list of (file, value) that writes go to from now on; `refuse` may raise for one."""
    writes: Writes = []
    genuine = directory.write

    def write(folder: str, name: str, *values: str | int) -> None:
        for value in values:
            if refuse is not None:
                refuse(name, str(value))
            genuine(folder, name, value)
            writes.append((name, str(value)))

    monkeypatch.setattr(directory, "write", write)
    return writes


def fake(folder: Path, **files: str) -> str:
    """Make control files in `folder` (`__` in a name stands for a dot) and return its path."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return str(folder)
