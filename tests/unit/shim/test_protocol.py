"""What is ill-typed is refused."""

import json
from pathlib import Path

import pytest

from wharf import errors
from wharf.linux.seqpacket import ProtocolError
from wharf.shim import protocol
from wharf.shim.protocol import Attach, Execution

GOOD: dict[str, object] = {
    "stdin": True,
    "stdout": True,
    "stderr": False,
    "detach_keys": [16, 17],
    "framed": True,
}


def test_a_client_is_parsed() -> None:
    assert Attach.parse(GOOD) == Attach(True, True, False, b"\x10\x11", True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stdin", 1),
        ("stdout", None),
        ("framed", "yes"),
        ("detach_keys", "ab"),
        ("detach_keys", [256]),
        ("detach_keys", [-1]),
        ("detach_keys", [True]),
        ("detach_keys", [1.0]),
    ],
)
def test_an_ill_typed_field_is_refused(name: str, value: object) -> None:
    with pytest.raises(ProtocolError, match=name):
        Attach.parse({**GOOD, name: value})


@pytest.mark.parametrize("name", list(GOOD))
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError, match=name):
        Attach.parse({key: value for key, value in GOOD.items() if key != name})


def test_an_execution_needs_a_process_object() -> None:
    with pytest.raises(ProtocolError, match="process"):
        Execution.parse({**GOOD, "exec": "e", "process": []})


def test_errors_travel_as_the_nearest_kind_with_their_errno() -> None:
    class Ours(errors.Conflict):
        pass

    error = Ours("taken")
    error.__cause__ = FileExistsError(17, "File exists")
    assert protocol.describe(error) == {"kind": "Conflict", "message": "taken", "errno": 17}
    refused = PermissionError(13, "Permission denied", "/x")
    assert protocol.describe(refused) == {
        "kind": "Internal",
        "message": "[Errno 13] Permission denied: '/x'",
        "errno": 13,
    }


CONFIG: dict[str, object] = {
    "id": "c",
    "root": [],
    "tty": False,
    "open_stdin": False,
    "stdin_once": False,
    "log": {"driver": "json-file", "path": "/log", "max_size": 0, "max_file": 1},
}


@pytest.mark.parametrize(
    "change",
    [
        {"tty": 1},
        {"root": {}},
        {"id": None},
        {"log": {"driver": "syslog"}},
        {"log": {"driver": "json-file", "path": "/log", "max_size": "10m", "max_file": 1}},
    ],
)
def test_an_ill_typed_bundle_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "shim.json").write_text(json.dumps({**CONFIG, **change}))
    with pytest.raises(errors.InvalidParameter, match=r"shim\.json"):
        protocol.read_bundle(str(tmp_path))


def test_a_bundle_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.InvalidParameter, match=r"shim\.json"):
        protocol.read_bundle(str(tmp_path))
