"""What the tests of `content` and `engine/images` share: archives by Python's tarfile, jobs run in a fork."""

import io
import os
import socket
import tarfile
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from wharf import errors
from wharf.content.outcome import Job
from wharf.linux import seqpacket


class Member(NamedTuple):
    """A member of an archive: what `tar` makes of it is said by the fields that are set."""

    name: str
    data: bytes = b""
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime: float = 1_000_000_000
    device: tuple[int, int] = (0, 0)
    pax: Mapping[str, str] = {}


def directory(name: str, *, mode: int = 0o755) -> Member:
    return Member(name, kind=tarfile.DIRTYPE, mode=mode)


def symlink(name: str, link: str) -> Member:
    return Member(name, kind=tarfile.SYMTYPE, link=link, mode=0o777)


def hardlink(name: str, link: str) -> Member:
    return Member(name, kind=tarfile.LNKTYPE, link=link)


def tar(members: Iterable[Member], *, form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return an archive of `members`."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as archive:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.size = len(member.data)
            info.type = member.kind
            info.linkname = member.link
            info.mode, info.uid, info.gid, info.mtime = member.mode, member.uid, member.gid, member.mtime
            info.devmajor, info.devminor = member.device
            info.pax_headers = dict(member.pax)
            archive.addfile(info, io.BytesIO(member.data))
    return buffer.getvalue()


def _be_worker(job: Job, args: Mapping[str, object], channel: socket.socket, fds: Sequence[int]) -> None:
    try:
        job(dict(args), channel, list(fds))
    except errors.EngineError as error:
        kind = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == errors.__name__)
        seqpacket.send(channel, {"event": "error", "error": {"kind": kind, "message": str(error)}})
    except OSError as error:
        seqpacket.send(channel, {"event": "error", "error": {"kind": "Internal", "message": str(error)}})


def run_job(job: Job, args: Mapping[str, object], fds: Sequence[int] = ()) -> dict[str, object]:
    """Run a job in a forked child, as the spawner does; return its result or raise its error's kind."""
    ours, theirs = seqpacket.pair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        status = 1
        try:
            _be_worker(job, args, theirs, fds)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    theirs.close()
    try:
        while (message := seqpacket.receive(ours)) is not None:
            fields = message[0]
            if fields["event"] == "result":
                return {key: value for key, value in fields.items() if key != "event"}
            if fields["event"] == "error":
                fault = fields["error"]
                assert isinstance(fault, dict)
                raise getattr(errors, fault["kind"])(fault["message"])
        raise errors.Unavailable("the worker died")
    finally:
        ours.close()
        os.waitpid(pid, 0)
