"""What docker-init does, step by step; the same for every machine.

It is process 1 of the container. Its arguments are `docker-init -- PROGRAM ARGUMENT…`.
"""

from typing import Final

from wharf.engine.docker_init.machine import STACK, Program

_SIG_BLOCK_ALL_BUT: Final = (4, 5, 6, 7, 8, 11, 21, 22, 31)
"""ILL TRAP ABRT BUS FPE SEGV TTIN TTOU SYS: what a fault of our own raises, and what is ignored. As tini."""

_BLOCKED: Final = (2**64 - 1) & ~sum(1 << number - 1 for number in _SIG_BLOCK_ALL_BUT)
_SIGCHLD, _SIGTTIN, _SIGTTOU = 17, 21, 22
_SETMASK = 2
_SIGSET_SIZE = 8
_TIOCSPGRP = 0x5410
_WNOHANG = 1
_ENOENT, _EACCES, _ENOTDIR = -2, -13, -20

_STACK_SIZE = 8192
_MASK, _OLD, _ACTION, _WORD, _DIGITS, _TEXT = 0, 8, 16, 48, 120, 128
"""Where things lie on the stack: our signal mask, the one before, a sigaction, a word, the end of a number,
a text (a path, or what is said)."""

_LONGEST = 4095
"""Of a path."""

_REST = 512
"""How much is said behind a name that is as long as a path."""

_ERRORS: Final = {
    -1: "Operation not permitted",
    -2: "No such file or directory",
    -7: "Argument list too long",
    -8: "Exec format error",
    -12: "Cannot allocate memory",
    -13: "Permission denied",
    -20: "Not a directory",
    -21: "Is a directory",
    -26: "Text file busy",
    -36: "File name too long",
    -40: "Too many levels of symbolic links",
}
_STATUSES: Final = {-2: 127, -13: 126}


def init_program() -> Program:
    """Return the program."""
    program = Program(("arguments", "environment", "child", "a", "b", "c", "d", "e"))
    _read_arguments(program)
    _prepare_signals(program)
    program.call("clone", _SIGCHLD, 0, 0, 0, result="child")
    program.branch("child", "==", 0, "child")
    program.branch("child", "<", 0, "cannot fork")
    _serve(program)
    _be_child(program)
    _find_program(program)
    _explain(program)
    return program


def _read_arguments(program: Program) -> None:
    """The kernel's stack at the start: argc, argv…, 0, envp…, 0."""
    program.stack("arguments")
    program.load("a", "arguments", 0, 8)
    program.add("arguments", 16)  # behind argc and the program's own name
    program.set("environment", "arguments")
    program.label("count")
    program.branch("a", "==", 0, "counted")
    program.add("environment", 8)
    program.add("a", -1)
    program.jump("count")
    program.label("counted")
    program.reserve(_STACK_SIZE)
    program.load("a", "arguments", 0, 8)
    program.branch("a", "==", 0, "usage")
    program.load("b", "a", 0, 1)
    program.branch("b", "!=", ord("-"), "has program")
    program.load("b", "a", 1, 1)
    program.branch("b", "!=", ord("-"), "has program")
    program.load("b", "a", 2, 1)
    program.branch("b", "!=", 0, "has program")
    program.add("arguments", 8)
    program.load("a", "arguments", 0, 8)
    program.branch("a", "==", 0, "usage")
    program.label("has program")


def _prepare_signals(program: Program) -> None:
    """Block what is to be waited for, before there is a child whose end could be missed."""
    program.set("a", _BLOCKED)
    program.store("a", STACK, _MASK, 8)
    program.stack("b", _MASK)
    program.stack("c", _OLD)
    program.call("rt_sigprocmask", _SETMASK, "b", "c", _SIGSET_SIZE)
    _handle_terminal_signals(program, 1)  # SIG_IGN: else the change of the foreground would stop us


def _handle_terminal_signals(program: Program, action: int) -> None:
    program.set("a", action)
    program.store("a", STACK, _ACTION, 8)
    program.set("a", 0)
    for offset in (8, 16, 24):
        program.store("a", STACK, _ACTION + offset, 8)
    program.stack("b", _ACTION)
    for number in (_SIGTTIN, _SIGTTOU):
        program.call("rt_sigaction", number, "b", 0, _SIGSET_SIZE)


def _serve(program: Program) -> None:
    """Hand on signals and reap, until the child has ended; then end as it did."""
    program.set("e", -1)
    program.label("serve")
    program.stack("b", _MASK)
    program.call("rt_sigtimedwait", "b", 0, 0, _SIGSET_SIZE, result="a")
    program.branch("a", "<", 0, "reap")  # interrupted
    program.branch("a", "==", _SIGCHLD, "reap")
    program.call("kill", "child", "a")
    program.label("reap")
    program.stack("b", _WORD)
    program.call("wait4", -1, "b", _WNOHANG, 0, result="a")
    program.branch("a", "==", 0, "reaped")
    program.branch("a", "<", 0, "reaped")
    program.branch("a", "!=", "child", "reap")
    program.load("e", STACK, _WORD, 4)
    program.jump("reap")
    program.label("reaped")
    program.branch("e", "==", -1, "serve")
    program.set("a", "e")
    program.mask("a", 0x7F)
    program.branch("a", "!=", 0, "killed")
    program.shift_right("e", 8)
    program.mask("e", 0xFF)
    program.call("exit_group", "e")
    program.label("killed")
    program.add("a", 128)
    program.call("exit_group", "a")


