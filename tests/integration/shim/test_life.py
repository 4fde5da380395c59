"""A container's life through its shim: made, started, watched, ended, recorded."""

import asyncio
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

import pytest

import runtime_kit
import shim_kit
from shim_kit import Factory
from wharf import errors
from wharf.aio.channel import Channel
from wharf.linux import seqpacket
from wharf.linux.cgroup import Cgroup
from wharf.runtime.spec import Spec
from wharf.shim.record import living_shim

pytestmark = pytest.mark.kernel


WAIT = "echo ready; while :; do sleep 0.01; done"


def cgroup_of(spec: Spec) -> str:
    return spec["linux"]["cgroupsPath"]


def cgroup_folders(spec: Spec) -> list[Path]:
    tops = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
    return [folder for top in tops if (folder := Path(f"{top}{cgroup_of(spec)}")).exists()]


async def test_what_it_prints_goes_to_the_client_and_the_log_and_its_end_is_on_disk(
    containers: shim_kit.Factory,
) -> None:
    spec = shim_kit.spec_of("echo hello; echo oops >&2; exit 3")
    container = await containers.created(spec)
    client = await container.wharfd.attach(framed=True)
    before = time.time_ns()
    started = await container.wharfd.call("start")
    assert shim_kit.Frames(await client.rest()).streams == {1: b"hello\n", 2: b"oops\n"}
    ended = await container.exit()
    assert ended["status"] == 3
    assert (ended["oom_killed"], ended["error"]) == (False, None)
    assert before <= int(str(started["started_at"])) == ended["started_at"]
    assert int(str(ended["started_at"])) <= int(str(ended["exited_at"])) <= time.time_ns()
    recorded = json.loads((container.bundle / "exit.json").read_text())
    assert {"event": "exit", **recorded} == ended
    lines = [json.loads(line) for line in container.log.splitlines()]
    assert {(line["stream"], line["log"]) for line in lines} == {("stdout", "hello\n"), ("stderr", "oops\n")}
    assert cgroup_folders(spec) == []


async def test_the_network_namespace_comes_with_created(containers: Factory) -> None:
    container = await containers.created("true")
    (fd,) = container.wharfd.fds
    sock = socket.socket(fileno=os.dup(fd))
    with sock:
        assert sock.family == socket.AF_NETLINK


