"""Control groups: `Cgroup` is one interface over both kernel versions; see group.py."""

from wharf.linux.cgroup.group import Cgroup
from wharf.linux.cgroup.mounts import Mounts, host_mounts, mode
from wharf.linux.cgroup.resources import LinuxResources

__all__ = ["Cgroup", "LinuxResources", "Mounts", "host_mounts", "mode"]
