"""Which containers a list shows, and the words for a filter that cannot be; as recorded from Docker 28."""

import contextlib
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from engine_kit.engine import Engine
from engine_kit.image import IMAGE


@pytest.fixture
def sdk(engine: Engine) -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=30)) as client:
        client.containers.run(IMAGE, ["sleep", "1000"], name="wt-up", detach=True, network_mode="none")
        client.containers.create(IMAGE, ["true"], name="wt-new", labels={"color": "red"})
        with contextlib.suppress(docker.errors.ContainerError):
            client.containers.run(IMAGE, ["sh", "-c", "exit 3"], name="wt-over", network_mode="none")
        yield client


@pytest.mark.parametrize(
    ("filters", "shows_all", "names"),
    [
        ({}, False, ["wt-up"]),
        ({}, True, ["wt-over", "wt-new", "wt-up"]),
        ({"status": "exited"}, False, ["wt-over"]),
        ({"status": ["created", "running"]}, False, ["wt-new", "wt-up"]),
        ({"exited": "3"}, False, []),
        ({"exited": "3"}, True, ["wt-over"]),
        ({"exited": "0"}, True, []),
        ({"before": "wt-over"}, False, ["wt-up"]),
        ({"before": "wt-over"}, True, ["wt-new", "wt-up"]),
        ({"since": "wt-up", "before": "wt-over"}, True, ["wt-new"]),
        ({"is-task": "true"}, True, []),
        ({"health": "none"}, False, ["wt-up"]),
        ({"isolation": "x"}, False, ["wt-up"]),
        ({"label": "color=red"}, True, ["wt-new"]),
        ({"network": "none"}, False, ["wt-up"]),
        ({"ancestor": "nosuch"}, True, []),
        ({"ancestor": IMAGE}, False, ["wt-up"]),
        ({"publish": "80"}, True, []),
        ({"name": "^/wt-u"}, True, ["wt-up"]),
    ],
)
def test_filters_choose(
    sdk: docker.DockerClient,
    filters: dict[str, object],
    shows_all: bool,  # noqa: FBT001 - a table
    names: list[str],
) -> None:
    found = sdk.api.containers(all=shows_all, filters=filters)
    assert [each["Names"][0].removeprefix("/") for each in found] == names


@pytest.mark.parametrize(
    ("name", "value", "status", "words"),
    [
        ("status", "RUNNING", 400, "invalid filter 'status=RUNNING': invalid value for state (RUNNING)"),
        ("health", "bad", 400, "invalid value for health (bad): must be one of none, starting, healthy"),
        ("is-task", "x", 400, "invalid filter 'is-task=[x]'"),
        ("before", "nosuch", 404, "No such container: nosuch"),
        ("expose", "x", 500, 'error while looking up for expose x: strconv.ParseUint: parsing "x"'),
        ("expose", "80:90", 500, "filter for 'expose' should not contain ':': 80:90"),
        ("expose", "90-80", 500, "Invalid range specified for the Port: 90-80"),
        ("publish", "99999", 500, "value out of range"),
        ("nosuch", "x", 400, "invalid filter 'nosuch'"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(
    engine: Engine, name: str, value: str, status: int, words: str
) -> None:
    with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=30)) as client:
        with pytest.raises(docker.errors.APIError) as refusal:
            client.api.containers(filters={name: value})
        assert refusal.value.status_code == status
        assert words in str(refusal.value)
