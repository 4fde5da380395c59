"""A request to create a container gets Docker's status, words, warnings, and inspect to the last field."""

import json
import os

import pytest

from create_kit import RECORDED, Answer, answers, cases, depends_on_kernel
from engine_kit.engine import Engine
from wharf.linux.cgroup import mode

_HAS_RECORDED_KERNEL = mode() == "v1" and os.cpu_count() == 2
_BY_CGROUP_VERSION = {"HostConfig.CgroupnsMode", "HostConfig.OomKillDisable"}


def _comparable(answer: Answer) -> Answer:
    if _HAS_RECORDED_KERNEL:
        return answer
    return {name: value for name, value in answer.items() if name not in _BY_CGROUP_VERSION}


def _difference(name: str, docker: Answer, ours: Answer) -> list[str]:
    return [
        f"{name}: {member}: Docker {json.dumps(docker.get(member))}, Wharf {json.dumps(ours.get(member))}"
        for member in dict.fromkeys([*docker, *ours])
        if json.dumps(docker.get(member)) != json.dumps(ours.get(member))
    ]


@pytest.mark.kernel
def test_every_request_is_answered_as_docker_answers_it(engine: Engine) -> None:
    recorded: dict[str, Answer] = json.loads(RECORDED.read_text())
    chosen = [case for case in cases() if _HAS_RECORDED_KERNEL or not depends_on_kernel(case.name)]
    wrong = [
        line
        for name, answer in answers(engine, chosen).items()
        for line in _difference(name, _comparable(recorded[name]), _comparable(answer))
    ]
    assert not wrong, "\n".join(wrong)
