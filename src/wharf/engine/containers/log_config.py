"""A container's log: which driver with which options, and what its shim is told of it."""

import asyncio
import errno
import json
import os
from collections.abc import Mapping

from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.logs import attributes, options
from wharf.engine.logs.attributes import Subject
from wharf.errors import Internal, InvalidParameter
from wharf.shim import protocol
from wharf.shim.log import journald, syslog

MIB = 1024 * 1024

BOUND_SIZE = 256 * MIB
"""The size of a json-file where none was asked for; Docker's grows without end (docs/adr/0009)."""

BOUND_FILES = 4

_LOCAL_SIZE = 20 * MIB
_LOCAL_FILES = 5
_BUFFER = MIB
_ATTRIBUTES = 32 * 1024
"""How long the attributes of a log may be, so that they fit in a message."""

_FAILED = "failed to create task for container: failed to initialize logging driver: "


def readable(context: Context, container: Container) -> tuple[str, str]:
    """Return the format and path of the log that can be read; two empty texts where there is none."""
    log = container.record.host_config.log_config
    config = log.config or {}
    if log.type == "json-file":
        return "json-file", context.paths.log(container.id)
    if log.type == "none" or (log.type != "local" and _cache_is_disabled(config)):
        return "", ""
    return "local", context.paths.local_log(container.id)


def _cache_is_disabled(config: Mapping[str, str]) -> bool:
    return options.truth(config.get("cache-disabled", "false"))


async def for_shim(context: Context, container: Container) -> protocol.LogConfig:
    """Return what the shim is told; raises Internal in Docker's words where the driver cannot begin."""
    log = container.record.host_config.log_config
    config = log.config or {}
    _, path = readable(context, container)
    try:
        made = _config(log.type, config, _subject(container), path)
        if made["path"] and made["path"] != context.paths.log(container.id):
            os.makedirs(os.path.dirname(made["path"]), 0o700, exist_ok=True)
        if log.type == "syslog":
            await asyncio.to_thread(_try, made["syslog"])
    except InvalidParameter as error:
        raise Internal(_FAILED + str(error)) from error
    if sum(len(part) for part in (made.get("attrs", ""), *made.get("journald", {}).values())) > _ATTRIBUTES:
        raise Internal(f"{_FAILED}the tag, labels and variables are longer than {_ATTRIBUTES} bytes")
    return made


def _subject(container: Container) -> Subject:
    record = container.record
    return Subject(
        id=record.id,
        name=record.name,
        image_id=record.image_id,
        image_name=record.image_ref,
        command=[record.path, *record.args],
        env=record.config.env or [],
        labels=record.config.labels or {},
        options=record.host_config.log_config.config or {},
    )


def _config(driver: str, config: Mapping[str, str], subject: Subject, path: str) -> protocol.LogConfig:
    match driver:
        case "json-file":
            made = _json_file(config, subject, path)
        case "local":
            made = _local(config, path)
        case "syslog":
            made = {**_copy(config, path), "driver": "syslog", "syslog": _syslog(config, subject)}
        case "journald":
            if not os.path.exists(journald.SOCKET):
                raise InvalidParameter("journald is not enabled on this host")
            made = {**_copy(config, path), "driver": "journald", "journald": _journald(subject)}
        case _:
            return {"driver": "none", "path": "", "max_size": 0, "max_file": 1}
    if config.get("mode") == "non-blocking":
        made["buffer"] = (
            options.size(config.get("max-buffer-size", "")) if "max-buffer-size" in config else _BUFFER
        )
    return made


