"""The devices of a container: `--device`, `--device-cgroup-rule`, `--gpus`.

A privileged container has all devices of the host.
"""

import os
import re
import stat
from collections.abc import Iterator
from typing import NamedTuple

from wharf.engine.containers.oci import defaults
from wharf.errors import Internal
from wharf.linux.cgroup.resources import DeviceRule
from wharf.runtime.spec import Device
from wharf.schema.host_config import DeviceMapping, DeviceRequest, HostConfig

_LEFT_OUT = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev", "console"}
"""What is the container's own, or no device."""

_RULE = re.compile(r"([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})", re.ASCII)
_RULES_BEFORE = 16
"""How many device rules runc 1.3 counts before the user's, in its message about one without access."""


class Devices(NamedTuple):
    """The nodes to make, and who may do what with which device."""

    nodes: list[Device]
    rules: list[DeviceRule]


def devices(host: HostConfig) -> Devices:
    """Return what `host` asks for; raises Internal in dockerd's words for what is not there."""
    for request in host.device_requests or ():
        raise _not_selected(request)
    if host.privileged:
        found = host_devices()
        for mapping in host.devices or ():
            if mapping.path_on_host != mapping.path_in_container:
                found += _mapped(mapping)
        return Devices(found, [{"allow": True, "access": "rwm"}])
    nodes: list[Device] = []
    rules: list[DeviceRule] = [{"allow": False, "access": "rwm"}]
    for allow, kind, major, minor in defaults.device_rules():
        rules.append({"allow": allow, "type": kind, "major": major, "minor": minor, "access": "rwm"})
    for mapping in host.devices or ():
        found = _mapped(mapping)
        nodes += found
        rules += _permissions(mapping, found, len(nodes) - len(found))
    rules += map(_cgroup_rule, host.device_cgroup_rules or ())
    return Devices(nodes, rules)


def _permissions(mapping: DeviceMapping, nodes: list[Device], before: int) -> Iterator[DeviceRule]:
    """Allow what the mapping says; letters that mean nothing to the kernel are not passed on."""
    if not mapping.cgroup_permissions:
        raise Internal(
            "failed to create task for container: failed to create shim task: OCI runtime create failed: "
            f"runc create failed: device access at {_RULES_BEFORE + before} field cannot be empty"
        )
    access = "".join(letter for letter in "rwm" if letter in mapping.cgroup_permissions)
    for node in nodes:
        if access:
            yield {
                "allow": True,
                "type": node["type"],
                "major": node["major"],
                "minor": node["minor"],
                "access": access,
            }


def _cgroup_rule(text: str) -> DeviceRule:
    found = _RULE.fullmatch(text)
    if found is None:
        raise Internal(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = found.groups()
    return {"allow": True, "type": kind, "major": _number(major), "minor": _number(minor), "access": access}


def _number(text: str) -> int:
    return -1 if text == "*" else int(text)


def _mapped(mapping: DeviceMapping) -> list[Device]:
    """Return the nodes of one `--device`: a device, a link to one, or every device below a folder."""
    source, target = mapping.path_on_host, mapping.path_in_container
    failed = f'error gathering device information while adding custom device "{source}"'
    try:
        real = os.path.realpath(source, strict=True) if os.path.islink(source) else source
        if node := _node(real, target):
            return [node]
        found = [] if not os.path.isdir(real) else list(_below(real, target))
    except (OSError, ValueError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else "invalid argument"
        raise Internal(f"{failed}: {words.lower()}") from error
    if not found:
        raise Internal(f"{failed}: not a device node")
    return found


def _below(folder: str, target: str) -> Iterator[Device]:
    for where, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(where, name)
            try:
                node = _node(path, target + path.removeprefix(folder))
            except FileNotFoundError:
                continue
            if node is not None:
                yield node


def _node(path: str, target: str) -> Device | None:
    """Return the device at `path` (a link is none), to be made at `target` with its owner and mode."""
    found = os.lstat(path)
    if not (stat.S_ISCHR(found.st_mode) or stat.S_ISBLK(found.st_mode)):
        return None
    return {
        "type": "c" if stat.S_ISCHR(found.st_mode) else "b",
        "path": target,
        "major": os.major(found.st_rdev),
        "minor": os.minor(found.st_rdev),
        "fileMode": stat.S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
    }


def _not_selected(request: DeviceRequest) -> Internal:
    """No driver of devices is registered with this engine."""
    if request.driver == "cdi":
        names = ", ".join(request.device_ids or ())
        return Internal(f"CDI device injection failed: unresolvable CDI devices {names}")
    sets = " ".join(f"[{' '.join(names)}]" for names in request.capabilities or ())
    return Internal(f'could not select device driver "{request.driver}" with capabilities: [{sets}]')


def host_devices(folder: str = "/dev") -> list[Device]:
    """Return every character and block device below `folder`, with owner and mode."""
    return list(_walk(folder, top=True))


def _walk(folder: str, *, top: bool) -> Iterator[Device]:
    for entry in sorted(os.scandir(folder), key=lambda found: found.name):
        if top and entry.name in _LEFT_OUT:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path, top=False)
            continue
        try:
            node = _node(entry.path, entry.path)
        except FileNotFoundError:
            continue
        if node is not None:
            yield node
