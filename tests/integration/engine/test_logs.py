"""Logs through the API and both clients: every driver, every way to read them."""

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine_kit.census import difference
from engine_kit.client import Cli, say
from engine_kit.engine import OwnEngine
from engine_kit.image import IMAGE
from engine_kit.patience import eventually

STAMP = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")


@pytest.fixture
def own_cli(own_engine: OwnEngine) -> Cli:
    return own_engine.cli("wharf")


def _run(cli: Cli, name: str, script: str, *flags: str) -> None:
    cli("run", "--name", name, *flags, IMAGE, "sh", "-c", script)


def _files(engine: OwnEngine, pattern: str) -> list[str]:
    return sorted(path.name for path in (engine.data_root / "containers").glob(pattern))


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_a_rotated_and_compressed_log_is_read_as_one(
    own_engine: OwnEngine, own_cli: Cli, driver: str
) -> None:
    flags = ["--log-driver", driver]
    for option in ("max-size=20k", "max-file=4", "compress=true"):
        flags += ["--log-opt", option]
    _run(own_cli, "wt-rot", "i=0; while [ $i -lt 6000 ]; do i=$((i+1)); echo line $i of many; done", *flags)
    pattern = "*/*-json.log*" if driver == "json-file" else "*/local-logs/*"

    def is_compressed() -> bool:
        names = _files(own_engine, pattern)
        return any(name.endswith(".gz") for name in names) and not any(name.endswith("tmp") for name in names)

    eventually(is_compressed, what="the old files to be compressed, which is done behind")
    shown = [int(line.split()[1]) for line in own_cli("logs", "wt-rot").ok().splitlines()]
    assert shown == list(range(shown[0], 6001))
    assert len(shown) < 6000 or driver == "local"
    last = own_cli("logs", "--tail", "700", "wt-rot").ok().splitlines()
    assert last == [f"line {number} of many" for number in range(5301, 6001)][-len(last) :]
    assert len(last) == min(700, len(shown))


def test_stamps_details_and_bounds(cli: Cli) -> None:
    options = ["--label", "a=b c", "--env", "E=1", "--log-opt", "labels=a", "--log-opt", "env=E"]
    options += ["--log-opt", "tag={{.Name}}"]
    _run(cli, "wt-det", "echo one; echo two >&2; sleep 0.01; echo three", *options)
    done = cli("logs", "-t", "--details", "wt-det")
    out, err = done.out.splitlines(), done.err.splitlines()
    assert [line.split()[1:] for line in out] == [["E=1,a=b+c,tag=wt-det", word] for word in ("one", "three")]
    assert err[0].endswith(" E=1,a=b+c,tag=wt-det two")
    assert all(STAMP.match(line) for line in out + err)
    moment = out[1].split()[0]
    assert cli("logs", "--since", moment, "wt-det").out == "three\n"
    assert cli("logs", "--until", out[0].split()[0], "wt-det").out == "one\n"
    assert cli("logs", "-n", "1", "wt-det").out == "three\n"
    assert cli("logs", "--since", "1h", "--until", "30m", "wt-det").out == ""


def test_a_log_that_is_nowhere_cannot_be_read(cli: Cli) -> None:
    _run(cli, "wt-none", "echo gone", "--log-driver", "none")
    done = cli("logs", "wt-none")
    assert done.code == 1
    assert "configured logging driver does not support reading" in done.err


def test_any_bytes_and_long_lines_come_back_from_the_local_driver(own_cli: Cli) -> None:
    script = "head -c 100000 /dev/zero | tr '\\0' x; echo; printf '\\001\\377\\000\\r\\n'; printf unended"
    _run(own_cli, "wt-bin", script, "--log-driver", "local")
    assert own_cli("logs", "wt-bin").raw == b"x" * 100_000 + b"\n\1\xff\0\r\nunended"


@pytest.mark.parametrize("driver", ["json-file", "local"])
def test_a_follower_misses_nothing_of_a_log_that_rotates(own_cli: Cli, driver: str) -> None:
    script = "read go; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo line $i; done; read end"
    flags = ["--log-driver", driver, "--log-opt", "max-size=10k", "--log-opt", "max-file=30"]
    own_cli("run", "-di", "--name", "wt-fol", *flags, IMAGE, "sh", "-c", script).ok()
    with own_cli.piped("logs", "-f", "wt-fol") as follower, own_cli.piped("attach", "wt-fol") as attached:
        say(attached, b"go\n")
        assert follower.stdout is not None
        for number in range(1, 2001):
            assert follower.stdout.readline() == b"line %d\n" % number
        say(attached, b"end\n")
        assert follower.stdout.read() == b""
        assert follower.wait(timeout=20) == 0


