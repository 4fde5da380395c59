"""Sysctls of a container: only those that belong to a namespace of its own may be set.

The allow-list is the kernel's: ipc_namespaces(7), network_namespaces(7), uts_namespaces(7).
"""

import re
from collections.abc import Mapping

from wharf.failpoint import failpoint
from wharf.linux.clone import CloneFlag
from wharf.runtime.errors import CannotInvoke, Refused, cause
from wharf.runtime.procfs import Procfs

_IPC = frozenset(
    {
        "kernel.msgmax",
        "kernel.msgmnb",
        "kernel.msgmni",
        "kernel.sem",
        "kernel.shmall",
        "kernel.shmmax",
        "kernel.shmmni",
        "kernel.shm_rmid_forced",
    }
)
_NAME = re.compile(r"[A-Za-z0-9_-]+(?:[./][A-Za-z0-9_:@-]+(?:[.][A-Za-z0-9_:@-]+)*)+")


def check(sysctls: Mapping[str, str], own: int) -> dict[str, str]:
    """Return the sysctls by their path below /proc/sys; `own` is the mask of namespaces not shared.

    Raises CannotInvoke for one that is not the container's own, with runc's words.
    """
    return {_path(name, own): value for name, value in sysctls.items()}


def _path(name: str, own: int) -> str:
    if not _NAME.fullmatch(name):
        raise CannotInvoke(f'sysctl "{name}" is not in a separate kernel namespace')
    # As sysctl(8): the first separator says which one it is, and the other stands for itself in a name
    # (net/ipv4/conf/eth0.1/forwarding, net.ipv4.conf.eth0/1.forwarding).
    separator = "/" if "/" in name and ("." not in name or name.index("/") < name.index(".")) else "."
    parts = name.split(separator)
    if separator == ".":
        parts = [part.replace("/", ".") for part in parts]
    dotted = ".".join(parts)
    if dotted in _IPC or dotted.startswith("fs.mqueue."):
        if not own & CloneFlag.NEWIPC:
            raise CannotInvoke(f'sysctl "{name}" is not allowed in the hosts ipc namespace')
        needed = CloneFlag.NEWIPC
    elif dotted.startswith("net."):
        if not own & CloneFlag.NEWNET:
            raise CannotInvoke(f'sysctl "{name}" not allowed in host network namespace')
        needed = CloneFlag.NEWNET
    elif dotted == "kernel.domainname":
        needed = CloneFlag.NEWUTS
    elif dotted == "kernel.hostname":
        raise CannotInvoke(f'sysctl "{name}" is not allowed as it conflicts with the OCI "hostname" field')
    else:
        raise CannotInvoke(f'sysctl "{name}" is not in a separate kernel namespace')
    if not own & needed:
        raise CannotInvoke(f'sysctl "{name}" is not in a separate kernel namespace')
    return "/".join(parts)


def write(sysctls: Mapping[str, str], procfs: Procfs) -> None:
    """Set them, by what `check` returned; raises Refused."""
    for path, value in sysctls.items():
        failpoint("runtime.sysctl")
        try:
            procfs.write(f"sys/{path}", value)
        except OSError as error:
            raise Refused(f"open sysctl {path.replace('/', '.')} file: {cause(error)}") from error
