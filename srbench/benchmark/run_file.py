"""Read a run.json and check the entries that other code uses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from ..errors import ResultsError
from ..files import read_json


class _Gap(BaseModel):
    method: str | None = None
    dataset: str | None = None
    metric: str | None = None
    scale: str | None = None
    reason: str | None = None
    command: str | None = None


class _Run(BaseModel):
    """The entries that are read; there may be others."""

    border: str = "symmetric"
    crops: list[dict[str, Any]] = []
    protocols: list[str] = []
    lpips: list[str] = []
    methods: dict[str, dict[str, dict[str, str]]] = {}
    made_by: dict[str, dict[str, str]] = {}
    datasets: dict[str, dict[str, dict[str, Any]]] = {}
    trained_on_metric: dict[str, dict[str, str | None]] = {}
    missing: list[_Gap] = []
    versions: dict[str, str] = {}
    device: str | None = None
    threads: int | None = None
    system: str = ""
    last_run: dict[str, Any] = {}


def read_run_file(path: Path) -> dict[str, Any]:
    """The record in ``path``; an empty one if there is no such file.

    Raises:
        ResultsError: it cannot be read, is not JSON, or an entry has the wrong type.
    """
    way = "move it away and run again"
    try:
        run = read_json(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ResultsError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ResultsError(f"{path} is not valid JSON ({error}); {way}") from None
    if not isinstance(run, dict):
        raise ResultsError(f"{path} holds no JSON object; {way}")
    try:
        _Run.model_validate(run)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        found = str(first["input"])[:60]
        message = first["msg"][:1].lower() + first["msg"][1:]
        raise ResultsError(f"{path}: {where} is {found}; {message}; {way}") from None
    for gap in run.get("missing", []):  # for all types: a missing key
        for key in _Gap.model_fields:
            gap.setdefault(key, None)
    return run
