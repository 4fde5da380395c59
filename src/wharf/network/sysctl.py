"""Network sysctls of the host and of a container's network namespace.

What `/proc/sys/net` shows depends on the thread that opens it, so values inside a container are written by a
thread made for it, which enters the namespace and ends.
"""

import os
import threading
from collections.abc import Mapping

from wharf.linux.clone import CloneFlag, setns

_ROOT = "/proc/sys/"


def read(name: str) -> str | None:
    """Return the value of `net/ipv4/ip_forward`, say; None when the kernel has no such sysctl."""
    try:
        with open(_ROOT + name, encoding="ascii") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def write(name: str, value: str) -> None:
    """Set a sysctl of this thread's network namespace; nothing happens when the kernel has no such one."""
    try:
        fd = os.open(_ROOT + name, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def write_inside(namespace_fd: int, values: Mapping[str, str]) -> None:
    """Set sysctls in the network namespace that `namespace_fd` (borrowed) leads to; raises OSError."""
    failures: list[OSError] = []

    def work() -> None:
        try:
            setns(namespace_fd, CloneFlag.NEWNET)
            for name, value in values.items():
                write(name, value)
        except OSError as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="sysctl")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]


def v4_only(link: str) -> dict[str, str]:
    """Return what keeps IPv6 off a link: no router can give it an address or a route (CVE-2020-13401)."""
    return {f"net/ipv6/conf/{link}/accept_ra": "0", f"net/ipv6/conf/{link}/disable_ipv6": "1"}


def dual_stack(link: str) -> dict[str, str]:
    """Return what gives a link IPv6, by nobody's word but ours: no router is listened to."""
    return {f"net/ipv6/conf/{link}/accept_ra": "0", f"net/ipv6/conf/{link}/disable_ipv6": "0"}
