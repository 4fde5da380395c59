"""Lists and objects are printed as Docker prints them; its own client is the judge where it is here."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import DOCKER, Listener, answer, docker, listening, wharf

NOW = int(time.time())
CONTAINERS = [
    {
        "Id": "ab" * 32,
        "Names": ["/other/alias", "/web"],
        "Image": "busybox",
        "ImageID": "sha256:" + "0" * 64,
        "Command": 'sh -c "echo a very long command line"',
        "Created": NOW - 3 * 3600 - 1800,
        "Ports": [
            {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
            {"PrivatePort": 443, "Type": "tcp"},
            {"PrivatePort": 444, "Type": "tcp"},
            {"PrivatePort": 446, "Type": "tcp"},
            {"IP": "0.0.0.0", "PrivatePort": 90, "PublicPort": 90, "Type": "udp"},
            {"IP": "0.0.0.0", "PrivatePort": 91, "PublicPort": 91, "Type": "udp"},
        ],
        "Labels": {"com.example.some-thing": "x"},
        "State": "running",
        "Status": "Up 3 hours",
        "SizeRw": 1234567,
        "SizeRootFs": 7654321,
        "Mounts": [
            {"Type": "volume", "Name": "a-volume-with-a-long-name", "Driver": "local", "Destination": "/v"},
            {"Type": "bind", "Source": "/src", "Destination": "/d"},
        ],
        "HostConfig": {"NetworkMode": "bridge"},
        "NetworkSettings": {"Networks": {"bridge": {}}},
    },
    {
        "Id": "cd" * 32,
        "Names": ["/db"],
        "Image": "sha256:" + "0" * 64,
        "ImageID": "sha256:" + "0" * 64,
        "Command": "sleep 1",
        "Created": NOW - 40 * 60 - 30,
        "Ports": [],
        "Labels": {},
        "State": "exited",
        "Status": "Exited (0) 5 seconds ago",
        "SizeRw": 0,
        "Mounts": [],
        "HostConfig": {"NetworkMode": "none"},
        "NetworkSettings": {"Networks": {}},
    },
]
IMAGES = [
    {
        "Id": "sha256:" + "12" * 32,
        "RepoTags": ["busybox:latest", "registry.example:5000/a/b:v1"],
        "RepoDigests": ["busybox@sha256:" + "9" * 64],
        "Created": NOW - 86400 * 20,
        "Size": 1984283,
        "SharedSize": -1,
        "Containers": -1,
        "Labels": None,
        "ParentId": "",
    },
    {
        "Id": "sha256:" + "34" * 32,
        "RepoTags": [],
        "RepoDigests": [],
        "Created": NOW - 100 * 60,
        "Size": 0,
        "SharedSize": -1,
        "Containers": -1,
        "Labels": None,
        "ParentId": "",
    },
]
_ARM = {"os": "linux", "architecture": "arm64", "variant": "v8"}
TREE = [
    {
        **IMAGES[0],
        "Containers": 1,
        "Manifests": [
            {
                "ID": "sha256:" + "56" * 32,
                "Descriptor": {"mediaType": "m", "digest": "sha256:" + "56" * 32, "size": 5},
                "Available": True,
                "Kind": "image",
                "Size": {"Content": 1000, "Total": 5_000_000},
                "ImageData": {
                    "Platform": {"os": "linux", "architecture": "amd64"},
                    "Size": {"Unpacked": 4_999_000},
                    "Containers": ["c"],
                },
            },
            {
                "ID": "sha256:" + "78" * 32,
                "Descriptor": {"mediaType": "m", "digest": "sha256:" + "78" * 32, "size": 5},
                "Available": False,
                "Kind": "image",
                "Size": {"Content": 0, "Total": 0},
                "ImageData": {"Platform": _ARM, "Size": {"Unpacked": 0}, "Containers": []},
            },
            {
                "ID": "sha256:" + "9a" * 32,
                "Descriptor": {"mediaType": "m", "digest": "sha256:" + "9a" * 32, "size": 5},
                "Available": True,
                "Kind": "attestation",
                "Size": {"Content": 7, "Total": 7},
                "AttestationData": {"For": "sha256:" + "56" * 32},
            },
        ],
    },
    {**IMAGES[0], "Id": "sha256:" + "bc" * 32, "RepoTags": ["x/" + "y" * 70 + ":1"], "Created": NOW},
    IMAGES[1],
]
NETWORKS = [
    {
        "Name": name,
        "Id": digit * 64,
        "Created": "2026-11-22T11:48:42.103436676Z",
        "Scope": "local",
        "Driver": driver,
        "EnableIPv4": True,
        "EnableIPv6": False,
        "Internal": False,
        "Labels": {},
        "IPAM": {"Driver": "default", "Options": None, "Config": []},
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {},
        "Options": {},
    }
    for name, digit, driver in (("none", "1", "null"), ("bridge", "2", "bridge"), ("host", "3", "host"))
]
HISTORY = [
    {
        "Id": "sha256:" + "12" * 32,
        "Created": NOW - 86400,
        "CreatedBy": '/bin/sh -c #(nop)  CMD ["sh"] and more than fits a column',
        "Size": 1984283,
        "Comment": "c",
        "Tags": ["busybox:latest"],
    },
    {"Id": "<missing>", "Created": NOW - 90000, "CreatedBy": "", "Size": 0, "Comment": "", "Tags": None},
]
INSPECTED = {
    "Id": "12" * 32,
    "Name": "/web",
    "State": {"Running": True, "ExitCode": 0, "Status": "running"},
    "Config": {"Env": ["A=<1> & 2"], "Labels": {"a.b": "c"}, "Cmd": None},
    "Mounts": [],
}

FOUND = [
    {
        "name": "x",
        "description": "The x\nof all",
        "star_count": 3,
        "is_official": True,
        "is_automated": False,
    },
    {"name": "who/x", "description": "d" * 60, "star_count": 300, "is_automated": True},
]

USAGE = {
    "LayersSize": 5952927,
    "Images": [
        {**IMAGES[0], "SharedSize": 1000, "Containers": 1},
        {**IMAGES[1], "SharedSize": 0, "Containers": 0},
    ],
    "Containers": CONTAINERS,
    "Volumes": [
        {"Name": "v", "Driver": "local", "UsageData": {"RefCount": 1, "Size": 2000}},
        {"Name": "w", "Driver": "local", "UsageData": {"RefCount": 0, "Size": 3000}},
    ],
    "BuildCache": [],
}

COMMANDS = [
    ("system df", USAGE),
    ("system df -v", USAGE),
    ("system df --format json", USAGE),
    ("system df --format table\u00a0{{.Type}}\\t{{.Reclaimable}}", USAGE),
    ("system df", {"LayersSize": 0, "Images": [], "Containers": [], "Volumes": [], "BuildCache": []}),
    ("ps", CONTAINERS),
    ("ps --no-trunc", CONTAINERS),
    ("ps -s", CONTAINERS),
    ("ps -q", CONTAINERS),
    ("ps -q --no-trunc", CONTAINERS),
    ("ps --format json", CONTAINERS),
    ("ps --format raw", CONTAINERS),
    ("ps -s --format raw", CONTAINERS),
    ("ps --format table\u00a0{{.Names}}\\t{{.Ports}}\\t{{.Mounts}}\\t{{.LocalVolumes}}", CONTAINERS),
    ('ps --format table\u00a0{{.ID}}\\t{{.Label\u00a0"com.example.some-thing"}}', CONTAINERS),
    ("ps --format table\u00a0{{upper\u00a0.State}}", CONTAINERS),
    ("ps --format {{.ID}}:{{.Command}}|{{.Labels}}|{{.Networks}}|{{.Size}}|{{.RunningFor}}", CONTAINERS),
    ("ps --format {{json\u00a0.Names}}{{.CreatedAt}}", CONTAINERS),
    ("ps --format {{.Nosuch}}", CONTAINERS),
    ("ps --format {{.ID", CONTAINERS),
    ("ps", []),
    ("ps -q", []),
    ("search x", FOUND),
    ("search --no-trunc x", FOUND),
    ("search --format {{.Name}}:{{.IsOfficial}}:{{.Description}} x", FOUND),
    ("search --format json x", FOUND),
    ("search x", []),
    ("images", IMAGES),
    ("images --digests", IMAGES),
    ("images --no-trunc", IMAGES),
    ("images -q", IMAGES),
    ("images --format json", IMAGES),
    ("images --format raw", IMAGES),
    ("images --format {{.Repository}}:{{.Tag}}@{{.Digest}}={{.Size}}", IMAGES),
    ("images --format table\u00a0{{.ID}}\\t{{.CreatedSince}}\\t{{.VirtualSize}}", IMAGES),
    ("images --tree", IMAGES),
    ("images --tree", TREE),
    ("images --tree", []),
    ("images --tree -a", TREE),
    ("images --tree -q", IMAGES),
    ("images --tree --digests", IMAGES),
    ("images --tree --no-trunc", IMAGES),
    ("images --tree --format json", IMAGES),
    ("network ls", NETWORKS),
    ("network ls -q", NETWORKS),
    ("network ls --no-trunc", NETWORKS),
    ("network ls --format json", NETWORKS),
    ("history busybox", HISTORY),
    ("history --no-trunc busybox", HISTORY),
    ("history -H=false busybox", HISTORY),
    ("history -q busybox", HISTORY),
    ("history --format json busybox", HISTORY),
    ("container inspect web", INSPECTED),
    ("container inspect -f {{.Id}}{{.State.Running}}{{json\u00a0.Config.Env}} web", INSPECTED),
    ("container inspect -f {{.Nosuch}} web", INSPECTED),
    ("container inspect -f {{.Id web", INSPECTED),
]  # fmt: skip


@pytest.mark.skipif(DOCKER is None, reason="compares with Docker's client, which is not here")
@pytest.mark.parametrize(("line", "rows"), COMMANDS)
def test_lists_are_printed_as_docker_prints_them(line: str, rows: object, tmp_path: Path) -> None:
    words = [word.replace("\u00a0", " ") for word in line.split(" ")]
    with listening(tmp_path, [answer(200, rows), answer(200, rows)]) as listener:
        theirs = docker(*words, host=listener.host)
        ours = wharf("-H", listener.host, *words)
    # Docker lists the names of one image in no order, but in a tree.
    sort = sorted if line.startswith("images") and "--tree" not in line else list
    assert sort(ours.stdout.splitlines()) == sort(theirs.stdout.splitlines())
    assert ours.stderr == theirs.stderr
    assert ours.status == theirs.status


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path, [answer(200, CONTAINERS)]) as listening_engine:
        yield listening_engine


def test_ports_are_joined_and_published_ones_come_last(listener: Listener) -> None:
    ran = wharf("-H", listener.host, "ps", "--format", "{{.Ports}}")
    assert ran.stdout.splitlines() == [
        "443-444/tcp, 0.0.0.0:90-91->90-91/udp, 446/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
        "",
    ]


def test_filters_and_limits_are_sent_to_the_engine(listener: Listener) -> None:
    wharf("-H", listener.host, "ps", "-f", "label=a=b", "-f", "label=c", "-n", "3", "--filter=status=exited")
    (request,) = listener.requests
    assert request.path == (
        "/v1.51/containers/json?all=1&filters=%7B%22label%22%3A%20%7B%22a%3Db%22%3A%20true%2C%20%22c%22%3A%20true"
        "%7D%2C%20%22status%22%3A%20%7B%22exited%22%3A%20true%7D%7D&limit=3"
    )


def test_what_is_missing_is_said_after_what_was_found(tmp_path: Path) -> None:
    missing = answer(404, {"message": "No such container: x"})
    with listening(tmp_path, [answer(200, {"Id": "1"}), missing]) as listener:
        ran = wharf("-H", listener.host, "container", "inspect", "web", "x")
    assert ran == (
        1,
        '[\n    {\n        "Id": "1"\n    }\n]\n',
        "Error response from daemon: No such container: x\n",
    )


def test_inspect_tries_one_kind_after_the_other(tmp_path: Path) -> None:
    missing = answer(404, {"message": "No such thing"})
    with listening(tmp_path, [missing, missing, answer(200, {"Name": "n"})]) as listener:
        ran = wharf("-H", listener.host, "inspect", "-f", "{{.Name}}", "n")
    assert ran == (0, "n\n", "")
    kinds = [request.path.split("/")[2] for request in listener.requests]
    assert kinds == ["containers", "images", "networks"]


def test_removing_goes_on_after_a_failure(tmp_path: Path) -> None:
    missing = answer(404, {"message": "No such container: b"})
    with listening(tmp_path, [answer(204), missing, answer(204)]) as listener:
        ran = wharf("-H", listener.host, "rm", "a", "b", "c")
    assert ran == (1, "a\nc\n", "Error response from daemon: No such container: b\n")
