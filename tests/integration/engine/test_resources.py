"""What a container uses, and may use: stats, top, update, prune, on the real kernel through docker-py."""

import contextlib
from collections.abc import Iterator

import docker
import docker.errors
import pytest
from docker.models.containers import Container

from engine_kit.engine import Engine, OwnEngine
from engine_kit.image import IMAGE

MIB = 1024 * 1024


@pytest.fixture
def sdk(engine: Engine) -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=30)) as client:
        yield client


@pytest.fixture
def running(sdk: docker.DockerClient) -> Container:
    return sdk.containers.run(
        IMAGE, ["sleep", "1000"], name="wt-r", detach=True, mem_limit="64m", labels={"wt": "1"}
    )


def test_a_look_has_what_the_kernel_counts(running: Container) -> None:
    look = running.stats(stream=False)
    assert look["name"] == "/wt-r"
    assert look["id"] == running.id
    assert look["pids_stats"]["current"] == 1
    assert look["memory_stats"]["limit"] == 64 * MIB
    assert 0 < look["memory_stats"]["usage"] < 64 * MIB
    assert look["cpu_stats"]["cpu_usage"]["total_usage"] > 0
    assert look["cpu_stats"]["online_cpus"] > 0
    assert look["cpu_stats"]["system_cpu_usage"] >= look["precpu_stats"]["system_cpu_usage"] > 0
    assert list(look["networks"]) == ["eth0"]
    assert look["preread"] < look["read"]


def test_a_stream_goes_on_and_begins_with_no_look_before(running: Container) -> None:
    looks = running.stats(decode=True)
    first, second = next(looks), next(looks)
    assert first["preread"].startswith("0001-")
    assert second["precpu_stats"]["cpu_usage"] == first["cpu_stats"]["cpu_usage"]
    looks.close()


def test_what_does_not_run_uses_nothing(sdk: docker.DockerClient) -> None:
    created = sdk.containers.create(IMAGE, ["true"], name="wt-r")
    look = created.stats(stream=False)
    assert look["read"].startswith("0001-")
    assert look["memory_stats"] == {}


def test_top_shows_the_processes_and_is_an_event(sdk: docker.DockerClient, running: Container) -> None:
    assert [row[-1] for row in running.top()["Processes"]] == ["sleep 1000"]
    assert running.top(ps_args="-o pid,args")["Titles"] == ["PID", "COMMAND"]
    with pytest.raises(docker.errors.APIError, match="Couldn't find PID field in ps output"):
        running.top(ps_args="-o comm")
    events = sdk.events(since=0, until=2**31, filters={"event": "top"}, decode=True)
    assert next(events)["Actor"]["ID"] == running.id
    events.close()


def test_top_of_what_does_not_run_is_a_conflict(sdk: docker.DockerClient) -> None:
    created = sdk.containers.create(IMAGE, ["true"], name="wt-r")
    with pytest.raises(docker.errors.APIError, match=f"container {created.id} is not running"):
        created.top()


def test_limits_of_a_running_container_change_in_kernel_and_record(running: Container) -> None:
    running.update(mem_limit="96m", memswap_limit="128m", cpu_shares=512)
    running.reload()
    assert running.attrs["HostConfig"]["Memory"] == 96 * MIB
    assert running.attrs["HostConfig"]["CpuShares"] == 512
    assert running.stats(stream=False, one_shot=True)["memory_stats"]["limit"] == 96 * MIB


def test_a_limit_above_the_swap_limit_is_refused_and_changes_nothing(running: Container) -> None:
    with pytest.raises(docker.errors.APIError, match="update the memoryswap at the same time"):
        running.update(mem_limit="1g")
    running.reload()
    assert running.attrs["HostConfig"]["Memory"] == 64 * MIB


def test_a_limit_the_kernel_refuses_changes_nothing(running: Container) -> None:
    with pytest.raises(docker.errors.APIError, match="Cannot update container"):
        running.update(memswap_limit="8m")
    running.reload()
    assert running.attrs["HostConfig"]["MemorySwap"] == 128 * MIB


def test_an_update_outlives_the_engine(own_engine: OwnEngine) -> None:
    cli = own_engine.cli("wharf")
    cli("run", "-d", "--name", "wt-r", IMAGE, "sleep", "1000").ok()
    cli("update", "--cpu-shares", "300", "--pids-limit", "50", "--restart", "always", "wt-r").ok()
    own_engine.kill()
    own_engine.start()
    shown = "{{.HostConfig.CpuShares}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}"
    assert cli("inspect", "-f", shown, "wt-r").ok() == "300 50 always"


def test_prune_removes_what_does_not_run_and_is_chosen(sdk: docker.DockerClient, running: Container) -> None:
    kept = sdk.containers.create(IMAGE, ["true"], name="wt-kept", labels={"keep": "1"})
    gone = sdk.containers.create(IMAGE, ["true"], name="wt-gone")
    assert sdk.containers.prune(filters={"label!": ["keep"]})["ContainersDeleted"] == [gone.id]
    assert {each.id for each in sdk.containers.list(all=True)} >= {kept.id, running.id}
    with pytest.raises(docker.errors.APIError, match="invalid filter 'nosuch'"):
        sdk.containers.prune(filters={"nosuch": ["1"]})
