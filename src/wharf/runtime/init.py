"""The container's first process, from clone3(2) to execve(2): the steps of OCI `create` and `start`.

It is alone in new namespaces, and talks to the caller by `message.py` only.
"""

import errno
import fcntl
import gc
import os
import socket
import stat
import struct
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import NamedTuple, NoReturn

from wharf.failpoint import failpoint
from wharf.linux import keyring
from wharf.linux.clone import CloneFlag, setns, unshare
from wharf.linux.rooted import Root
from wharf.runtime import birth, devices, masks, mounts, process, rootfs, stdio, sysctl
from wharf.runtime.birth import Place
from wharf.runtime.cgroup_mounts import CgroupView
from wharf.runtime.errors import Refused, cause
from wharf.runtime.filters import filter_of
from wharf.runtime.message import Channel, Opened, Ready
from wharf.runtime.namespaces import Namespaces
from wharf.runtime.procfs import Procfs
from wharf.runtime.spec import Process, RootMount, Spec
from wharf.runtime.stdio import Console, Stdio

_SIOCSIFFLAGS = 0x8914
_IFF_UP, _IFF_RUNNING = 0x1, 0x40


class Plan(NamedTuple):
    """Everything the init needs, read and checked before it is born."""

    spec: Spec
    process: Process
    bundle: str
    root_mounts: Sequence[RootMount]
    namespaces: Namespaces
    mounts: Sequence[mounts.Order]
    sysctls: Mapping[str, str]
    cgroups: CgroupView | None
    stdio: Stdio | None
    console_size: tuple[int, int] | None
    session: str
    makes_dev: bool


def run(
    plan: Plan, place: Place, joined_fds: Mapping[int, int], channel: Channel, *, gate: socket.socket | None
) -> NoReturn:
    """Be the init. `gate` is a listening socket on which Start may come once the caller has gone."""
    with birth.telling(channel, "error during container init: "):
        with ExitStack() as stack:
            program = _create(plan, place, joined_fds, channel, stack, pdeathsig=gate is None)
        channel.send(Ready())
        if gate is not None:
            channel.close()
            accepted, _ = gate.accept()
            channel = Channel(accepted)
        process.await_start(channel)
        process.execute(program, channel)


def _create(
    plan: Plan,
    place: Place,
    joined_fds: Mapping[int, int],
    channel: Channel,
    stack: ExitStack,
    *,
    pdeathsig: bool,
) -> process.Program:
    gc.disable()  # a collection would touch, and so copy, the pages shared with others
    birth.isolate(channel, pdeathsig=pdeathsig)
    place.enter()
    if plan.namespaces.new & CloneFlag.NEWCGROUP:
        unshare(CloneFlag.NEWCGROUP)  # its root is where this process stands now
    for flag, fd in joined_fds.items():
        if flag != CloneFlag.NEWPID:
            setns(fd, flag)
    netlink = _set_up_network() if plan.namespaces.new & CloneFlag.NEWNET else None
    join_session(plan.session)
    orders = mounts.clone_shared(plan.mounts)
    rootfs.separate()
    if plan.root_mounts:
        orders = mounts.clone_hidden(orders, plan.bundle)
    root = stack.enter_context(rootfs.mount_root(plan.spec, plan.bundle, plan.root_mounts))
    account = process.account_of(plan.process, root)
    mounter = mounts.Mounter(root, plan.cgroups, stack)
    for order in orders:
        mounter.mount(order)
    linux = plan.spec.get("linux", {})
    if plan.makes_dev:
        devices.furnish(root, linux.get("devices") or ())
    console = _open_console(plan, root, channel, netlink)
    filter_ = filter_of(plan.spec)
    _set_host(plan)
    masks.make_readonly(root, linux.get("readonlyPaths") or ())
    masks.hide(root, linux.get("maskedPaths") or ())
    _make_directory(root, plan.process["cwd"])
    mounter.finish()
    rootfs.finish(plan.spec, root)
    rootfs.pivot(root)
    if personality := linux.get("personality"):
        process.set_personality(personality["domain"])
    if console is not None:
        stdio.take_console(console.terminal)
        os.close(console.terminal)
    elif plan.stdio is not None:
        stdio.take(plan.stdio)
        stdio.use_own_null(root)
    return process.confine(plan.process, account, root, filter_)


def join_session(name: str) -> None:
    """Leave the caller's session keyring for the container's own; raises Refused."""
    failpoint("runtime.keyring")
    try:
        serial = keyring.join_session(f"_ses.{name}")
        # The same user may find it by its name, to join it later, but neither list nor read it: root of
        # another container is the same user.
        keyring.set_permissions(serial, keyring.KEY_POS_ALL | keyring.KEY_USR_SEARCH)
    except OSError as error:
        if error.errno != errno.ENOSYS:  # a kernel without keys has none to leak
            text = f"unable to join session keyring: unable to create session key: {cause(error)}"
            raise Refused(text) from error


def _set_up_network() -> socket.socket:
    """Bring the loopback up, and return the socket by which the caller reaches this network namespace."""
    failpoint("runtime.network")
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
    # Any socket takes the interface ioctls of its namespace: netdevice(7).
    fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_RUNNING))
    return sock


def _open_console(plan: Plan, root: Root, channel: Channel, netlink: socket.socket | None) -> Console | None:
    """Make the console when one is asked for, and send the caller its descriptors."""
    console = None
    fds = []
    if plan.process.get("terminal"):
        console = stdio.open_console(root, plan.console_size)
        stdio.mount_console(root, console.terminal)
        fds.append(console.master)
    if netlink is not None:
        fds.append(netlink.fileno())
    if fds:
        channel.send(Opened(console is not None, netlink is not None), fds)
    if console is not None:
        os.close(console.master)
    if netlink is not None:
        netlink.close()
    return console


def _set_host(plan: Plan) -> None:
    """Set the names of the host and the sysctls of the new namespaces."""
    failpoint("runtime.hostname")
    if hostname := plan.spec.get("hostname"):
        socket.sethostname(hostname)
    values = dict(plan.sysctls)
    if domainname := plan.spec.get("domainname"):
        values["kernel/domainname"] = domainname
    if values:
        with Procfs() as procfs:
            sysctl.write(values, procfs)


def _make_directory(root: Root, path: str) -> None:
    """Make the working directory when it is missing, as Docker does; raises Refused with runc's words."""
    try:
        fd = root.make_directories(os.path.normpath(path))
    except OSError as error:
        raise Refused(f"mkdir {path}: {cause(error)}") from error
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise Refused(f"mkdir {path}: not a directory")
    finally:
        os.close(fd)
