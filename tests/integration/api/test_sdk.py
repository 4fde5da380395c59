"""Docker's own clients against the API: the SDK for Python, and the `docker` command where there is one."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from typing import Any

import docker
import pytest

from api_kit import LIMIT_S, Api, served
from wharf.schema.container import WaitResponse
from wharf.schema.system import SystemVersion

Sdk = Callable[[Callable[[Any], Any]], Any]


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with served() as running:

        async def version() -> SystemVersion:
            return SystemVersion(
                version="28.5.2", api_version="1.51", min_api_version="1.24", os="linux", arch="x"
            )

        running.rooms.system.version = version  # type: ignore[method-assign]  # what clients negotiate by
        yield running


async def sdk(api: Api, use: Callable[[Any], Any], **options: Any) -> Any:
    """Use the SDK in a thread, for it blocks."""

    def work() -> Any:
        client = docker.DockerClient(base_url=f"unix://{api.path}", timeout=LIMIT_S, **options)
        try:
            return use(client)
        finally:
            client.close()

    async with asyncio.timeout(2 * LIMIT_S):
        return await asyncio.to_thread(work)


async def test_the_sdk_negotiates_its_version(api: Api) -> None:
    assert await sdk(api, lambda client: client.version()["Version"], version="auto") == "28.5.2"


async def test_the_sdk_inspects_and_lists(api: Api) -> None:
    def use(client: Any) -> tuple[str, str]:
        return client.containers.get("c1").status, client.images.get("a/b").id

    assert await sdk(api, use) == ("running", "sha256:1")


async def test_the_sdk_creates_with_everything_it_sends(api: Api) -> None:
    def use(client: Any) -> Any:
        return client.api.create_container(
            "busybox",
            "echo hello",
            environment={"A": "b"},
            ports=[80],
            host_config=client.api.create_host_config(
                port_bindings={80: 8080}, binds=["/a:/b:ro"], mem_limit="64m"
            ),
        )

    assert (await sdk(api, use))["Id"] == "1" * 64
    created = api.rooms.containers.created
    assert created is not None
    assert created.host_config is not None
    assert (created.cmd, created.env, created.exposed_ports) == (["echo", "hello"], ["A=b"], {"80/tcp": {}})
    assert (created.host_config.memory, created.host_config.binds) == (64 << 20, ["/a:/b:ro"])


async def test_the_sdk_waits(api: Api) -> None:
    api.rooms.containers.exit.set_result(WaitResponse(status_code=3))
    assert await sdk(api, lambda client: client.containers.get("c1").wait()) == {"StatusCode": 3}


async def test_the_sdk_reads_logs(api: Api) -> None:
    assert await sdk(api, lambda client: client.containers.get("c1").logs()) == b"hi\n"


async def test_the_sdk_follows_events(api: Api) -> None:
    api.rooms.events.emit("start")

    def use(client: Any) -> Any:
        events = client.events(decode=True)
        try:
            return next(events)["Action"]
        finally:
            events.close()

    assert await sdk(api, use) == "start"


async def test_the_sdk_loads_and_saves(api: Api) -> None:
    def use(client: Any) -> tuple[str, bytes]:
        line = next(client.api.load_image(b"an archive", quiet=False))["stream"]
        return line, b"".join(client.api.get_image("a"))

    assert await sdk(api, use) == ("Loaded image: x False\n", b"tar of a")


async def test_the_sdk_attaches_a_socket_to_an_exec(api: Api) -> None:
    def use(client: Any) -> bytes:
        stream = client.api.exec_start("e1", socket=True, tty=True)
        raw = getattr(stream, "_sock", stream)
        raw.sendall(b"typed")
        raw.shutdown(1)
        received = b""
        while piece := raw.recv(100):
            received += piece
        stream.close()
        raw.close()
        return received

    # What comes at once behind the head may be lost in the SDK's own buffer: that is the SDK's.
    assert (await sdk(api, use)).removeprefix(b"got:") == b"typedlate output"


async def test_an_error_reaches_the_sdk_with_its_words(api: Api) -> None:
    with pytest.raises(docker.errors.NotFound, match="No such container: nope"):
        await sdk(api, lambda client: client.containers.get("nope"))


@pytest.mark.skipif(shutil.which("docker") is None, reason="no docker command on this host")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("version", "--format", "{{.Server.Version}}"), "28.5.2\n"),
        (("ps", "--all", "--quiet"), "111111111111\n"),
        (("inspect", "--format", "{{.State.Status}}", "c1"), "running\n"),
        (("images", "--quiet"), "1\n"),
        (("logs", "c1"), "hi\n"),
        (("wait", "c1"), "0\n"),
        (("stop", "c1"), "c1\n"),
        (("network", "inspect", "bridge", "--format", "{{.Driver}}"), "bridge\n"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
async def test_the_docker_command_understands_the_answers(
    api: Api, arguments: tuple[str, ...], expected: str
) -> None:
    api.rooms.containers.exit.set_result(WaitResponse())
    process = await asyncio.create_subprocess_exec(
        "docker", "--host", f"unix://{api.path}", *arguments, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(2 * LIMIT_S):
        output, _ = await process.communicate()
    assert (process.returncode, output.decode()) == (0, expected)
