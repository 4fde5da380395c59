"""What every source file keeps to."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from engine_kit.client import REPOSITORY

SOURCES = sorted((REPOSITORY / "src/wharf").rglob("*.py"))
_VAGUE = re.compile(r"utils?|helpers?|common|misc|base|core|stuff")
_UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|NotImplementedError")


def _relative(path: Path) -> str:
    return str(path.relative_to(REPOSITORY))


def _is_a_table(tree: ast.Module) -> bool:
    """Whether a module is data: nearly all its lines belong to module-level assignments."""
    data = sum(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
    )
    last = tree.body[-1].end_lineno or 0
    return data > 0.8 * last


def test_no_module_is_longer_than_600_lines() -> None:
    texts = {path: path.read_text() for path in SOURCES}
    long = {_relative(path): text.count("\n") for path, text in texts.items() if text.count("\n") > 600}
    assert [name for name in long if not _is_a_table(ast.parse((REPOSITORY / name).read_text()))] == []


def test_modules_are_named_after_their_nouns() -> None:
    vague = [
        path
        for path in SOURCES
        if any(_VAGUE.fullmatch(part.strip("_")) for part in path.with_suffix("").parts)
    ]
    assert [_relative(path) for path in vague] == []


def test_no_class_is_a_manager_or_a_handler() -> None:
    named = [
        f"{_relative(path)}: {node.name}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and re.search(r"(Manager|Handler|Helper)$", node.name)
    ]
    assert named == []


def test_nothing_is_left_for_later() -> None:
    marks = [
        f"{_relative(path)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _UNFINISHED.search(line)
    ]
    assert marks == []


def test_every_module_says_what_it_promises() -> None:
    assert [_relative(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_init_files_hold_no_work() -> None:
    allowed = ast.Expr | ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign
    working = [
        _relative(path)
        for path in SOURCES
        if path.name == "__init__.py"
        and not all(isinstance(node, allowed) for node in ast.parse(path.read_text()).body)
    ]
    assert working == []


@pytest.mark.parametrize("name", ["wharf", "test", "scripts/setup", ".ci/run"])
def test_the_commands_of_a_checkout_are_executable_and_parse(name: str) -> None:
    path = REPOSITORY / name
    assert path.stat().st_mode & 0o111 == 0o111
    shell = "bash" if "bash" in path.read_text().partition("\n")[0] else "sh"
    assert subprocess.run([shell, "-n", path], check=False).returncode == 0
