"""Which program is executed, where, and the words of Docker's users when it cannot be."""

import pytest

from runtime_kit import Box, Ended, spec_of
from wharf.errors import Internal, InvalidParameter
from wharf.runtime import CreateFailed

INIT = "unable to start container process: error during container init: "


def failure(box: Box, *args: str, cwd: str = "/", path: str = "/bin") -> str:
    spec = spec_of(*args)
    spec["process"]["cwd"] = cwd
    spec["process"]["env"] = [f"PATH={path}"]
    with pytest.raises(CreateFailed) as caught:
        box.run(spec)
    return str(caught.value)


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("nosuchcmd", 'exec: "nosuchcmd": executable file not found in $PATH'),
        ("", 'exec: "": executable file not found in $PATH'),
        ("/nosuch", 'exec: "/nosuch": stat /nosuch: no such file or directory'),
        ("./nosuch", 'exec: "./nosuch": stat ./nosuch: no such file or directory'),
        ("/etc", 'exec: "/etc": is a directory: permission denied'),
        ("/etc/passwd", 'exec: "/etc/passwd": permission denied'),
        ('a"b', 'exec: "a\\"b": executable file not found in $PATH'),
    ],
)
def test_a_program_that_cannot_be_executed_is_told_in_runcs_words(box: Box, program: str, words: str) -> None:
    assert failure(box, program) == INIT + words


def test_a_program_that_is_missing_is_the_callers_fault(box: Box) -> None:
    with pytest.raises(InvalidParameter):
        box.run(spec_of("nosuchcmd"))


def test_a_program_in_a_relative_folder_of_the_path_is_refused(box: Box) -> None:
    words = 'exec: "ls": cannot run executable found relative to current directory'
    assert failure(box, "ls", cwd="/bin", path=".") == INIT + words


def test_an_empty_path_finds_nothing(box: Box) -> None:
    assert failure(box, "ls", cwd="/bin", path="").endswith("executable file not found in $PATH")


def test_a_path_relative_to_the_working_directory_is_found(box: Box) -> None:
    spec = spec_of("./ls", "/etc/passwd")
    spec["process"]["cwd"] = "/bin"
    assert box.run(spec).out == "/etc/passwd\n"


def script(box: Box, content: str) -> Ended:
    (box.upper / "bad").write_text(content)
    (box.upper / "bad").chmod(0o755)
    return box.run(spec_of("/bad"))


def test_a_file_of_no_known_format_starts_and_ends_with_255(box: Box) -> None:
    assert script(box, "garbage") == (255, "", "exec /bad: exec format error\n")


def test_a_script_without_its_interpreter_starts_and_ends_with_255(box: Box) -> None:
    assert script(box, "#!/nosuch/interpreter\n") == (255, "", "exec /bad: no such file or directory\n")


def test_a_missing_working_directory_is_made(box: Box) -> None:
    spec = spec_of("sh", "-c", "pwd; stat -c '%a %u:%g' .")
    spec["process"]["cwd"] = "/made/here"
    assert box.run(spec).out == "/made/here\n755 0:0\n"


def test_a_working_directory_behind_a_dangling_link_is_made_inside(box: Box) -> None:
    (box.upper / "w").symlink_to("/../elsewhere")
    spec = spec_of("pwd", "-P")
    spec["process"]["cwd"] = "/w/x"
    assert box.run(spec).out == "/elsewhere/x\n"
    assert (box.upper / "elsewhere/x").is_dir()


def test_a_working_directory_that_is_a_file_is_refused(box: Box) -> None:
    assert failure(box, "true", cwd="/etc/passwd") == INIT + "mkdir /etc/passwd: not a directory"


@pytest.mark.parametrize("number", [*range(3, 24), 64])
def test_a_working_directory_through_a_descriptor_is_refused(box: Box, number: int) -> None:
    """CVE-2024-21626."""
    assert failure(box, "pwd", cwd=f"/proc/self/fd/{number}").startswith(INIT)


def test_a_variable_without_a_value_is_refused(box: Box) -> None:
    spec = spec_of("true")
    spec["process"]["env"].append("NOVALUE")
    with pytest.raises(CreateFailed, match='invalid environment variable: "NOVALUE"'):
        box.run(spec)


def test_a_limit_above_what_this_process_may_give_is_told_in_runcs_words(box: Box) -> None:
    spec = spec_of("true")
    spec["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1 << 40, "hard": 1 << 40}]
    words = "error setting rlimits for ready process: error setting rlimit type 7: operation not permitted"
    with pytest.raises(Internal) as caught:
        box.run(spec)
    assert str(caught.value) == INIT + words


def test_an_argument_with_a_nul_is_refused(box: Box) -> None:
    with pytest.raises(CreateFailed, match="NUL"):
        box.run(spec_of("echo", "a\0b"))


def test_arguments_that_are_no_text_arrive_as_they_are(box: Box) -> None:
    spec = spec_of("sh", "-c", 'printf %s "$1" | od -An -tx1 || true; echo ${#1}', "x", "\udcff\udcfe")
    assert box.run(spec).out.strip().endswith("2")
