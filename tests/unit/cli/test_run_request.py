"""The request that `create` sends is the one that Docker's client sends, flag by flag."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_kit import DOCKER, Listener, Request, docker, listening, wharf

pytestmark = pytest.mark.skipif(DOCKER is None, reason="compares with Docker's client, which is not here")

BODIES = [
    "busybox",
    "busybox sh -c true",
    "-it busybox",
    "-i -a stdin -a stdout busybox",
    "-a stderr busybox",
    "--name=x --hostname h --domainname d.e -u 1:2 -w /w busybox",
    "-e A=1 -e B= -e NOT_SET_ANYWHERE -l x -l y=1=2 busybox",
    "--entrypoint /bin/sh busybox -c ls",
    "--entrypoint= busybox",
    "-v /a:/b:ro -v vol:/c -v /anon -v ./rel:/r -v /a:/b:z,ro busybox",
    "--mount type=bind,src=/tmp,dst=/x,ro --mount type=tmpfs,dst=/z,tmpfs-size=1m,tmpfs-mode=1770 busybox",
    "--mount type=volume,src=v,dst=/y,volume-opt=a=b,volume-label=l=1,volume-nocopy busybox",
    "--mount src=v,dst=/y,volume-driver=local --mount dst=/anonymous busybox",
    "--mount type=bind,src=/tmp,dst=/q,bind-recursive=readonly,ro,bind-propagation=rprivate busybox",
    "--mount type=bind,src=.,dst=/q,bind-recursive=disabled,readonly=false,consistency=cached busybox",
    "--mount type=image,src=a,dst=/b,image-subpath=x --mount dst=/c,volume-subpath=s busybox",
    '--mount type=bind,"src=/a,b",dst=/x busybox',
    "--tmpfs /t --tmpfs /u:size=1m,mode=700 --shm-size 64m --read-only busybox",
    "-p 80 -p 8080:80 -p 127.0.0.1:53:53/udp -p 1000-1002:2000-2002 busybox",
    "-p 127.0.0.1::99 -p [::1]:7:7/sctp busybox",
    "-p published=8080,target=80 -p 1-3:5 --expose 10-12/udp --expose 9 -P busybox",
    "--network host busybox",
    "--network n1 --network-alias a --network-alias b --ip 10.0.0.2 --ip6 2001:db8::33 busybox",
    "--network name=n1,alias=x,ip=10.0.0.3,driver-opt=a=b,gw-priority=3 --network n2 busybox",
    "--net n1 --net-alias q --link c:d --link-local-ip 169.254.1.1 --mac-address 92:d0:c6:0a:29:33 busybox",
    "--link c busybox",
    "--network container:abc busybox",
    "--dns 1.1.1.1 --dns-search example.com --dns-search . --dns-opt ndots:1 --dns-option rotate busybox",
    "--add-host a:1.2.3.4 --add-host b=::1 --add-host c:host-gateway --add-host d:[::2] busybox",
    "-m 64m --memory-swap -1 --memory-reservation 32m --memory-swappiness 10 --kernel-memory 50m busybox",
    "-m 1.5g --oom-kill-disable --oom-score-adj -500 busybox",
    "--cpus 0.5 --cpu-shares 512 --cpu-period 1000 --cpu-quota 500 --cpuset-cpus 0 --cpuset-mems 0-1 busybox",
    "--cpu-rt-period 1 --cpu-rt-runtime 2 --pids-limit 7 busybox",
    "--network bridge --mac-address 92:d0:c6:0a:29:33 busybox",
    "--network n1 --network n2 busybox",
    "-v a:b:c:d -v c:/x -v a busybox",
    "--blkio-weight 10 --blkio-weight-device /dev/sda:20 --device-read-bps /dev/sda:1mb busybox",
    "--device-write-bps /dev/sda:2 --device-read-iops /dev/sda:3 --device-write-iops /dev/sda:4 busybox",
    "--ulimit nofile=10:20 --ulimit core=0 --ulimit nofile=11 --ulimit memlock=-1 busybox",
    "--cap-add NET_ADMIN --cap-add SYS_TIME --cap-drop ALL --privileged busybox",
    "--security-opt no-new-privileges --security-opt seccomp=unconfined --security-opt apparmor:x busybox",
    "--security-opt systempaths=unconfined --security-opt label=disable busybox",
    "--device /dev/null --device /dev/zero:/dev/z:r --device /dev/full:rw busybox",
    "--device-cgroup-rule=c\u00a01:3\u00a0mr --device-cgroup-rule=a\u00a0*:*\u00a0r busybox",
    "--device vendor.com/class=name busybox",
    "--gpus all busybox",
    '--gpus "capabilities=compute,utility",count=2 busybox',
    "--restart on-failure:3 busybox",
    "--restart unless-stopped busybox",
    "--restart= busybox",
    "--rm --init --stop-signal TERM --stop-timeout 5 busybox",
    "--init=false --stop-timeout=0 busybox",
    "--log-driver json-file --log-opt max-size=1m --log-opt max-file=3 busybox",
    "--pid host --ipc shareable --uts host --userns host --cgroupns private --cgroup-parent /x busybox",
    "--pid container:abc --isolation default --runtime runc --group-add 1 --group-add audio busybox",
    "--sysctl net.core.somaxconn=1 --sysctl kernel.msgmax=2 --annotation a=b --storage-opt size=1g busybox",
    "--health-cmd true --health-interval 1m30s --health-timeout 1500ms --health-retries 2 busybox",
    "--health-start-period 1h --health-start-interval 5s busybox",
    "--no-healthcheck busybox",
    "--volumes-from a:ro --volumes-from b --volume-driver local --cidfile CIDFILE busybox",
    "--platform linux/arm64 busybox",
    "--label-file FILE --env-file FILE busybox",
]


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    with listening(tmp_path) as listening_engine:
        yield listening_engine


def _words(line: str, folder: Path) -> list[str]:
    words = line.replace("FILE", str(folder / "vars")).replace(
        "CID" + str(folder / "vars"), str(folder / "cid")
    )
    return [word.replace("\u00a0", " ") for word in words.split(" ")]


@pytest.mark.parametrize("line", BODIES)
def test_create_sends_what_docker_sends(line: str, listener: Listener, tmp_path: Path) -> None:
    (tmp_path / "vars").write_bytes(b"\xef\xbb\xbfA=1\n  B=2 \n\n#x\nHOME\nNOT_SET_ANYWHERE\n")
    words = ["create", *_words(line, tmp_path)]

    docker(*words, host=listener.host)
    wharf("-H", listener.host, *words)

    theirs, ours = listener.requests
    assert ours.path.partition("/containers")[2] == theirs.path.partition("/containers")[2]
    assert _text(ours) == _text(theirs)


def _text(request: Request) -> str:
    """Return the body as text; binds and variables are sorted: Docker sends them in no order."""
    body = request.json()
    variables = body["Env"] or []
    assert isinstance(variables, list)
    body["Env"] = sorted(variables)
    host = body["HostConfig"]
    assert isinstance(host, dict)
    host["Binds"] = sorted(host["Binds"] or [])
    return json.dumps(body, sort_keys=True, indent=1)
