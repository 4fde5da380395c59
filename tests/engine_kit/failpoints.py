"""The failpoints that stand in the sources, found by reading them."""

import ast
from pathlib import Path

from engine_kit.client import REPOSITORY


def names() -> list[str]:
    """Every name given to `failpoint()` below src/, in order."""
    found = set()
    for path in (REPOSITORY / "src").rglob("*.py"):
        found |= _names_in(path)
    return sorted(found)


def _names_in(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "failpoint":
            (argument,) = node.args
            if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
                raise TypeError(f"{path}:{node.lineno}: a failpoint's name must be a literal")
            found.add(argument.value)
    return found
