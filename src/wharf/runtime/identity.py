"""Users and groups of a container: Docker's `user[:group]`, looked up in the container's own account files.

Numbers come first: what is a number is never looked up as a name, and is exact, 0 to 2**31-1, or refused.
The files are untrusted: they are read as streams with a limit on bytes and on the length of a line, inside
the container's root, and a line whose number is none is passed over. Sources: passwd(5), group(5).
"""

import os
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from wharf import limits
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused, text_of

_MAX_ID = (1 << 31) - 1
_NUMBER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_RANGE = f"uids and gids must be in range 0-{_MAX_ID}"
_CHUNK = 65536


class Account(NamedTuple):
    """Who a process runs as; `gids` are the supplementary groups, the primary one first."""

    uid: int
    gid: int
    gids: list[int]


class _User(NamedTuple):
    name: str
    uid: int
    gid: int
    home: str


class _Group(NamedTuple):
    name: str
    gid: int
    members: list[str]


def resolve_user(root: Root, user: str, group_add: Iterable[str] = ()) -> Account:
    """Return who `user` (`name|uid[:group|gid]`, empty for uid 0) is in the container at `root`.

    The supplementary groups are the primary group, those of the user when no group is given, and `group_add`
    (names or numbers). Raises Refused of kind `account` with Docker's words.
    """
    name, _, rest = user.partition(":")
    group = rest.partition(":")[0]
    uid, gid, found = _find_user(root, name)
    gids: list[int] = []
    if group:
        gid = _find_group(root, group)
    elif found:
        gids = [entry.gid for entry in _groups(root) if found in entry.members]
    wanted = [gid, *gids, *_additional(root, group_add)]
    return Account(uid, gid, list(dict.fromkeys(wanted)))


def _find_user(root: Root, name: str) -> tuple[int, int, str]:
    """Return uid, primary gid and the name in the file (empty without an entry)."""
    number = _number(name) if name else 0
    for entry in _users(root):
        if entry.uid == number if number is not None else entry.name == name:
            return entry.uid, entry.gid, entry.name
    if number is None:
        raise Refused(f"unable to find user {name}: no matching entries in passwd file", "account")
    return _in_range(number), 0, ""


def _find_group(root: Root, name: str) -> int:
    number = _number(name)
    for entry in _groups(root):
        if entry.gid == number if number is not None else entry.name == name:
            return entry.gid
    if number is None:
        raise Refused(f"unable to find group {name}: no matching entries in group file", "account")
    return _in_range(number)


def _additional(root: Root, names: Iterable[str]) -> list[int]:
    wanted = list(names)
    if not wanted:
        return []
    entries = [entry for entry in _groups(root) if entry.name in wanted or str(entry.gid) in wanted]
    gids = []
    for name in wanted:
        for entry in entries:
            if name in (entry.name, str(entry.gid)):
                gids.append(entry.gid)
                break
        else:
            number = _number(name)
            if number is None:
                raise Refused(f"unable to find group {name}: no matching entries in group file", "account")
            gids.append(_in_range(number))
    return gids


def home_of(root: Root, uid: int) -> str:
    """Return the home directory of `uid`, or `/` when the container's passwd file has none."""
    try:
        for entry in _users(root):
            if entry.uid == uid:
                return entry.home or "/"
    except Refused:
        pass
    return "/"


def _number(text: str) -> int | None:
    """Return the decimal number that `text` is, or None; longer ones than any id count as out of range."""
    if not _NUMBER.fullmatch(text):
        return None
    return int(text[:32])


def _in_range(number: int) -> int:
    if not 0 <= number <= _MAX_ID:
        raise Refused(_RANGE, "account")
    return number


def _entry_id(text: str) -> int | None:
    """Return the id in a field of an account file, or None when it is not one."""
    number = _number(text) if len(text) <= 10 else None
    return number if number is not None and 0 <= number <= _MAX_ID else None


def _users(root: Root) -> Iterator[_User]:
    for line in _lines(root, "/etc/passwd"):
        fields = (line.split(":") + [""] * 6)[:7]
        uid, gid = _entry_id(fields[2]), _entry_id(fields[3] or "0")
        if uid is not None and gid is not None:
            yield _User(fields[0], uid, gid, fields[5])


def _groups(root: Root) -> Iterator[_Group]:
    for line in _lines(root, "/etc/group"):
        fields = (line.split(":") + [""] * 3)[:4]
        gid = _entry_id(fields[2])
        if gid is not None:
            yield _Group(fields[0], gid, fields[3].split(",") if fields[3] else [])


def _lines(root: Root, path: str) -> Iterator[str]:
    """Give the lines of a file of the container without white space around; none when there is no file.

    Raises Refused when a limit is passed, or the file is not a regular one.
    """
    try:
        # O_NONBLOCK: a fifo in its place must not hold us up.
        fd = root.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return
    try:
        if os.fstat(fd).st_mode & 0o170000 != 0o100000:
            raise Refused(f"{path} is not a regular file", "account")
        rest, total = b"", 0
        while chunk := os.read(fd, _CHUNK):
            total += len(chunk)
            if total > limits.ACCOUNT_FILE:
                raise Refused(f"{path} is larger than {limits.ACCOUNT_FILE} bytes", "account")
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                yield from _line(line, path)
            if len(rest) > limits.ACCOUNT_LINE:
                raise Refused(f"{path} has a line longer than {limits.ACCOUNT_LINE} bytes", "account")
        yield from _line(rest, path)
    except OSError as error:
        raise Refused(f"read {text_of(error)}", "account") from error
    finally:
        os.close(fd)


def _line(line: bytes, path: str) -> Iterator[str]:
    if len(line) > limits.ACCOUNT_LINE:
        raise Refused(f"{path} has a line longer than {limits.ACCOUNT_LINE} bytes", "account")
    text = line.strip()
    if text:
        yield text.decode("utf-8", "surrogateescape")
