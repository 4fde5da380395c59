"""`version`: of the client, and of the engine and its parts."""

from __future__ import annotations

import os
import sys

from wharf import __version__
from wharf.cli.command import Command
from wharf.cli.flags import Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.client import system
from wharf.client.engine import NEWEST
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wharf.cli.session import Session
    from wharf.client.shapes import Version

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _client(session: Session, api_version: str) -> dict[str, str]:
    machine = os.uname().machine
    return {
        "Version": __version__,
        "ApiVersion": api_version,
        "DefaultAPIVersion": NEWEST,
        "PythonVersion": ".".join(map(str, sys.version_info[:3])),
        "Os": "linux",
        "Arch": _ARCHITECTURES.get(machine, machine),
        "Context": session.context_name,
    }


def _print_client(client: dict[str, str]) -> None:
    api = client["ApiVersion"]
    if api != client["DefaultAPIVersion"]:
        api += f" (downgraded from {client['DefaultAPIVersion']})"
    rows = (
        ("Version", client["Version"]),
        ("API version", api),
        ("Python version", client["PythonVersion"]),
        ("OS/Arch", f"{client['Os']}/{client['Arch']}"),
        ("Context", client["Context"]),
    )
    print("Client: Wharf")
    print("\n".join(f" {name + ':':<18} {value}" for name, value in rows))


_DETAILS = (
    ("ApiVersion", "API version"),
    ("GoVersion", "Go version"),
    ("GitCommit", "Git commit"),
    ("BuildTime", "Built"),
    ("Os", "OS/Arch"),
    ("Experimental", "Experimental"),
)
"""The details of the engine itself, in the order and with the names that Docker prints."""


def _print_server(server: Version) -> None:
    name = (server.get("Platform") or {"Name": ""})["Name"]
    print(f"\nServer: {name}" if name else "\nServer:")
    for component in server.get("Components") or []:
        print(f" {component['Name']}:")
        details = component.get("Details") or {}
        rows = [("Version", component["Version"])]
        if component["Name"] == "Engine":
            rows += [(title, _detail(details, key)) for key, title in _DETAILS if key in details]
        else:
            rows += sorted(details.items())
        print("\n".join(f"  {title + ':':<17} {value}" for title, value in rows))


def _detail(details: dict[str, str], key: str) -> str:
    value = details[key]
    if key == "ApiVersion":
        return (
            f"{value} (minimum version {details['MinAPIVersion']})" if details.get("MinAPIVersion") else value
        )
    if key == "Os":
        return f"{value}/{details.get('Arch', '')}"
    return _built(value) if key == "BuildTime" else value


def _built(text: str) -> str:
    """Return a build time as C's asctime has it; other texts as they are."""
    from datetime import datetime

    try:
        return datetime.fromisoformat(text[:19]).ctime()
    except ValueError:
        return text


def run(session: Session, parsed: Parsed) -> None:
    """Print both; the client's alone, and why, where the engine does not answer."""
    layout = parsed.text("format")
    server: Version | None = None
    failure: ClientError | None = None
    try:
        engine = session.engine
        server = system.version(engine)
        api_version = engine.version
    except ClientError as error:
        failure = error
        api_version = os.environ.get("DOCKER_API_VERSION") or NEWEST
    client = _client(session, api_version)
    if layout:
        _print_formatted(layout, {"Client": client, "Server": server})
    else:
        _print_client(client)
        if server is not None:
            _print_server(server)
    if failure is not None:
        raise failure


def _print_formatted(layout: str, value: dict[str, object]) -> None:
    from wharf.cli.output.formatted import print_formatted
    from wharf.template.values import Fields

    class Info(Fields):
        """What the template sees: a type of Docker's, whose name it says."""

        type_name = "command.versionInfo"

        def field(self, name: str, *_arguments: object) -> object:
            return value[name]

    print_formatted(layout, value if layout == "json" else Info(), name="version")


COMMAND = Command("[OPTIONS]", run, most=0, flags=(INSPECT_FORMAT,))
