"""Answers recorded on dockerd 28.5 come out of our structs byte for byte as they went in.

So every member has its name, its place, and its zero value: null, [], {} or left out.
"""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from wharf.schema.container import ContainerInspect, ContainerSummary, ContainerTop, FilesystemChange
from wharf.schema.event import EventMessage
from wharf.schema.exec_ import ExecInspect
from wharf.schema.image import HistoryItem, ImageInspect, ImageSummary
from wharf.schema.network import NetworkInspect
from wharf.schema.struct import encode
from wharf.schema.system import DiskUsage, SystemInfo, SystemVersion
from wharf.schema.volume import Volume, VolumeList

ANSWERS = Path(__file__).parent / "answers"
KINDS = {
    "changes": list[FilesystemChange],
    "container-created": ContainerInspect,
    "container-running": ContainerInspect,
    "containers": list[ContainerSummary],
    "df": DiskUsage,
    "event": EventMessage,
    "exec": ExecInspect,
    "history": list[HistoryItem],
    "image": ImageInspect,
    "images": list[ImageSummary],
    "info": SystemInfo,
    "network": NetworkInspect,
    "top": ContainerTop,
    "version": SystemVersion,
    "volume": Volume,
    "volumes": VolumeList,
}


@pytest.mark.parametrize("name", sorted(path.stem for path in ANSWERS.glob("*.json")))
def test_a_recorded_answer_comes_out_as_it_went_in(name: str) -> None:
    kind: Any = KINDS[name]
    recorded = (ANSWERS / f"{name}.json").read_bytes()
    assert encode(msgspec.json.decode(recorded, type=kind)) + b"\n" == recorded
