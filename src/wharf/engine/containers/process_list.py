"""A list of processes from /proc, for hosts that have no ps(1): the forms of it that people ask for.

Known are `-ef`, `-f`, `-e`, `aux` (and `axu`), and `-o LIST` (also `-eo`, `o`, `axo`), with titles of one's
own (`pid=NUMBER`). What ps would print, in its columns and titles; anything else is a ValueError.
"""

import os
import pwd
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FULL = ("user=UID", "pid", "ppid", "c", "stime", "tname=TTY", "time", "cmd")
_USER = ("user", "pid", "%cpu", "%mem", "vsz", "rss", "tname=TTY", "stat", "start", "bsdtime", "args=COMMAND")
_SHORT = ("pid", "tname=TTY", "time", "comm=CMD")
_DAY_S = 86400


class Process(NamedTuple):
    """One process: the words of /proc/PID/stat (proc_pid_stat(5), counted from 1), its owner and command."""

    pid: int
    name: str
    stat: Sequence[str]
    uid: int
    arguments: str
    now: float
    uptime: float

    def field(self, number: int) -> int:
        """Return a field of /proc/PID/stat, from the third on."""
        return int(self.stat[number - 3])

    @property
    def cpu_s(self) -> int:
        """Seconds on a processor."""
        return (self.field(14) + self.field(15)) // _TICKS

    @property
    def age_s(self) -> float:
        """Seconds since the start."""
        return max(self.uptime - self.field(22) / _TICKS, 0.0)


def listing(arguments: Sequence[str], pids: Sequence[int]) -> str:
    """Return what ps would print of the processes `pids`; raises ValueError for arguments not known here."""
    columns = [_column(word) for word in _format(arguments)]
    lines = [" ".join(title for title, _ in columns)]
    for pid in pids:
        try:
            process = _read(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue
        lines.append(" ".join(make(process) for _, make in columns))
    return "\n".join(lines) + "\n"


def _format(arguments: Sequence[str]) -> Sequence[str]:
    words = [word for word in arguments if word]
    first, *rest = words or ["-e"]
    letters = first.lstrip("-")
    if letters.endswith("o") and set(letters) <= set("aexo") and rest:
        return [column for word in rest for column in word.split(",") if column]
    if rest:
        raise ValueError("error: unsupported option")
    if first.startswith("-") and letters and set(letters) <= set("Aef"):
        return _FULL if "f" in letters else _SHORT
    if not first.startswith("-") and "u" in letters and set(letters) <= set("aux"):
        return _USER
    raise ValueError("error: unsupported option")


def _column(word: str) -> tuple[str, Callable[[Process], str]]:
    name, equals, title = word.partition("=")
    if name not in _COLUMNS:
        raise ValueError(f'error: unknown user-defined format specifier "{name}"')
    usual, make = _COLUMNS[name]
    return (title if equals else usual), make


def _read(pid: int) -> Process:
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        head, _, tail = file.read().rpartition(")")
    with open(f"/proc/{pid}/cmdline", "rb") as raw:
        command = raw.read(65536).rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
    with open("/proc/uptime", encoding="ascii") as file:
        uptime = float(file.read().split()[0])
    name = head.partition("(")[2]
    return Process(
        pid=pid,
        name=name,
        stat=tail.split(),
        uid=os.stat(f"/proc/{pid}").st_uid,
        arguments=command or f"[{name}]",
        now=time.time(),
        uptime=uptime,
    )


def _user(process: Process) -> str:
    try:
        return pwd.getpwuid(process.uid).pw_name
    except KeyError:
        return str(process.uid)


def _terminal(process: Process) -> str:
    device = process.field(7)
    major, minor = os.major(device), os.minor(device)
    if 136 <= major <= 143:  # Documentation/admin-guide/devices.txt: Unix98 PTYs
        return f"pts/{(major - 136) * 256 + minor}"
    return f"tty{minor}" if major == 4 else "?"


def _start(process: Process) -> str:
    started = time.localtime(process.now - process.age_s)
    if process.age_s < _DAY_S:
        return time.strftime("%H:%M", started)
    return time.strftime("%b%d" if started.tm_year == time.localtime().tm_year else "%Y", started)


def _clock(process: Process) -> str:
    minutes, seconds = divmod(process.cpu_s, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days}-{hours:02}:{minutes:02}:{seconds:02}" if days else f"{hours:02}:{minutes:02}:{seconds:02}"


def _share(process: Process) -> float:
    return 100 * process.cpu_s / process.age_s if process.age_s else 0.0


def _memory_share(process: Process) -> str:
    return f"{100 * process.field(24) / os.sysconf('SC_PHYS_PAGES'):.1f}"


def _elapsed(process: Process) -> str:
    minutes, seconds = divmod(int(process.age_s), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    long = f"{days}-{hours:02}:" if days else f"{hours:02}:" if hours else ""
    return f"{long}{minutes:02}:{seconds:02}"


def _state(process: Process) -> str:
    letters = process.stat[0]
    nice = process.field(19)
    letters += "<" if nice < 0 else "N" if nice > 0 else ""
    letters += "s" if process.field(6) == process.pid else ""
    letters += "l" if process.field(20) > 1 else ""
    return letters + ("+" if process.field(8) == process.field(5) else "")


_COLUMNS: dict[str, tuple[str, Callable[[Process], str]]] = {
    "pid": ("PID", lambda process: str(process.pid)),
    "ppid": ("PPID", lambda process: str(process.field(4))),
    "pgid": ("PGID", lambda process: str(process.field(5))),
    "sid": ("SID", lambda process: str(process.field(6))),
    "user": ("USER", _user),
    "uid": ("UID", lambda process: str(process.uid)),
    "comm": ("COMMAND", lambda process: process.name),
    "args": ("COMMAND", lambda process: process.arguments),
    "cmd": ("CMD", lambda process: process.arguments),
    "command": ("COMMAND", lambda process: process.arguments),
    "c": ("C", lambda process: str(min(int(_share(process)), 99))),
    "%cpu": ("%CPU", lambda process: f"{_share(process):.1f}"),
    "pcpu": ("%CPU", lambda process: f"{_share(process):.1f}"),
    "%mem": ("%MEM", _memory_share),
    "pmem": ("%MEM", _memory_share),
    "vsz": ("VSZ", lambda process: str(process.field(23) // 1024)),
    "rss": ("RSS", lambda process: str(process.field(24) * _PAGE // 1024)),
    "tname": ("TTY", _terminal),
    "tty": ("TT", _terminal),
    "stat": ("STAT", _state),
    "s": ("S", lambda process: process.stat[0]),
    "stime": ("STIME", _start),
    "start": ("START", _start),
    "time": ("TIME", _clock),
    "bsdtime": ("TIME", lambda process: f"{process.cpu_s // 60}:{process.cpu_s % 60:02}"),
    "etime": ("ELAPSED", _elapsed),
    "ni": ("NI", lambda process: str(process.field(19))),
    "nlwp": ("NLWP", lambda process: str(process.field(20))),
}
"""What `-o` may name, its title, and how it is made."""
