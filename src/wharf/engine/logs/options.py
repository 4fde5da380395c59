"""The options of log drivers (`--log-opt`), checked in Docker's words: some at create, some at start.

What Docker checks only as the driver begins is an error of the start.
"""

import os
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from wharf.errors import InvalidParameter
from wharf.schema.host_config import LogConfig

DRIVERS = ("journald", "json-file", "local", "syslog")
"""The drivers by name, as `info` lists them; `none` is none."""

FACILITIES = (
    "kern",
    "user",
    "mail",
    "daemon",
    "auth",
    "syslog",
    "lpr",
    "news",
    "uucp",
    "cron",
    "authpriv",
    "ftp",
)
"""By number; from 16 on there are local0 to local7 (RFC 5424, 6.2.1)."""

SYSLOG_FORMATS = ("", "rfc3164", "rfc5424", "rfc5424micro")

_EXTRA = {"env", "env-regex", "labels", "labels-regex", "tag"}
_FILE = {"max-file", "max-size", "compress"}
_KNOWN = {
    "json-file": _FILE | _EXTRA,
    "local": _FILE,
    "journald": _EXTRA,
    "syslog": _EXTRA
    | {
        "syslog-address",
        "syslog-facility",
        "syslog-format",
        "syslog-tls-ca-cert",
        "syslog-tls-cert",
        "syslog-tls-key",
        "syslog-tls-skip-verify",
    },
}
_ANY = {"mode", "max-buffer-size"}
_CACHE_OPTIONS = {"cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"}

_SIZE = re.compile(r"(\d+(?:\.\d+)*) ?([kmgtp]?)i?b?", re.ASCII | re.IGNORECASE)
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


def check(driver: str, options: Mapping[str, str]) -> None:
    """Refuse what Docker refuses when a container is created; raises InvalidParameter."""
    if driver == "none":
        return
    if driver not in DRIVERS:
        raise InvalidParameter(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
    mode = options.get("mode", "")
    if mode not in {"", "blocking", "non-blocking"}:
        raise InvalidParameter(f"logger: logging mode not supported: {mode}")
    if "max-buffer-size" in options:
        if mode != "non-blocking":
            raise InvalidParameter(
                "logger: max-buffer-size option is only supported with 'mode=non-blocking'"
            )
        try:
            size(options["max-buffer-size"])
        except InvalidParameter as error:
            raise InvalidParameter(f"error parsing option max-buffer-size: {error}") from None
    disabled = options.get("cache-disabled")
    if disabled is not None and disabled not in _TRUE | _FALSE:
        raise InvalidParameter(f"invalid value for option cache-disabled: {disabled}")
    for name in options:
        if name not in _KNOWN[driver] | _ANY | _CACHE_OPTIONS:
            owner = "log driver local" if driver == "local" else f"{driver} log driver"
            raise InvalidParameter(f"unknown log opt '{name}' for {owner}")
    if driver == "syslog":
        address(options.get("syslog-address", ""))
        facility(options.get("syslog-facility", ""))
        if options.get("syslog-format", "") not in SYSLOG_FORMATS:
            raise InvalidParameter("Invalid syslog format")


class LogDefaults(NamedTuple):
    """The engine's own driver and options (`--log-driver`, `--log-opt`)."""

    driver: str = "json-file"
    options: Mapping[str, str] = {}


def merge(asked: LogConfig, defaults: LogDefaults) -> LogConfig:
    """Return what a container gets: what it names, and else what the engine has.

    Raises InvalidParameter in Docker's words.
    """
    driver, config = asked.type or defaults.driver, dict(asked.config or {})
    if driver == defaults.driver:
        config = {**defaults.options, **config}
    check(driver, config)
    return LogConfig(type=driver, config=config)


def size(text: str) -> int:
    """Return the bytes of Docker's size texts (`10m`, `512kb`, `1.5GiB`)."""
    found = _SIZE.fullmatch(text)
    if found is None or found[1].count(".") > 1:
        raise InvalidParameter(f"invalid size: '{text}'")
    return int(float(found[1]) * 1024 ** _UNITS[found[2].lower()])


def truth(text: str) -> bool:
    """Return a truth as Go's `strconv.ParseBool` reads it."""
    if text not in _TRUE | _FALSE:
        raise InvalidParameter(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in _TRUE


def number(text: str) -> int:
    """Return a whole number as Go's `strconv.Atoi` reads it."""
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidParameter(f'strconv.Atoi: parsing "{text}": invalid syntax')
    if len(digits) > 18:
        raise InvalidParameter(f'strconv.Atoi: parsing "{text}": value out of range')
    return int(text)


def pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression; Go's and Python's agree on what people write for labels."""
    try:
        return re.compile(text)
    except re.error as error:
        why = str(error.msg)
        if why.startswith("missing )"):
            why = f"missing closing ): `{text}`"
        elif why.startswith("nothing to repeat"):
            why = f"missing argument to repetition operator: `{text[error.pos or 0 :][:1]}`"
        elif why.startswith("unterminated character set"):
            why = f"missing closing ]: `{text[error.pos or 0 :]}`"
        raise InvalidParameter(f"error parsing regexp: {why}") from None


class Address(NamedTuple):
    """A syslog collector: `place` is a path or `host:port`; both are empty for the host's own."""

    proto: str
    place: str


def address(text: str) -> Address:
    """Return a syslog address; raises InvalidParameter, also where its socket is missing."""
    if not text:
        return Address("", "")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidParameter(f'parse "{text}": {error}') from None
    match parts.scheme:
        case "unix" | "unixgram":
            try:
                os.stat(parts.path)
            except OSError as error:
                words = (error.strerror or "").lower()
                raise InvalidParameter(f"stat {parts.path}: {words}") from None
            return Address(parts.scheme, parts.path)
        case "tcp" | "udp" | "tcp+tls":
            shown = f"[{host}]" if ":" in host else host
            return Address(parts.scheme, f"{shown}:{514 if port is None else port}")
    raise InvalidParameter(f"unsupported scheme: '{parts.scheme}'")


def facility(text: str) -> int:
    """Return a facility, shifted to its place in a priority; `daemon` for nothing."""
    if not text:
        return FACILITIES.index("daemon") << 3
    if text in FACILITIES:
        return FACILITIES.index(text) << 3
    local = text.removeprefix("local")
    if local != text and local in set("01234567"):
        return (16 + int(local)) << 3
    if text.isascii() and text.isdigit() and int(text) < 24:
        return int(text) << 3
    raise InvalidParameter("invalid syslog facility")
