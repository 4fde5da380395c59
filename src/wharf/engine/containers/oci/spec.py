"""The whole OCI configuration of one start of a container."""

import os
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from wharf.engine import docker_init
from wharf.engine.containers.oci import defaults, mounts, process, resources, security
from wharf.engine.containers.oci.devices import devices
from wharf.engine.containers.seccomp_profile import default_profile, profile_from_docker_json
from wharf.runtime.spec import OCI_VERSION, Linux, LinuxSeccomp, Mount, Namespace, NamespaceType, Spec
from wharf.schema.container import ContainerConfig
from wharf.schema.host_config import HostConfig

SHARED_WITH_HOST = "host"


class Files(NamedTuple):
    """The files the engine makes for a container, as paths on the host."""

    resolv_conf: str
    hostname: str
    hosts: str

    def mounts(self, *, readonly: bool) -> list[Mount]:
        """Return the binds that lay them over the container's own; read-only where its root is."""
        places = (
            ("/etc/resolv.conf", self.resolv_conf),
            ("/etc/hostname", self.hostname),
            ("/etc/hosts", self.hosts),
        )
        options = ["rbind", "ro"] if readonly else ["rbind"]
        return [
            {"destination": where, "type": "bind", "source": source, "options": [*options, "rprivate"]}
            for where, source in places
        ]


class Subject(NamedTuple):
    """What a configuration is made of."""

    id: str
    config: ContainerConfig
    host: HostConfig
    args: Sequence[str]
    files: Files
    mounts: Sequence[Mount]
    root_propagation: str | None
    cgroup_parent: str
    cgroup_mode: str
    available_capabilities: Sequence[str]
    docker_init: str
    """The program of `--init`, on the host."""
    joined: Mapping[str, int] = {}
    """The inits whose namespaces are joined, by namespace."""
    linked: Sequence[str] = ()
    """Variables that tell of the containers that this one links to."""


def _is_host(mode: str | None) -> bool:
    return mode == SHARED_WITH_HOST


def namespaces(host: HostConfig, cgroup_mode: str, joined: Mapping[str, int]) -> list[Namespace]:
    """Return the namespaces to make or join; one shared with the host is simply absent."""
    wanted: list[Namespace] = [{"type": "mount"}]
    modes: tuple[tuple[NamespaceType, str, str], ...] = (
        ("network", host.network_mode, "net"),
        ("uts", host.uts_mode, "uts"),
        ("pid", host.pid_mode, "pid"),
        ("ipc", host.ipc_mode, "ipc"),
    )
    for kind, mode, file in modes:
        if kind in joined:
            wanted.append({"type": kind, "path": f"/proc/{joined[kind]}/ns/{file}"})
        elif not _is_host(mode):
            wanted.append({"type": kind})
    if (host.cgroupns_mode or ("private" if cgroup_mode == "v2" else "host")) == "private":
        wanted.append({"type": "cgroup"})
    return wanted


def _seccomp(asked: str | None, capabilities: Collection[str], *, privileged: bool) -> LinuxSeccomp | None:
    if asked == security.UNCONFINED:
        return None
    if asked and asked != "builtin":
        return profile_from_docker_json(asked, capabilities)
    return None if privileged else default_profile(capabilities)


def _standard_mounts(host: HostConfig, joined: Mapping[str, int], init_program: str) -> list[Mount]:
    """Return the mounts every container has, as its modes of sharing change them."""
    made = defaults.mounts(
        shm_size=host.shm_size or defaults.SHM_SIZE,
        privileged=host.privileged,
        ipc_host=_is_host(host.ipc_mode),
    )
    if host.ipc_mode == "none":
        made = [mount for mount in made if mount["destination"] != "/dev/shm"]
    if "ipc" in joined:
        donor: Mount = {
            "destination": "/dev/shm",
            "type": "bind",
            "source": f"/proc/{joined['ipc']}/root/dev/shm",
            "options": ["rbind", "rprivate"],
        }
        made = [donor if mount["destination"] == "/dev/shm" else mount for mount in made]
    if _has_init(host):
        made.append(
            {
                "destination": docker_init.DESTINATION,
                "type": "bind",
                "source": init_program,
                "options": ["bind", "ro"],
            }
        )
    writable = security.read(host).writable_cgroups
    if writable is not None:
        for mount in made:
            if mount["destination"] == "/sys/fs/cgroup":
                mount["options"] = ["rw" if writable else "ro", "nosuid", "noexec", "nodev"]
    return made


def _has_init(host: HostConfig) -> bool:
    """Tell whether docker-init comes first; where there is another process 1, it would be of no use."""
    return bool(host.init) and not host.pid_mode


def _arguments(subject: Subject) -> Sequence[str]:
    return [docker_init.DESTINATION, "--", *subject.args] if _has_init(subject.host) else subject.args


def build(subject: Subject) -> Spec:
    """Return the OCI configuration of `subject`."""
    config, host = subject.config, subject.host
    capabilities = process.capability_names(host, available=subject.available_capabilities)
    hostname = os.uname().nodename if _is_host(host.uts_mode) else config.hostname
    own_network = not _is_host(host.network_mode) and "network" not in subject.joined
    standard = _standard_mounts(host, subject.joined, subject.docker_init)
    has_devices = devices(host)
    files = subject.files.mounts(readonly=host.readonly_rootfs)
    linux: Linux = {
        "namespaces": namespaces(host, subject.cgroup_mode, subject.joined),
        "resources": resources.resources(host, has_devices.rules),
        "cgroupsPath": f"{subject.cgroup_parent}/{subject.id}",
        "sysctl": {**(defaults.SYSCTLS if own_network else {}), **(host.sysctls or {})},
    }
    if has_devices.nodes:
        linux["devices"] = has_devices.nodes
    linux["maskedPaths"] = list(host.masked_paths or ())
    linux["readonlyPaths"] = list(host.readonly_paths or ())
    if seccomp := _seccomp(security.read(host).seccomp, capabilities, privileged=host.privileged):
        linux["seccomp"] = seccomp
    if subject.root_propagation:
        linux["rootfsPropagation"] = subject.root_propagation
    spec: Spec = {
        "ociVersion": OCI_VERSION,
        "process": process.process(
            config,
            host,
            args=_arguments(subject),
            env=process.environment(config, hostname, linked=subject.linked),
            capabilities=capabilities,
        ),
        "root": {"path": "rootfs", "readonly": host.readonly_rootfs},
        "mounts": mounts.overlay(standard, mounts.overlay(files, list(subject.mounts))),
        "linux": linux,
    }
    if host.annotations:
        spec["annotations"] = host.annotations
    if not _is_host(host.uts_mode):
        spec["hostname"] = hostname
        if config.domainname:
            spec["domainname"] = config.domainname
    elif config.domainname:
        linux["sysctl"]["kernel.domainname"] = config.domainname  # which the runtime refuses, as runc does
    return spec