def _be_child(program: Program) -> None:
    """A process group of its own, in the terminal's foreground if there is one, and signals as they were."""
    program.label("child")
    program.call("setpgid", 0, 0)
    program.call("getpid", result="a")
    program.store("a", STACK, _WORD, 4)
    program.stack("b", _WORD)
    program.call("ioctl", 0, _TIOCSPGRP, "b")
    _handle_terminal_signals(program, 0)
    program.stack("b", _OLD)
    program.call("rt_sigprocmask", _SETMASK, "b", 0, _SIGSET_SIZE)


def _find_program(program: Program) -> None:
    """As execvp(3): a name with a slash is a path, another is looked for in PATH; `e` is what went wrong."""
    program.load("a", "arguments", 0, 8)
    program.set("b", "a")
    program.label("slash?")
    program.load("c", "b", 0, 1)
    program.branch("c", "==", 0, "search")
    program.branch("c", "==", ord("/"), "execute as it is")
    program.add("b", 1)
    program.jump("slash?")
    program.label("execute as it is")
    program.call("execve", "a", "arguments", "environment", result="e")
    program.jump("explain")

    program.label("search")
    program.set("d", "environment")
    program.label("variable")
    program.load("b", "d", 0, 8)
    program.branch("b", "==", 0, "no path")
    for offset, letter in enumerate("PATH="):
        program.load("c", "b", offset, 1)
        program.branch("c", "!=", ord(letter), "next variable")
    program.add("b", 5)
    program.jump("folders")
    program.label("next variable")
    program.add("d", 8)
    program.jump("variable")
    program.label("no path")
    program.address("b", "default path")

    program.label("folders")
    program.set("e", _ENOENT)
    program.load("c", "a", 0, 1)
    program.branch("c", "==", 0, "explain")  # a program without a name is nowhere
    program.label("folder")  # b: where in PATH; d: where to; child: where it has to end
    program.stack("d", _TEXT)
    program.stack("child", _TEXT)
    program.add("child", _LONGEST)
    _copy(program, "b", stop_at=":")
    program.stack("c", _TEXT)
    program.branch("d", "==", "c", "name")  # an empty folder is where we stand
    program.set("c", ord("/"))
    program.store("c", "d", 0, 1)
    program.add("d", 1)
    program.label("name")
    program.load("a", "arguments", 0, 8)
    _copy(program, "a")
    program.set("c", 0)
    program.store("c", "d", 0, 1)
    program.stack("a", _TEXT)
    program.call("execve", "a", "arguments", "environment", result="a")
    program.branch("a", "==", _ENOENT, "next folder")
    program.branch("a", "==", _ENOTDIR, "next folder")
    program.set("e", "a")
    program.branch("a", "!=", _EACCES, "explain")
    program.label("next folder")
    program.load("c", "b", 0, 1)
    program.branch("c", "==", 0, "explain")
    program.add("b", 1)
    program.jump("folder")


def _copy(program: Program, source: str, *, stop_at: str = "") -> None:
    """Copy a text to `d`, up to its end or where `child` says; `source` then stands at what stopped it."""
    begin, end = (f"copy {word} {len(program.steps)}" for word in ("begins", "ends"))
    program.label(begin)
    program.load("c", source, 0, 1)
    program.branch("c", "==", 0, end)
    if stop_at:
        program.branch("c", "==", ord(stop_at), end)
    program.branch("d", "==", "child", end)
    program.store("c", "d", 0, 1)
    program.add("d", 1)
    program.add(source, 1)
    program.jump(begin)
    program.label(end)


def _explain(program: Program) -> None:
    """Say in one line, as tini, what became of execve(2); `e` is its error."""
    program.label("explain")
    program.stack("d", _TEXT)
    program.stack("child", _TEXT)
    program.add("child", _LONGEST)
    _say(program, "begin", b"[FATAL tini (")
    _say_number_of_process(program)
    _say(program, "what", b")] exec ")
    program.load("a", "arguments", 0, 8)
    _copy(program, "a")
    program.add("child", _REST)
    _say(program, "why", b" failed: ")
    for number, text in _ERRORS.items():
        program.branch("e", "==", number, text)
    _say_and_exit(program, "Unknown error", 1)
    for number, text in _ERRORS.items():
        program.label(text)
        _say_and_exit(program, text, _STATUSES.get(number, 1))
    for label, text in (("usage", "no program is given"), ("cannot fork", "cannot make a process")):
        program.label(label)
        program.stack("d", _TEXT)
        program.stack("child", _TEXT)
        program.add("child", _LONGEST)
        _say(program, f"{label} begin", b"docker-init: ")
        _say_and_exit(program, text, 1)
    program.text("default path", b"/bin:/usr/bin\0")


def _say(program: Program, label: str, text: bytes) -> None:
    program.text(f"text {label}", text + b"\0")
    program.address("a", f"text {label}")
    _copy(program, "a")


def _say_number_of_process(program: Program) -> None:
    """Write the decimal digits of our process number, the last one first, and copy them."""
    program.call("getpid", result="b")
    program.stack("a", _DIGITS)
    program.set("c", 0)
    program.store("c", "a", 0, 1)
    program.label("digit")
    program.divide("b", 10, "c")
    program.add("c", ord("0"))
    program.add("a", -1)
    program.store("c", "a", 0, 1)
    program.branch("b", "!=", 0, "digit")
    _copy(program, "a")


def _say_and_exit(program: Program, text: str, status: int) -> None:
    """End the line and this process."""
    _say(program, f"{text} end", f"{text}\n".encode("ascii"))
    program.stack("a", _TEXT)
    program.set("c", 0)
    program.label(f"length {text}")
    program.add("a", 1)
    program.add("c", 1)
    program.branch("a", "!=", "d", f"length {text}")
    program.stack("a", _TEXT)
    program.call("write", 2, "a", "c")
    program.call("exit_group", status)
