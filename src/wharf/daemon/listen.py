"""The daemon's sockets: `unix://PATH`, `tcp://HOST:PORT`, made safe before anybody can connect."""

import contextlib
import grp
import os
import socket
import stat

from wharf.errors import InvalidParameter, Unavailable

_BACKLOG = 1024


def parse(address: str) -> tuple[str, str]:
    """Return (scheme, rest) of a `-H` address; InvalidParameter where it is none of ours."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "tcp", address
    if scheme not in {"unix", "tcp"} or not rest:
        raise InvalidParameter(f'unable to parse docker host "{address}"')
    return scheme, rest


def unix(path: str, group: str) -> socket.socket:
    """Listen at `path`, mode 0660, owned by root and by `group` if that exists; replaces a dead socket."""
    if is_answered(path):
        raise Unavailable(f"can't create unix socket {path}: another engine is listening there")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.lstat(path).st_mode):
            os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)  # nobody else can connect before its owner and mode are right
        try:
            listener.bind(path)
        finally:
            os.umask(before)
        with contextlib.suppress(KeyError):
            os.chown(path, 0, grp.getgrnam(group).gr_gid)
        os.chmod(path, 0o660)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def tcp(rest: str) -> socket.socket:
    """Listen at `HOST:PORT` (`[v6]:PORT`); without TLS, so on loopback addresses only."""
    host, _, port = rest.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit():
        raise InvalidParameter(f'invalid bind address "{rest}": a port is needed')
    family, kind, protocol, _, place = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
    if not (str(place[0]).startswith("127.") or place[0] == "::1"):
        raise InvalidParameter(
            f"refusing to listen on tcp://{rest}: without TLS, whoever reaches it is root on this host; "
            "TLS is not supported by this engine yet"
        )
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(place)
    listener.listen(_BACKLOG)
    return listener


def is_answered(path: str) -> bool:
    """Return whether somebody accepts connections at a socket's path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
