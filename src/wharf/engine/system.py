"""What the engine says of itself: version, info."""

import asyncio
import functools
import os
import platform
import sys
import time
from typing import NamedTuple

from wharf import __version__
from wharf.engine.containers import listing
from wharf.engine.containers.context import Context
from wharf.engine.containers.record import Status
from wharf.engine.containers.sizes import measure
from wharf.engine.host import Host
from wharf.engine.logs.options import DRIVERS
from wharf.schema.filters import Filters
from wharf.schema.system import (
    DiskUsage,
    FirewallInfo,
    IndexInfo,
    PluginsInfo,
    RegistryConfig,
    RuntimeInfo,
    SystemInfo,
    SystemVersion,
    VersionComponent,
    VersionPlatform,
)
from wharf.schema.timestamp import rfc3339
from wharf.schema.version import API_VERSION, COMPATIBLE_WITH, MIN_API_VERSION
from wharf.volume.catalog import usage


class Facts(NamedTuple):
    """What the composition root knows and info tells."""

    engine_id: str
    labels: tuple[str, ...]
    debug: bool
    insecure_registries: tuple[str, ...]
    registry_mirrors: tuple[str, ...]
    firewall: str


class System:
    """Implements the system part of the API."""

    def __init__(self, context: Context, facts: Facts, host: Host) -> None:
        self._context = context
        self._facts = facts
        self._host = host

    async def version(self) -> SystemVersion:
        """Return the answer to `docker version`."""
        release = os.uname().release
        details = {
            "ApiVersion": API_VERSION,
            "Arch": self._host.architecture,
            "Experimental": "false",
            "KernelVersion": release,
            "MinAPIVersion": MIN_API_VERSION,
            "Os": "linux",
        }
        return SystemVersion(
            platform=VersionPlatform(name=f"Wharf {__version__}"),
            components=[
                VersionComponent(name="Engine", version=COMPATIBLE_WITH, details=details),
                VersionComponent(
                    name="wharf", version=__version__, details={"PythonVersion": python_version()}
                ),
            ],
            version=COMPATIBLE_WITH,
            api_version=API_VERSION,
            min_api_version=MIN_API_VERSION,
            os="linux",
            arch=self._host.architecture,
            kernel_version=release,
        )

    async def disk_usage(self, kinds: frozenset[str]) -> DiskUsage:
        """Return what is used by `kinds` (container, image, volume, build-cache), or by all."""
        wanted = kinds or frozenset({"container", "image", "volume", "build-cache"})
        layers, images = self._context.images.disk_usage() if "image" in wanted else (0, None)
        containers = None
        if "container" in wanted:
            chosen = listing.choose(self._context, everything=True, limit=0, filters=Filters())
            measured = [await measure(self._context, each) for each in chosen]
            containers = listing.summaries(self._context, chosen, measured)
        return DiskUsage(
            layers_size=layers,
            images=images,
            containers=containers,
            volumes=await usage(self._context.volumes) if "volume" in wanted else None,
            build_cache=[] if "build-cache" in wanted else None,
        )

    async def info(self) -> SystemInfo:
        """Return the answer to `docker info`."""
        context, host, facts = self._context, self._host, self._facts
        statuses = [container.condition.status for container in context.index]
        return SystemInfo(
            id=facts.engine_id,
            containers=len(statuses),
            containers_running=statuses.count(Status.RUNNING),
            containers_paused=statuses.count(Status.PAUSED),
            containers_stopped=sum(status not in {Status.RUNNING, Status.PAUSED} for status in statuses),
            images=len(context.images.list(Filters(), everything=True)),
            driver="overlay2",
            driver_status=host.storage_status(context.paths.data_root),
            plugins=PluginsInfo(volume=["local"], network=["bridge", "host", "null"], log=list(DRIVERS)),
            memory_limit=host.has_controller("memory"),
            swap_limit=host.has_swap_limit,
            cpu_cfs_period=host.has_controller("cpu"),
            cpu_cfs_quota=host.has_controller("cpu"),
            cpu_shares=host.has_controller("cpu"),
            cpu_set=host.has_controller("cpuset"),
            pids_limit=host.has_controller("pids"),
            oom_kill_disable=context.cgroup_mode == "v1" and host.has_controller("memory"),
            ipv4_forwarding=host.forwards_ipv4(),
            debug=facts.debug,
            n_fd=len(os.listdir("/proc/self/fd")),
            n_goroutines=len(asyncio.all_tasks()),
            system_time=rfc3339(time.time_ns()),
            logging_driver=context.log_defaults.driver,
            cgroup_driver="cgroupfs",
            cgroup_version="1" if context.cgroup_mode == "v1" else "2",
            n_events_listener=context.events.listeners,
            kernel_version=os.uname().release,
            operating_system=host.operating_system,
            os_type="linux",
            architecture=os.uname().machine,
            index_server_address="https://index.docker.io/v1/",
            registry_config=_registries(facts),
            ncpu=len(os.sched_getaffinity(0)),
            mem_total=host.memory_total,
            docker_root_dir=context.paths.data_root,
            name=os.uname().nodename,
            labels=list(facts.labels),
            server_version=COMPATIBLE_WITH,
            runtimes={"runc": RuntimeInfo(path="wharf-runtime")},
            default_runtime="runc",
            live_restore_enabled=True,
            security_options=["name=seccomp,profile=builtin"],
            firewall_backend=FirewallInfo(driver=facts.firewall),
        )


def _registries(facts: Facts) -> RegistryConfig:
    mirrors = list(facts.registry_mirrors)
    index = {"docker.io": IndexInfo(mirrors=mirrors, name="docker.io", official=True, secure=True)}
    for name in facts.insecure_registries:
        index[name] = IndexInfo(name=name)
    return RegistryConfig(
        index_configs=index,
        insecure_registry_cidrs=["::1/128", "127.0.0.0/8"],
        mirrors=mirrors or None,
    )


@functools.cache
def python_version() -> str:
    """Return the interpreter's version; what other engines say of their compiler."""
    return f"{platform.python_implementation()} {sys.version.partition(' ')[0]}"
