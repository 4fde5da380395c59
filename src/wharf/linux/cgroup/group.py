"""A container's cgroup, whatever the host's version.

Promises: names come only through a checked path; a limit whose controller is not there is an OSError that
names it, and without limits nothing is missed; a failed creation leaves nothing. Refuses systemd's slices
(`system.slice:docker:ID`) and threaded cgroups.
"""

from wharf.linux.cgroup.mounts import Mounts, check_path, host_mounts
from wharf.linux.cgroup.resources import LinuxResources
from wharf.linux.cgroup.v1 import SplitTree
from wharf.linux.cgroup.v2 import UnifiedTree

REMOVAL_TIMEOUT_S = 5.0


class Cgroup:
    """One cgroup: `path` below the mount point of every hierarchy it lives in."""

    __slots__ = ("_tree", "path")

    def __init__(self, path: str, tree: SplitTree | UnifiedTree) -> None:
        self.path = path
        self._tree = tree

    @classmethod
    def load(cls, path: str, *, mounts: Mounts | None = None) -> "Cgroup":
        """Return the cgroup of `path`, without looking whether it exists.

        `path` is absolute, as OCI's linux.cgroupsPath, and counts from the mount points, as in runc with the
        cgroupfs driver. Raises OSError (EINVAL) for one that could lead elsewhere.
        """
        return cls(path, _tree(path, mounts or host_mounts()))

    @classmethod
    def create(cls, path: str, resources: LinuxResources, *, mounts: Mounts | None = None) -> "Cgroup":
        """Make the cgroup of `path` with the limits and device rules of `resources`.

        Device rules begin with "nothing", and devices.RUNTIME_RULES come after those given. An empty cgroup
        of that path, left over from before, is replaced. Raises FileExistsError when it is in use, OSError
        for a refused limit, with everything undone.
        """
        tree = _tree(path, mounts or host_mounts())
        tree.make(resources)
        return cls(path, tree)

    def apply(self, resources: LinuxResources) -> None:
        """Change what `resources` names and leave the rest. Raises OSError for what the kernel refuses."""
        self._tree.apply(resources)

    def add(self, pid: int) -> None:
        """Move the process `pid`, with its threads, into the cgroup.

        On v1 this waits for the kernel, 4 to 20 ms when nothing was moved for a while; `enter` does not.
        """
        self._tree.add(pid)

    def birthplace(self) -> int | None:
        """Return a new descriptor for clone3(2)'s CLONE_INTO_CGROUP, the caller's to close.

        It is of the unified tree, which a hybrid host has too; None on plain v1. The child that is born there
        calls `enter` with `is_born`, the other one without.
        """
        return self._tree.birthplace()

    def enter(self, *, is_born: bool) -> None:
        """Move the calling process into the cgroup, but for what clone3 has done already (`is_born`).

        For a new child, before it takes other namespaces or a root of its own: it has one thread and still
        sees the hierarchies. Costs some 0.4 ms on v1, where `add` costs 8 to 20, and nothing on v2.
        """
        self._tree.enter(is_born=is_born)

    def processes(self) -> list[int]:
        """Return the pids here and in cgroups below, in order; none when the cgroup is gone."""
        return self._tree.processes()

    def kill(self) -> None:
        """Send SIGKILL to every process here and below, frozen or not; nothing when the cgroup is gone."""
        self._tree.kill()

    def freeze(self) -> None:
        """Stop every process, and return when all stand still.

        Raises OSError (EBUSY) when they do not in time; then they run.
        """
        self._tree.freeze()

    def thaw(self) -> None:
        """Let frozen processes run."""
        self._tree.thaw()

    def oom_killed(self) -> bool:
        """Say whether the kernel has killed a process here or below for want of memory."""
        return self._tree.oom_killed()

    def watch_oom(self) -> int | None:
        """Return a descriptor that becomes readable when memory runs out here, the caller's to close.

        None where there is no memory controller. Raises OSError when the cgroup is gone.
        """
        return self._tree.watch_oom()

    def count_oom(self, watch: int, before: int) -> int:
        """Take what made `watch` readable; return how often memory has run out here.

        `before` is the last answer, 0 at first. Raises BlockingIOError when there is nothing to take.
        """
        return self._tree.count_oom(watch, before)

    def stats(self) -> dict[str, object]:
        """Return `cpu_stats`, `memory_stats`, `blkio_stats`, `pids_stats` in the form of Docker's stats.

        Times are nanoseconds, sizes bytes. Figures of the machine (`system_cpu_usage`, `online_cpus`, the
        memory limit where there is none) and of the network are the caller's.
        """
        return self._tree.stats()

    def remove(self, *, timeout_s: float = REMOVAL_TIMEOUT_S) -> None:
        """Remove it and all below; what is gone already is no error.

        Raises OSError (EBUSY) when processes are still there after `timeout_s`.
        """
        self._tree.remove(timeout_s)

    def discard(self) -> None:
        """Remove it if nothing is in it, neither processes nor cgroups; else leave it, without waiting."""
        self._tree.discard()

    def fd_for_clone(self) -> int | None:
        """Return a new descriptor for clone3(2)'s CLONE_INTO_CGROUP, the caller's to close; None on v1.

        Where there is one, the child that is born there needs neither `add` nor `enter`.
        """
        return self._tree.fd_for_clone()


def _tree(path: str, mounts: Mounts) -> SplitTree | UnifiedTree:
    check_path(path)
    return UnifiedTree(path, mounts) if mounts.mode == "v2" else SplitTree(path, mounts)
