"""`system info`, `info`: what the engine says about itself and its host."""

from __future__ import annotations

from wharf import __version__
from wharf.cli.command import Command
from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.format_flag import INSPECT_FORMAT
from wharf.cli.output.units import bytes_size
from wharf.client import system
from wharf.client.errors import ClientError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wharf.cli.session import Session


class _Report:
    """Lines of the report, each at its depth."""

    def __init__(self, info: dict[str, Any]) -> None:
        self._info = info
        self.lines: list[str] = []

    def line(self, depth: int, title: str, value: object = "") -> None:
        shown = ("true" if value else "false") if isinstance(value, bool) else value
        self.lines.append(f"{' ' * depth}{title}: {shown}")

    def field(self, title: str, key: str, *, depth: int = 1) -> None:
        """Print a field, if it says anything."""
        if value := self._info.get(key):
            self.line(depth, title, value)

    def listing(self, title: str, values: list[str] | None) -> None:
        if values:
            self.lines.append(f" {title}:")
            self.lines += [f"  {value}" for value in values]


def _text(info: dict[str, Any]) -> str:
    report = _Report(info)
    report.line(1, "Containers", info.get("Containers", 0))
    for key in ("Running", "Paused", "Stopped"):
        report.line(2, key, info.get(f"Containers{key}", 0))
    report.line(1, "Images", info.get("Images", 0))
    report.field("Server Version", "ServerVersion")
    if info.get("Driver"):
        report.line(1, "Storage Driver", info["Driver"])
        for name, value in info.get("DriverStatus") or []:
            report.line(2, name, value)
    report.field("Logging Driver", "LoggingDriver")
    report.field("Cgroup Driver", "CgroupDriver")
    report.field("Cgroup Version", "CgroupVersion")
    _plugins(report, info.get("Plugins") or {})
    report.listing("CDI spec directories", info.get("CDISpecDirs"))
    _swarm(report, info.get("Swarm") or {})
    if runtimes := info.get("Runtimes"):
        report.line(1, "Runtimes", " ".join(sorted(runtimes)))
        report.line(1, "Default Runtime", info.get("DefaultRuntime", ""))
    _programs(report, info)
    _security(report, info.get("SecurityOptions") or [])
    report.field("Kernel Version", "KernelVersion")
    report.field("Operating System", "OperatingSystem")
    report.field("OSType", "OSType")
    report.field("Architecture", "Architecture")
    report.line(1, "CPUs", info.get("NCPU", 0))
    report.line(1, "Total Memory", bytes_size(info.get("MemTotal", 0)))
    report.field("Name", "Name")
    report.field("ID", "ID")
    report.field("Docker Root Dir", "DockerRootDir")
    report.line(1, "Debug Mode", bool(info.get("Debug")))
    if info.get("Debug"):
        report.line(2, "File Descriptors", info.get("NFd", 0))
        report.line(2, "Goroutines", info.get("NGoroutines", 0))
        report.line(2, "System Time", info.get("SystemTime", ""))
        report.line(2, "EventsListeners", info.get("NEventsListener", 0))
    report.field("HTTP Proxy", "HttpProxy")
    report.field("HTTPS Proxy", "HttpsProxy")
    report.field("No Proxy", "NoProxy")
    report.listing("Labels", info.get("Labels"))
    report.line(1, "Experimental", bool(info.get("ExperimentalBuild")))
    _registries(report, info.get("RegistryConfig") or {})
    report.line(1, "Live Restore Enabled", bool(info.get("LiveRestoreEnabled")))
    report.field("Product License", "ProductLicense")
    if pools := info.get("DefaultAddressPools"):
        report.lines.append(" Default Address Pools:")
        report.lines += [f"   Base: {pool['Base']}, Size: {pool['Size']}" for pool in pools]
    if firewall := info.get("FirewallBackend"):
        report.line(1, "Firewall Backend", firewall.get("Driver", ""))
    return "\n".join(report.lines)


def _plugins(report: _Report, plugins: dict[str, Any]) -> None:
    report.lines.append(" Plugins:")
    for kind in ("Volume", "Network", "Authorization", "Log"):
        names = plugins.get(kind)
        if names or kind in ("Volume", "Network", "Log"):
            report.line(2, kind, " ".join(names or []))


def _swarm(report: _Report, swarm: dict[str, Any]) -> None:
    report.line(1, "Swarm", swarm.get("LocalNodeState") or "inactive")
    if swarm.get("LocalNodeState") in (None, "", "inactive", "locked"):
        return
    report.line(2, "NodeID", swarm.get("NodeID", ""))
    if swarm.get("Error"):
        report.line(2, "Error", swarm["Error"])
    report.line(2, "Is Manager", bool(swarm.get("ControlAvailable")))
    report.line(2, "Node Address", swarm.get("NodeAddr", ""))


def _programs(report: _Report, info: dict[str, Any]) -> None:
    if info.get("OSType") != "linux":
        return
    report.line(1, "Init Binary", info.get("InitBinary", ""))
    for title, key in (("containerd", "Containerd"), ("runc", "Runc"), ("init", "Init")):
        report.line(1, f"{title} version", (info.get(f"{key}Commit") or {}).get("ID", ""))


def _security(report: _Report, options: list[str]) -> None:
    if not options:
        return
    report.lines.append(" Security Options:")
    for option in options:
        # Old engines say a name alone, others name=…,key=value,….
        pairs = [pair.partition("=")[::2] for pair in option.split(",")]
        if len(pairs) == 1 and not pairs[0][1]:
            report.lines.append(f"  {option}")
            continue
        for key, value in pairs:
            if key == "name":
                report.lines.append(f"  {value}")
            else:
                report.line(3, key.capitalize(), value)


def _registries(report: _Report, registries: dict[str, Any]) -> None:
    insecure = [
        name for name, index in (registries.get("IndexConfigs") or {}).items() if not index.get("Secure")
    ]
    ranges = registries.get("InsecureRegistryCIDRs") or []
    report.listing("Insecure Registries", [*insecure, *ranges])
    report.listing("Registry Mirrors", registries.get("Mirrors"))


def run(session: Session, parsed: Parsed) -> None:
    """Print the client's part, then the engine's; without an engine, why."""
    info: dict[str, Any] = {}
    failure: ClientError | None = None
    try:
        info = system.info(session.engine)
    except ClientError as error:
        failure = error
    client = {
        "Debug": session.settings.debug,
        "Context": session.context_name,
        "Plugins": [],
        "Warnings": None,
    }
    if layout := parsed.text("format"):
        from wharf.cli.output.formatted import print_formatted

        print_formatted(layout, {**info, "ClientInfo": client})
    else:
        debug = "true" if session.settings.debug else "false"
        print(f"Client: Wharf\n Version:    {__version__}\n Context:    {client['Context']}")
        print(f" Debug Mode: {debug}\n")
        print("Server:")
        if info:
            print(_text(info))
            print()
            for warning in info.get("Warnings") or []:
                session.warn(str(warning))
    if failure is not None:
        if not parsed.text("format"):
            session.warn(f"ERROR: {failure}")
            raise CliError("errors pretty printing info")
        raise failure


COMMAND = Command("[OPTIONS]", run, most=0, flags=(INSPECT_FORMAT,))
