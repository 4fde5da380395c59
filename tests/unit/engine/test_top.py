"""What ps prints, taken apart; and the list of processes on a host that has no ps."""

import os

import pytest

from wharf.engine.containers import process_list, top
from wharf.errors import Internal

_OUTPUT = """UID          PID    PPID  C STIME TTY          TIME CMD
root          12       1  0 08:00 ?        00:00:00 sh -c  sleep   1
root          13       1  0 08:00 ?        00:00:00 other
root         112      12  0 08:00 ?        00:00:00 sleep 1
"""


def test_only_the_container_s_processes_are_shown_with_their_whole_command() -> None:
    found = top.parse(_OUTPUT, {12, 112})
    assert found.titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert found.processes == [
        ["root", "12", "1", "0", "08:00", "?", "00:00:00", "sh -c sleep 1"],
        ["root", "112", "12", "0", "08:00", "?", "00:00:00", "sleep 1"],
    ]


def test_threads_stand_behind_their_process() -> None:
    text = "PID LWP CMD\n5 - a\n- 50 a\n6 - b\n- 60 b\n"
    assert top.parse(text, {5}).processes == [["5", "-", "a"], ["-", "50", "a"]]


def test_nothing_of_the_container_is_null() -> None:
    assert top.parse(_OUTPUT, {99}).processes is None


def test_a_list_without_numbers_is_refused() -> None:
    with pytest.raises(Internal, match="Couldn't find PID field in ps output"):
        top.parse("COMMAND\nsh\n", {1})


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(Internal, match=r"Unexpected pid .sh.: strconv\.Atoi"):
        top.parse("PID\nsh\n", {1})


def test_a_column_may_not_pass_for_the_number() -> None:
    with pytest.raises(Internal, match='specifying "ppid=PID" is not allowed'):
        top.check_arguments("-o ppid=PID")
    top.check_arguments("-o pid=PID,cmd")


def test_our_own_list_has_the_columns_of_ps() -> None:
    found = top.parse(process_list.listing(["-ef"], [os.getpid()]), {os.getpid()})
    assert found.titles == ["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]
    assert found.processes is not None
    assert found.processes[0][1:3] == [str(os.getpid()), str(os.getppid())]


def test_our_own_list_shows_what_is_asked_for() -> None:
    text = process_list.listing(["-o", "pid,ppid=PARENT,args"], [os.getpid()])
    heading, line, _ = text.split("\n")
    assert heading == "PID PARENT COMMAND"
    assert line.split()[:2] == [str(os.getpid()), str(os.getppid())]
    assert "python" in line


def test_our_own_list_of_the_bsd_form() -> None:
    heading = process_list.listing(["aux"], [os.getpid()]).split("\n")[0]
    assert heading == "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND"


def test_a_process_that_is_gone_is_left_out() -> None:
    assert process_list.listing(["-ef"], [2**22 + 1]).count("\n") == 1


@pytest.mark.parametrize("arguments", [["--forest"], ["-ef", "-x"], ["-o", "nosuch"], ["-z"]])
def test_our_own_list_refuses_what_it_does_not_know(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match=r"^error: un"):
        process_list.listing(arguments, [1])
