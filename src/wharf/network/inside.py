"""A way into the network namespace of a container that runs already."""

import os
import socket
import threading

from wharf.linux.clone import CloneFlag, setns
from wharf.linux.netlink.rtnl import NETLINK_ROUTE


def open_netlink(pid: int) -> int:
    """Return a NETLINK_ROUTE socket made in the network namespace of process `pid`; the caller owns it.

    setns(2) is for a thread: one is made for this, and ends. Whether `pid` was still the process that was
    meant is for the caller to see. Raises OSError.
    """
    outcome: list[int | OSError] = []

    def work() -> None:
        try:
            namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            try:
                setns(namespace, CloneFlag.NEWNET)
            finally:
                os.close(namespace)
            made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
            outcome.append(made.detach())
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=work, name="into a namespace")
    thread.start()
    thread.join()
    if isinstance(outcome[0], OSError):
        raise outcome[0]
    return outcome[0]
