"""Which limits this kernel can set on a cgroup: looked up once, as dockerd does at its start."""

import functools
import os
from typing import NamedTuple

from wharf.linux.cgroup import host_mounts
from wharf.linux.cgroup.mounts import Mounts


class LimitSupport(NamedTuple):
    """What the host's cgroup controllers know; `cpus` is a list as cpuset(7) writes it."""

    memory: bool = True
    swap: bool = True
    swappiness: bool = True
    reservation: bool = True
    oom_kill_disable: bool = True
    pids: bool = True
    cpu_shares: bool = True
    cpu_cfs: bool = True
    blkio_weight: bool = True
    blkio_weight_device: bool = True
    blkio_throttle: bool = True
    cpus: str = "0"
    cpu_count: int = 1

    @classmethod
    def of(cls, mounts: Mounts) -> "LimitSupport":
        """Read it from the hierarchies at `mounts`."""
        return _of_v2(mounts.unified or "") if mounts.mode == "v2" else _of_v1(mounts)


@functools.cache
def limit_support() -> LimitSupport:
    """Return what this host's kernel knows."""
    return LimitSupport.of(host_mounts())


def _of_v1(mounts: Mounts) -> LimitSupport:
    def has(controller: str, file: str) -> bool:
        at = mounts.controllers.get(controller)
        return at is not None and os.path.exists(f"{at}/{file}")

    cpuset = mounts.controllers.get("cpuset", "")
    return LimitSupport(
        memory="memory" in mounts.controllers,
        swap=has("memory", "memory.memsw.limit_in_bytes"),
        swappiness=has("memory", "memory.swappiness"),
        reservation=has("memory", "memory.soft_limit_in_bytes"),
        oom_kill_disable=has("memory", "memory.oom_control"),
        pids="pids" in mounts.controllers,
        cpu_shares=has("cpu", "cpu.shares"),
        cpu_cfs=has("cpu", "cpu.cfs_quota_us"),
        blkio_weight=has("blkio", "blkio.weight"),
        blkio_weight_device=has("blkio", "blkio.weight_device"),
        blkio_throttle=has("blkio", "blkio.throttle.read_bps_device"),
        cpus=_read(f"{cpuset}/cpuset.cpus"),
        cpu_count=os.cpu_count() or 1,
    )


def _of_v2(unified: str) -> LimitSupport:
    controllers = set(_read(f"{unified}/cgroup.controllers").split())
    return LimitSupport(
        memory="memory" in controllers,
        swap="memory" in controllers and os.path.exists("/proc/swaps"),
        swappiness=False,
        reservation="memory" in controllers,
        oom_kill_disable=False,
        pids="pids" in controllers,
        cpu_shares="cpu" in controllers,
        cpu_cfs="cpu" in controllers,
        blkio_weight="io" in controllers,
        blkio_weight_device="io" in controllers,
        blkio_throttle="io" in controllers,
        cpus=_read(f"{unified}/cpuset.cpus.effective") if "cpuset" in controllers else "",
        cpu_count=os.cpu_count() or 1,
    )


def _read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""
