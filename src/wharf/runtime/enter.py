"""A process executed in a running container, from clone3(2) to execve(2): the child's side of `exec`.

It was born in the container's pid namespace, joins the others by the init's pidfd (no path of /proc is
walked), and then takes the same last steps as the init itself.
"""

import gc
import os
from contextlib import ExitStack
from typing import NamedTuple, NoReturn

from wharf.failpoint import failpoint
from wharf.linux.clone import CloneFlag, setns
from wharf.linux.rooted import Root
from wharf.runtime import birth, init, process, stdio
from wharf.runtime.birth import Place
from wharf.runtime.errors import Refused, text_of
from wharf.runtime.filters import Filter
from wharf.runtime.message import Channel, Opened
from wharf.runtime.spec import Process, Spec
from wharf.runtime.stdio import Stdio


class Visit(NamedTuple):
    """Everything the process needs, read and checked before it is born."""

    spec: Spec
    process: Process
    init_pidfd: int
    namespaces: int
    session: str
    filter: Filter | None
    stdio: Stdio | None
    console_size: tuple[int, int] | None


def run(visit: Visit, place: Place, channel: Channel) -> NoReturn:
    """Be the process."""
    with birth.telling(channel):
        with ExitStack() as stack:
            program = _enter(visit, place, channel, stack)
        process.execute(program, channel)


def _enter(visit: Visit, place: Place, channel: Channel, stack: ExitStack) -> process.Program:
    gc.disable()  # a collection would touch, and so copy, the pages shared with others
    birth.isolate(channel, pdeathsig=True)
    place.enter()
    failpoint("runtime.exec.setns")
    try:
        setns(visit.init_pidfd, visit.namespaces & ~CloneFlag.NEWPID)
    except OSError as error:
        raise Refused(f"setns: {text_of(error)}") from error
    init.join_session(visit.session)
    root = stack.enter_context(Root.at("/"))
    account = process.account_of(visit.process, root)
    if visit.process.get("terminal"):
        console = stdio.open_console(root, visit.console_size)
        channel.send(Opened(console=True, netlink=False), [console.master])
        os.close(console.master)
        stdio.take_console(console.terminal)
        os.close(console.terminal)
    elif visit.stdio is not None:
        stdio.take(visit.stdio)
        stdio.use_own_null(root)
    if personality := visit.spec.get("linux", {}).get("personality"):
        process.set_personality(personality["domain"])
    return process.confine(visit.process, account, root, visit.filter)
