"""A container's cgroup on v2: one directory in the unified tree. Kernel: admin-guide/cgroup-v2.rst."""

import errno
import os
import select
import time
from contextlib import suppress

from wharf.linux import bpf
from wharf.linux.cgroup import directory, oom, v2_limits, v2_stats
from wharf.linux.cgroup.devices import RUNTIME_RULES, device_list
from wharf.linux.cgroup.mounts import Mounts
from wharf.linux.cgroup.resources import DeviceRule, LinuxResources

_FREEZE_TIMEOUT_S = 2.0


class UnifiedTree:
    """The directory of one path in the unified tree."""

    def __init__(self, path: str, mounts: Mounts) -> None:
        assert mounts.unified is not None
        self._top = mounts.unified
        self._at = mounts.unified + path

    def make(self, resources: LinuxResources) -> None:
        """Make the directory, enabling controllers in its parents, and set limits and device rules."""
        parent = os.path.dirname(self._at)
        if len(parent) > len(self._top) and not os.path.isdir(parent):
            directory.make_parents(self._at, self._top)
        _enable_controllers(self._top, parent)
        directory.make(self._at)
        try:
            v2_limits.apply(self._at, resources)
            self._apply_devices(resources.get("devices") or [])
        except BaseException:
            directory.remove([self._at], 0)
            raise

    def apply(self, resources: LinuxResources) -> None:
        """Change the limits that `resources` names, and the device rules where it has any."""
        v2_limits.apply(self._at, resources)
        if rules := resources.get("devices"):
            self._apply_devices(rules)

    def add(self, pid: int) -> None:
        """Move a process here."""
        directory.add(self._at, pid)

    def enter(self, *, is_born: bool) -> None:
        """Move the calling process here, unless it was born here."""
        if not is_born:
            directory.write(self._at, "cgroup.procs", 0)

    def processes(self) -> list[int]:
        """Return the processes here and below."""
        return directory.processes(self._at)

    def kill(self) -> None:
        """Send SIGKILL to every process here and below; the kernel sees to it that no fork escapes."""
        if not os.path.isdir(self._at):
            return
        try:
            directory.write(self._at, "cgroup.kill", 1)
        except FileNotFoundError:  # before Linux 5.14
            self._kill_frozen()

    def freeze(self) -> None:
        """Stop every process here and below, and wait until all stand still.

        Raises OSError (EBUSY) when they do not within two seconds; they are thawed again then.
        """
        directory.write(self._at, "cgroup.freeze", 1)
        deadline = time.monotonic() + _FREEZE_TIMEOUT_S
        fd = os.open(f"{self._at}/cgroup.events", os.O_RDONLY | os.O_CLOEXEC)
        try:
            events = select.poll()
            events.register(fd, select.POLLPRI)
            # Reading arms the notification: each change after it makes the file exceptional for poll(2).
            while b"frozen 1" not in os.pread(fd, 4096, 0):
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    self.thaw()
                    raise OSError(errno.EBUSY, "unable to freeze", self._at)
                events.poll(left_s * 1000)
        finally:
            os.close(fd)

    def thaw(self) -> None:
        """Let the processes go on."""
        with suppress(FileNotFoundError):  # removed meanwhile
            directory.write(self._at, "cgroup.freeze", 0)

    def oom_killed(self) -> bool:
        """Say whether the kernel has killed a process here or below for want of memory."""
        try:
            return directory.read_table(self._at, "memory.events").get("oom_kill", 0) > 0
        except FileNotFoundError:
            return False

    def watch_oom(self) -> int | None:
        """Watch the memory controller, if there is one."""
        return oom.watch_v2(self._at) if directory.exists(self._at, "memory.events") else None

    def count_oom(self, watch: int, before: int) -> int:
        """Return what oom.count_v2 returns."""
        return oom.count_v2(self._at, watch, before)

    def stats(self) -> dict[str, object]:
        """Return what v2_stats.read returns."""
        return v2_stats.read(self._at)

    def remove(self, timeout_s: float) -> None:
        """Remove the directory, waiting for the kernel as directory.remove."""
        directory.remove([self._at], timeout_s)

    def discard(self) -> None:
        """Remove the directory if nothing is in it."""
        directory.discard([self._at])

    def fd_for_clone(self) -> int:
        """Return a new descriptor of the directory."""
        return directory.open_directory(self._at)

    birthplace = fd_for_clone

    def _kill_frozen(self) -> None:
        try:
            self.freeze()
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOENT, errno.ENODEV):
                raise
        directory.kill(self._at)
        self.thaw()

    def _apply_devices(self, rules: list[DeviceRule]) -> None:
        devices = device_list((*rules, *RUNTIME_RULES))
        program = bpf.device_program(
            devices.allowed, ((*device, access) for device, access in devices.exceptions.items())
        )
        cgroup = self.fd_for_clone()
        try:
            bpf.attach_device_program(cgroup, program)
        finally:
            os.close(cgroup)


def _enable_controllers(top: str, parent: str) -> None:
    """Hand every controller that there is from `top` down to the children of `parent`.

    A controller that a parent cannot hand on (EBUSY: it has processes of its own; EOPNOTSUPP: it is threaded)
    is left out: whoever asks for its limit is told then.
    """
    levels = [parent]
    while len(levels[-1]) > len(top):
        levels.append(os.path.dirname(levels[-1]))
    for level in reversed(levels):
        missing = set(directory.read(level, "cgroup.controllers").split())
        missing -= set(directory.read(level, "cgroup.subtree_control").split())
        for controller in sorted(missing):
            try:
                directory.write(level, "cgroup.subtree_control", f"+{controller}")
            except OSError as error:
                if error.errno not in (
                    errno.EBUSY,
                    errno.EOPNOTSUPP,
                    errno.ENOENT,
                    errno.EINVAL,
                    errno.EPERM,
                ):
                    raise
