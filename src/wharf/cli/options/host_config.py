"""HostConfig: what a new container may use of its host."""

from __future__ import annotations

from wharf.cli.errors import CliError
from wharf.cli.flags import Parsed
from wharf.cli.options.devices import parse_devices, split_cdi
from wharf.cli.options.networking import network_mode
from wharf.cli.options.ports import Bindings
from wharf.cli.options.restart import restart_policy


def host_config(parsed: Parsed, binds: list[str], bindings: Bindings) -> dict[str, object]:
    """Return HostConfig as the flags say.

    Raises:
        CliError: in Docker's words.
    """
    _check_modes(parsed)
    restart = restart_policy(parsed.text("restart"))
    if parsed.on("rm") and restart["Name"] not in ("", "no"):
        raise CliError("conflicting options: cannot specify both --restart and --rm")
    security, masked, readonly = _security(parsed.texts("security-opt"))
    config: dict[str, object] = {
        "Binds": binds or None,
        "ContainerIDFile": parsed.text("cidfile"),
        "LogConfig": {"Type": parsed.text("log-driver"), "Config": _log_options(parsed)},
        "NetworkMode": network_mode(parsed),
        "PortBindings": bindings,
        "RestartPolicy": restart,
        "AutoRemove": parsed.on("rm"),
        "VolumeDriver": parsed.text("volume-driver"),
        "VolumesFrom": parsed.texts("volumes-from") or None,
        "ConsoleSize": [0, 0],
        "CapAdd": _capabilities(parsed.texts("cap-add")),
        "CapDrop": _capabilities(parsed.texts("cap-drop")),
        "CgroupnsMode": parsed.text("cgroupns"),
        "Dns": parsed.texts("dns"),
        "DnsOptions": parsed.texts("dns-option"),
        "DnsSearch": parsed.texts("dns-search"),
        "ExtraHosts": parsed.texts("add-host") or None,
        "GroupAdd": parsed.texts("group-add") or None,
        "IpcMode": parsed.text("ipc"),
        "Cgroup": "",
        "Links": parsed.texts("link") or None,
        "OomScoreAdj": parsed.number("oom-score-adj"),
        "PidMode": parsed.text("pid"),
        "Privileged": parsed.on("privileged"),
        "PublishAllPorts": parsed.on("publish-all"),
        "ReadonlyRootfs": parsed.on("read-only"),
        "SecurityOpt": security or None,
        "UTSMode": parsed.text("uts"),
        "UsernsMode": parsed.text("userns"),
        "ShmSize": parsed.number("shm-size"),
        "Isolation": parsed.text("isolation"),
        "MaskedPaths": masked,
        "ReadonlyPaths": readonly,
        **_resources(parsed),
    }
    optional: dict[str, object] = {
        "StorageOpt": _storage_options(parsed.texts("storage-opt")),
        "Tmpfs": _tmpfs(parsed.texts("tmpfs")),
        "Sysctls": _table(parsed.items("sysctl")),
        "Annotations": _table(parsed.items("annotation")),
        "Runtime": parsed.text("runtime"),
        "Mounts": parsed.items("mount"),
    }
    config.update({name: value for name, value in optional.items() if value})
    if "init" in parsed.changed:
        config["Init"] = parsed.on("init")
    return config


def _resources(parsed: Parsed) -> dict[str, object]:
    cdi, devices = split_cdi(parsed.texts("device"))
    requests = parsed.items("gpus")
    if cdi:
        requests = [*requests, _cdi_request(cdi)]
    return {
        "CpuShares": parsed.number("cpu-shares"),
        "Memory": parsed.number("memory"),
        "NanoCpus": parsed.number("cpus"),
        "CgroupParent": parsed.text("cgroup-parent"),
        "BlkioWeight": parsed.number("blkio-weight"),
        "BlkioWeightDevice": parsed.items("blkio-weight-device"),
        "BlkioDeviceReadBps": parsed.items("device-read-bps"),
        "BlkioDeviceWriteBps": parsed.items("device-write-bps"),
        "BlkioDeviceReadIOps": parsed.items("device-read-iops"),
        "BlkioDeviceWriteIOps": parsed.items("device-write-iops"),
        "CpuPeriod": parsed.number("cpu-period"),
        "CpuQuota": parsed.number("cpu-quota"),
        "CpuRealtimePeriod": parsed.number("cpu-rt-period"),
        "CpuRealtimeRuntime": parsed.number("cpu-rt-runtime"),
        "CpusetCpus": parsed.text("cpuset-cpus"),
        "CpusetMems": parsed.text("cpuset-mems"),
        "Devices": parse_devices(devices),
        "DeviceCgroupRules": parsed.texts("device-cgroup-rule") or None,
        "DeviceRequests": requests or None,
        "MemoryReservation": parsed.number("memory-reservation"),
        "MemorySwap": parsed.number("memory-swap"),
        "MemorySwappiness": parsed.number("memory-swappiness"),
        "OomKillDisable": parsed.on("oom-kill-disable"),
        "PidsLimit": parsed.number("pids-limit"),
        "Ulimits": _ulimits(parsed.items("ulimit")),
        "CpuCount": parsed.number("cpu-count"),
        "CpuPercent": parsed.number("cpu-percent"),
        "IOMaximumIOps": parsed.number("io-maxiops"),
        "IOMaximumBandwidth": parsed.number("io-maxbandwidth"),
    }


