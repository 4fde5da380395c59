"""Terminals: sizes, keys, and leaving without ending."""

import itertools

from engine_kit.client import Cli
from engine_kit.image import IMAGE
from engine_kit.patience import eventually


def test_the_container_sees_the_size_of_the_terminal(cli: Cli) -> None:
    with cli.terminal("run", "--rm", "-it", IMAGE, "sh", rows=33, columns=101) as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"stty size; exit\n")
        terminal.expect(rb"33 101\r\n")
        assert terminal.wait() == 0


def test_resizing_the_terminal_resizes_the_containers(cli: Cli) -> None:
    script = "trap 'stty size' WINCH; echo ready; while :; do sleep 0.05; done"
    with cli.terminal("run", "--rm", "-it", IMAGE, "sh", "-c", script, rows=20, columns=70) as terminal:
        terminal.expect(rb"ready")
        rows = itertools.count(45)

        def follows() -> bool:  # the client's first word on the size may come late, and undo one
            number = next(rows)
            terminal.resize(number, 132)
            return terminal.shows(b"%d 132" % number, limit_s=2)

        eventually(follows, what="the container to have the terminal's size")


def test_an_interactive_shell_echoes_and_ends_with_its_code(cli: Cli) -> None:
    with cli.terminal("run", "--rm", "-it", IMAGE, "sh") as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"echo $((6*7)); tty\n")
        terminal.expect(rb"42\r\n")
        terminal.expect(rb"/dev/console|/dev/pts/0")
        terminal.type(b"exit 7\n")
        assert terminal.wait() == 7


def test_ctrl_c_reaches_the_process_on_the_terminal(cli: Cli) -> None:
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done"
    with cli.terminal("run", "--rm", "-it", IMAGE, "sh", "-c", script) as terminal:
        terminal.expect(rb"ready")
        terminal.type(b"\x03")
        terminal.expect(rb"caught")
        assert terminal.wait() == 9


def test_the_detach_keys_leave_the_container_running(cli: Cli) -> None:
    with cli.terminal("run", "-it", "--name", "wt-left", IMAGE, "sh") as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"\x10\x11")
        assert terminal.wait() == 0
    assert cli("inspect", "-f", "{{.State.Running}}", "wt-left").ok() == "true"


def test_attaching_again_finds_the_same_shell(cli: Cli) -> None:
    with cli.terminal("run", "-it", "--name", "wt-again", IMAGE, "sh") as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"kept=here\n")
        terminal.expect(rb"# ")
        terminal.type(b"\x10\x11")
        assert terminal.wait() == 0
    with cli.terminal("attach", "wt-again") as terminal:
        terminal.type(b"echo $kept$kept\n")
        terminal.expect(rb"herehere")
        terminal.type(b"exit 3\n")
        assert terminal.wait() == 3


def test_other_detach_keys_may_be_chosen(cli: Cli) -> None:
    with cli.terminal(
        "run", "-it", "--detach-keys", "ctrl-a,x", "--name", "wt-keys", IMAGE, "sh"
    ) as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"\x01x")
        assert terminal.wait() == 0
    assert cli("inspect", "-f", "{{.State.Running}}", "wt-keys").ok() == "true"


def test_exec_gives_a_second_terminal(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-two", IMAGE, "sleep", "1000").ok()
    with cli.terminal("exec", "-it", "wt-two", "sh", rows=31, columns=97) as terminal:
        terminal.expect(rb"# ")
        terminal.type(b"stty size; exit 6\n")
        terminal.expect(rb"31 97")
        assert terminal.wait() == 6


def test_exec_can_be_left_by_the_detach_keys(cli: Cli) -> None:
    cli("run", "-d", "--name", "wt-leave", IMAGE, "sleep", "1000").ok()
    with cli.terminal("exec", "-it", "wt-leave", "sh", "-c", "echo ready; sleep 1000") as terminal:
        terminal.expect(rb"ready")
        terminal.type(b"\x10\x11")
        assert terminal.wait() != 137
    assert "sleep 1000" in cli("exec", "wt-leave", "ps").ok()


def test_the_terminal_of_the_client_is_restored(cli: Cli) -> None:
    script = f"stty -a >/tmp/wt-before-$$; {' '.join(cli.argv())} run --rm -it {IMAGE} true;"
    script += (
        " stty -a >/tmp/wt-after-$$; cmp /tmp/wt-before-$$ /tmp/wt-after-$$; c=$?; rm /tmp/wt-*-$$; exit $c"
    )
    with cli.in_terminal("sh", "-c", script) as terminal:
        assert terminal.wait() == 0
