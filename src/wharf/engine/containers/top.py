"""`top`: the processes of a container, as the host's ps(1) shows them.

Docker's way: ps is asked for the container's processes, and what it prints is taken apart into titles and
rows. A host without ps is looked at by ourselves (`process_list`).
"""

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import Collection

from wharf.engine.containers import process_list
from wharf.engine.containers.container import Container
from wharf.engine.containers.context import Context
from wharf.engine.containers.kernel_view import cgroup_of, check_running
from wharf.errors import Internal, InvalidParameter
from wharf.schema.container import ContainerTop

_DEFAULT = "-ef"
_RENAMED_PID = re.compile(r"\s+(\S*)=\s*(PID\S*)", re.ASCII)
_BLANKS = re.compile(r"[\t\n\f\r ]+")
_TIMEOUT_S = 30.0
_MOST_OUTPUT = 32 * 1024 * 1024


async def top(context: Context, container: Container, ps_args: str) -> ContainerTop:
    """Return what ps says of the container's processes; `ps_args` are its arguments, parted by blanks."""
    asked = ps_args or _DEFAULT
    check_arguments(asked)
    check_running(container)
    pids = await asyncio.to_thread(cgroup_of(context, container).processes)
    text = await asyncio.to_thread(_listing, asked.split(" "), pids)
    found = parse(text, frozenset(pids))
    context.emit(container, "top")
    return found


def check_arguments(ps_args: str) -> None:
    """Refuse a column that calls itself PID and is another: it would pass for the process's number."""
    for name, title in _RENAMED_PID.findall(ps_args):
        if name != "pid":
            raise Internal(f'specifying "{name}={title}" is not allowed')


def parse(text: str, pids: Collection[int]) -> ContainerTop:
    """Return titles and rows of ps's output, of the processes `pids` and, behind one, of its threads."""
    heading, *lines = text.split("\n")
    titles = _words(heading)
    if "PID" not in titles:
        raise Internal("Couldn't find PID field in ps output")
    column, last = titles.index("PID"), len(titles) - 1
    rows: list[list[str]] = []
    is_behind_ours = False
    for line in lines:
        words = _words(line)
        if len(words) <= column:
            continue
        number = words[column]
        if number != "-":
            try:
                is_behind_ours = int(number) in pids
            except ValueError:
                raise Internal(
                    f"Unexpected pid '{number}': strconv.Atoi: parsing \"{number}\": invalid syntax"
                ) from None
        if is_behind_ours:
            rows.append([*words[:last], " ".join(words[last:])])
    return ContainerTop(titles=titles, processes=rows or None)


def _words(line: str) -> list[str]:
    return [word for word in _BLANKS.split(line) if word]


def _listing(arguments: list[str], pids: list[int]) -> str:
    program = shutil.which("ps")
    if program is None:
        try:
            return process_list.listing(arguments, pids)
        except ValueError as error:
            raise InvalidParameter(f"ps: {error}") from None
    status, output, _ = _run(program, [*arguments, "-q" + ",".join(map(str, pids))])
    if status:  # some options do not go together with -q
        status, output, complaint = _run(program, arguments)
        if status:
            first = complaint.partition("\n")[0]
            raise Internal(first or f"Error running ps: exit status {status}")
    return output


def _run(program: str, arguments: list[str]) -> tuple[int, str, str]:
    """Return exit status, output and complaints of a program; its time and its words have bounds."""
    surroundings = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "PS_FORMAT"}}
    with open(os.memfd_create("ps", os.MFD_CLOEXEC), "w+b") as complaints:
        try:
            process = subprocess.Popen(
                ["ps", *arguments],  # it calls itself by this name when it complains
                executable=program,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=surroundings,
                close_fds=True,
            )
        except OSError as error:  # a list of processes that is too long for one argument
            return 1, "", f"Error running ps: {error.strerror}"
        with process:
            assert process.stdout is not None
            output = process.stdout.read(_MOST_OUTPUT)
            if len(output) == _MOST_OUTPUT:
                process.kill()
            try:
                status = process.wait(_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                raise Internal("Error running ps: it did not end in time") from None
        complaints.seek(0)
        return status, output.decode("utf-8", "replace"), complaints.read(4096).decode("utf-8", "replace")
