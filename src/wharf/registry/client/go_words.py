"""A failed connection in the words of Go's net package, which is what Docker's users read and scripts match.

Sources: the texts of Go's net, crypto/tls and crypto/x509 packages.
"""

import asyncio
import errno
import re
import socket
import ssl

import aiohttp

_ADDRESS = re.compile(r"\('([^']+)', (\d+)")
_RESOLV_CONF = "/etc/resolv.conf"
_CONNECT = {
    errno.ECONNREFUSED: "connect: connection refused",
    errno.EHOSTUNREACH: "connect: no route to host",
    errno.ENETUNREACH: "connect: network is unreachable",
    errno.ETIMEDOUT: "connect: connection timed out",
    errno.ECONNRESET: "connect: connection reset by peer",
}


def describe(error: BaseException, host: str, port: int) -> str:
    """Return why `host`:`port` could not be spoken to, as Go would say it."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error.certificate_error)
        case aiohttp.ClientSSLError():
            return _tls(error.os_error)
        case aiohttp.ClientConnectorError():
            return _dial(error.os_error, host, port)
        case aiohttp.ConnectionTimeoutError():
            return f"dial tcp {_at(host, port)}: i/o timeout"
        case aiohttp.ServerTimeoutError() | asyncio.TimeoutError():
            return "net/http: timeout awaiting response headers"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case aiohttp.ClientOSError() if error.errno == errno.ECONNRESET:
            return "read: connection reset by peer"
    return str(error) or type(error).__name__


def _dial(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        server = _nameserver()
        asked = f" on {server}:53" if server else ""
        if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            return f"dial tcp: lookup {host}{asked}: no such host"
        return f"dial tcp: lookup {host}{asked}: {(error.strerror or 'failed').lower()}"
    if error.errno is None:
        return f"dial tcp {_at(host, port)}: {error}"
    if (found := _ADDRESS.search(str(error))) is not None:
        host, port = found[1], int(found[2])
    reason = _CONNECT.get(error.errno) or f"connect: {(error.strerror or '').lower()}"
    return f"dial tcp {_at(host, port)}: {reason}"


def _certificate(error: BaseException) -> str:
    prefix = "tls: failed to verify certificate: x509: "
    if isinstance(error, ssl.SSLCertVerificationError):
        match error.verify_code:
            case 9 | 10:  # X509_V_ERR_CERT_NOT_YET_VALID, X509_V_ERR_CERT_HAS_EXPIRED
                return f"{prefix}certificate has expired or is not yet valid"
            case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
                return f"{prefix}certificate is not valid for that name: {error.verify_message}"
            case _:
                return f"{prefix}certificate signed by unknown authority"
    return f"{prefix}{error}"


def _tls(error: OSError) -> str:
    reason = getattr(error, "reason", "") or ""
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"}:
        return "http: server gave HTTP response to HTTPS client"
    return f"remote error: tls: {reason.replace('_', ' ').lower() or error}"


def _at(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _nameserver() -> str:
    try:
        with open(_RESOLV_CONF, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("nameserver "):
                    return line.split()[1]
    except (OSError, IndexError):
        pass
    return ""
