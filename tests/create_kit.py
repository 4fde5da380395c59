"""Requests to create a container, as data: what is asked, by the name under which its answer is recorded.

Each is sent as it is, over the API; `RECORDED` holds what Docker answered. `record_create.py` asks it anew.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from engine_kit.engine import Engine
from engine_kit.image import IMAGE

RECORDED = Path(__file__).parent / "differential" / "create_answers.json"

Json = object

_UNSTABLE = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<ID>"),
    (re.compile(r"(?<![\w/])[0-9a-f]{12}\b"), "<SHORT>"),
    (re.compile(r"(?!0001)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"), "<TIME>"),
    (re.compile(r'"[^"]*/containers/<ID>/'), '"<ROOT>/containers/<ID>/'),
)
_BY_ENGINE = {"GraphDriver", "Created", "Name"}
"""Members of an inspect that differ from engine to engine whatever is asked."""

_BY_KERNEL = (
    "BlkioWeight",
    "CgroupnsMode",
    "CpuQuota",
    "CpusetCpus",
    "CpusetMems",
    "KernelMemory",
    "MemorySwappiness",
    "NanoCpus",
    "OomKillDisable",
)


class Case(NamedTuple):
    """One request: the body, and where and how it is sent."""

    name: str
    body: str
    version: str = "1.51"
    query: str = ""


def _config(**config: Json) -> str:
    return json.dumps({"Image": IMAGE, **config})


def _host(**host: Json) -> str:
    return json.dumps({"Image": IMAGE, "HostConfig": host})


_CONFIGS: Mapping[str, tuple[Json, ...]] = {
    "Cmd": ([], [""], ["", ""], "sh", ["sh", "-c"], None),
    "Entrypoint": ([], [""], ["", ""], "sh", ["sh", "-c"], None),
    "WorkingDir": ("rel", "/a/../b/", "/", "C:\\x"),
    "StopSignal": ("FOO", "term", "9", "99"),
    "StopTimeout": (3, 0, -7),
    "Env": (
        ["A=1", "A=2", "B"],
        [""],
        ["=x"],
        ["A B=1"],
        ["PATH=/x", "PATH"],
        None,
        ["A", "A=2", "B=1", "B"],
    ),
    "Labels": ({"a": "b", "": "x"}, None),
    "Hostname": ("a_b", "a" * 63, "a.b.c", "a b"),
    "Domainname": ("ex.com", "x" * 300),
    "User": ("nosuch", "1:2:3"),
    "OnBuild": (["RUN x"],),
    "Shell": (["/bin/x"],),
    "ArgsEscaped": (True,),
    "Healthcheck": (
        {"Test": []},
        {"Test": ["NONE"]},
        {"Test": ["CMD-SHELL", "x"], "Interval": -1},
        {"Test": ["CMD-SHELL", "x"], "Interval": 500000},
        {"Test": ["CMD-SHELL", "x"], "Timeout": 500000},
        {"Test": ["CMD-SHELL", "x"], "StartPeriod": 500000},
        {"Test": ["CMD-SHELL", "x"], "StartInterval": 500000},
        {"Test": ["CMD-SHELL", "x"], "Retries": -1},
        {},
    ),
}

_HOSTS: Mapping[str, tuple[Json, ...]] = {
    "NetworkMode": ("", "default", "bridge", "none", "host", "container:nosuch", "container:", "container"),
    "IpcMode": ("", "private", "shareable", "host", "none", "container:nosuch", "foo", "container:"),
    "PidMode": ("", "host", "container:nosuch", "foo", "private", "container:"),
    "UTSMode": ("", "host", "foo", "container:x"),
    "UsernsMode": ("", "host", "foo"),
    "CgroupnsMode": ("host", "private", "foo"),
    "CgroupParent": ("", "/foo", "foo", "../x", "x.slice", "a:b:c"),
    "Memory": (1, 6 * 1024**2 - 1, 6 * 1024**2, -1, 2**62, 2**40),
    "MemorySwap": (10**8, -1, -2),
    "MemorySwappiness": (-1, 0, 50, 100, 101, -2),
    "MemoryReservation": (10**7, 100, -1),
    "KernelMemory": (10**7,),
    "KernelMemoryTCP": (10**7,),
    "BlkioWeight": (5, 500, 1001),
    "OomKillDisable": (True, None, False),
    "OomScoreAdj": (1001, -1001, 500),
    "PidsLimit": (0, -1, -2, 100),
    "CpuShares": (-1, 1, 2, 1024, 300000),
    "NanoCpus": (5 * 10**8, 10**14, -1, 1),
    "CpuPeriod": (10, 10**7, 100000),
    "CpuQuota": (10, -1, 50000),
    "CpusetCpus": ("0", "x", "0-", "1-0", "0-9999999", "-1"),
    "CpusetMems": ("0", "1", "x"),
    "CpuCount": (2,),
    "CpuPercent": (50,),
    "IOMaximumIOps": (5,),
    "IOMaximumBandwidth": (5,),
    "ShmSize": (0, -1, 1, 10**6),
    "Runtime": ("", "runc", "nosuch", "io.containerd.runc.v2", "io.containerd.nosuch.v2", "/bin/x", "a.b"),
    "AutoRemove": (True,),
    "SecurityOpt": (
        ["apparmor=x"],
        ["apparmor=unconfined"],
        ["apparmor:unconfined"],
        ["label=disable"],
        ["label=user:x"],
        ["label"],
        ["seccomp=unconfined"],
        ["seccomp=builtin"],
        ["seccomp=nosuch"],
        ["no-new-privileges"],
        ["no-new-privileges:false"],
        ["no-new-privileges=maybe"],
        ["systempaths=unconfined"],
        ["foo"],
        ["foo=bar"],
        ["foo:bar"],
        ["writable-cgroups"],
        ["writable-cgroups=x"],
        ["writable-cgroups=false"],
        ["disable"],
        [""],
        [],
    ),
    "Privileged": (True,),
    "StorageOpt": ({"size": "10G"}, {"size": "x"}, {"foo": "bar"}, {}),
    "Sysctls": ({"net.ipv4.ip_forward": "1"}, {"kernel.foo": "1"}, {"net.ipv4.conf.eth0.forwarding": "1"}),
    "Ulimits": (
        [{"Name": "nofile", "Soft": 10, "Hard": 20}],
        [{"Name": "foo", "Soft": 10, "Hard": 20}],
        [{"Name": "core", "Soft": -1, "Hard": -1}],
        [],
    ),
    "Tmpfs": ({"/a": ""}, {"/a": "size=10m"}),
    "Devices": (
        [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}],
        [{"PathOnHost": "/dev/nosuch", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}],
        [],
        [None],
    ),
    "DeviceCgroupRules": (["c 1:3 r"], ["foo"], []),
    "DeviceRequests": ([{"Count": -1, "Capabilities": [["gpu"]]}], [{}], []),
    "ExtraHosts": (
        ["a:1.2.3.4"],
        ["a"],
        ["a:foo"],
        ["a:host-gateway"],
        ["a:::1"],
        ["a=1.2.3.4"],
        [":1.2.3.4"],
        ["a:[::1]"],
        ["a:"],
    ),
    "Dns": (["8.8.8.8"], ["foo"], [""], []),
    "DnsSearch": (["ex.com"], ["."], []),
    "DnsOptions": (["ndots:1"], []),
    "GroupAdd": (["staff", "1000"], ["nosuch"]),
    "Annotations": ({"a": "b"}, {"": "b"}, None),
    "CapAdd": (
        ["NET_ADMIN"],
        ["net_admin"],
        ["CAP_NET_ADMIN"],
        ["FOO"],
        ["ALL"],
        ["cap_all"],
        [""],
        "NET_ADMIN",
    ),
    "CapDrop": (["NET_ADMIN"], ["FOO"], ["ALL"], ["cap_all"], ["sys_time", "ALL"], [" net_raw"]),
    "Isolation": ("foo", "default", "hyperv"),
    "ConsoleSize": ([10, 20], [10], [10, 20, 30]),
    "ContainerIDFile": ("/x",),
    "Init": (True, False),
    "Cgroup": ("x",),
    "MaskedPaths": (["/x"], []),
    "ReadonlyPaths": ([], ["/x"]),
    "ReadonlyRootfs": (True,),
    "Links": ([],),
    "PortBindings": ({}, None),
}

_TOGETHER: Mapping[str, Mapping[str, Json]] = {
    "swap below memory": {"Memory": 10**8, "MemorySwap": 10**7},
    "swap without end": {"Memory": 10**8, "MemorySwap": -1},
    "swap and memory": {"Memory": 10**8, "MemorySwap": 2 * 10**8},
    "reservation above memory": {"Memory": 10**8, "MemoryReservation": 2 * 10**8},
    "oom killer off with memory": {"OomKillDisable": True, "Memory": 10**8},
    "nano and period": {"NanoCpus": 5 * 10**8, "CpuPeriod": 1000},
    "nano and quota": {"NanoCpus": 5 * 10**8, "CpuQuota": 1000},
    "runtime above period": {"CpuRealtimePeriod": 1000, "CpuRealtimeRuntime": 950000},
    "privileged and unprivileged cgroups": {"Privileged": True, "SecurityOpt": ["writable-cgroups=false"]},
    "privileged with options": {"Privileged": True, "SecurityOpt": ["label=disable", "no-new-privileges"]},
    "privileged and masked": {"Privileged": True, "MaskedPaths": ["/x"]},
    "dns of another": {"NetworkMode": "container:x", "Dns": ["1.1.1.1"]},
    "hosts of another": {"NetworkMode": "container:x", "ExtraHosts": ["a:1.1.1.1"]},
    "ports of another": {"NetworkMode": "container:x", "PublishAllPorts": True},
    "links of another": {"NetworkMode": "container:x", "Links": ["x:y"]},
    "links of the host": {"NetworkMode": "host", "Links": ["x:y"]},
}

_BODIES: Mapping[str, str] = {
    "nothing": "",
    "null": "null",
    "a list": "[]",
    "a number": "1",
    "a text": '"x"',
    "half": "{",
    "empty": "{}",
    "no config": '{"HostConfig":{}}',
    "no image": '{"Image":""}',
    "an image that is a number": '{"Image":1}',
    "unknown image": '{"Image":"nosuch"}',
    "bad image": '{"Image":"BAD:ref:"}',
    "environment that is a text": f'{{"Image":"{IMAGE}","Env":"x"}}',
    "null host config": f'{{"Image":"{IMAGE}","HostConfig":null}}',
    "small letters": f'{{"Image":"{IMAGE}","hostconfig":{{"memory":1}}}}',
    "more behind": f'{{"Image":"{IMAGE}"}}x',
    "another behind": f'{{"Image":"{IMAGE}"}} {{}}',
    "truth that is a text": f'{{"Image":"{IMAGE}","Tty":"yes"}}',
    "number that is a text": f'{{"Image":"{IMAGE}","HostConfig":{{"Memory":"1g"}}}}',
    "labels that are a list": f'{{"Image":"{IMAGE}","Labels":[]}}',
    "unknown member": f'{{"Image":"{IMAGE}","Unknown":1}}',
    "null policies": f'{{"Image":"{IMAGE}","HostConfig":{{"RestartPolicy":null,"LogConfig":null}}}}',
    "hostname and uts": f'{{"Image":"{IMAGE}","Hostname":"h","HostConfig":{{"UTSMode":"host"}}}}',
    "address": f'{{"Image":"{IMAGE}","MacAddress":"02:42:ac:11:00:09"}}',
    "bad address": f'{{"Image":"{IMAGE}","MacAddress":"zz"}}',
    "address and no network": (
        f'{{"Image":"{IMAGE}","MacAddress":"02:42:ac:11:00:09","HostConfig":{{"NetworkMode":"none"}}}}'
    ),
    "no network": f'{{"Image":"{IMAGE}","NetworkDisabled":true}}',
    "hostname of another": f'{{"Image":"{IMAGE}","Hostname":"h","HostConfig":{{"NetworkMode":"container:x"}}}}',  # noqa: E501
}

_QUERIES = (
    "?name=a",
    "?name=wt-x",
    "?name=/wt-x",
    "?name=wt/x",
    "?name=-x",
    "?name=%20",
    "?name=%00ab",
    "?platform=linux/amd64",
    "?platform=foo",
    "?platform=linux/amd64/v9/x",
    "?platform=",
    "?platform=windows",
    "?platform=linux%20",
)


def cases() -> Iterator[Case]:
    """All cases, in a fixed order."""
    for member, values in _CONFIGS.items():
        for value in values:
            yield Case(f"{member} {json.dumps(value)}", _config(**{member: value}))
    for member, values in _HOSTS.items():
        for value in values:
            yield Case(f"HostConfig.{member} {json.dumps(value)}", _host(**{member: value}))
    for name, host in _TOGETHER.items():
        yield Case(name, _host(**host))
    for name, body in _BODIES.items():
        yield Case(f"body: {name}", body)
    for query in _QUERIES:
        yield Case(f"query: {query}", _config(), query=query)
    for version in ("1.24", "1.40", "1.41", "1.42", "1.43", "1.44", "1.45", "1.46", "1.47", "1.48", "1.51"):
        yield Case(f"version {version}", _host(), version=version)


Answer = dict[str, Json]

PLAIN = "version 1.51"
"""The case whose container is recorded whole; of the others only what differs from it is."""


def ask(engine: Engine, case: Case) -> Answer:
    """What the engine answers, and the members it shows of the container, if it made one; which is removed.

    Members are named by their paths, `HostConfig.Memory`.
    """
    prefix = f"/v{case.version}/containers"
    answer = engine.http(
        "POST",
        f"{prefix}/create{case.query}",
        body=case.body.encode(),
        headers={"Content-Type": "application/json"},
    )
    said = answer.json()
    told: Answer = {"status": answer.status, "said": said}
    if answer.status == 201:
        assert isinstance(said, dict)
        found = engine.http("GET", f"{prefix}/{said['Id']}/json").json()
        removed = engine.http("DELETE", f"{prefix}/{said['Id']}")
        assert removed.status == 204, removed.body
        assert isinstance(found, dict)
        told |= dict(_members({name: value for name, value in found.items() if name not in _BY_ENGINE}))
    text = json.dumps(told)
    for pattern, name in _UNSTABLE:
        text = pattern.sub(name, text)
    stable = json.loads(text)
    assert isinstance(stable, dict)
    if stable.get("Config.Hostname") == os.uname().nodename:
        stable["Config.Hostname"] = "<HOST>"
    return stable


def _members(document: Mapping[str, Json], path: str = "") -> Iterator[tuple[str, Json]]:
    for name, value in document.items():
        if isinstance(value, dict) and value:
            yield from _members(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value


def answers(engine: Engine, chosen: Iterable[Case]) -> dict[str, Answer]:
    """What the engine answers to each case; beside the plain one, only what differs from that.

    A member that only the plain one has is None in the others.
    """
    told = {case.name: ask(engine, case) for case in chosen}
    plain = told[PLAIN]
    changes: dict[str, Answer] = {PLAIN: plain}
    for name, answer in told.items():
        changed = {key: value for key, value in answer.items() if key not in plain or plain[key] != value}
        if "Id" in answer:
            changed |= {key: None for key in plain if key not in answer}
        changes.setdefault(name, changed)
    return changes


def depends_on_kernel(name: str) -> bool:
    """Tell whether the answer to a case differs from kernel to kernel: by cgroup version, number of CPUs."""
    return name.startswith(tuple(f"HostConfig.{member} " for member in _BY_KERNEL)) or name in _TOGETHER
