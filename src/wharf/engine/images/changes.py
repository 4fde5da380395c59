"""`changes` of import and commit: Dockerfile instructions that set how an image is run.

CMD ENTRYPOINT ENV EXPOSE HEALTHCHECK LABEL ONBUILD STOPSIGNAL USER VOLUME WORKDIR, each a line, with the
Dockerfile reference's meaning; any other is refused in Docker's words. Nothing is executed.
"""

import json
import posixpath
import re
from collections.abc import Callable, Mapping, Sequence

from wharf.errors import InvalidParameter

Config = dict[str, object]
"""The `config` of an image's config document, in its own names."""

_LINE = re.compile(r"\s*(\S+)(?:\s+(.*))?", re.ASCII | re.DOTALL)
_WORD = re.compile(r"""(?:[^\s"'\\]|\\.|"(?:[^"\\]|\\.)*"|'[^']*')+""", re.DOTALL)
_PIECE = re.compile(r"""\\(.)|"((?:[^"\\]|\\.)*)"|'([^']*)'|(\$\{[^{}]*\}|\$\w+)|(.)""", re.DOTALL | re.ASCII)
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-+])([^}]*))?\}|\$(\w+)", re.ASCII)
_PORT = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?(?:/(tcp|udp|sctp))?", re.ASCII | re.IGNORECASE)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)", re.ASCII)
_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PORT_MAX = 65535


def apply(config: Mapping[str, object], changes: Sequence[str]) -> Config:
    """Return `config` after the instructions in `changes`; raises InvalidParameter."""
    result = dict(config)
    has_command = False
    for change in changes:
        for line in filter(str.strip, change.replace("\\\n", " ").split("\n")):
            match = _LINE.fullmatch(line)
            assert match is not None
            word, rest = match[1].upper(), (match[2] or "").strip()
            instruction = _INSTRUCTIONS.get(word)
            if instruction is None:
                raise InvalidParameter(f"{word} is not a valid change command")
            if not rest and word != "CMD":
                raise InvalidParameter(f"{word} requires at least one argument")
            instruction(result, rest)
            has_command = has_command or word == "CMD"
            if word == "ENTRYPOINT" and not has_command:
                result.pop("Cmd", None)  # what was there was for another entrypoint
    return result


def _words(text: str) -> list[str]:
    return _WORD.findall(text)


def _expand(config: Config, text: str) -> str:
    """Take off quotes and put in variables of the image's own environment, but not in single quotes."""
    environment = dict(entry.partition("=")[::2] for entry in _list(config, "Env"))

    def value(match: re.Match[str]) -> str:
        found = environment.get(match[1] or match[4], "")
        if match[2] == ":-":
            return found or match[3]
        if match[2] == ":+":
            return match[3] if found else ""
        return found

    def piece(match: re.Match[str]) -> str:
        escaped, double, single, variable, plain = match.groups()
        if double is not None:
            return _VARIABLE.sub(value, re.sub(r'\\(["\\$])', r"\1", double))
        if variable is not None:
            return _VARIABLE.sub(value, variable)
        return next(text for text in (escaped, single, plain) if text is not None)

    return _PIECE.sub(piece, text)


def _list(config: Config, key: str) -> list[str]:
    value = config.get(key)
    return [str(item) for item in value] if isinstance(value, list) else []


def _dict(config: Config, key: str) -> dict[str, object]:
    value = config.get(key)
    return dict(value) if isinstance(value, dict) else {}