def _capabilities(names: list[str]) -> list[str] | None:
    """Return capabilities as the engine names them: CAP_NET_ADMIN for net_admin."""
    plain = {name.strip().upper() for name in names}
    return (
        sorted(name if name.startswith("CAP_") or name == "ALL" else f"CAP_{name}" for name in plain) or None
    )


def _cdi_request(names: list[str]) -> dict[str, object]:
    return {"Driver": "cdi", "Count": 0, "DeviceIDs": names, "Capabilities": None, "Options": None}


def _ulimits(items: list[object]) -> list[object]:
    """Return the limits by name; the last of a name counts."""
    by_name: dict[str, object] = {}
    for item in items:
        assert isinstance(item, dict)
        by_name[item["Name"]] = item
    return [by_name[name] for name in sorted(by_name)]


def _table(items: list[object]) -> dict[str, str]:
    table: dict[str, str] = {}
    for item in items:
        assert isinstance(item, tuple)
        table[item[0]] = item[1]
    return table


def _check_modes(parsed: Parsed) -> None:
    pid = parsed.text("pid")
    container = pid.removeprefix("container:")
    if pid not in ("", "host") and (container == pid or not container):
        raise CliError("--pid: invalid PID mode")
    for flag, allowed, words in (
        ("uts", ("", "host"), "UTS"),
        ("userns", ("", "host"), "USER"),
        ("cgroupns", ("", "private", "host"), "CGROUP"),
    ):
        if parsed.text(flag) not in allowed:
            raise CliError(f"--{flag}: invalid {words} mode")


def _log_options(parsed: Parsed) -> dict[str, str]:
    options = parsed.texts("log-opt")
    driver = parsed.text("log-driver")
    if driver == "none" and options:
        raise CliError(f"invalid logging opts for driver {driver}")
    pairs = (text.partition("=") for text in options)
    return {name: value for name, _, value in pairs}


def _storage_options(texts: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise CliError("invalid storage option")
        options[name] = value
    return options


def _tmpfs(texts: list[str]) -> dict[str, str]:
    pairs = (text.partition(":") for text in texts)
    return {path: options for path, _, options in pairs}


def _security(texts: list[str]) -> tuple[list[str], list[str] | None, list[str] | None]:
    """Return the options for the engine, and the masked and read-only paths that this side empties.

    A seccomp profile is a file here; the engine gets its content.
    """
    options: list[str] = []
    unconfined = False
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals and name != "no-new-privileges":
            name, colon, value = text.partition(":")
            if not colon:
                from wharf.cli.output.text import go_quote

                raise CliError(f"Invalid --security-opt: {go_quote(text)}")
        if name == "seccomp" and value not in ("unconfined", "builtin"):
            options.append(f"seccomp={_profile(value)}")
        elif text == "systempaths=unconfined":
            unconfined = True
        else:
            options.append(text)
    return options, [] if unconfined else None, [] if unconfined else None


def _profile(path: str) -> str:
    import json

    try:
        with open(path, encoding="utf-8") as file:
            content = file.read()
    except OSError as error:
        reason = f"open {path}: {(error.strerror or str(error)).lower()}"
        raise CliError(f"opening seccomp profile ({path}) failed: {reason}") from None
    try:
        return json.dumps(json.loads(content), separators=(",", ":"), ensure_ascii=False)
    except ValueError as error:
        raise CliError(f"compacting json for seccomp profile ({path}) failed: {error}") from None
