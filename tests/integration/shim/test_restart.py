"""Restart policies and health checks, kept by the shim alone."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

import runtime_kit
import shim_kit
from shim_kit import Container, Factory
from wharf.runtime.spec import Process
from wharf.shim.protocol import HealthRules

_MS = 1_000_000


def policy(name: str, maximum: int = 0) -> dict[str, object]:
    return {"name": name, "maximum": maximum, "count": 0}


def rules(**changes: object) -> HealthRules:
    made: HealthRules = {
        "interval": 20 * _MS,
        "timeout": 5000 * _MS,
        "timeout_text": "5s",
        "start_period": 0,
        "start_interval": 10 * _MS,
        "retries": 2,
    }
    return {**made, **changes}  # type: ignore[typeddict-item]  # the test's own words


def probe(script: str) -> Process:
    return shim_kit.process_of(script)


async def events(container: Container, name: str, count: int) -> list[dict[str, object]]:
    """Wait until there were `count` events of this name."""
    async with asyncio.timeout(shim_kit.LIMIT_S):
        while True:
            found = [event for event in container.wharfd.events if event["event"] == name]
            if len(found) >= count:
                return found
            await container.wharfd.call("state")


async def last_exit(container: Container) -> dict[str, object]:
    """Wait for the end of the shim, and return the last end of its container."""
    await container.ended()
    return [event for event in container.wharfd.events if event["event"] == "exit"][-1]


def recorded(container: Container) -> dict[str, object]:
    found: dict[str, object] = json.loads((container.bundle / "exit.json").read_text())
    return found


async def test_on_failure_starts_it_again_so_many_times_with_growing_waits(containers: Factory) -> None:
    container = await containers.running("echo run; exit 3", restart=policy("on-failure", 3))
    last = await last_exit(container)
    ends = await events(container, "exit", 4)
    assert [(end["status"], end["restarting"], end.get("delay_ms")) for end in ends] == [
        (3, True, 100),
        (3, True, 200),
        (3, True, 400),
        (3, False, None),
    ]
    again = await events(container, "restarted", 3)
    assert [event["restarts"] for event in again] == [1, 2, 3]
    waits = [
        (int(str(event["started_at"])) - int(str(end["exited_at"]))) / _MS
        for event, end in zip(again, ends, strict=False)
    ]
    assert all(wait >= least for wait, least in zip(waits, (100, 200, 400), strict=True))
    assert {"event": "exit", **recorded(container)} == last
    assert container.log.count(b"run") == 4


async def test_a_clean_end_is_no_failure(containers: Factory) -> None:
    container = await containers.running("exit 0", restart=policy("on-failure"))
    assert (await last_exit(container))["restarting"] is False


async def test_it_goes_on_when_nobody_is_connected(containers: Factory) -> None:
    container = await containers.created("echo run; exit 1", restart=policy("on-failure", 2))
    await container.wharfd.call("start")
    await container.wharfd.close()
    await container.ended()
    assert recorded(container)["restarts"] == 2
    assert container.log.count(b"run") == 3


async def test_every_run_has_the_same_network_namespace_and_fresh_others(containers: Factory) -> None:
    script = "readlink /proc/self/ns/net; hostname; ls /sys/class/net; exit 1"
    container = await containers.running(script, restart=policy("on-failure", 2))
    await last_exit(container)
    lines = [json.loads(line)["log"] for line in container.log.splitlines()]
    assert len(lines) == 9
    assert lines[:3] == lines[3:6] == lines[6:]


async def test_one_that_waits_stays_down_at_once_when_told_so(containers: Factory) -> None:
    container = await containers.running("exit 4", restart=policy("always"))
    await events(container, "restarted", 4)
    await events(container, "exit", 5)
    state = await container.wharfd.call("state")
    assert (state["status"], state["pid"], state["restarts"]) == ("restarting", 0, 5)
    client = await container.wharfd.attach()
    ended = state["ended"]
    assert isinstance(ended, dict)
    assert (ended["status"], ended["restarting"]) == (4, True)
    assert await container.wharfd.call("stopping", final=True) == {"status": "stopped"}
    assert await client.rest() == b""
    last = await last_exit(container)
    assert (last["restarting"], last["status"], last["exited_at"]) == (False, 4, ended["exited_at"])


async def test_one_that_was_stopped_by_hand_stays_down(containers: Factory) -> None:
    for name, is_final in (("always", True), ("unless-stopped", False)):
        container = await containers.running("sleep 1000", restart=policy(name))
        assert await container.wharfd.call("stopping", final=is_final) == {"status": "running"}
        await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
        assert (await last_exit(container))["restarting"] is False


async def test_always_comes_back_from_a_signal_that_is_no_stop(containers: Factory) -> None:
    container = await containers.running("sleep 1000", restart=policy("always"))
    await container.wharfd.call("stopping", final=False)
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    (again,) = await events(container, "restarted", 1)
    state = await container.wharfd.call("state")
    assert (state["status"], state["pid"]) == ("running", again["pid"])
    await container.wharfd.call("kill")
    assert (await last_exit(container))["restarts"] == 1


async def test_the_policy_can_be_changed_while_it_runs(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    await container.wharfd.call("restart-policy", name="always", maximum=0)
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    await events(container, "restarted", 1)
    await container.wharfd.call("restart-policy", name="no", maximum=0)
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    assert (await last_exit(container))["restarting"] is False


async def test_what_cannot_be_made_again_ends_with_the_reason(containers: Factory) -> None:
    container = await containers.running("sleep 1000", restart=policy("always"))
    config = container.bundle / "config.json"
    spec = json.loads(config.read_text())
    spec["process"]["args"] = ["nosuch"]
    config.write_text(json.dumps(spec))
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    last = await last_exit(container)
    assert (last["status"], last["restarting"]) == (137, False)
    assert '"nosuch": executable file not found in $PATH' in str(last["error"])


async def test_a_client_is_let_go_at_the_end_of_the_first_run(containers: Factory) -> None:
    container = await containers.created("echo once; exit 1", restart=policy("always"))
    client = await container.wharfd.attach()
    await container.wharfd.call("start")
    assert await client.rest() == b"once\n"
    await events(container, "restarted", 1)
    await container.wharfd.call("kill")
    await last_exit(container)


async def test_a_shim_holds_no_namespace_it_does_not_need(containers: Factory) -> None:
    container = await containers.running("sleep 1000")
    held = [os.readlink(fd) for fd in Path(f"/proc/{container.shim_pid}/fd").iterdir()]
    assert [link for link in held if link.startswith("net:")] == []


async def test_probes_make_it_healthy_and_unhealthy(containers: Factory) -> None:
    script = "test -e /ok && echo fine"
    container = await containers.running("sleep 1000", health=rules(), probe=probe(script))
    first, second, *_ = await events(container, "health", 2)
    assert (first["health"], first["streak"], first["changed"], first["status"]) == ("starting", 1, False, 1)
    assert (second["health"], second["streak"], second["changed"]) == ("unhealthy", 2, True)
    await container.wharfd.execute("touch", shim_kit.process_of("touch /ok"))
    async with asyncio.timeout(shim_kit.LIMIT_S):
        while (await events(container, "health", 1))[-1]["health"] != "healthy":
            await container.wharfd.call("state")
    (change,) = [event for event in await events(container, "health", 1) if event["health"] == "healthy"][:1]
    assert change["changed"] is True
    assert change["result"]["exit_code"] == 0  # type: ignore[index]
    assert change["result"]["output"] == "fine\n"  # type: ignore[index]
    kept = json.loads((container.bundle / "health.json").read_text())
    assert kept["status"] == "healthy"
    assert 1 <= len(kept["log"]) <= 5


async def test_a_probe_over_its_time_is_killed(containers: Factory) -> None:
    container = await containers.running(
        "sleep 1000",
        health=rules(timeout=50 * _MS, timeout_text="50ms", retries=1),
        probe=probe("echo part; exec sleep 1000"),
    )
    (found,) = (await events(container, "health", 1))[:1]
    result = found["result"]
    assert isinstance(result, dict)
    assert (found["status"], result["exit_code"]) == (137, -1)
    assert result["output"] == "Health check exceeded timeout (50ms): part\n"
    assert found["health"] == "unhealthy"


async def test_much_output_is_cut_and_what_cannot_run_is_told(containers: Factory) -> None:
    container = await containers.running(
        "sleep 1000", health=rules(), probe=probe("yes | head -c 5000; printf '\\377'")
    )
    (found,) = (await events(container, "health", 1))[:1]
    assert found["result"]["output"] == "y\n" * 2048 + "..."  # type: ignore[index]
    other = await containers.running("sleep 1000", health=rules(), probe=runtime_kit.process_of("nosuch"))
    (failed,) = (await events(other, "health", 1))[:1]
    assert failed["status"] is None
    assert failed["result"]["exit_code"] == -1  # type: ignore[index]
    assert failed["result"]["output"].startswith(  # type: ignore[index]
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "nosuch"'
    )


async def test_failures_do_not_count_in_the_start_period(containers: Factory) -> None:
    container = await containers.running(
        "sleep 1000",
        health=rules(start_period=60_000 * _MS, interval=60_000 * _MS, retries=1),
        probe=probe("exit 1"),
    )
    found = await events(container, "health", 3)
    assert {(event["health"], event["streak"]) for event in found} == {("starting", 0)}


async def test_no_probe_runs_while_paused_and_the_next_start_begins_anew(containers: Factory) -> None:
    container = await containers.running(
        "sleep 1000", health=rules(), probe=probe("exit 0"), restart=policy("always")
    )
    await events(container, "health", 1)
    await container.wharfd.call("pause")
    assert json.loads((container.bundle / "health.json").read_text())["status"] == "unhealthy"
    seen = len(await events(container, "probe", 1))
    assert len(await events(container, "probe", 1)) == seen
    await container.wharfd.call("resume")
    found = await events(container, "health", seen + 1)
    assert (found[-1]["health"], found[-1]["changed"]) == ("healthy", True)
    await container.wharfd.call("signal", signal=int(signal.SIGKILL), all=False)
    await events(container, "restarted", 1)
    assert json.loads((container.bundle / "health.json").read_text())["status"] == "starting"


@pytest.mark.parametrize("limit", [16 * 1024 * 1024])
async def test_running_out_of_memory_is_told_as_it_happens(containers: Factory, limit: int) -> None:
    spec = shim_kit.spec_of("(tail /dev/zero); echo survived; sleep 1000")
    spec["linux"]["resources"] = {
        **spec["linux"].get("resources", {}),
        "memory": {"limit": limit, "swap": limit},
    }
    container = await containers.running(spec)
    await events(container, "oom", 1)
    state = await container.wharfd.call("state")
    assert (state["status"], state["oom_killed"]) == ("running", True)
    await container.wharfd.call("kill")
    assert (await last_exit(container))["oom_killed"] is True
    assert len([event for event in container.wharfd.events if event["event"] == "oom"]) == 1
