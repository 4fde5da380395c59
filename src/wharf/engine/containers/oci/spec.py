"""The whole OCI configuration of one start of a container."""

import os
from collections.abc import Collection, Sequence
from typing import NamedTuple

from wharf.engine.containers.oci import defaults, mounts, process, resources
from wharf.engine.containers.oci.devices import host_devices
from wharf.engine.containers.seccomp_profile import default_profile, profile_from_docker_json
from wharf.engine.errors import NotYet
from wharf.errors import InvalidParameter
from wharf.runtime.spec import OCI_VERSION, Linux, LinuxSeccomp, Mount, Namespace, Spec
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

SHARED_WITH_HOST = "host"


class Files(NamedTuple):
    """The files the engine makes for a container, as paths on the host."""

    resolv_conf: str
    hostname: str
    hosts: str

    def mounts(self) -> list[Mount]:
        """Return the binds that lay them over the container's own."""
        places = (
            ("/etc/resolv.conf", self.resolv_conf),
            ("/etc/hostname", self.hostname),
            ("/etc/hosts", self.hosts),
        )
        return [
            {"destination": where, "type": "bind", "source": source, "options": ["rbind", "rprivate"]}
            for where, source in places
        ]


class Subject(NamedTuple):
    """What a configuration is made of."""

    id: str
    config: ContainerConfig
    host: HostConfig
    args: Sequence[str]
    files: Files
    cgroup_parent: str
    cgroup_mode: str
    available_capabilities: Sequence[str]


def _is_host(mode: str | None) -> bool:
    return mode == SHARED_WITH_HOST


def namespaces(host: HostConfig, cgroup_mode: str) -> list[Namespace]:
    """Return the namespaces to make; one shared with the host is simply absent."""
    wanted: list[Namespace] = [{"type": "mount"}]
    for kind, mode in (("network", host.network_mode), ("uts", host.uts_mode), ("pid", host.pid_mode)):
        if (mode or "").startswith("container:"):
            raise NotYet(f"sharing the {kind} namespace of another container")
        if not _is_host(mode):
            wanted.append({"type": kind})  # type: ignore[typeddict-item]  # one of the literal's words
    if (host.ipc_mode or "").startswith("container:"):
        raise NotYet("sharing the ipc namespace of another container")
    if not _is_host(host.ipc_mode):
        wanted.append({"type": "ipc"})
    if (host.cgroupns_mode or ("private" if cgroup_mode == "v2" else "host")) == "private":
        wanted.append({"type": "cgroup"})
    return wanted


def _seccomp(host: HostConfig, capabilities: Collection[str]) -> LinuxSeccomp | None:
    for option in host.security_opt or ():
        name, _, value = option.replace(":", "=", 1).partition("=")
        if name == "seccomp" and value == "unconfined":
            return None
        if name == "seccomp" and value != "builtin":
            return profile_from_docker_json(value, capabilities)
    return None if host.privileged else default_profile(capabilities)


def check_security_options(host: HostConfig) -> None:
    """Refuse what `--security-opt` may not say."""
    for option in host.security_opt or ():
        name, separator, value = option.replace(":", "=", 1).partition("=")
        if name == "no-new-privileges" and value in {"", "true", "false", "0", "1"}:
            continue
        if not separator:
            raise InvalidParameter(f'invalid --security-opt 1: "{option}"')
        if name == "seccomp" or (name == "systempaths" and value == "unconfined"):
            continue
        if name in {"apparmor", "label", "writable-cgroups"}:
            if (name, value) in {("apparmor", "unconfined"), ("label", "disable")}:
                continue
            raise NotYet(f"--security-opt {name}")
        raise InvalidParameter(f'invalid --security-opt 2: "{option}"')


def build(subject: Subject) -> Spec:
    """Return the OCI configuration of `subject`."""
    config, host = subject.config, subject.host
    capabilities = process.capability_names(host, available=subject.available_capabilities)
    hostname = os.uname().nodename if _is_host(host.uts_mode) else config.hostname
    own_network = not _is_host(host.network_mode)
    standard = defaults.mounts(
        shm_size=host.shm_size or defaults.SHM_SIZE,
        privileged=host.privileged,
        ipc_host=_is_host(host.ipc_mode),
    )
    users = [mount.oci() for mount in mounts.user_mounts(host)]
    linux: Linux = {
        "namespaces": namespaces(host, subject.cgroup_mode),
        "resources": resources.resources(host),
        "cgroupsPath": f"{subject.cgroup_parent}/{subject.id}",
        "sysctl": {**(defaults.SYSCTLS if own_network else {}), **(host.sysctls or {})},
    }
    if host.privileged:
        linux["devices"] = host_devices()
    else:
        linux["maskedPaths"] = list(host.masked_paths or ())
        linux["readonlyPaths"] = list(host.readonly_paths or ())
    if seccomp := _seccomp(host, capabilities):
        linux["seccomp"] = seccomp
    if propagation := _root_propagation(host):
        linux["rootfsPropagation"] = propagation
    spec: Spec = {
        "ociVersion": OCI_VERSION,
        "process": process.process(
            config,
            host,
            args=subject.args,
            env=process.environment(config, hostname),
            capabilities=capabilities,
        ),
        "root": {"path": "rootfs", "readonly": host.readonly_rootfs},
        "mounts": mounts.overlay(standard, mounts.overlay(subject.files.mounts(), users)),
        "linux": linux,
    }
    if not _is_host(host.uts_mode):
        spec["hostname"] = hostname
        if config.domainname:
            spec["domainname"] = config.domainname
    return spec


def _root_propagation(host: HostConfig) -> str | None:
    """A bind that shares its mounts needs a root that lets them through."""
    asked = {mount.propagation for mount in mounts.user_mounts(host)}
    if asked & {"shared", "rshared"}:
        return "shared"
    return "slave" if asked & {"slave", "rslave"} else None
