"""Docker's client and ours, one after the other on the same engine, say the same and end alike."""

import re
import shutil

import pytest

from engine_kit.client import Result
from engine_kit.engine import Engine
from engine_kit.image import IMAGE

pytestmark = pytest.mark.skipif(shutil.which("docker") is None, reason="Docker's client is not here")

SCRIPTS = {
    "a run": ["run --rm IMAGE echo hello"],
    "exit codes": [
        "run --rm IMAGE sh -c exit\u00a07",
        "run --rm IMAGE nosuch",
        "run --rm IMAGE /etc",
        "run --rm IMAGE sh -c kill\u00a0-9\u00a0$$",
        "run --rm nosuch:x true",
    ],
    "streams": ["run --rm IMAGE sh -c echo\u00a0out;echo\u00a0err\u00a0>&2", "run --rm -i IMAGE cat"],
    "users and folders": [
        "run --rm -u 1000 -w /tmp IMAGE sh -c id\u00a0-u;pwd",
        "run --rm -u nosuch IMAGE id",
    ],
    "environment": ["run --rm -e A=1 -e B= --hostname h IMAGE sh -c echo\u00a0$A-$B;hostname"],
    "a life": [
        "create --name wt-a -l x=y IMAGE sleep 100",
        "ps -a --filter name=wt-a --format {{.Names}}|{{.Image}}|{{.Command}}|{{.State}}|{{.Labels}}",
        "start wt-a",
        "ps --filter name=wt-a",
        "exec wt-a sh -c echo\u00a0in;exit\u00a03",
        "exec -u 1000 -w /tmp -e A=b wt-a sh -c id\u00a0-u;pwd;echo\u00a0$A",
        "exec wt-a nosuch",
        "exec -d wt-a true",
        "pause wt-a",
        "exec wt-a true",
        "inspect -f {{.State.Status}}{{.State.Paused}} wt-a",
        "unpause wt-a",
        "rename wt-a wt-b",
        "port wt-b",
        "kill -s HUP wt-a",
        "restart -t 0 wt-b",
        "stop -t 0 wt-b",
        "wait wt-b",
        "kill wt-b",
        "attach wt-b",
        "rm wt-b",
        "rm wt-b",
        "rm -f wt-b",
    ],
    "logs": [
        "run --name wt-a IMAGE sh -c echo\u00a0out;echo\u00a0last",
        "logs wt-a",
        "logs -n 1 wt-a",
        "logs --since 1h wt-a",
        "logs --until 1h wt-a",
        "start -a wt-a",
        "logs wt-a",
        "rm wt-a",
    ],
    "names": ["create --name wt-a IMAGE", "create --name wt-a IMAGE", "create --name ! IMAGE", "rm wt-a"],
    "images": [
        "tag IMAGE wt-x:1",
        "images wt-x --format {{.Repository}}:{{.Tag}}",
        "image inspect -f {{.Config.Cmd}}{{.RepoTags}} wt-x:1",
        "history --format {{.Comment}}|{{.Size}} wt-x:1",
        "rmi wt-x:1",
        "rmi wt-x:1",
        "tag nosuch wt-y",
    ],
    "networks": [
        "network ls --format {{.Name}}\u00a0{{.Driver}}",
        "network inspect nosuch",
        "network inspect host",
    ],
    "objects": ["inspect nosuch", "inspect -f {{.Id}} IMAGE", "inspect --type container IMAGE"],
}


def _normal(result: Result) -> tuple[int, str, str]:
    return result.code, _normal_text(result.out), _normal_text(result.err)


def _normal_text(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{64}\b", "<id>", text)
    text = re.sub(r"^[0-9a-f]{12} ", "<short id> ", text, flags=re.MULTILINE)
    text = re.sub(r"(\d+ seconds?|Less than a second)( ago)? +", "<time> ", text)
    text = re.sub(r"CREATED +", "CREATED ", text)  # as wide as the longest time below it
    return text.replace("wharf: ", "docker: ").replace("'wharf ", "'docker ")


@pytest.mark.parametrize("name", SCRIPTS)
def test_both_clients_say_the_same(name: str, engine: Engine) -> None:
    said: dict[str, list[tuple[str, tuple[int, str, str]]]] = {}
    for client in ("docker", "wharf"):
        cli = engine.cli(client)
        said[client] = []
        for line in SCRIPTS[name]:
            words = [word.replace("\u00a0", " ").replace("IMAGE", IMAGE) for word in line.split(" ")]
            said[client].append((line, _normal(cli(*words, stdin=b"typed\n"))))
    assert said["wharf"] == said["docker"]
