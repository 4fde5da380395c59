"""Where untrusted archives are read: a process that can reach one folder, and nothing else.

`enter` takes the calling process, a throw-away child of the spawner, out of the host: own mount, network,
ipc and uts namespaces, the folder as its root (nosuid, nodev, noexec), the capabilities that making files
of any owner and kind takes, no new privileges, no core. What was opened before stays open; what was not
imported before cannot be imported any more.

CAP_SYS_ADMIN stays, since the kernel asks for it where overlayfs's `trusted.*` attributes are set. What else
it allows (mounts, namespaces, bpf and the like) a seccomp filter refuses, with everything that makes
processes, programs, sockets or signals. Landlock, where the kernel has it, stands behind both.
"""

import errno
import os
import stat
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from wharf.linux import landlock, mount, prctl, rlimit, seccomp
from wharf.linux.capability import set_capabilities
from wharf.linux.clone import CloneFlag, unshare
from wharf.linux.mount import MountAttr, MountFlag
from wharf.linux.rooted import Root

_ATTRIBUTES = MountAttr.NOSUID | MountAttr.NODEV | MountAttr.NOEXEC
_NAMESPACES = CloneFlag.NEWNS | CloneFlag.NEWNET | CloneFlag.NEWIPC | CloneFlag.NEWUTS
_CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_MKNOD",
    "CAP_SETFCAP",
    "CAP_SYS_ADMIN",
)
_REFUSED = [
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "chroot",
    "setns",
    "unshare",
    "clone",
    "clone3",
    "fork",
    "vfork",
    "execve",
    "execveat",
    "bpf",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "perf_event_open",
    "socket",
    "socketpair",
    "connect",
    "bind",
    "keyctl",
    "add_key",
    "request_key",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "open_by_handle_at",
    "userfaultfd",
    "io_uring_setup",
    "quotactl",
    "quotactl_fd",
    "sethostname",
    "setdomainname",
    "swapon",
    "swapoff",
    "reboot",
    "syslog",
    "fanotify_init",
    "kill",
    "tkill",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "ioctl",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "clock_adjtime",
    "iopl",
    "ioperm",
    "acct",
    "lookup_dcookie",
    "vhangup",
]
_FILTER: seccomp.LinuxSeccomp = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [{"names": _REFUSED, "action": "SCMP_ACT_ERRNO", "errnoRet": errno.EPERM}],
}
_INSIDE = landlock.ALL & ~(landlock.Access.EXECUTE | landlock.Access.IOCTL_DEV | landlock.Access.MAKE_SOCK)
_LINKS_BETWEEN_DIRECTORIES = 2
"""The level of Landlock from which on a hard link may be allowed at all."""

_LIMITS = {"RLIMIT_CORE": 0, "RLIMIT_NOFILE": 256, "RLIMIT_AS": 2 * 1024**3}


class Submount(NamedTuple):
    """A detached mount (ours) and where in the tree it goes."""

    destination: str
    tree: int


def enter(folder_fd: int) -> Root:
    """Leave the host: return `folder_fd`'s directory as the root of this process; raises OSError."""
    # Detached before unshare(2): afterwards the descriptor's mount is another namespace's.
    return enter_tree(detach(folder_fd))


def detach(folder_fd: int) -> int:
    """Return a mount of `folder_fd`'s directory that hangs nowhere yet; raises OSError."""
    return mount.clone_tree(folder_fd, recursive=False)


def enter_tree(
    tree: int,
    submounts: Sequence[Submount] = (),
    *,
    readonly: bool = False,
    readable: Iterable[int] = (),
) -> Root:
    """Leave the host: return the detached mount `tree` (ours) as the root of this process; raises OSError.

    Places for `submounts` that are missing are made; the tree itself is made `readonly` after that. Below the
    directories `readable` nothing is made.
    """
    mount.mount_setattr(tree, add=_ATTRIBUTES)
    unshare(_NAMESPACES)
    mount.mount("none", "/", "", MountFlag.REC | MountFlag.PRIVATE)
    stand = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    mount.attach(tree, stand)
    os.close(stand)
    os.fchdir(tree)
    # pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one until it is unmounted.
    mount.pivot_root(".", ".")
    mount.umount2(".", mount.MNT_DETACH)
    os.chdir("/")
    root = Root(tree)
    for submount in submounts:
        _place(root, submount)
    if readonly:
        mount.mount_setattr(tree, add=MountAttr.RDONLY)
    _give_up_privileges(tree, readable)
    return root


def _place(root: Root, submount: Submount) -> None:
    """Attach a mount inside of the root, at a place that no link leads out of."""
    mount.mount_setattr(submount.tree, add=_ATTRIBUTES, recursive=True)
    try:
        place = root.open(submount.destination)
    except FileNotFoundError:
        is_directory = stat.S_ISDIR(os.fstat(submount.tree).st_mode)
        make = root.make_directories if is_directory else root.make_file
        place = make(submount.destination, 0o755)
    mount.attach(submount.tree, place)
    os.close(place)
    os.close(submount.tree)


def _give_up_privileges(tree: int, readable: Iterable[int]) -> None:
    """Keep only what making files below `tree` takes; raises OSError."""
    for name, value in _LIMITS.items():
        number = rlimit.NUMBERS[name]
        hard = rlimit.get_limit(number)[1]
        rlimit.set_limit(number, min(value, hard), min(value, hard))
    prctl.set_no_new_privs()
    prctl.set_dumpable(dumpable=False)
    set_capabilities(_CAPABILITIES, _CAPABILITIES, _CAPABILITIES, (), ())
    if landlock.abi() >= _LINKS_BETWEEN_DIRECTORIES:
        landlock.restrict([(tree, _INSIDE), *((folder, landlock.READ) for folder in readable)])
    seccomp.load_filter(seccomp.compile_filter(_FILTER), 0)
