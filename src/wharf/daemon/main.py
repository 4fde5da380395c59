"""wharfd: reads its settings, opens the engine, serves the API until it is told to stop.

SIGTERM and SIGINT end it; containers go on. When it serves, it writes a newline to the descriptor that
WHARF_READY_FD names, and closes it.
"""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence

from aiohttp import web

from wharf.api.app import make_app
from wharf.daemon import listen
from wharf.daemon.engine import Engine
from wharf.daemon.settings import Settings, read
from wharf.errors import EngineError, Unavailable

DOCKER_SOCKET = "/var/run/docker.sock"
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR,
           "fatal": logging.CRITICAL}  # fmt: skip
_log = logging.getLogger("wharfd")


def console() -> None:
    """Run the daemon with the process's arguments."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the daemon; returns the exit code."""
    try:
        invocation = read(arguments)
        if invocation.only_validates:
            sys.stdout.write("configuration OK\n")
            return 0
        if os.geteuid() != 0:
            raise Unavailable("wharfd needs to be started with root privileges")
        _start_log(invocation.settings)
        asyncio.run(_serve(invocation.settings))
    except (EngineError, OSError) as error:
        sys.stderr.write(f"wharfd: {error}\n")
        return 1
    return 0


def _start_log(settings: Settings) -> None:
    level = logging.DEBUG if settings.debug else _LEVELS.get(settings.log_level, logging.INFO)
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    logging.getLogger("asyncio").setLevel(logging.WARNING)


async def _serve(settings: Settings) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    async with contextlib.AsyncExitStack() as stack:
        engine = await Engine.open(settings)
        stack.push_async_callback(engine.close)
        stack.enter_context(_pid_file(settings.pidfile))
        server = make_app(
            containers=engine.containers,
            execs=engine.execs,
            images=engine.images,
            networks=engine.networks,
            volumes=engine.volumes,
            events=engine.events,
            system=engine.system,
            registries=engine.registries,
        )
        runner = web.ServerRunner(server, shutdown_timeout=1.0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        for listener in _listeners(settings, stack):
            await web.SockSite(runner, listener, backlog=1024).start()
        gc.collect()
        gc.freeze()
        _tell_ready()
        _log.info("serving")
        await stopped.wait()
        _log.info("stopping; containers go on")
        engine.events.close()


def _listeners(settings: Settings, stack: contextlib.AsyncExitStack) -> list[socket.socket]:
    addresses = list(settings.host)
    if not addresses:
        addresses = [f"unix://{settings.exec_root}/wharf.sock"]
        if settings.is_default_instance and not listen.is_answered(DOCKER_SOCKET):
            addresses.append(f"unix://{DOCKER_SOCKET}")
    listeners = []
    for address in addresses:
        scheme, rest = listen.parse(address)
        if scheme == "tcp":
            listeners.append(listen.tcp(rest))
            continue
        listeners.append(listen.unix(rest, settings.group))
        stack.callback(_remove, rest)
    return listeners


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


@contextlib.contextmanager
def _pid_file(path: str) -> Iterator[None]:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    try:
        yield
    finally:
        _remove(path)


def _tell_ready() -> None:
    name = os.environ.pop("WHARF_READY_FD", "")
    if name.isdigit():
        os.write(int(name), b"\n")
        os.close(int(name))
