"""`--env`, `--env-file`, `--label` and `--label-file`."""

from __future__ import annotations

import os

from wharf.cli.errors import CliError

_SPACES = " \t\n\v\f\r"


def environment(files: list[str], given: list[str]) -> list[str] | None:
    """Return the variables of `files`, then those given one by one; None where there are none.

    A name without a value in a file is taken from this process's environment, or left out.

    Raises:
        CliError: a file cannot be read or understood.
    """
    lines: list[str] = []
    for path in files:
        for line in _file_lines(path, "env"):
            if "=" in line:
                lines.append(line)
            elif line in os.environ:
                lines.append(f"{line}={os.environ[line]}")
    return [*lines, *given] or None


def labels(files: list[str], given: list[str]) -> dict[str, str]:
    """Return the labels of `files` and those given; the last of a name counts, a file's need values.

    Raises:
        CliError: a file cannot be read or understood.
    """
    lines = [line for path in files for line in _file_lines(path, "label") if "=" in line]
    pairs = (line.partition("=") for line in [*lines, *given])
    return {name: value for name, _, value in pairs}


def _file_lines(path: str, kind: str) -> list[str]:
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise CliError(f"open {path}: {(error.strerror or str(error)).lower()}") from None
    lines: list[str] = []
    for number, raw in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            text = raw.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            raise CliError(
                f"invalid {kind} file ({path}): invalid utf8 bytes at line {number}: {raw!r}"
            ) from None
        line = text.lstrip(_SPACES)
        if not line or line.startswith("#"):
            continue
        name = line.partition("=")[0]
        if not name:
            raise CliError(f"invalid {kind} file ({path}): no variable name on line '{line}'")
        if any(space in name for space in _SPACES):
            raise CliError(f"invalid {kind} file ({path}): variable '{name}' contains whitespaces")
        lines.append(line)
    return lines


_PROXIES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "ftpProxy": "FTP_PROXY",
    "noProxy": "NO_PROXY",
    "allProxy": "ALL_PROXY",
}


def proxy_variables(proxies: dict[str, object], host: str, given: list[str]) -> list[str]:
    """Return the variables of the client config's `proxies` for the engine at `host`, in both cases.

    A variable that was given keeps what it was given.
    """
    chosen = proxies.get(host) or proxies.get("default")
    if not isinstance(chosen, dict):
        return []
    known = {text.partition("=")[0] for text in given}
    variables: list[str] = []
    for key, name in _PROXIES.items():
        value = chosen.get(key)
        if value:
            variables += [f"{each}={value}" for each in (name, name.lower()) if each not in known]
    return variables