def _json_list(text: str) -> list[str] | None:
    """Return the list of strings that `text` is in JSON, if it is one."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) and all(isinstance(item, str) for item in value) else None


def _command(text: str) -> list[str]:
    listed = _json_list(text)
    if listed is not None:
        return listed
    return ["/bin/sh", "-c", text] if text else ["/bin/sh", "-c"]


def _cmd(config: Config, rest: str) -> None:
    config["Cmd"] = _command(rest)


def _entrypoint(config: Config, rest: str) -> None:
    config["Entrypoint"] = _command(rest)


def _pairs(config: Config, rest: str, word: str) -> list[tuple[str, str]]:
    """Return the pairs of `k=v k="v w"`, or of the old form `k v w`."""
    words = _words(rest)
    if words and "=" not in words[0]:
        name, _, value = rest.partition(" ")
        if not value.strip():
            raise InvalidParameter(f"{word} must have two arguments")
        return [(name, _expand(config, value.strip()))]
    pairs = []
    for item in words:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise InvalidParameter(
                f"Syntax error - can't find = in {json.dumps(item)}. Must be of the form: name=value"
            )
        pairs.append((_expand(config, name), _expand(config, value)))
    return pairs


def _env(config: Config, rest: str) -> None:
    entries = _list(config, "Env")
    for name, value in _pairs(config, rest, "ENV"):
        new = f"{name}={value}"
        at = next((i for i, entry in enumerate(entries) if entry.partition("=")[0] == name), None)
        if at is None:
            entries.append(new)
        else:
            entries[at] = new
    config["Env"] = entries


def _label(config: Config, rest: str) -> None:
    config["Labels"] = {**_dict(config, "Labels"), **dict(_pairs(config, rest, "LABEL"))}


def _expose(config: Config, rest: str) -> None:
    ports = _dict(config, "ExposedPorts")
    for word in _words(rest):
        text = _expand(config, word)
        match = _PORT.fullmatch(text)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if match is None or not first <= last <= _PORT_MAX:
            raise InvalidParameter(f"invalid containerPort: {text}")
        protocol = (match[3] or "tcp").lower()
        ports.update((f"{port}/{protocol}", {}) for port in range(first, last + 1))
    config["ExposedPorts"] = ports


def _volume(config: Config, rest: str) -> None:
    listed = _json_list(rest)
    paths = _words(rest) if listed is None else listed
    volumes = _dict(config, "Volumes")
    for path in paths:
        text = _expand(config, path).strip()
        if not text:
            raise InvalidParameter("VOLUME specified can not be an empty string")
        volumes[text] = {}
    config["Volumes"] = volumes


def _workdir(config: Config, rest: str) -> None:
    before = str(config.get("WorkingDir") or "/")
    config["WorkingDir"] = posixpath.normpath(posixpath.join("/", before, _expand(config, rest)))


def _user(config: Config, rest: str) -> None:
    config["User"] = _expand(config, rest)


def _stop_signal(config: Config, rest: str) -> None:
    config["StopSignal"] = _expand(config, rest)


def _on_build(config: Config, rest: str) -> None:
    word = rest.partition(" ")[0].upper()
    if word == "ONBUILD":
        raise InvalidParameter("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if word in ("MAINTAINER", "FROM"):
        raise InvalidParameter(f"{word} isn't allowed as an ONBUILD trigger")
    config["OnBuild"] = [*_list(config, "OnBuild"), rest]


_HEALTH_OPTIONS = {
    "interval": "Interval",
    "timeout": "Timeout",
    "start-period": "StartPeriod",
    "start-interval": "StartInterval",
}


def _healthcheck(config: Config, rest: str) -> None:
    check: dict[str, object] = {}
    while rest.startswith("--"):
        option, _, rest = rest.partition(" ")
        name, _, value = option[2:].partition("=")
        rest = rest.strip()
        if name == "retries" and value.isascii() and value.isdecimal():
            check["Retries"] = int(value)
        elif name in _HEALTH_OPTIONS:
            check[_HEALTH_OPTIONS[name]] = _duration(value)
        else:
            raise InvalidParameter(f"Unknown flag: {name}")
    kind, _, command = rest.partition(" ")
    if kind.upper() == "NONE":
        if command.strip():
            raise InvalidParameter("HEALTHCHECK NONE takes no arguments")
        config["Healthcheck"] = {"Test": ["NONE"]}
        return
    if kind.upper() != "CMD" or not command.strip():
        raise InvalidParameter(f'Unknown type "{kind.upper()}" in HEALTHCHECK (try CMD)')
    listed = _json_list(command.strip())
    test = ["CMD-SHELL", command.strip()] if listed is None else ["CMD", *listed]
    config["Healthcheck"] = {"Test": test, **check}


def _duration(text: str) -> int:
    """Return a duration (`1m30s`) in nanoseconds; raises InvalidParameter."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise InvalidParameter(f'time: invalid duration "{text}"')
    return sum(round(float(number) * _UNITS[unit]) for number, unit in parts)


_INSTRUCTIONS: dict[str, Callable[[Config, str], None]] = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _label,
    "ONBUILD": _on_build,
    "STOPSIGNAL": _stop_signal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
