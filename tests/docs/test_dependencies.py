"""What pyproject declares is imported, and what is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"srbench", "study_app", "benchmarks"} | {
    path.stem
    for folder in ("tests", "benchmarks", "docs")
    for path in (ROOT / folder).rglob("*.py")
}
# Loaded by others at our word: by SQLAlchemy for PostgreSQL, and by torch for its TensorBoard log.
BY_NAME = {"psycopg", "tensorboard", "piq", "torchmetrics", "pyiqa"}
# Modules that need an extra as a whole; everything else runs without the extras.
OF_AN_EXTRA = {
    ("srbench/models/spandrel_architecture.py", "spandrel"),
    ("srbench/benchmark/cluster.py", "distributed"),
}
# A plugin, what it counts cores with, and a command.
RUN = {"pytest-xdist", "psutil", "hatchling"}
# Compared with where somebody installs it; it needs old versions of others.
BY_HAND = {"sureal"}

HOMES = packages_distributions()


def declared(requirements: list[str]) -> set[str]:
    """Names of distributions, spelt one way."""
    return {spelt(re.split(r"[<>=!~\[; ]", line, maxsplit=1)[0]) for line in requirements}


def spelt(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: str) -> Iterator[str]:
    """Packages that the modules of a folder import, anywhere in them."""
    for module in (ROOT / folder).rglob("*.py"):
        yield from imported_by(ast.parse(module.read_text(encoding="utf-8")))


def imported_by(tree: ast.AST) -> Iterator[str]:
    """Packages that a piece of code imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call):
            function = ast.unparse(node.func)
            if function.endswith(("import_module", "importorskip")):
                first = node.args[0]
                if isinstance(first, ast.Constant) and not str(first.value).startswith("."):
                    yield str(first.value).split(".")[0]


def distributions(*folders: str) -> set[str]:
    """Distributions that hold the packages that the modules of some folders import."""
    return distributions_of(name for folder in folders for name in imported(folder))


def distributions_of(packages: Iterable[str]) -> set[str]:
    """Distributions that hold these packages; one that is not installed has the package's name."""
    outside = set(packages) - OURS - set(sys.stdlib_module_names)
    return {spelt(home) for name in outside for home in HOMES.get(name, [name])}


@pytest.fixture(scope="module")
def used() -> set[str]:
    return distributions("srbench", "study_app")


@pytest.fixture(scope="module")
def offered() -> set[str]:
    """What the extras for users bring."""
    extras = PROJECT["optional-dependencies"]
    users = (lines for extra, lines in extras.items() if extra not in ("test", "dev"))
    return {name for lines in users for name in declared(lines)}


def test_what_is_declared_is_imported(used: set[str]):
    assert declared(PROJECT["dependencies"]) - used == set()


def test_what_is_imported_is_declared(used: set[str], offered: set[str]):
    assert used - declared(PROJECT["dependencies"]) - offered == set()


def test_every_extra_is_used(used: set[str], offered: set[str]):
    assert offered - used - BY_NAME == set()


def test_what_an_extra_brings_is_imported_where_it_is_used():
    needed = declared(PROJECT["dependencies"])
    at_import = {
        (module.relative_to(ROOT).as_posix(), name)
        for folder in ("srbench", "study_app")
        for module in (ROOT / folder).rglob("*.py")
        for node in ast.parse(module.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in distributions_of(imported_by(node))
    }
    assert {(place, name) for place, name in at_import if name not in needed} == OF_AN_EXTRA


def test_the_tests_have_what_they_import_and_nothing_else():
    ours = declared(PROJECT["dependencies"])
    brought = declared(PROJECT["optional-dependencies"]["test"])
    by_tests = distributions("tests", "benchmarks")
    assert by_tests - ours - brought - BY_HAND == set()
    assert brought - by_tests - BY_NAME - RUN == set()
