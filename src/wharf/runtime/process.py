"""The last steps of a process in a container, the same for its init and for what is executed in it later.

The order is the kernel's: resource limits and a seccomp filter need privileges; groups, then ids, then the
capability sets; with no_new_privs the filter comes last. Nothing is imported, and no file of the container is
read as code or data of this interpreter, once it stands in the container's root.
"""

import os
import signal
import time
from typing import NamedTuple, NoReturn

from wharf.failpoint import failpoint
from wharf.linux import capability, credentials, prctl, rlimit, seccomp
from wharf.linux.rooted import Root
from wharf.runtime import command, stdio
from wharf.runtime.errors import Refused, cause
from wharf.runtime.filters import Filter
from wharf.runtime.identity import Account, home_of, resolve_user
from wharf.runtime.message import Channel, Start, Started
from wharf.runtime.procfs import Procfs
from wharf.runtime.spec import Capabilities, Process

_PERSONALITIES = {"LINUX": prctl.PER_LINUX, "LINUX32": prctl.PER_LINUX32}


class Program(NamedTuple):
    """What is left to execute when everything else is done."""

    path: str
    arguments: list[str]
    environment: dict[str, str]


def account_of(process: Process, root: Root) -> Account:
    """Return who the process runs as, a `username` looked up in the container at `root`; raises Refused."""
    user = process.get("user", {})
    extra = user.get("additionalGids") or []
    name = user.get("username")
    if name is None:
        return Account(user.get("uid", 0), user.get("gid", 0), extra)
    account = resolve_user(root, name, user.get("groupAdd") or ())
    return account._replace(gids=list(dict.fromkeys((*account.gids, *extra))))


def confine(process: Process, account: Account, root: Root, filter_: Filter | None) -> Program:
    """Give up every privilege that the process is not to have, and find its program; raises Refused.

    `root` is the container's "/", where this process stands already; `filter_` is the seccomp filter to load.
    """
    failpoint("runtime.confine")
    user = process.get("user", {})
    environment = command.environment(process.get("env") or (), home_of(root, account.uid))
    no_new_privileges = process.get("noNewPrivileges", False)
    if profile := process.get("apparmorProfile"):
        _apply_apparmor(profile)
    if no_new_privileges:
        prctl.set_no_new_privs()
    _set_limits(process)
    stdio.give_to(account.uid)
    entered = _enter_directory(process["cwd"], root, retry=True)
    if filter_ is not None and not no_new_privileges:
        _load(filter_)
    _become(account)
    if not entered:
        _enter_directory(process["cwd"], root, retry=False)
    _check_directory()
    _set_capabilities(process, account)
    os.umask(user.get("umask", 0o022))
    arguments = process.get("args") or []
    path = command.find(arguments[0], environment.get("PATH", ""))
    if filter_ is not None and no_new_privileges:
        _load(filter_)
    return Program(path, arguments, environment)


def await_start(channel: Channel) -> None:
    """Wait until the caller wants the program executed; a caller that went away ends this process."""
    if not isinstance(channel.receive(), Start):
        os._exit(1)


def execute(program: Program, channel: Channel) -> NoReturn:
    """Execute the program with default signals; never returns. `channel` is told, and ends with it."""
    failpoint("runtime.execve")
    prctl.set_pdeathsig(0)
    prctl.close_on_exec_from(3)
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    channel.send(Started(time.time_ns()))
    command.execute(program.path, program.arguments, program.environment)


def set_personality(domain: str) -> None:
    """Set the execution domain, LINUX or LINUX32; raises Refused."""
    if domain not in _PERSONALITIES:
        raise Refused(f"unsupported personality {domain}")
    prctl.set_personality(_PERSONALITIES[domain])


def _set_limits(process: Process) -> None:
    for limit in process.get("rlimits") or ():
        number = rlimit.NUMBERS.get(limit["type"])
        if number is None:
            raise Refused(f"invalid rlimit type {limit['type']}")
        try:
            rlimit.set_limit(number, limit["soft"], limit["hard"])
        except OSError as error:
            raise Refused(
                f"error setting rlimits for ready process: error setting rlimit type {number}: {cause(error)}"
            ) from error


def _load(filter_: Filter) -> None:
    failpoint("runtime.seccomp")
    try:
        seccomp.load_filter(filter_.program, filter_.flags)
    except OSError as error:
        raise Refused(
            f"unable to init seccomp: error loading seccomp filter into kernel: {cause(error)}"
        ) from error


def _apply_apparmor(profile: str) -> None:
    """Have execve(2) change to an AppArmor profile: apparmor(7)."""
    with Procfs() as procfs:
        own = f"{os.getpid()}/attr"
        try:
            try:
                procfs.write(f"{own}/apparmor/exec", f"exec {profile}")
            except FileNotFoundError:
                procfs.write(f"{own}/exec", f"exec {profile}")
        except OSError as error:
            raise Refused(f"unable to apply apparmor profile: {cause(error)}") from error


def _enter_directory(path: str, root: Root, *, retry: bool) -> bool:
    """Change to `path`; False when it has to be tried again as the user, who may see what root may not."""
    try:
        fd = root.open(path, os.O_PATH | os.O_DIRECTORY)
        try:
            os.fchdir(fd)
        finally:
            os.close(fd)
    except PermissionError as error:
        if retry:
            return False
        raise _directory_refused(path, error) from error
    except OSError as error:
        raise _directory_refused(path, error) from error
    return True


def _directory_refused(path: str, error: OSError) -> Refused:
    return Refused(
        f"chdir to cwd ({command.quoted(path)}) set in config.json failed: {cause(error)}", "invoke"
    )


def _check_directory() -> None:
    """Refuse a working directory that is outside of the container's root: CVE-2024-21626."""
    try:
        inside = os.getcwd().startswith("/")
    except OSError:
        inside = False
    if not inside:
        raise Refused(
            "current working directory is outside of container mount namespace root "
            "-- possible container breakout detected"
        )


def _become(account: Account) -> None:
    """Take on groups and ids; permitted capabilities are kept for the step after."""
    try:
        prctl.set_keepcaps(keep=True)
        credentials.set_groups(account.gids)
        credentials.set_gid(account.gid)
        credentials.set_uid(account.uid)
    except OSError as error:
        raise Refused(f"setting up user: {cause(error)}") from error
    # The change of ids has set it by /proc/sys/fs/suid_dumpable, which may be 1.
    prctl.set_dumpable(dumpable=False)


def _set_capabilities(process: Process, account: Account) -> None:
    sets: Capabilities = process.get("capabilities") or {}
    bounding = sets.get("bounding") or ()
    if account.uid != 0 and "username" in process.get("user", {}):
        # Docker gives a user other than root the bounding set only, as execve(2) would.
        sets = {}
    capability.set_capabilities(
        bounding,
        sets.get("effective") or (),
        sets.get("permitted") or (),
        sets.get("inheritable") or (),
        sets.get("ambient") or (),
    )
    prctl.set_keepcaps(keep=False)
