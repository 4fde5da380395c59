"""A container's cgroup on v1: one directory of the same path in every mounted hierarchy.

On hybrid hosts the unified tree is joined as well, and gives an atomic kill. Kernel:
Documentation/admin-guide/cgroup-v1/cgroups.rst, freezer-subsystem.rst, devices.rst, cpusets.rst.
"""

import errno
import os
import time
from contextlib import ExitStack, suppress

from wharf.linux.cgroup import directory, oom, v1_limits, v1_stats
from wharf.linux.cgroup.devices import RUNTIME_RULES, Device, DeviceList, device_list
from wharf.linux.cgroup.mounts import Mounts
from wharf.linux.cgroup.resources import LinuxResources

_FREEZE_TIMEOUT_S = 2.0
_FREEZE_PAUSE_S = 0.001


class SplitTree:
    """The directories of one path in the v1 hierarchies (and the unified one of a hybrid host)."""

    def __init__(self, path: str, mounts: Mounts) -> None:
        self._by_controller = {name: point + path for name, point in mounts.controllers.items()}
        self._tops = {point + path: point for point in mounts.controllers.values()}
        self._unified = None if mounts.unified is None else mounts.unified + path
        if self._unified is not None and mounts.unified is not None:
            self._tops[self._unified] = mounts.unified

    def make(self, resources: LinuxResources) -> None:
        """Make the directories and set limits and device rules; on failure all is undone."""
        with ExitStack() as undo:
            for path, top in self._tops.items():
                try:
                    directory.make(path)
                except FileNotFoundError:
                    directory.make_parents(path, top)
                    directory.make(path)
                undo.callback(directory.remove, [path], 0)
            if cpuset := self._by_controller.get("cpuset"):
                for name in ("cpuset.cpus", "cpuset.mems"):
                    _inherit_cpuset(cpuset, self._tops[cpuset], name)
            v1_limits.apply(self._folder, resources)
            wanted = device_list((*(resources.get("devices") or ()), *RUNTIME_RULES))
            if not wanted.allowed or wanted.exceptions:
                self._apply_devices(wanted)
            undo.pop_all()

    def apply(self, resources: LinuxResources) -> None:
        """Change the limits that `resources` names, and the device rules where it has any."""
        v1_limits.apply(self._folder, resources)
        if rules := resources.get("devices"):
            self._apply_devices(device_list((*rules, *RUNTIME_RULES)))

    def add(self, pid: int) -> None:
        """Move a process into every hierarchy."""
        for path in self._tops:
            directory.add(path, pid)

    def enter(self, *, is_born: bool) -> None:
        """Move the calling process, which has one thread, into every hierarchy.

        A thread that writes 0 to `tasks` moves itself, and the kernel then needs no lock over all of the
        machine's forks, whose first use costs an RCU grace period (kernel/cgroup/cgroup.c,
        cgroup_procs_write_start; Linux 5.5). The unified tree has no such way.
        """
        for path in self._tops:
            if path != self._unified:
                directory.write(path, "tasks", 0)
        if self._unified is not None and not is_born:
            directory.write(self._unified, "cgroup.procs", 0)

    def processes(self) -> list[int]:
        """Return the processes here and below."""
        return directory.processes(next(iter(self._tops)))

    def kill(self) -> None:
        """Send SIGKILL to every process here and below, so that none escapes by forking; thaws."""
        if self._unified is not None and directory.exists(self._unified, "cgroup.kill"):
            try:
                directory.write(self._unified, "cgroup.kill", 1)
            except FileNotFoundError:
                return  # removed meanwhile
        else:
            try:
                self.freeze()
            except OSError as error:
                if error.errno not in (errno.EBUSY, errno.ENOENT, errno.ENODEV):
                    raise
        directory.kill(next(iter(self._tops)))
        self.thaw()  # a frozen task does not die before

    def freeze(self) -> None:
        """Stop every process here and below, and wait until all stand still.

        Raises OSError (EBUSY) when they do not within two seconds; they are thawed again then.
        """
        at = self._folder("freezer")
        deadline = time.monotonic() + _FREEZE_TIMEOUT_S
        while True:
            # Written again each time: a task that joins or forks while it freezes may leave the state at
            # FREEZING until the next look (freezer-subsystem.rst).
            directory.write(at, "freezer.state", "FROZEN")
            if directory.read(at, "freezer.state") == "FROZEN":
                return
            if time.monotonic() >= deadline:
                directory.write(at, "freezer.state", "THAWED")
                raise OSError(errno.EBUSY, "unable to freeze", at)
            time.sleep(_FREEZE_PAUSE_S)

    def thaw(self) -> None:
        """Let the processes go on; nothing happens where they never stood."""
        if at := self._by_controller.get("freezer"):
            with suppress(FileNotFoundError):  # removed meanwhile
                directory.write(at, "freezer.state", "THAWED")

    def oom_killed(self) -> bool:
        """Say whether the kernel has killed a process here or below for want of memory."""
        at = self._by_controller.get("memory")
        if at is None:
            return False
        # Each v1 cgroup counts its own kills only.
        return any(
            directory.read_table(path, "memory.oom_control").get("oom_kill") for path in directory.below(at)
        )

    def watch_oom(self) -> int | None:
        """Watch the memory controller, if there is one."""
        at = self._by_controller.get("memory")
        return None if at is None else oom.watch_v1(at)

    def count_oom(self, watch: int, before: int) -> int:
        """Return what oom.count_v1 returns."""
        return oom.count_v1(self._folder("memory"), watch, before)

    def stats(self) -> dict[str, object]:
        """Return what v1_stats.read returns."""
        return v1_stats.read(self._by_controller)

    def remove(self, timeout_s: float) -> None:
        """Remove every directory, waiting for the kernel as directory.remove."""
        directory.remove(self._tops, timeout_s)

    def discard(self) -> None:
        """Remove every directory that nothing is in."""
        directory.discard(self._tops)

    def fd_for_clone(self) -> None:
        """Return None: clone3(2) puts a child into the unified tree only."""

    def birthplace(self) -> int | None:
        """Return a new descriptor of the directory in the unified tree, None where there is no such tree."""
        return None if self._unified is None else directory.open_directory(self._unified)

    def _folder(self, controller: str) -> str:
        path = self._by_controller.get(controller)
        if path is None:
            raise directory.missing_controller(controller)
        return path

    def _apply_devices(self, wanted: DeviceList) -> None:
        at = self._by_controller.get("devices")
        if at is None:
            raise directory.missing_controller("devices")
        present = _present_devices(at)
        widen, narrow = "devices.allow", "devices.deny"
        if wanted.allowed:
            directory.write(at, widen, "a")  # also clears the exceptions, which such a list does not show
            present = DeviceList(True, {})
            widen, narrow = narrow, widen
        elif present.allowed:
            directory.write(at, narrow, "a")
            present = DeviceList(False, {})
        additions = _difference(wanted.exceptions, present.exceptions)
        removals = _difference(present.exceptions, wanted.exceptions)
        if additions:
            directory.write(at, widen, *additions)
        if removals:
            directory.write(at, narrow, *removals)


def _inherit_cpuset(path: str, top: str, name: str) -> str:
    """Give a new cpuset, and its parents where theirs is empty, the value of the nearest parent; return it.

    A cpuset begins empty, and takes no process while it is (cpusets.rst).
    """
    parent = os.path.dirname(path)
    value = directory.read(parent, name)
    if not value and len(parent) > len(top):
        value = _inherit_cpuset(parent, top, name)
    directory.write(path, name, value)
    return value


def _present_devices(at: str) -> DeviceList:
    """Return the list in devices.list; a list that allows all hides its exceptions and counts as without."""
    exceptions = {}
    for line in directory.read(at, "devices.list").splitlines():
        kind, numbers, access = line.split(" ")
        if kind == "a":
            return DeviceList(True, {})
        major, minor = (-1 if number == "*" else int(number) for number in numbers.split(":"))
        exceptions[Device(kind, major, minor)] = access
    return DeviceList(False, exceptions)


def _difference(these: dict[Device, str], those: dict[Device, str]) -> list[str]:
    """Return the lines which say what `these` have and `those` lack."""
    lines = []
    for device, access in these.items():
        lacking = "".join(letter for letter in access if letter not in those.get(device, ""))
        if lacking:
            lines.append(f"{device} {lacking}")
    return lines