async def test_an_end_by_signal_is_128_and_its_number(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    assert (await container.exit())["status"] == 137


async def test_a_signal_reaches_the_init(containers: Factory) -> None:
    container = await containers.created(
        "trap 'echo got it; exit 5' TERM; echo ready; while :; do sleep 0.01; done"
    )
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    await client.until(b"ready\n")
    await container.wharfd.call("signal", signal=int(signal.SIGTERM), all=False)
    assert await client.rest() == b"got it\n"
    assert (await container.exit())["status"] == 5


async def test_a_signal_to_all_reaches_the_others_too(containers: Factory) -> None:
    container = await containers.created(
        'trap : USR1; sh -c \'trap "echo child; exit" USR1; echo ready;'
        " while :; do sleep 0.01; done'; echo over"
    )
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    await client.until(b"ready\n")
    await container.wharfd.call("signal", signal=int(signal.SIGUSR1), all=True)
    assert (await client.rest()).splitlines()[-2:] == [b"child", b"over"]


async def test_the_container_has_three_descriptors_and_default_signals(containers: Factory) -> None:
    container = await containers.created("ls /proc/self/fd; grep -E 'Sig(Blk|Ign)' /proc/self/status")
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    lines = (await client.rest()).splitlines()
    assert lines[:4] == [b"0", b"1", b"2", b"3"]  # the last is the folder that ls reads
    assert [line.split() for line in lines[4:]] == [
        [b"SigBlk:", b"0" * 16],
        [b"SigIgn:", b"0" * 15 + b"4"],  # busybox's shell ignores SIGQUIT as PID 1, in Docker too
    ]


async def test_a_program_that_is_not_there_fails_in_the_runtimes_words(containers: Factory) -> None:
    spec = runtime_kit.spec_of("nosuchcmd")
    container = await containers.launch(spec)
    failed = await container.wharfd.event("failed")
    await container.ended()
    error = failed["error"]
    assert isinstance(error, dict)
    assert error["message"].startswith("unable to start container process: ")
    assert '"nosuchcmd": executable file not found in $PATH' in error["message"]
    assert error["kind"] == "InvalidParameter"
    recorded = json.loads((container.bundle / "exit.json").read_text())
    assert recorded["error"] == error["message"]
    assert recorded["started_at"] is None
    assert cgroup_folders(spec) == []


async def test_a_bundle_that_cannot_be_read_fails(containers: Factory) -> None:
    container = await containers.launch("true", tty=3)
    failed = await container.wharfd.event("failed")
    assert isinstance(failed["error"], dict)
    assert failed["error"]["kind"] == "InvalidParameter"
    await container.ended()


async def test_pausing_stops_and_resuming_goes_on(containers: Factory) -> None:
    container = await containers.created("while :; do echo tick; sleep 0.01; done")
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    await client.until(b"tick\n")
    await container.wharfd.call("pause")
    assert (await container.wharfd.call("state"))["status"] == "paused"
    with pytest.raises(errors.Conflict):
        await container.wharfd.call("pause")
    with pytest.raises(errors.Conflict):
        await container.wharfd.execute("e", shim_kit.process_of("true"))
    await container.wharfd.call("resume")
    assert (await container.wharfd.call("state"))["status"] == "running"
    with pytest.raises(errors.Conflict):
        await container.wharfd.call("resume")
    await client.until(b"tick\n")
    await client.close()


@pytest.mark.parametrize("how", ["signal", "kill"])
async def test_a_paused_container_can_be_killed(containers: shim_kit.Factory, how: str) -> None:
    container = await containers.running("sleep 1000")
    await container.wharfd.call("pause")
    if how == "kill":
        await container.wharfd.call("kill")
    else:
        await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    assert (await container.exit())["status"] == 137


async def test_a_container_that_is_not_wanted_after_all_is_undone(containers: Factory) -> None:
    spec = shim_kit.spec_of("echo never")
    container = await containers.created(spec)
    await container.wharfd.call("kill")
    ended = await container.exit()
    assert (ended["status"], ended["started_at"]) == (137, None)
    assert cgroup_folders(spec) == []


async def test_a_container_starts_once(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    with pytest.raises(errors.Conflict):
        await container.wharfd.call("start")


async def test_running_out_of_memory_is_seen(containers: Factory) -> None:
    spec = shim_kit.spec_of("x=x; while :; do x=$x$x; done")
    spec["linux"]["resources"]["memory"] = {"limit": 8 << 20, "swap": 8 << 20}
    container = await containers.running(spec)
    ended = await container.exit()
    assert (ended["status"], ended["oom_killed"]) == (137, True)


# What happens when somebody dies.


async def reconnect(bundle: Path) -> shim_kit.Wharfd:
    channel = await Channel.connect(str(bundle / "shim.sock"))
    return shim_kit.Wharfd(channel._sock)


async def test_a_container_goes_on_without_wharfd_and_is_found_again(containers: Factory) -> None:
    container = await containers.running("while :; do sleep 0.01; done", open_stdin=True)
    running = await container.wharfd.call("state")
    await container.wharfd.close()
    assert living_shim(str(container.bundle)) == container.shim_pid
    container.wharfd = await reconnect(container.bundle)
    assert await container.wharfd.call("state") == running
    assert running["status"] == "running"
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    assert (await container.exit())["status"] == 137


async def test_an_end_that_nobody_saw_is_on_disk_with_the_whole_log(containers: Factory) -> None:
    container = await containers.running("for i in $(seq 1 1000); do echo line $i; done; exit 4")
    await container.wharfd.close()
    await container.ended()
    assert json.loads((container.bundle / "exit.json").read_text())["status"] == 4
    assert len(container.log.splitlines()) == 1000
    assert living_shim(str(container.bundle)) is None


async def test_a_container_that_wharfd_left_before_the_start_is_given_up(
    containers: shim_kit.Factory,
) -> None:
    spec = shim_kit.spec_of("echo never")
    container = await containers.created(spec)
    await container.wharfd.close()
    await container.ended()
    assert not (container.bundle / "exit.json").exists()
    assert cgroup_folders(spec) == []


async def test_everybody_connected_hears_of_the_end(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    second = await reconnect(container.bundle)
    await second.call("kill")
    assert await second.event("exit") == await container.wharfd.event("exit")
    await second.close()


async def test_the_init_dies_with_a_shim_that_is_killed_before_the_start(
    containers: shim_kit.Factory,
) -> None:
    spec = shim_kit.spec_of("echo never")
    container = await containers.created(spec)
    created = await container.wharfd.event("created")
    pidfd = os.pidfd_open(int(str(created["pid"])))
    signal.pidfd_send_signal(container.pidfd, signal.SIGKILL)
    await shim_kit.ended(pidfd)
    os.close(pidfd)
    Cgroup.load(cgroup_of(spec)).remove()


async def test_signals_meant_for_wharfd_do_not_end_a_shim(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGPIPE):
        signal.pidfd_send_signal(container.pidfd, number)
    assert (await container.wharfd.call("state"))["status"] == "running"


async def test_garbage_cuts_off_who_sent_it_and_nobody_else(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    second = await reconnect(container.bundle)
    second.peer._channel._sock.send(b"\x80\x04}\x94.")
    async with asyncio.timeout(shim_kit.LIMIT_S):
        await second.peer.closed
    assert (await container.wharfd.call("state"))["status"] == "running"


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "signal", "signal": "9", "all": False},
        {"op": "signal", "signal": True, "all": False},
        {"op": "attach"},
        {"op": 3},
    ],
)
async def test_an_ill_typed_request_cuts_its_sender_off(
    containers: shim_kit.Factory, request_: dict[str, object]
) -> None:
    container = await containers.running("sleep 1000")
    second = await reconnect(container.bundle)
    await second.peer._channel.send({"id": 1, **request_})
    async with asyncio.timeout(shim_kit.LIMIT_S):
        await second.peer.closed
    assert (await container.wharfd.call("state"))["status"] == "running"


@pytest.mark.parametrize(
    "request_",
    [
        {"op": "unheard"},
        {"op": "signal", "signal": 4711, "all": False},
        {"op": "signal", "signal": -1, "all": True},
    ],
)
async def test_a_request_that_cannot_be_carried_out_is_answered(
    containers: shim_kit.Factory, request_: dict[str, Any]
) -> None:
    container = await containers.running("sleep 1000")
    with pytest.raises(errors.InvalidParameter):
        await container.wharfd.call(**request_)


async def test_only_root_may_ask(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    for path in (containers.top, container.folder, container.bundle, container.bundle / "shim.sock"):
        path.chmod(0o777)  # whoever opened the doors: the peer is still asked who it is
    assert await asyncio.to_thread(asked_by_nobody, str(container.bundle / "shim.sock")) == b"cut off"


def asked_by_nobody(path: str) -> bytes:
    """Return what a user without rights is answered."""
    ours, theirs = seqpacket.pair()
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as sock:
            sock.settimeout(5)
            sock.connect(path)
            try:
                sock.send(b'{"id":1,"op":"state"}')
                outcome = sock.recv(1000)
            except OSError:
                outcome = b""
        theirs.send(outcome or b"cut off")
        os._exit(0)
    with ours, theirs:
        outcome = ours.recv(1000)
    os.waitpid(pid, 0)
    return outcome


async def test_no_zombie_is_left_by_what_has_ended(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    client = await container.wharfd.attach(execute=("e1", shim_kit.process_of("true")))
    await client.rest()
    path = Path(f"/proc/{container.shim_pid}/task/{container.shim_pid}/children")
    assert len(path.read_text().split()) == 1
