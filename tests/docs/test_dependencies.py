"""What pyproject declares is imported, and what is imported is declared."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"srbench", "study_app", "benchmarks"}
# Loaded by others at our word: by SQLAlchemy for PostgreSQL, and by torch for its TensorBoard log.
BY_NAME = {"psycopg", "tensorboard", "piq", "torchmetrics", "pyiqa"}


def declared(requirements: list[str]) -> set[str]:
    """Names of distributions, spelt one way."""
    return {spelt(re.split(r"[<>=!~\[; ]", line, maxsplit=1)[0]) for line in requirements}


def spelt(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(folder: str) -> Iterator[str]:
    """Packages that the modules of a folder import, anywhere in them."""
    for module in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
                yield node.module.split(".")[0]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                first = node.args[0]
                if isinstance(first, ast.Constant) and not str(first.value).startswith("."):
                    yield str(first.value).split(".")[0]


def distributions(*folders: str) -> set[str]:
    """Distributions that hold the imported packages; one that is not installed has its name."""
    homes = packages_distributions()
    packages = {name for folder in folders for name in imported(folder)} - OURS
    outside = packages - set(sys.stdlib_module_names)
    return {spelt(home) for name in outside for home in homes.get(name, [name])}


@pytest.fixture(scope="module")
def used() -> set[str]:
    return distributions("srbench", "study_app")


def test_what_is_declared_is_imported(used: set[str]):
    assert declared(PROJECT["dependencies"]) - used == set()


def test_what_is_imported_is_declared(used: set[str]):
    extras = PROJECT["optional-dependencies"]
    offered = {name for extra, lines in extras.items() if extra not in ("test", "dev")
               for name in declared(lines)}  # fmt: skip
    assert used - declared(PROJECT["dependencies"]) - offered == set()


def test_every_extra_is_used(used: set[str]):
    extras = PROJECT["optional-dependencies"]
    offered = {name for extra, lines in extras.items() if extra not in ("test", "dev")
               for name in declared(lines)}  # fmt: skip
    assert offered - used - BY_NAME == set()
