"""Networks over a database of their own, for tests inside `netns_kit.isolated`."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from wharf.network import Networks, NetworkSettings
from wharf.state.database import Database

CONTAINER = "c" * 64

Event = tuple[str, str, str, Mapping[str, str]]


@asynccontextmanager
async def opened(
    folder: Path, settings: NetworkSettings | None = None, events: list[Event] | None = None
) -> AsyncIterator[Networks]:
    """Open the networks of the engine whose database lies in `folder`."""

    def emit(kind: str, action: str, actor: str, attributes: Mapping[str, str]) -> None:
        if events is not None:
            events.append((kind, action, actor, attributes))

    db = await Database.open(str(folder / "engine.db"))
    try:
        networks = await Networks.open(db, settings or NetworkSettings(), emit=emit)
        try:
            yield networks
        finally:
            await networks.close()
    finally:
        await db.close()


def container(n: int) -> str:
    """Return the id of container number `n`."""
    return f"{n:064x}"
