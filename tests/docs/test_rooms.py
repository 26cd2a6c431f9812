"""Imports never point backwards: each package uses only earlier ones."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import srbench

PACKAGE = Path(srbench.__file__).parent

ORDER = (
    "imaging",
    "data",
    "models",
    "metrics",
    "methods",
    "stats",
    "study",
    "training",
    "benchmark",
    "report",
    "publishing",
    "experiments",
    "cli",
)
# A run ends with its report.
KNOWN = {("benchmark", "report")}
# Modules that every package may import and that import no package.
GROUND = sorted({path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "__main__.py"})


def rooms_imported(module: Path) -> set[str]:
    """The packages that a module imports anywhere."""
    place = [*module.relative_to(PACKAGE).parts]
    rooms: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = place[: len(place) - node.level] + (node.module or "").split(".")
            rooms |= {part for part in parts[:1] if part in ORDER}
    return rooms


def test_every_room_has_its_place():
    rooms = {init.parent.name for init in PACKAGE.glob("*/__init__.py")} - {"reference"}
    assert rooms <= set(ORDER)


def test_no_room_imports_a_later_one():
    backwards = {
        (room, other)
        for i, room in enumerate(ORDER)
        for module in (PACKAGE / room).rglob("*.py")
        for other in rooms_imported(module)
        if ORDER.index(other) > i
    }
    assert backwards == KNOWN


@pytest.mark.parametrize("name", GROUND)
def test_the_ground_stands_on_no_room(name: str):
    assert rooms_imported(PACKAGE / name) == set()


def on_linux_only(tree: ast.Module) -> set[ast.AST]:
    """The nodes inside ``if sys.platform == "linux":``."""
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.If)]
    linux = [node for node in tests if ast.unparse(node.test) == "sys.platform == 'linux'"]
    return {inner for node in linux for part in node.body for inner in ast.walk(part)}


def test_no_module_imports_what_only_unix_has():
    unix = {"curses", "fcntl", "grp", "pty", "pwd", "readline", "resource", "termios", "tty"}
    found: set[tuple[str, str]] = set()
    for module in [*PACKAGE.rglob("*.py"), *(PACKAGE.parent / "study_app").rglob("*.py")]:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        for node in set(ast.walk(tree)) - on_linux_only(tree):
            if isinstance(node, ast.Import):
                found |= {(module.name, name.name) for name in node.names if name.name in unix}
            elif isinstance(node, ast.ImportFrom) and node.module in unix:
                found.add((module.name, node.module))
    assert found == set()
