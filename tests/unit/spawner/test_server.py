"""The spawner as a process, spoken to by hand."""

import os
import select
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest

import spawner_kit
from wharf.linux import seqpacket

LIMIT_S = 10


class Rig:
    """A spawner process and our end of its channel."""

    def __init__(self, **variables: str) -> None:
        self.sock, theirs = seqpacket.pair()
        self.sock.settimeout(LIMIT_S)
        program = spawner_kit.program()
        program[-2] = str(theirs.fileno())
        with theirs:
            self.process = subprocess.Popen(
                program, pass_fds=[theirs.fileno()], env=variables, stderr=subprocess.PIPE
            )

    def ask(self, message: dict[str, object], fds: list[int]) -> tuple[dict[str, object], list[int]]:
        seqpacket.send(self.sock, message, fds)
        answer = seqpacket.receive(self.sock)
        assert answer is not None
        return answer

    def job(self, name: str, args: dict[str, object] | None = None) -> tuple[int, int, socket.socket]:
        """Start a job; return its pid, its pidfd and our end of its channel."""
        ours, theirs = seqpacket.pair()
        ours.settimeout(LIMIT_S)
        with theirs:
            message: dict[str, object] = {"id": 1, "op": "job", "name": name, "args": args or {}}
            answer, fds = self.ask(message, [theirs.fileno()])
        result = answer["result"]
        assert isinstance(result, dict)
        return result["pid"], fds[0], ours

    def children(self) -> list[int]:
        path = f"/proc/{self.process.pid}/task/{self.process.pid}/children"
        with open(path, encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def end(self) -> int:
        self.sock.close()
        return self.process.wait(LIMIT_S)


def wait_for(pidfd: int) -> None:
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(LIMIT_S * 1000), "the process did not end"


@pytest.fixture
def make() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**variables: str) -> Rig:
        made.append(Rig(**variables))
        return made[-1]

    yield make
    for rig in made:
        rig.sock.close()
        rig.process.kill()
        rig.process.wait()
        assert rig.process.stderr is not None
        rig.process.stderr.close()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make()


def test_the_end_of_the_channel_ends_the_spawner_in_order(rig: Rig) -> None:
    assert rig.end() == 0


def test_a_worker_has_its_channel_and_nothing_else_open(rig: Rig) -> None:
    _, pidfd, channel = rig.job("census")
    answer = seqpacket.receive(channel)
    channel.close()
    os.close(pidfd)
    assert answer is not None
    message, _ = answer
    assert isinstance(message["channel_fd"], int)
    assert message["fds"] == [0, 1, 2, message["channel_fd"]]
    assert message["blocked"] == f"{0:016x}"
    assert message["wakeup"] == -1


def test_ended_children_are_reaped(rig: Rig) -> None:
    started = [rig.job("echo") for _ in range(5)]
    for _, pidfd, channel in started:
        seqpacket.receive(channel)
        wait_for(pidfd)
        channel.close()
        os.close(pidfd)
    _, pidfd, channel = rig.job("hang")
    seqpacket.receive(channel)
    with channel:
        left = rig.children()
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        wait_for(pidfd)
        os.close(pidfd)
    assert len(left) == 1


def test_workers_die_with_the_spawner(rig: Rig) -> None:
    _, pidfd, channel = rig.job("hang")
    seqpacket.receive(channel)
    rig.process.kill()
    wait_for(pidfd)
    os.close(pidfd)
    channel.close()


@pytest.mark.parametrize("how", ["the channel ends", "it is killed"])
def test_a_shim_outlives_the_spawner(rig: Rig, how: str) -> None:
    ours, theirs = seqpacket.pair()
    ours.settimeout(LIMIT_S)
    with theirs:
        answer, (pidfd,) = rig.ask({"id": 1, "op": "shim", "bundle": "/b"}, [theirs.fileno()])
    created = seqpacket.receive(ours)
    assert created is not None
    assert answer["result"] == {"pid": created[0]["pid"]}
    if how == "it is killed":
        rig.process.kill()
    rig.sock.close()
    rig.process.wait(LIMIT_S)
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    assert poll.poll(0) == []
    ours.close()
    wait_for(pidfd)
    os.close(pidfd)


