"""Docker's look-up of users and groups, over untrusted account files."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from wharf import limits
from wharf.linux.rooted import Root
from wharf.runtime.errors import Refused
from wharf.runtime.identity import Account, home_of, resolve_user


class Accounts:
    """A root with account files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "etc").mkdir()
        self.root = Root.at(str(folder))

    def write(self, passwd: str | bytes, group: str | bytes = b"") -> Root:
        for name, content in (("passwd", passwd), ("group", group)):
            (self.folder / "etc" / name).write_bytes(
                content.encode() if isinstance(content, str) else content
            )
        return self.root


@pytest.fixture
def accounts(tmp_path: Path) -> Iterator[Accounts]:
    made = Accounts(tmp_path)
    yield made
    made.root.close()


def test_the_first_of_several_entries_counts(accounts: Accounts) -> None:
    root = accounts.write("a:x:1:10::/one:\na:x:2:20::/two:\n")
    assert resolve_user(root, "a") == Account(1, 10, [10])


def test_a_number_is_never_a_name(accounts: Accounts) -> None:
    """CVE-2016-3697."""
    root = accounts.write("1000:x:0:0::/:\n")
    assert resolve_user(root, "1000") == Account(1000, 0, [0])


def test_a_number_gets_the_group_of_its_entry(accounts: Accounts) -> None:
    assert resolve_user(accounts.write("a:x:7:8::/:\n"), "7") == Account(7, 8, [8])


def test_groups_of_a_user_come_after_the_primary_one(accounts: Accounts) -> None:
    root = accounts.write("a:x:7:8::/:\n", "x:x:30:b,a\ny:x:20:a\nz:x:9:b\n")
    assert resolve_user(root, "a") == Account(7, 8, [8, 30, 20])


def test_an_explicit_group_leaves_the_users_groups_out(accounts: Accounts) -> None:
    root = accounts.write("a:x:7:8::/:\n", "x:x:30:a\n")
    assert resolve_user(root, "a:9") == Account(7, 9, [9])


def test_a_root_without_files_takes_numbers(tmp_path: Path) -> None:
    with Root.at(str(tmp_path)) as root:
        assert resolve_user(root, "5:6", ["7"]) == Account(5, 6, [6, 7])


def test_a_root_without_files_has_no_names(tmp_path: Path) -> None:
    with (
        Root.at(str(tmp_path)) as root,
        pytest.raises(Refused, match="unable to find user a: no matching entries in passwd file"),
    ):
        resolve_user(root, "a")


@pytest.mark.parametrize(
    "line",
    [
        "a:x:-1:0::/:",
        "a:x:4294967296:0::/:",
        "a:x:2147483648:0::/:",
        "a:x::0::/:",
        "a:x:zero:0::/:",
        "a:x:1:-1::/:",
    ],
)
def test_a_line_whose_number_is_none_is_passed_over(accounts: Accounts, line: str) -> None:
    """Never read as uid 0: CVE-2024-40635."""
    root = accounts.write(f"{line}\n")
    with pytest.raises(Refused, match="no matching entries"):
        resolve_user(root, "a")


@pytest.mark.parametrize("number", ["2147483648", "4294967295", "4294967296", "-1", "9" * 5000])
def test_numbers_out_of_range_are_refused(accounts: Accounts, number: str) -> None:
    root = accounts.write("")
    with pytest.raises(Refused, match="uids and gids must be in range 0-2147483647"):
        resolve_user(root, number)


@pytest.mark.parametrize("text", ["0x10", "1e3", "1_0", " 1", "1 ", "\u0661", "--1", "+", "1.0"])
def test_what_only_resembles_a_number_is_a_name(accounts: Accounts, text: str) -> None:
    root = accounts.write("")
    with pytest.raises(Refused, match="unable to find user"):
        resolve_user(root, text)


def test_bytes_that_are_no_text_do_no_harm(accounts: Accounts) -> None:
    root = accounts.write(b"\xff\xfe:x:1:1::/:\nb:x:2:2::/h:\n")
    assert resolve_user(root, "b").uid == 2


def test_a_line_at_the_limit_is_read(accounts: Accounts) -> None:
    line = b"a:x:7:8:" + b"g" * (limits.ACCOUNT_LINE - 11) + b":/:"
    assert len(line) == limits.ACCOUNT_LINE
    assert resolve_user(accounts.write(line), "a").uid == 7


def test_a_line_beyond_the_limit_is_refused(accounts: Accounts) -> None:
    root = accounts.write(b"a:x:7:8:" + b"g" * limits.ACCOUNT_LINE + b":/:\n")
    with pytest.raises(Refused, match="line longer than"):
        resolve_user(root, "a")


def test_a_file_at_the_limit_is_read(accounts: Accounts) -> None:
    filler = b"x" * 1023 + b"\n"
    last = b"a:x:7:8::/:\n"
    content = filler * (limits.ACCOUNT_FILE // 1024 - 1) + b"#" * (1023 - len(last)) + b"\n" + last
    assert len(content) == limits.ACCOUNT_FILE
    assert resolve_user(accounts.write(content), "a").uid == 7


def test_a_file_beyond_the_limit_is_refused(accounts: Accounts) -> None:
    root = accounts.write((b"x" * 1023 + b"\n") * (limits.ACCOUNT_FILE // 1024) + b"a:x:7:8::/:\n")
    with pytest.raises(Refused, match="larger than"):
        resolve_user(root, "a")


def test_a_sparse_line_without_end_is_refused_soon(accounts: Accounts) -> None:
    root = accounts.write("", b"")
    with open(accounts.folder / "etc/group", "wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(Refused, match="line longer than"):
        resolve_user(root, "0:x")


@pytest.mark.parametrize(
    ("passwd", "home"),
    [("a:x:7:8::/home/a:/bin/sh\n", "/home/a"), ("a:x:7:8:::\n", "/"), ("", "/"), ("a:x:7\n", "/")],
)
def test_home_is_that_of_the_uid_or_the_root(accounts: Accounts, passwd: str, home: str) -> None:
    assert home_of(accounts.write(passwd), 7) == home
