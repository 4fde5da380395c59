"""The engine through docker-py, the SDK most programs use."""

import contextlib
from collections.abc import Iterator

import docker
import docker.errors
import pytest

from engine_kit.engine import Engine
from engine_kit.image import IMAGE, busybox_archive


@pytest.fixture
def sdk(engine: Engine) -> Iterator[docker.DockerClient]:
    with contextlib.closing(docker.DockerClient(base_url=engine.host, timeout=30)) as client:
        yield client


def test_it_runs_a_container_and_returns_its_output(sdk: docker.DockerClient) -> None:
    said = sdk.containers.run(IMAGE, ["echo", "hello"], remove=True)
    assert said == b"hello\n"


def test_a_failing_container_is_an_error_with_its_stderr(sdk: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.ContainerError) as caught:
        sdk.containers.run(IMAGE, ["sh", "-c", "echo why >&2; exit 3"], name="wt-sdk")
    assert caught.value.exit_status == 3
    assert caught.value.stderr == b"why\n"


def test_a_containers_life_step_by_step(sdk: docker.DockerClient) -> None:
    container = sdk.containers.create(IMAGE, ["sleep", "1000"], name="wt-sdk", labels={"a": "b"})
    assert container.status == "created"
    container.start()
    container.reload()
    assert (container.status, container.labels) == ("running", {"a": "b"})
    assert container.exec_run(["sh", "-c", "echo in; exit 5"]) == (5, b"in\n")
    container.kill()
    assert container.wait()["StatusCode"] == 137
    container.remove()
    with pytest.raises(docker.errors.NotFound):
        sdk.containers.get("wt-sdk")


def test_exec_can_keep_stdout_and_stderr_apart(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run(IMAGE, ["sleep", "1000"], name="wt-sdk", detach=True)
    done = container.exec_run(["sh", "-c", "echo out; echo err >&2"], demux=True)
    assert done.output == (b"out\n", b"err\n")


def test_logs_come_by_stream_and_by_line(sdk: docker.DockerClient) -> None:
    container = sdk.containers.run(
        IMAGE, ["sh", "-c", "echo one; echo two >&2; echo three"], name="wt-sdk", detach=True
    )
    container.wait()
    assert container.logs(stderr=False) == b"one\nthree\n"
    assert container.logs(stdout=False) == b"two\n"
    assert b"".join(container.logs(stream=True, follow=True)).count(b"\n") == 3


def test_a_missing_image_is_told_apart(sdk: docker.DockerClient) -> None:
    with pytest.raises(docker.errors.ImageNotFound):
        sdk.images.get("wt-nosuch")


def test_an_image_is_saved_and_loaded(sdk: docker.DockerClient) -> None:
    image = sdk.images.get(IMAGE)
    saved = b"".join(image.save(named=True))
    assert [one.id for one in sdk.images.load(saved)] == [image.id]
    assert [one.id for one in sdk.images.load(busybox_archive())] == [image.id]


def test_events_arrive_while_things_happen(sdk: docker.DockerClient) -> None:
    with contextlib.closing(sdk.events(decode=True, filters={"container": "wt-sdk"})) as events:
        sdk.containers.run(IMAGE, ["true"], name="wt-sdk")
        seen = [next(events)["Action"] for _ in range(3)]
    assert seen[0] == "create"
    assert "start" in seen


def test_version_and_info_agree(sdk: docker.DockerClient) -> None:
    assert sdk.version()["Version"] == sdk.info()["ServerVersion"]
    assert sdk.ping() is True


def test_attaching_by_socket_reads_and_writes(sdk: docker.DockerClient) -> None:
    container = sdk.containers.create(IMAGE, ["cat"], name="wt-sdk", stdin_open=True, tty=True)
    link = container.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    with contextlib.closing(link), contextlib.closing(link._sock) as raw:
        container.start()
        raw.sendall(b"typed\n")
        seen = b""
        while seen.count(b"typed") < 2:
            piece = raw.recv(1000)
            assert piece, seen
            seen += piece
    container.kill()