def test_a_follower_that_goes_away_leaves_no_worker(own_engine: OwnEngine, own_cli: Cli) -> None:
    own_cli("run", "-d", "--name", "wt-idle", IMAGE, "sh", "-c", "echo ready; sleep 1000").ok()
    base = own_engine.base()
    with own_cli.piped("logs", "-f", "wt-idle") as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"ready\n"
        follower.kill()
        follower.wait(timeout=20)

    def workers() -> list[str]:
        # The reserve for the next start may have come meanwhile: it is nobody's worker.
        found = difference(base, own_engine.census())
        return [line for line in found if "wharf-reserve" not in line]

    eventually(lambda: not workers(), what="the worker to end")


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "syslog"))
        sock.settimeout(20)
        yield sock


def test_syslog_gets_every_line_and_a_copy_can_be_read(
    own_cli: Cli, collector: socket.socket, tmp_path: Path
) -> None:
    flags = ["--log-driver", "syslog", "--log-opt", f"syslog-address=unixgram://{tmp_path}/syslog"]
    for option in ("syslog-facility=local3", "syslog-format=rfc5424micro", "tag={{.Name}}/{{.ImageName}}"):
        flags += ["--log-opt", option]
    _run(own_cli, "wt-sys", "echo one; echo two >&2", *flags)
    got = sorted(collector.recv(2000).decode() for _ in range(2))
    name = f"wt-sys/{IMAGE}"
    assert re.fullmatch(rf"<155>1 \S+ {os.uname().nodename} {name} \d+ {name} - two\n", got[0])
    assert re.fullmatch(rf"<158>1 \S+ {os.uname().nodename} {name} \d+ {name} - one\n", got[1])
    done = own_cli("logs", "wt-sys")
    assert (done.out, done.err) == ("one\n", "two\n")


def test_without_its_cache_a_sent_log_cannot_be_read(
    own_cli: Cli, collector: socket.socket, tmp_path: Path
) -> None:
    flags = ["--log-driver", "syslog", "--log-opt", f"syslog-address=unixgram://{tmp_path}/syslog"]
    _run(own_cli, "wt-nocache", "echo one", *flags, "--log-opt", "cache-disabled=true")
    assert collector.recv(2000).endswith(b": one\n")
    assert "does not support reading" in own_cli("logs", "wt-nocache").err


def test_a_collector_that_stands_still_does_not_hold_up_a_container_that_need_not_wait(
    own_cli: Cli, tmp_path: Path
) -> None:
    """A stream socket that nobody reads takes some hundred kilobytes; the container prints much more."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "still"))
        listener.listen()
        flags = ["--log-driver", "syslog", "--log-opt", f"syslog-address=unix://{tmp_path}/still"]
        for option in ("mode=non-blocking", "max-buffer-size=100k", "cache-max-size=100m"):
            flags += ["--log-opt", option]
        own_cli("run", "-d", "--name", "wt-still", *flags, IMAGE, "sh", "-c", "seq 300000; sleep 1000").ok()
        last = ("logs", "-n", "1", "wt-still")
        eventually(lambda: own_cli(*last).out == "300000\n", what="the container to have printed all")
    # The listener is gone now, and so is the courier's reason to wait.
    own_cli("rm", "-f", "wt-still").ok()


def test_a_collector_that_is_not_there_is_an_error_of_the_start(cli: Cli) -> None:
    address = "syslog-address=tcp://127.0.0.1:1"
    done = cli("run", "--name", "wt-away", "--log-driver", "syslog", "--log-opt", address, IMAGE, "true")
    assert done.code == 125
    assert done.err.splitlines()[0].endswith(
        "failed to create task for container: failed to initialize logging driver: "
        "dial tcp 127.0.0.1:1: connect: connection refused"
    )
    assert cli("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", "wt-away").ok() == "created 128"


def test_non_blocking_json_files_are_complete_at_the_end(own_cli: Cli) -> None:
    flags = ["--log-opt", "mode=non-blocking", "--log-opt", "max-buffer-size=20m"]
    _run(own_cli, "wt-nb", "seq 20000", *flags)
    assert own_cli("logs", "wt-nb").ok().splitlines() == [str(number) for number in range(1, 20001)]


def test_info_and_inspect_name_the_drivers(own_cli: Cli) -> None:
    info = json.loads(own_cli("info", "--format", "json").ok())
    assert info["LoggingDriver"] == "json-file"
    assert info["Plugins"]["Log"] == ["journald", "json-file", "local", "syslog"]
    own_cli("create", "--name", "wt-in", "--log-driver", "local", "--log-opt", "max-size=1m", IMAGE).ok()
    shown = own_cli("inspect", "-f", "{{json .HostConfig.LogConfig}}", "wt-in").ok()
    assert json.loads(shown) == {"Type": "local", "Config": {"max-size": "1m"}}
