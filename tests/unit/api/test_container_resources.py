"""What the router of stats and top makes of a request, and how it answers."""

import json

import pytest

from api_kit import Api
from wharf.schema.filters import Filters


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("stats?stream=false", (False, False)),
        ("stats?stream=0&one-shot=1", (False, True)),
        ("stats", (True, False)),
    ],
)
async def test_stats_reads_its_query(api: Api, path: str, expected: tuple[bool, bool]) -> None:
    assert (await api.ask("GET", f"/containers/c1/{path}")).status == 200
    assert api.rooms.containers.asked == [("stats", expected)]


async def test_versions_before_1_41_know_no_single_shot(api: Api) -> None:
    await api.ask("GET", "/v1.40/containers/c1/stats?stream=0&one-shot=1")
    assert api.rooms.containers.asked == [("stats", (False, False))]


async def test_a_stream_of_stats_has_a_line_for_every_look(api: Api) -> None:
    answer = await api.ask("GET", "/containers/c1/stats")
    assert [json.loads(line)["num_procs"] for line in answer.body.splitlines()] == [1, 2]


async def test_stats_are_written_under_docker_s_names_with_its_zero_values(api: Api) -> None:
    answer = await api.ask("GET", "/containers/c1/stats?stream=0")
    zero_cpu = {
        "cpu_usage": {"total_usage": 0, "usage_in_kernelmode": 0, "usage_in_usermode": 0},
        "throttling_data": {"periods": 0, "throttled_periods": 0, "throttled_time": 0},
    }
    assert json.loads(answer.body) == {
        "name": "/c1",
        "id": "c1",
        "read": "0001-01-01T00:00:00Z",
        "preread": "0001-01-01T00:00:00Z",
        "pids_stats": {},
        "blkio_stats": {
            "io_service_bytes_recursive": None,
            "io_serviced_recursive": None,
            "io_queue_recursive": None,
            "io_service_time_recursive": None,
            "io_wait_time_recursive": None,
            "io_merged_recursive": None,
            "io_time_recursive": None,
            "sectors_recursive": None,
        },
        "num_procs": 1,
        "storage_stats": {},
        "cpu_stats": zero_cpu,
        "precpu_stats": zero_cpu,
        "memory_stats": {},
    }


async def test_a_stream_of_one_shot_is_refused(api: Api) -> None:
    answer = await api.ask("GET", "/containers/c1/stats?stream=1&one-shot=1")
    assert answer.status == 400
    assert json.loads(answer.body) == {"message": "cannot have stream=true and one-shot=true"}


async def test_top_hands_the_arguments_of_ps_on(api: Api) -> None:
    answer = await api.ask("GET", "/containers/c1/top?ps_args=-o%20pid")
    assert json.loads(answer.body) == {"Processes": [["7"]], "Titles": ["PID"]}
    assert api.rooms.containers.asked == [("top", "-o pid")]


async def test_prune_hands_its_filters_on(api: Api) -> None:
    answer = await api.ask("POST", '/containers/prune?filters={"until":["1h"]}')
    assert json.loads(answer.body) == {"ContainersDeleted": ["1" * 64], "SpaceReclaimed": 5}
    assert api.rooms.containers.asked == [("prune", Filters({"until": ["1h"]}))]


async def test_an_update_answers_with_warnings_or_null(api: Api) -> None:
    loud = await api.ask("POST", "/containers/c1/update", body=b'{"Memory":7000000}')
    quiet = await api.ask("POST", "/containers/c1/update", body=b'{"CpuShares":5}')
    assert json.loads(loud.body) == {"Warnings": ["careful"]}
    assert json.loads(quiet.body) == {"Warnings": None}


@pytest.mark.parametrize(
    ("version", "pids_limit", "kernel_memory"), [("1.39", None, 7), ("1.41", 0, 7), ("1.51", 0, 0)]
)
async def test_an_update_means_what_its_version_knows(
    api: Api, version: str, pids_limit: int | None, kernel_memory: int
) -> None:
    body = b'{"PidsLimit":-3,"KernelMemory":7}'
    assert (await api.ask("POST", f"/v{version}/containers/c1/update", body=body)).status == 200
    ((_, request),) = api.rooms.containers.asked
    assert (request.pids_limit, request.kernel_memory) == (pids_limit, kernel_memory)
