"""Load a user's metric from a file or a module, also on another machine."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import pickle
import sys
import tempfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigError, MetricError
from ..files import expanded
from ..fingerprint import files_of, shadowed
from .base import Facts, Metric
from .own import guarded, own_metric
from .own_facts import own_name

_folders: list[tempfile.TemporaryDirectory[str]] = []
"""Sources of metrics from another machine, until this process ends."""


class Made:
    """The origin of a metric: an attribute, and the sources to recreate it on another machine."""

    def __init__(self, attribute: str, sources: Mapping[str, bytes]) -> None:
        self.attribute, self.sources = attribute, dict(sources)

    def again(self, name: str, facts: tuple[Facts, ...]) -> Metric:
        """Recreate the metric from its sources, with its original facts."""
        file, module, function = self._run(name)
        metric = own_metric(_attribute(name, module, function, file), name)
        metric.facts = facts
        return metric

    def unpickled(self, name: str, pickled: bytes) -> Metric:
        """Recreate a metric with its state, whose class is in the sources."""
        self._run(name)
        create, state = pickle.loads(pickled)
        return create(state)

    def _run(self, name: str) -> tuple[str, object, str]:
        """The file's name, its module after running it, and the attribute."""
        folder = tempfile.TemporaryDirectory()
        for place, content in self.sources.items():
            (Path(folder.name) / place).parent.mkdir(parents=True, exist_ok=True)
            (Path(folder.name) / place).write_bytes(content)
        file, _, function = self.attribute.partition(":")
        module = _run_file(name, Path(folder.name) / file)
        _folders.append(folder)  # its functions may import more of it later
        return file, module, function


def load_metric(name: str, place: str) -> Metric:
    """The metric ``name`` at ``FILE.py:function`` or ``module:attribute``.

    Raises:
        MetricError: there is no such file, module or attribute, or it is not a metric.
        UnknownName: the name is one of ours, or is not valid.
    """
    own_name(name)
    where, colon, attribute = place.rpartition(":")
    if not colon or not where or not attribute:
        raise ConfigError(
            f"{name}={place} does not name a function; expected {name}=FILE.py:function or "
            f"{name}=module:attribute"
        )
    if where.endswith(".py") or "/" in where or "\\" in where:
        file = expanded(where)
        if not file.is_file():
            raise MetricError(f"{name}={place}: there is no file {file}")
        if file.suffix != ".py":
            raise MetricError(f"{name}={place}: {file.name} is not a Python file (.py)")
        module = _run_file(name, file)
        folder = file.resolve().parent
        sources = {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in files_of(file)
            if path.is_relative_to(folder)
        }
        made = Made(f"{file.name}:{attribute}", sources)
        return own_metric(_attribute(name, module, attribute, file.name), name, made)
    with guarded(name, f"cannot import {where}"), _current_folder_importable():
        module = importlib.import_module(where)
    return own_metric(_attribute(name, module, attribute, where), name)


@contextlib.contextmanager
def _current_folder_importable() -> Generator[None]:
    # `python -m` adds this folder, but the console script does not.
    sys.path.insert(0, "")
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove("")


def _run_file(name: str, file: Path) -> object:
    # A different module name for each path, because two files may have the same name.
    spec = importlib.util.spec_from_file_location(f"srbench_own_{name}".replace("-", "_"), file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    folder = str(file.resolve().parent)
    sys.path.insert(0, folder)  # it may import files from the same folder
    try:
        with guarded(name, f"{file.name} cannot be run"):
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(folder)
    for helper, beside, loaded in shadowed(file):
        raise MetricError(
            f"{name}: {file.name} imports {helper}, which this process has loaded from {loaded}, "
            f"not from {beside}; rename one of the two"
        )
    return module


def _attribute(name: str, module: object, attribute: str, where: str) -> object:
    found: Any = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            public = [n for n, v in vars(module).items() if not n.startswith("_") and callable(v)]
            has = f"; it has {', '.join(public[:6])}" if public else ""
            raise MetricError(f"{name}: {where} has no '{attribute}'{has}")
        found = getattr(found, part)
    return found
