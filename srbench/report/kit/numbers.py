"""Write the numbers of a study's analysis to files, with the settings and versions."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import pandas as pd

from ... import __version__
from ...csv_cells import guard
from ...files import remove_unfinished, write_text
from ...stats.significance import Pairs

_PACKAGES = ("numpy", "scipy", "pandas", "matplotlib")


def write_numbers(
    out: Path,
    tables: Mapping[str, pd.DataFrame],
    names: Sequence[str],
    extra: Mapping[str, pd.DataFrame],
) -> list[Path]:
    """Write the tables in ``names``, reliability.json and, into the folder ``tables``, ``extra``.

    ``extra`` maps file names to tables. Unfinished files of an interrupted run are removed.

    Returns:
        The files written.
    """
    for part in ("tables", "figures"):
        remove_unfinished(out / part)
    frames = {out / f"{name}.csv": tables[name] for name in names if name in tables}
    extras = {out / "tables" / f"{name}.csv": table for name, table in extra.items()}
    for path, table in [*frames.items(), *extras.items()]:
        write_text(path, to_csv(table))
    reliability = out / "reliability.json"
    numbers = {str(k): v for k, v in tables["reliability"].iloc[0].items()}
    write_text(reliability, to_json(numbers))
    return [*frames, reliability, *extras]


def analysis_settings(
    votes: str,
    table: pd.DataFrame,
    *,
    family: Pairs | None,
    equivalent: float | None,
    resamples: int,
    seed: int,
) -> dict[str, object]:
    """The settings for the page; ``votes`` is the name of the rows of ``table``."""
    settings: dict[str, object] = {
        votes: len(table),
        "raters": int(table["rater"].nunique()),
        "alpha": 0.05,
        "resamples": resamples,
        "seed": seed,
    }
    if family is not None:
        settings["family"] = [f"{a} / {b}" for a, b in family]
    if equivalent is not None:
        settings["equivalent"] = equivalent
    return settings


def to_csv(table: pd.DataFrame) -> str:
    """The frame as CSV: eight significant digits, empty if missing, LF.

    Names are untrusted, so they are escaped against spreadsheets' formulas.
    """
    table = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool"]):
        table[name] = [guard(cell) if isinstance(cell, str) else cell for cell in table[name]]
    return table.to_csv(index=False, float_format="%.8g", lineterminator="\n")


def to_json(numbers: Mapping[str, object]) -> str:
    """Flat JSON, null for missing numbers."""
    flat: dict[str, object] = {}
    for key, value in numbers.items():
        if isinstance(value, (bool, np.bool_)):
            flat[key] = bool(value)
        elif (number := float(str(value))) != number:
            flat[key] = None
        else:
            flat[key] = int(number) if key.endswith("_n") else float(f"{number:.8g}")
    return json.dumps(flat, indent=2) + "\n"


def versions() -> str:
    """The versions of srbench, Python and the libraries."""
    found = {"srbench": __version__, "Python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return ", ".join(f"{name} {number}" for name, number in found.items())


def software() -> str:
    """The last sentence of a methods text."""
    return f"The analysis was made with {versions()}."