def _json_file(config: Mapping[str, str], subject: Subject, path: str) -> protocol.LogConfig:
    max_size, max_file = 0, 1
    if "max-size" in config:
        max_size = options.size(config["max-size"])
        if max_size <= 0:
            raise InvalidParameter("max-size must be a positive number")
    if "max-file" in config:
        max_file = options.number(config["max-file"])
        if max_file < 1:
            raise InvalidParameter("max-file cannot be less than 1")
    compress = options.truth(config.get("compress", "false"))
    if compress and (max_file < 2 or not max_size):
        raise InvalidParameter("compress cannot be true when max-file is less than 2 or max-size is not set")
    if not max_size:
        max_size, max_file = BOUND_SIZE, max(max_file, BOUND_FILES)
    attrs = attributes.kept(subject)
    if "tag" in config:
        attrs["tag"] = attributes.tag(subject, "")
    shown = json.dumps(
        {name: attrs[name] for name in sorted(attrs)}, separators=(",", ":"), ensure_ascii=False
    )
    for character in "<>&\u2028\u2029":
        shown = shown.replace(character, f"\\u{ord(character):04x}")
    return {
        "driver": "json-file",
        "path": path,
        "max_size": max_size,
        "max_file": max_file,
        "compress": compress,
        "attrs": shown if attrs else "",
    }


def _local(config: Mapping[str, str], path: str) -> protocol.LogConfig:
    max_size, max_file, compress = _LOCAL_SIZE, _LOCAL_FILES, True
    try:
        if "max-size" in config:
            max_size = options.size(config["max-size"])
    except InvalidParameter as error:
        raise InvalidParameter(f"invalid value for max-size: {config['max-size']}: {error}") from None
    try:
        if "max-file" in config:
            max_file = options.number(config["max-file"])
    except InvalidParameter as error:
        raise InvalidParameter(f"invalid value for max-file: {config['max-file']}: {error}") from None
    try:
        if "compress" in config:
            compress = options.truth(config["compress"])
    except InvalidParameter as error:
        raise InvalidParameter(f"error reading compress log option: {error}") from None
    if compress and max_file <= 1:
        raise InvalidParameter("compression cannot be enabled when max file count is 1")
    return _file(path, max_size, max_file, compress=compress)


def _copy(config: Mapping[str, str], path: str) -> protocol.LogConfig:
    """Return the local copy of a log that is sent away; options that make no sense count as not given."""
    cache = {name.removeprefix("cache-"): text for name, text in config.items() if name.startswith("cache-")}
    try:
        return _local(cache, path)
    except InvalidParameter:
        return _local({}, path)


def _file(path: str, max_size: int, max_file: int, *, compress: bool) -> protocol.LogConfig:
    return {
        "driver": "local",
        "path": path,
        "max_size": max_size,
        "max_file": max(max_file, 1),
        "compress": compress,
    }


def _syslog(config: Mapping[str, str], subject: Subject) -> syslog.SyslogTarget:
    proto, place = options.address(config.get("syslog-address", ""))
    names = {"ca": "syslog-tls-ca-cert", "cert": "syslog-tls-cert", "key": "syslog-tls-key"}
    tls = {name: config[option] for name, option in names.items() if option in config}
    if "syslog-tls-skip-verify" in config:
        tls["skip-verify"] = "true"
    return {
        "proto": proto,
        "address": place,
        "facility": options.facility(config.get("syslog-facility", "")),
        "format": config.get("syslog-format", ""),
        "tag": attributes.tag(subject, "{{.ID}}"),
        "hostname": os.uname().nodename,
        "tls": tls,
    }


def _try(target: syslog.SyslogTarget) -> None:
    """Connect once, so that a collector that is not there is an error of the start, as Docker has it."""
    try:
        syslog.connect(target).close()
    except OSError as error:
        if not target["proto"]:
            raise InvalidParameter(str(error)) from error
        words = (error.strerror or str(error)).lower()
        call = "connect: " if error.errno in errno.errorcode else ""
        raise InvalidParameter(f"dial {target['proto']} {target['address']}: {call}{words}") from error


def _journald(subject: Subject) -> dict[str, str]:
    named = attributes.tag(subject, "{{.ID}}")
    return {
        "CONTAINER_ID": subject.id[:12],
        "CONTAINER_ID_FULL": subject.id,
        "CONTAINER_NAME": subject.name,
        "CONTAINER_TAG": named,
        "IMAGE_NAME": subject.image_name,
        "SYSLOG_IDENTIFIER": named,
        **attributes.kept(subject, _journal_name),
    }


def _journal_name(name: str) -> str:
    """Return `name` as the journal allows names: capitals, digits and underscores, not first."""
    text = "".join(character if character.isalnum() and character.isascii() else "_" for character in name)
    return text.upper().lstrip("_")
