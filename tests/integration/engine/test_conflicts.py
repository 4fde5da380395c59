"""Opposite things asked of one container at once: Docker's answers, and no deadlock, fault or leak."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine_kit.client import Answer
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE

NAME = "wt-both"
LIMIT_S = 20
ROUNDS = 3

Request = tuple[str, str]

START: Request = ("POST", f"/containers/{NAME}/start")
STOP: Request = ("POST", f"/containers/{NAME}/stop?t=0")
RESTART: Request = ("POST", f"/containers/{NAME}/restart?t=0")
KILL: Request = ("POST", f"/containers/{NAME}/kill")
PAUSE: Request = ("POST", f"/containers/{NAME}/pause")
UNPAUSE: Request = ("POST", f"/containers/{NAME}/unpause")
RENAME: Request = ("POST", f"/containers/{NAME}/rename?name=wt-other")
REMOVE: Request = ("DELETE", f"/containers/{NAME}")
REMOVE_BY_FORCE: Request = ("DELETE", f"/containers/{NAME}?force=1")

CLIENTS_FAULT = {200, 201, 204, 304, 400, 404, 409}
"""What Docker answers to a request that comes too late, or that succeeds."""

PAIRS = [
    (START, REMOVE),
    (START, REMOVE_BY_FORCE),
    (STOP, START),
    (STOP, KILL),
    (STOP, REMOVE_BY_FORCE),
    (RESTART, STOP),
    (RESTART, REMOVE_BY_FORCE),
    (RENAME, REMOVE_BY_FORCE),
    (RENAME, RENAME),
    (PAUSE, KILL),
    (PAUSE, STOP),
    (PAUSE, REMOVE_BY_FORCE),
    (UNPAUSE, PAUSE),
    (REMOVE_BY_FORCE, REMOVE_BY_FORCE),
]


def create(engine: OwnEngine, name: str = NAME) -> Answer:
    wanted = {"Image": IMAGE, "Cmd": ["sleep", "1000"], "StopSignal": "KILL"}
    return engine.http("POST", f"/containers/create?name={name}", wanted)


def at_once(*calls: Callable[[], Answer]) -> Sequence[Answer]:
    """Make the calls at one moment; fails when one is not answered."""
    gate = threading.Barrier(len(calls))

    def wait_and(call: Callable[[], Answer]) -> Answer:
        gate.wait(LIMIT_S)
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(LIMIT_S) for future in [pool.submit(wait_and, call) for call in calls]]


def clear(engine: OwnEngine) -> None:
    for name in (NAME, "wt-other"):
        engine.http("DELETE", f"/containers/{name}?force=1")


@pytest.mark.kernel
@pytest.mark.parametrize(
    "pair", PAIRS, ids=lambda pair: " ".join(f"{method} {path.split('/')[-1]}" for method, path in pair)
)
def test_two_opposite_requests_are_both_answered(
    own_engine: OwnEngine, pair: tuple[Request, Request]
) -> None:
    for order in (pair, pair[::-1]) * ROUNDS:
        assert create(own_engine).status == 201
        if START not in pair or STOP in pair:
            assert own_engine.http(*START).status == 204
        answered = at_once(*(lambda asked=asked: own_engine.http(*asked) for asked in order))
        for (method, path), answer in zip(order, answered, strict=True):
            assert answer.status in CLIENTS_FAULT or _is_dockers(answer), f"{method} {path}: {answer}"
        clear(own_engine)
    assert not own_engine.ids()


def _is_dockers(answer: Answer) -> bool:
    """Docker answers 500 to a restart that fails, and to a pause of what does not run any more."""
    return answer.status == 500 and answer.message.startswith(
        ("Cannot restart container", "cannot stop container")
    )


@pytest.mark.kernel
def test_of_many_that_create_one_name_one_succeeds(own_engine: OwnEngine) -> None:
    answered = at_once(*[lambda: create(own_engine)] * 8)
    assert sorted(answer.status for answer in answered) == [201] + [409] * 7
    clear(own_engine)


@pytest.mark.kernel
def test_an_exec_in_a_container_that_is_stopped_is_refused_or_ended(own_engine: OwnEngine) -> None:
    for _ in range(ROUNDS):
        assert create(own_engine).status == 201
        assert own_engine.http(*START).status == 204

        def execute() -> Answer:
            made = own_engine.http("POST", f"/containers/{NAME}/exec", {"Cmd": ["sleep", "1000"]})
            if made.status != 201:
                return made
            document = made.json()
            assert isinstance(document, dict)
            return own_engine.http("POST", f"/exec/{document['Id']}/start", {"Detach": True})

        executed, stopped = at_once(execute, lambda: own_engine.http(*STOP))
        assert stopped.status == 204
        assert executed.status in CLIENTS_FAULT, executed
        clear(own_engine)
