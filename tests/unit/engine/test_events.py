"""Events are kept, told and filtered as Docker does it."""

import asyncio
import time
from collections.abc import Mapping

import pytest

from wharf.engine.events import KEPT, Events
from wharf.errors import InvalidParameter
from wharf.schema.event import EventMessage
from wharf.schema.filters import Filters

NOBODY: Mapping[str, str] = {}


async def kept(events: Events, filters: Filters | None = None, since: int = 1) -> list[EventMessage]:
    until = time.time_ns()
    return [event async for event in events.subscribe(since=since, until=until, filters=filters or Filters())]


def filled() -> Events:
    events = Events()
    events.emit("container", "create", "c1", {"name": "web", "image": "nginx:1", "tier": "front"})
    events.emit("container", "exec_start: ls -l", "c1", {"name": "web", "image": "nginx:1", "tier": "front"})
    events.emit("network", "connect", "n1", {"name": "bridge", "container": "c1"})
    events.emit("image", "tag", "sha256:aa", {"name": "nginx:1"})
    return events


async def test_an_event_has_the_old_form_for_containers_only() -> None:
    container, _, network, image = await kept(filled())
    assert (container.status, container.id, container.from_) == ("create", "c1", "nginx:1")
    assert (network.status, network.id, network.from_) == ("", "", "")
    assert (image.status, image.id, image.from_) == ("tag", "sha256:aa", "")
    assert container.time == container.time_nano // 1_000_000_000


async def test_only_the_last_256_are_kept() -> None:
    events = Events()
    for number in range(KEPT + 5):
        events.emit("container", str(number), "c", NOBODY)
    found = await kept(events)
    assert [found[0].action, len(found)] == ["5", KEPT]


async def test_since_and_until_are_bounds() -> None:
    events = filled()
    first, second, *_ = await kept(events)
    assert [event.action for event in await kept(events, since=second.time_nano)] != []
    stream = events.subscribe(since=1, until=first.time_nano, filters=Filters())
    assert [event.action async for event in stream] == ["create"]


async def test_without_since_only_what_comes_is_told() -> None:
    events = filled()
    stream = events.subscribe(since=None, until=None, filters=Filters())
    waiting = asyncio.ensure_future(anext(aiter(stream)))
    await asyncio.sleep(0)
    events.emit("container", "die", "c1", NOBODY)
    assert (await asyncio.wait_for(waiting, 5)).action == "die"


@pytest.mark.parametrize(
    ("filters", "actions"),
    [
        ({"type": ["network"]}, ["connect"]),
        ({"type": ["network", "image"]}, ["connect", "tag"]),
        ({"event": ["exec_start"]}, ["exec_start: ls -l"]),
        ({"container": ["web"]}, ["create", "exec_start: ls -l"]),
        ({"container": ["c1"]}, ["create", "exec_start: ls -l", "connect"]),
        ({"network": ["bridge"]}, ["connect"]),
        ({"image": ["nginx"]}, ["create", "exec_start: ls -l", "tag"]),
        ({"label": ["tier=front"]}, ["create", "exec_start: ls -l"]),
        ({"label": ["tier=back"]}, []),
        ({"type": ["container"], "event": ["create"]}, ["create"]),
        ({"scope": ["swarm"]}, []),
    ],
)
async def test_filters_choose(filters: dict[str, list[str]], actions: list[str]) -> None:
    assert [event.action for event in await kept(filled(), Filters(filters))] == actions


async def test_an_unknown_filter_is_refused() -> None:
    with pytest.raises(InvalidParameter, match=r"^invalid filter 'colour'$"):
        await kept(filled(), Filters({"colour": ["red"]}))


async def test_a_listener_that_goes_is_forgotten() -> None:
    events = filled()
    stream = events.subscribe(since=1, until=None, filters=Filters())
    await anext(stream)
    assert events.listeners == 1
    await stream.aclose()
    assert events.listeners == 0


async def test_closing_ends_every_subscription() -> None:
    events = Events()
    stream = events.subscribe(since=None, until=None, filters=Filters())
    waiting = asyncio.ensure_future(anext(stream, None))
    await asyncio.sleep(0)
    events.close()
    assert await asyncio.wait_for(waiting, 5) is None