def test_a_shim_leads_a_session_and_has_only_its_channel(rig: Rig) -> None:
    ours, theirs = seqpacket.pair()
    ours.settimeout(LIMIT_S)
    with theirs:
        _, (pidfd,) = rig.ask({"id": 1, "op": "shim", "bundle": "/b"}, [theirs.fileno()])
    created = seqpacket.receive(ours)
    assert created is not None
    message = created[0]
    assert message["session"] == message["pid"]
    assert message["bundle"] == "/b"
    assert message["cwd"] == "/"
    assert message["stdio"] == ["/dev/null"] * 3
    assert message["open"] == [0, 1, 2, message["channel"]]
    ours.close()
    wait_for(pidfd)
    os.close(pidfd)


@pytest.mark.parametrize(
    "message",
    [
        {"op": "nothing"},
        {"op": None},
        {},
        {"op": "shim"},
        {"op": "shim", "bundle": 3},
        {"op": "shim", "bundle": "relative"},
        {"op": "shim", "bundle": "/nul\0"},
        {"op": "job"},
        {"op": "job", "name": "unheard", "args": {}},
        {"op": "job", "name": "echo", "args": []},
        {"op": "job", "name": ["echo"], "args": {}},
    ],
)
def test_an_ill_typed_request_is_answered_and_the_next_one_is_served(
    rig: Rig, message: dict[str, object]
) -> None:
    answer, fds = rig.ask({"id": 5, **message}, [0])
    assert answer["id"] == 5
    assert isinstance(answer["error"], dict)
    assert answer["error"]["kind"] == "InvalidParameter"
    assert fds == []
    _, pidfd, channel = rig.job("echo")
    assert seqpacket.receive(channel) == ({"event": "result", "args": {}, "read": []}, [])
    channel.close()
    os.close(pidfd)


@pytest.mark.parametrize("fds", [[], [0, 0]])
def test_a_shim_takes_exactly_one_descriptor(rig: Rig, fds: list[int]) -> None:
    answer, _ = rig.ask({"id": 5, "op": "shim", "bundle": "/b"}, fds)
    assert isinstance(answer["error"], dict)
    assert answer["error"]["kind"] == "InvalidParameter"


@pytest.mark.parametrize(
    "packet", [b"garbage", b"[]", b"{}", b'{"id":"1"}', b"x" * 65537, b"\x80\x04}\x94.", b'{"id":null}']
)
def test_what_is_no_request_ends_the_connection_and_crashes_nothing(rig: Rig, packet: bytes) -> None:
    rig.sock.send(packet)
    assert seqpacket.receive(rig.sock) is None
    assert rig.process.wait(LIMIT_S) == 0
    assert rig.process.stderr is not None
    assert b"Traceback" not in rig.process.stderr.read()


def test_no_descriptor_is_left_after_requests(rig: Rig) -> None:
    _, pidfd, channel = rig.job("echo")
    seqpacket.receive(channel)
    wait_for(pidfd)
    folder = f"/proc/{rig.process.pid}/fd"
    before = len(os.listdir(folder))
    for _ in range(5):
        rig.ask({"id": 5, "op": "nothing"}, [0, 0, 0])
        _, other, second = rig.job("echo")
        seqpacket.receive(second)
        second.close()
        os.close(other)
    assert len(os.listdir(folder)) == before
    channel.close()
    os.close(pidfd)


def test_a_fork_that_fails_is_an_answer(make: Callable[..., Rig]) -> None:
    rig = make(WHARF_FAILPOINTS="spawner.fork=error:11@1")
    answer, _ = rig.ask({"id": 5, "op": "shim", "bundle": "/b"}, [0])
    assert answer == {
        "id": 5,
        "error": {
            "kind": "Unavailable",
            "message": "cannot start a process: Resource temporarily unavailable",
            "errno": 11,
        },
    }
    _, pidfd, channel = rig.job("echo")
    seqpacket.receive(channel)
    channel.close()
    os.close(pidfd)


@pytest.mark.parametrize("point", ["spawner.forked", "spawner.fork"])
def test_a_child_that_was_not_answered_for_does_nothing(make: Callable[..., Rig], point: str) -> None:
    rig = make(WHARF_FAILPOINTS=f"{point}=kill")
    ours, theirs = seqpacket.pair()
    ours.settimeout(LIMIT_S)
    with theirs:
        seqpacket.send(rig.sock, {"id": 5, "op": "shim", "bundle": "/b"}, [theirs.fileno()])
    assert seqpacket.receive(rig.sock) is None
    assert seqpacket.receive(ours) is None
    ours.close()
