"""Standard streams over a live connection: half-close, detach, several clients, followers."""

import signal

from engine_kit.client import Cli, say
from engine_kit.image import IMAGE


def test_output_comes_while_the_container_runs(cli: Cli) -> None:
    with cli.piped("run", "--rm", "-i", IMAGE, "sh", "-c", "echo ready; read line; echo got $line") as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        say(client, b"a line\n")
        assert client.stdout.readline() == b"got a line\n"
        assert client.wait(timeout=20) == 0


def test_closing_stdin_ends_the_input_and_not_the_output(cli: Cli) -> None:
    done = cli(
        "run", "--rm", "-i", IMAGE, "sh", "-c", "cat >/dev/null; echo late; echo later >&2", stdin=b"x" * 99
    )
    assert (done.code, done.out, done.err) == (0, "late\n", "later\n")


def test_a_client_that_is_killed_leaves_the_container(cli: Cli) -> None:
    with cli.piped("run", "--name", "wt-left", IMAGE, "sh", "-c", "echo ready; sleep 1000") as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        client.kill()
        client.wait(timeout=20)
    assert cli("inspect", "-f", "{{.State.Running}}", "wt-left").ok() == "true"


def test_signals_to_the_client_reach_the_container(cli: Cli) -> None:
    script = "trap 'echo caught; exit 33' TERM; echo ready; while :; do sleep 0.05; done"
    with cli.piped("run", "--rm", IMAGE, "sh", "-c", script) as client:
        assert client.stdout is not None
        assert client.stdout.readline() == b"ready\n"
        client.send_signal(signal.SIGTERM)
        assert client.stdout.readline() == b"caught\n"
        assert client.wait(timeout=20) == 33


def test_two_attached_clients_see_the_same(cli: Cli) -> None:
    cli("run", "-di", "--name", "wt-two", IMAGE, "sh", "-c", "read go; echo for all; exit 4").ok()
    with cli.piped("attach", "--no-stdin", "wt-two") as one, cli.piped("attach", "wt-two") as other:
        assert one.stdout is not None
        assert other.stdout is not None
        say(other, b"go\n")
        assert other.stdout.read() == b"for all\n"
        assert other.wait(timeout=20) == 4


def test_logs_follow_until_the_container_ends(cli: Cli) -> None:
    cli("run", "-di", "--name", "wt-f", IMAGE, "sh", "-c", "echo first; read go; echo last").ok()
    with cli.piped("logs", "-f", "wt-f") as follower:
        assert follower.stdout is not None
        assert follower.stdout.readline() == b"first\n"
        with cli.piped("attach", "wt-f") as attached:
            say(attached, b"go\n")
            attached.wait(timeout=20)
        assert follower.stdout.read() == b"last\n"
        assert follower.wait(timeout=20) == 0


def test_stdin_of_a_detached_container_waits_for_its_first_client(cli: Cli) -> None:
    cli("run", "-di", "--name", "wt-wait", IMAGE, "head", "-n", "1").ok()
    with cli.piped("attach", "wt-wait") as client:
        say(client, b"late input\n")
        assert client.stdout is not None
        assert client.stdout.read() == b"late input\n"


def test_exec_sees_the_end_of_its_input(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-x", IMAGE, "sleep", "1000").ok()
    done = cli("exec", "-i", "wt-x", "sh", "-c", "wc -c; echo after", stdin=b"y" * 300_000)
    assert done.out.split() == ["300000", "after"]


def test_ten_megabytes_go_both_ways_unharmed(cli: Cli) -> None:
    sent = bytes(range(256)) * 40_000
    done = cli("run", "--rm", "-i", IMAGE, "cat", stdin=sent)
    assert done.code == 0
    assert done.raw == sent
