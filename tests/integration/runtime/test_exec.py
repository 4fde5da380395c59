"""A process executed in a running container has the container's namespaces, and rights of its own."""

import os
import re
from collections.abc import Iterator

import pytest

from runtime_kit import Box, Output, drain, process_of, spec_of, wait
from wharf.runtime import ExecFailed, Init, exec_process
from wharf.runtime.spec import Spec

START = "unable to start container process: "


class Running:
    """A container that sleeps."""

    def __init__(self, box: Box, spec: Spec, container: Init) -> None:
        self.box = box
        self.spec = spec
        self.container = container

    def shell(self, script: str) -> str:
        ended = self.box.execute(self.container, self.spec, process_of("sh", "-c", script))
        assert ended.err == ""
        return ended.out


@pytest.fixture
def running(box: Box) -> Iterator[Running]:
    spec = spec_of("sleep", "1000")
    with box.running(spec) as container:
        yield Running(box, spec, container)


def test_it_is_in_every_namespace_of_the_container(running: Running) -> None:
    names = ("mnt", "net", "uts", "pid", "ipc", "cgroup")
    out = running.shell("for n in " + " ".join(names) + "; do readlink /proc/self/ns/$n; done")
    init = [os.readlink(f"/proc/{running.container.pid}/ns/{name}") for name in names]
    assert out.split() == init


def test_it_is_in_every_cgroup_of_the_container(running: Running) -> None:
    mine, init = running.shell("cat /proc/self/cgroup; echo; cat /proc/1/cgroup").split("\n\n")
    assert mine == init.rstrip("\n")
    assert running.container.cgroup.path in mine


def test_it_sees_the_containers_processes(running: Running) -> None:
    assert running.shell("cat /proc/1/cmdline | head -c 5") == "sleep"


def test_it_has_its_own_capabilities_and_none_to_inherit(running: Running) -> None:
    out = running.shell("grep Cap /proc/self/status")
    assert re.findall(r"\t(\w+)", out) == ["0" * 16, *["00000000a80425fb"] * 3, "0" * 16]


def test_it_has_only_the_three_standard_descriptors(running: Running) -> None:
    assert running.shell("ls /proc/$$/fd; true").split() == ["0", "1", "2"]


def test_its_status_comes_back(running: Running) -> None:
    ended = running.box.execute(running.container, running.spec, process_of("sh", "-c", "exit 9"))
    assert ended.status == 9


def test_the_caller_itself_stays_where_it_was(running: Running) -> None:
    before = os.readlink("/proc/self/ns/pid_for_children")
    running.shell("true")
    assert os.readlink("/proc/self/ns/pid_for_children") == before == os.readlink("/proc/self/ns/pid")


def test_its_user_is_looked_up_in_the_container(running: Running) -> None:
    process = process_of("id")
    process["user"] = {"username": "daemon"}
    ended = running.box.execute(running.container, running.spec, process)
    assert ended.out == "uid=1(daemon) gid=1(daemon) groups=1(daemon),10(wheel)\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nosuch", 'exec: "nosuch": executable file not found in $PATH'),
        ("/etc", 'exec: "/etc": is a directory: permission denied'),
        ("/nosuch", 'exec: "/nosuch": stat /nosuch: no such file or directory'),
    ],
)
def test_a_program_that_is_missing_is_told_in_runcs_words(running: Running, program: str, words: str) -> None:
    with pytest.raises(ExecFailed) as caught:
        running.box.execute(running.container, running.spec, process_of(program))
    assert str(caught.value) == START + words


@pytest.mark.parametrize(
    ("cwd", "cause"),
    [("/nope", "no such file or directory"), ("/etc/passwd", "not a directory")],
)
def test_a_working_directory_is_not_made(running: Running, cwd: str, cause: str) -> None:
    process = process_of("true")
    process["cwd"] = cwd
    with pytest.raises(ExecFailed) as caught:
        running.box.execute(running.container, running.spec, process)
    assert str(caught.value) == f'{START}chdir to cwd ("{cwd}") set in config.json failed: {cause}'


@pytest.mark.parametrize("number", [*range(3, 20), 64])
def test_a_working_directory_through_a_descriptor_is_refused(running: Running, number: int) -> None:
    process = process_of("true")
    process["cwd"] = f"/proc/self/fd/{number}"
    with pytest.raises(ExecFailed, match="chdir to cwd"):
        running.box.execute(running.container, running.spec, process)


def test_it_may_have_a_terminal_of_the_container(running: Running) -> None:
    process = process_of("sh", "-c", "tty; stty size")
    process["terminal"] = True
    child = exec_process(
        running.container.pidfd,
        running.spec,
        process,
        stdio=None,
        console_size=(33, 77),
        cgroup=running.container.cgroup,
    )
    with child:
        assert child.console is not None
        assert wait(child.pidfd) == 0
        assert drain(child.console).split() == ["/dev/pts/0", "33", "77"]


def test_a_container_that_has_ended_takes_no_process(box: Box) -> None:
    spec = spec_of("true")
    with Output() as output, box.created(spec, output=output) as container:
        container.start()
        wait(container.pidfd)
        with pytest.raises(ExecFailed):
            box.execute(container, spec, process_of("true"))


def test_init_and_later_processes_share_a_session_keyring_of_their_own(box: Box) -> None:
    spec = spec_of("sleep", "1000")
    spec["linux"]["maskedPaths"] = []
    name = spec["linux"]["cgroupsPath"].rpartition("/")[2]
    with box.running(spec) as container:
        first = box.execute(container, spec, process_of("cat", "/proc/keys")).out
        second = box.execute(container, spec, process_of("cat", "/proc/keys")).out
    sessions = [line.split(" ")[0] for line in first.splitlines() if f"_ses.{name}" in line]
    assert len(sessions) == 1
    assert [line.split(" ")[0] for line in second.splitlines() if f"_ses.{name}" in line] == sessions
