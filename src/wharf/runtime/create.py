"""A new container: `become` makes it and is its init; `create` has that done, and waits until it is ready."""

import json
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from typing import NoReturn, Self, cast

from wharf.failpoint import failpoint
from wharf.linux.cgroup import Cgroup
from wharf.linux.clone import CloneFlag
from wharf.runtime import birth, init, mounts, sysctl
from wharf.runtime.cgroup_mounts import CgroupView
from wharf.runtime.errors import CREATE_KINDS, CannotCreate, CannotInvoke, ExecFailed, cause, text_of
from wharf.runtime.example import example
from wharf.runtime.message import Channel, Start
from wharf.runtime.namespaces import Namespaces
from wharf.runtime.spec import RootMount, Spec
from wharf.runtime.stdio import Stdio


class Init:
    """A created container, waiting for `start`; then its running first process.

    `pid` and `pidfd` are the init's. `console` is the master of its pseudo-terminal, `netlink` a
    NETLINK_ROUTE socket inside its new network namespace; both are the caller's to take (set them to None) or
    to `close`.
    """

    def __init__(self, newborn: birth.Newborn, cgroup: Cgroup) -> None:
        self.pid = newborn.pid
        self.cgroup = cgroup
        self._newborn = newborn

    @property
    def pidfd(self) -> int:
        """The init, by descriptor; -1 once closed."""
        return self._newborn.pidfd

    @property
    def console(self) -> int | None:
        """The master of the init's terminal."""
        return self._newborn.console

    def start(self) -> None:
        """Have the program executed; return when it is.

        A program which execve(2) itself refuses has started, for Docker: it tells its standard error why, and
        ends with 255. Raises ExecFailed when the init is not there any more.
        """
        failpoint("runtime.start")
        try:
            self._newborn.channel.send(Start())
            self._newborn.await_started()
        except OSError as error:
            raise ExecFailed(f"cannot start a container that has stopped: {cause(error)}") from error
        except birth.NotBorn as error:
            raise ExecFailed(f"cannot start a container that has stopped: {error.text}") from error

    def abandon(self) -> None:
        """Kill the init and everything in its cgroup, reap it, and remove the cgroup."""
        with ExitStack() as undo:
            undo.callback(self.cgroup.remove)
            undo.callback(self._newborn.end)
            self.cgroup.kill()

    def close(self) -> None:
        """Close every descriptor that is still held; twice does no harm."""
        self._newborn.close()

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
    """Make the container of `spec` and return it ready to start; the arguments are `become`'s.

    The caller has one thread, and reaps the init. Raises CreateFailed with everything undone.
    """
    try:
        newborn = birth.Newborn(
            lambda channel: become(
                spec, bundle, channel, root=root, stdio=stdio, console_size=console_size, gate=gate
            )
        )
    except OSError as error:
        raise CannotCreate(f"{birth.STARTING}{text_of(error)}") from error
    with ExitStack() as undo:
        undo.callback(newborn.end)
        try:
            newborn.await_ready()
        except birth.NotBorn as error:
            if newborn.pid:
                undo.callback(give_up_cgroup, birth.cgroup_path(spec))
            raise CREATE_KINDS[error.kind](error.text) from error
        undo.pop_all()
    return Init(newborn, Cgroup.load(birth.cgroup_path(spec)))


def give_up_cgroup(path: str) -> None:
    """Remove the cgroup of a container that was born and could not be made, and end what is in it."""
    cgroup = Cgroup.load(path)
    with suppress(OSError):
        cgroup.kill()
        cgroup.remove()


def become(
    spec: Spec,
    bundle: str,
    channel: Channel,
    *,
    root: Sequence[RootMount] = (),
    stdio: Stdio | None,
    console_size: tuple[int, int] | None = None,
    gate: socket.socket | None = None,
    on_cgroup: Callable[[Cgroup], None] | None = None,
) -> NoReturn:
    """Make the container of `spec` and be its init: a maker's work, which tells of itself on `channel`.

    `bundle` is an absolute path; with `root` those mounts are made on top of it, inside the container's mount
    namespace, and are its root; else spec's root.path is. `stdio` is None exactly when the process has a
    terminal. With `gate`, a listening socket, the container outlives its caller and waits there for a
    connection that says Start. `on_cgroup` gets the container's cgroup before anything is in it. When it
    fails before Born, everything is undone; after it, the cgroup is the caller's to remove.
    """
    with birth.telling(channel), ExitStack() as stack:
        plan = _plan(spec, bundle, root, stdio, console_size)
        birth.set_oom_score(plan.process)
        joined = plan.namespaces.open_joined(stack)
        with ExitStack() as undo:
            cgroup = _make_cgroup(spec, undo)
            if on_cgroup is not None:
                on_cgroup(cgroup)
            place = birth.Place(cgroup, stack)
            failpoint("runtime.clone")
            birth.go_on_in(plan.namespaces.at_clone, channel, place, joined.get(CloneFlag.NEWPID))
            undo.pop_all()
        init.run(plan, place, joined, channel, gate=gate)


def practise() -> object:
    """Plan a container that will not be, and return something to be kept meanwhile.

    A page that is written to after a fork is copied first: a maker that awaits its order touches here what
    it will need, so that nobody waits for that. Without the kept the memory would be given back.
    """
    spec = cast(Spec, json.loads(json.dumps(example())))
    spec["linux"]["cgroupsPath"] = "/practice"
    return _plan(spec, "/", (), None, (24, 80))


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


def _quietly(undo: Callable[[], None]) -> None:
    """Run an undo whose own failure must not hide the first one."""
    with suppress(OSError):
        undo()
