"""`wharf registry serve`: the registry as a program of its own."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import ssl

from aiohttp import web

from wharf.registry.server.app import Registry
from wharf.registry.server.storage import Storage

_DEFAULT_ADDRESS = "127.0.0.1:5000"
_UPLOAD_LIFE_S = 7 * 86400.0
_SWEEP_PAUSE_S = 3600.0
_log = logging.getLogger("wharf.registry")


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="wharf registry serve", description="Serve a registry.")
    parser.add_argument("--root", default="/var/lib/wharf-registry", help="Folder to keep everything in")
    parser.add_argument("--addr", default=_DEFAULT_ADDRESS, help=f"HOST:PORT (default {_DEFAULT_ADDRESS})")
    parser.add_argument("--tls-cert", default="", help="Certificate of this server, with its chain (PEM)")
    parser.add_argument("--tls-key", default="", help="The certificate's key (PEM)")
    flags = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(flags))


async def _serve(flags: argparse.Namespace) -> None:
    host, _, port = flags.addr.rpartition(":")
    tls = None
    if flags.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(flags.tls_cert, flags.tls_key or None)
    registry = Registry(Storage(os.path.abspath(flags.root)))
    runner = web.AppRunner(registry.app, access_log=None, shutdown_timeout=5)
    await runner.setup()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await web.TCPSite(runner, host.strip("[]") or None, int(port), ssl_context=tls).start()
        address = runner.addresses[0]
        _log.info("serving at %s:%d", address[0], address[1])
        while not stopped.is_set():
            if gone := await registry.sweep(_UPLOAD_LIFE_S):
                _log.info("removed %d files of uploads that nobody went on with", gone)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SWEEP_PAUSE_S):
                    await stopped.wait()
    finally:
        await runner.cleanup()
        await registry.close()
