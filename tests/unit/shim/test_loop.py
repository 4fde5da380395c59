"""The small event loop."""

import os

from wharf.shim import loop as event
from wharf.shim.loop import Loop


def test_a_readable_descriptor_is_called_until_removed() -> None:
    loop, calls = Loop(), list[bytes]()
    r, w = os.pipe()

    def ready(_events: int) -> None:
        calls.append(os.read(r, 1))
        if len(calls) == 2:
            loop.remove(r)
            loop.later(0, loop.stop)

    loop.add(r, event.IN, ready)
    os.write(w, b"abc")
    loop.run()
    assert calls == [b"a", b"b"]
    os.close(r)
    os.close(w)


def test_an_event_for_a_number_that_was_removed_in_the_same_round_is_dropped() -> None:
    loop, calls = Loop(), list[str]()
    pipes = [os.pipe() for _ in range(2)]
    readers = [r for r, _ in pipes]

    def ready(_events: int) -> None:
        calls.append("first")
        for r in readers:
            loop.remove(r)
        for r in readers:
            loop.add(r, event.IN, lambda _: calls.append("another"))
        loop.stop()

    for r, w in pipes:
        loop.add(r, event.IN, ready)
        os.write(w, b"x")
    loop.run()
    assert calls == ["first"]
    for pipe in pipes:
        for fd in pipe:
            os.close(fd)


def test_timers_run_in_their_time_and_not_when_cancelled() -> None:
    loop, calls = Loop(), list[str]()
    loop.later(0.02, lambda: calls.append("late"))
    loop.later(0.03, loop.stop)
    loop.later(0, lambda: calls.append("now"))
    loop.later(0.01, lambda: calls.append("never")).cancel()
    loop.run()
    assert calls == ["now", "late"]


def test_a_stopped_loop_calls_nothing_more() -> None:
    loop, calls = Loop(), list[str]()
    loop.later(0, loop.stop)
    loop.later(0, lambda: calls.append("never"))
    loop.run()
    assert calls == []
