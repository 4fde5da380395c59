"""Programs that keep secrets: `docker-credential-<name> get|store|erase`, the secret on a pipe."""

from __future__ import annotations

import os

from wharf.cli.errors import CliError


class HelperError(CliError):
    """The program is not there, or says that it cannot."""


def call(name: str, action: str, text: str) -> str:
    """Run helper `name` with `text` on its standard input; return what it writes.

    Raises:
        HelperError: in the words of Docker's library.
    """
    program = f"docker-credential-{name}"
    if "/" in name:
        raise HelperError(f'{_words(action)} - err: exec: "{program}": invalid name, out: ``')
    to_child, from_child = os.pipe(), os.pipe()
    actions = [
        (os.POSIX_SPAWN_DUP2, to_child[0], 0),
        (os.POSIX_SPAWN_DUP2, from_child[1], 1),
    ]
    try:
        pid = os.posix_spawnp(program, [program, action], os.environ, file_actions=actions)
    except OSError as error:
        for fd in (*to_child, *from_child):
            os.close(fd)
        cause = "executable file not found in $PATH" if error.errno == 2 else str(error.strerror).lower()
        raise HelperError(f'{_words(action)} - err: exec: "{program}": {cause}, out: ``') from None
    os.close(to_child[0])
    os.close(from_child[1])
    output = _converse(to_child[1], from_child[0], text)
    _, status = os.waitpid(pid, 0)
    if code := os.waitstatus_to_exitcode(status):
        raise HelperError(f"{_words(action)} - err: exit status {code}, out: `{output.strip()}`")
    return output


def _converse(to_child: int, from_child: int, text: str) -> str:
    """Write `text` (it fits into a pipe) and read what comes."""
    try:
        os.write(to_child, text.encode())
    except BrokenPipeError:
        pass  # it did not want to know; its exit code tells
    finally:
        os.close(to_child)
    with open(from_child, encoding="utf-8", errors="replace") as file:
        return file.read()


def _words(action: str) -> str:
    return {"store": "error storing credentials", "erase": "error erasing credentials"}.get(
        action, "error getting credentials"
    )
