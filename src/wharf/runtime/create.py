"""The caller's side of a new container: plan, cgroup, clone3(2), and waiting for the init to be ready.

The caller has one thread and is the parent of the init, whom it reaps. While the init mounts, the caller
puts it into its cgroups: on cgroup v1 the first such move waits for the kernel for some milliseconds.
"""

import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import Self

from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.linux.clone import CloneFlag, clone3
from wharf.runtime import birth, init, mounts, sysctl
from wharf.runtime.cgroup_mounts import CgroupView
from wharf.runtime.errors import CREATE_KINDS, CannotCreate, CannotInvoke, ExecFailed, cause, text_of
from wharf.runtime.message import Channel, Start
from wharf.runtime.namespaces import Namespaces, children_in
from wharf.runtime.spec import RootMount, Spec
from wharf.runtime.stdio import Stdio


class Init:
    """A created container, waiting for `start`; then its running first process.

    `pid` and `pidfd` are the init's. `console` is the master of its pseudo-terminal, `netlink` a
    NETLINK_ROUTE socket inside its new network namespace; both are the caller's to take (set them to None) or
    to `close`.
    """

    def __init__(
        self,
        pid: int,
        pidfd: int,
        cgroup: Cgroup,
        channel: Channel,
        *,
        console: int | None,
        netlink: int | None,
    ) -> None:
        self.pid = pid
        self.pidfd = pidfd
        self.console = console
        self.netlink = netlink
        self.cgroup = cgroup
        self._channel = channel

    def start(self) -> None:
        """Have the program executed; return when it is.

        A program which execve(2) itself refuses has started, for Docker: it tells its standard error why, and
        ends with 255. Raises ExecFailed when the init is not there any more.
        """
        failpoint("runtime.start")
        try:
            self._channel.send(Start())
            self._channel.receive()
        except OSError as error:
            raise ExecFailed(f"cannot start a container that has stopped: {cause(error)}") from error
        finally:
            self._channel.close()

    def abandon(self) -> None:
        """Kill the init and everything in its cgroup, reap it, and remove the cgroup."""
        with ExitStack() as undo:
            undo.callback(self.close)
            undo.callback(self.cgroup.remove)
            undo.callback(birth.end, self.pidfd)
            self.cgroup.kill()

    def close(self) -> None:
        """Close every descriptor that is still held; twice does no harm."""
        self._channel.close()
        for name in ("pidfd", "console", "netlink"):
            fd = getattr(self, name)
            if fd is not None and fd >= 0:
                os.close(fd)
        self.pidfd, self.console, self.netlink = -1, None, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def create(
    spec: Spec,
    bundle: str,
    *,
    root: Sequence[RootMount] = (),
    stdio: Stdio | None,
    console_size: tuple[int, int] | None = None,
    gate: socket.socket | None = None,
) -> Init:
    """Make the container of `spec` and return it ready to start.

    `bundle` is an absolute path; with `root` those mounts are made on top of it, inside the container's mount
    namespace, and are its root; else spec's root.path is. `stdio` is borrowed, and None exactly when
    the process has a terminal. With `gate`, a listening socket, the container outlives its caller
    and waits there for a connection that says Start. Raises CreateFailed with everything undone.
    """
    try:
        return _create(_plan(spec, bundle, root, stdio, console_size), gate)
    except OSError as error:
        raise CannotCreate(f"{birth.STARTING}{text_of(error)}") from error


def _create(plan: init.Plan, gate: socket.socket | None) -> Init:
    with ExitStack() as undo:
        cgroup = _make_cgroup(plan.spec, undo)
        ours, theirs = Channel.pair()
        undo.callback(ours.close)
        with ExitStack() as born:
            born.callback(theirs.close)
            joined = plan.namespaces.open_joined(born)
            place = birth.Place(cgroup, born)
            pid, pidfd = _clone(
                lambda: init.run(plan, place, joined, theirs, ours, gate=gate),
                plan.namespaces,
                joined,
                place.fd,
            )
        undo.callback(os.close, pidfd)
        undo.callback(birth.end, pidfd)
        newborn = birth.Newborn(pid, ours)
        undo.callback(newborn.close_received)
        try:
            newborn.settle(plan.process)
            newborn.await_ready()
        except birth.NotBorn as error:
            raise CREATE_KINDS.get(error.kind, CannotCreate)(error.text) from error
        undo.pop_all()
        return Init(pid, pidfd, cgroup, ours, console=newborn.console, netlink=newborn.netlink)


def _plan(
    spec: Spec,
    bundle: str,
    root: Sequence[RootMount],
    stdio: Stdio | None,
    console_size: tuple[int, int] | None,
) -> init.Plan:
    """Read the spec; raises CannotInvoke for what it must not say."""
    process = spec.get("process")
    if process is None:
        raise CannotInvoke("process property must not be empty")
    birth.check_process(process, stdio)
    linux = spec.get("linux", {})
    if any((spec.get("hooks") or {}).values()):
        raise CannotInvoke("hooks are not supported")
    namespaces = Namespaces.of(spec)
    own = namespaces.own
    if spec.get("hostname") and not own & CloneFlag.NEWUTS:
        raise CannotInvoke("unable to set hostname without a private UTS namespace")
    try:
        orders = mounts.read(spec.get("mounts") or (), bundle)
    except ValueError as error:
        raise CannotInvoke(str(error)) from error
    path = birth.cgroup_path(spec)
    private = bool(namespaces.new & CloneFlag.NEWCGROUP)
    return init.Plan(
        spec=spec,
        process=process,
        bundle=bundle,
        root_mounts=root,
        namespaces=namespaces,
        mounts=orders,
        sysctls=sysctl.check(linux.get("sysctl") or {}, own),
        cgroups=CgroupView.of(path, private=private),
        stdio=stdio,
        console_size=console_size,
        session=os.path.basename(path),
        makes_dev=not any(order.destination == "/dev" and order.options.bind for order in orders),
    )


def _make_cgroup(spec: Spec, undo: ExitStack) -> Cgroup:
    try:
        failpoint("runtime.cgroup")
        cgroup = Cgroup.create(birth.cgroup_path(spec), spec.get("linux", {}).get("resources") or {})
    except OSError as error:
        raise CannotCreate(f"{birth.STARTING}unable to apply cgroup configuration: {error}") from error
    undo.callback(_quietly, cgroup.remove)
    return cgroup


def _clone(
    child: Callable[[], None], namespaces: Namespaces, joined: Mapping[int, int], cgroup_fd: int | None
) -> tuple[int, int]:
    """Fork into the new namespaces; `child` runs there and does not return."""
    try:
        failpoint("runtime.clone")
        with children_in(joined.get(CloneFlag.NEWPID)):
            pid, pidfd = clone3(namespaces.at_clone, cgroup_fd=cgroup_fd)
            if pid == 0:
                try:
                    child()
                finally:
                    os._exit(1)
    except OSError as error:
        raise CannotCreate(f"{birth.STARTING}clone3: {cause(error)}") from error
    return pid, pidfd


def _quietly(undo: Callable[[], None]) -> None:
    """Run an undo whose own failure must not hide the first one."""
    with suppress(OSError):
        undo()
