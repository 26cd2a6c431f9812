"""``srbench import-scores``: import scores of a run's images from other programs."""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..csv_cells import number as as_number
from ..csv_cells import unguard
from ..csv_tables import read_rows
from ..data.folder import image_id_of
from ..data.naming import tidy
from ..errors import RatingsError, ResultsError, UnknownName, unknown_name
from ..files import expanded
from ..imaging import read_image
from ..metrics.base import IMPORTED, Facts
from ..metrics.own_facts import own_name
from ..wording import counted
from .cache import Cache
from .pixels import array_sha256
from .plan import imported_key
from .record import numbers_of
from .results import ResultsFolder, Score

COLUMNS = ("dataset", "image", "method", "metric", "value")
OPTIONAL = ("direction", "scale")


class ImportedScores(NamedTuple):
    """The imported scores."""

    rows: int
    metrics: tuple[str, ...]
    notes: tuple[str, ...]
    """One line on columns that are not read, and one for each metric and method without a value for
    some of its images.
    """


def import_scores(file: Path | str, out: Path | str, *, scale: int | None = None) -> ImportedScores:
    """Import a table of scores into a results folder, with the protocol ``imported``.

    The file is a CSV with the columns ``dataset, image, method, metric, value`` and optionally
    ``direction`` (``higher`` or ``lower``: which is better) and ``scale``. Every row must name an
    image in the folder. A value is kept as long as its image and the original do not change.

    Raises:
        ResultsError: the file is not such a table, a value is not a number, or a row names no image
            of the folder. Nothing is imported then.
        UnknownName: a metric has the name of one of ours, or a scale or method is not in the
            folder.
    """
    file, folder = expanded(file), ResultsFolder(expanded(out))
    if not (folder.root / "scores.csv").is_file():
        raise ResultsError(
            f"{folder.root} holds no scores.csv; make one with: srbench run-all --out {folder.root}"
        )
    lines = _read(file)
    notes = _other_columns(file, lines[0][1])
    with folder.locked():
        known = folder.read_scores()
        scales = sorted({row.scale for row in known})
        facts: dict[str, Facts] = {}
        spelt = {f.name.lower(): f.name for f in numbers_of(folder.read_run())}
        taken: dict[tuple[str, str, str, int, str], tuple[float, str]] = {}
        for number, line in lines:
            where = f"{file}, line {number}"
            at = _scale_of(where, line, scale, scales)
            dataset, image, method = _place(where, folder, known, line, at)
            metric = _facts_of(where, line, facts)
            if spelt.setdefault(metric.lower(), metric) != metric:
                raise ResultsError(
                    f"{where}: {metric} and {spelt[metric.lower()]} differ in case only; use one "
                    "spelling"
                )
            key = (dataset, image, method, at, metric)
            if key in taken:
                raise ResultsError(
                    f"{where}: {metric} of {dataset}/{image} by {method} appears twice"
                )
            path = folder.image(dataset, at, method, image)
            taken[key] = (_value(where, line["value"]), array_sha256(read_image(path)))
        cache = Cache(folder.cache)
        rows: list[Score] = []
        for (dataset, image, method, at, metric), (value, pixels) in taken.items():
            cache.put(imported_key(folder, dataset, image, method, at, pixels, metric), value)
            rows.append(Score(dataset, image, method, at, IMPORTED, metric, value))
        fresh = {row[:6] for row in rows}
        kept = [row for row in known if row[:6] not in fresh]
        run = folder.read_run()
        numbers = {f.key: f for f in numbers_of(run)} | {f.key: f for f in facts.values()}
        run = {key: value for key, value in run.items() if key not in ("protocols", "lpips")}
        folder.write_run(run | {"metrics": [numbers[key].record() for key in sorted(numbers)]})
        folder.write_scores([*kept, *rows])
    return ImportedScores(len(rows), tuple(facts), (*notes, *_gaps(known, rows)))


def _read(file: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows with their line numbers."""
    if not file.exists():
        raise ResultsError(f"{file} does not exist; expected a CSV table of scores")
    try:
        rows = read_rows(file, COLUMNS)
    except RatingsError as error:
        raise ResultsError(f"{file} {error}") from error
    if not rows:
        raise ResultsError(f"{file} holds no scores below its header")
    return [
        (line, {name.casefold(): tidy(unguard(cell)) for name, cell in row.items()})
        for line, row in rows
    ]


def _other_columns(file: Path, line: dict[str, str]) -> list[str]:
    """A line on columns that are not read.

    Raises:
        ResultsError: one of them is probably a misspelt one.
    """
    others = [name for name in line if name and name not in (*COLUMNS, *OPTIONAL)]
    for name in others:
        absent = [column for column in OPTIONAL if column not in line]
        if near := difflib.get_close_matches(name, absent, n=1, cutoff=0.75):
            raise ResultsError(
                f"{file} has a column '{name}', which is not read; is it {near[0]}? rename or "
                "remove it"
            )
    return [f"columns that are not read: {', '.join(others)}"] if others else []


def _scale_of(where: str, line: dict[str, str], scale: int | None, scales: Sequence[int]) -> int:
    text = line.get("scale", "")
    if text and scale is not None and text.removeprefix("x") != str(scale):
        raise ResultsError(
            f"{where}: scale is {text}, but --scale is {scale}; leave out the option or the column"
        )
    shown = ", ".join(f"x{s}" for s in scales)
    if not text and (scale is not None or len(scales) == 1):
        text = str(scales[0] if scale is None else scale)
    if not text:
        raise ResultsError(f"{where}: the folder has {shown}; add a column scale, or give --scale")
    if text.removeprefix("x") not in {str(s) for s in scales}:
        raise UnknownName(f"{where}: scale is {text}, but the folder has {shown}")
    return int(text.removeprefix("x"))


def _place(
    where: str, folder: ResultsFolder, known: Sequence[Score], line: dict[str, str], scale: int
) -> tuple[str, str, str]:
    """Data set, image and method in the folder's spelling."""
    here = [row for row in known if row.scale == scale]
    dataset = _spelt(where, "data set", line["dataset"], {row.dataset for row in here})
    here = [row for row in here if row.dataset == dataset]
    method = _spelt(where, "method", line["method"], {row.method for row in here})
    images = {row.image for row in here if row.method == method}
    image = line["image"]
    if image not in images and image_id_of(Path(image)) in images:
        image = image_id_of(Path(image))
    if image not in images or not folder.image(dataset, scale, method, image).is_file():
        error = unknown_name(f"image of {dataset} by {method}:", image, images)
        raise UnknownName(f"{where}: {error}")
    return dataset, image, method


def _spelt(where: str, kind: str, given: str, known: set[str]) -> str:
    found = [name for name in known if name == given] or [
        name for name in known if name.lower() == given.lower()
    ]
    if not found:
        raise UnknownName(f"{where}: {unknown_name(kind, given, known)}")
    return found[0]


def _facts_of(where: str, line: dict[str, str], found: dict[str, Facts]) -> str:
    name = own_name(line["metric"])
    direction = line.get("direction", "").lower()
    if direction not in ("", "higher", "lower"):
        raise ResultsError(
            f"{where}: direction is '{direction}'; expected higher or lower, whichever is better"
        )
    better = "higher" if direction == "higher" else "lower" if direction == "lower" else None
    facts = Facts(name, IMPORTED, better=better, protocol_label="imported",
                  about="Computed by another program and imported from a table.")  # fmt: skip
    if found.setdefault(name, facts) != facts:
        raise ResultsError(
            f"{where}: {name} has a different direction than above; use one direction"
        )
    return name


def _value(where: str, text: str) -> float:
    try:
        return as_number(text)
    except ValueError:
        raise ResultsError(
            f"{where}: value is '{text}', expected a number such as 0.125, inf or nan"
        ) from None


def _gaps(known: Sequence[Score], rows: Sequence[Score]) -> list[str]:
    """A line for each metric and method without a value for some of its images."""
    notes: list[str] = []
    for metric in dict.fromkeys(row.metric for row in rows):
        given = {row[:4] for row in rows if row.metric == metric and not math.isnan(row.value)}
        for dataset, method, scale in sorted({(k[0], k[2], k[3]) for k in given}):
            all_ = {r[:4] for r in known if (r[0], r[2], r[3]) == (dataset, method, scale)}
            if lacking := all_ - given:
                notes.append(
                    f"{metric} of {method} on {dataset} x{scale} lacks {len(lacking)} of "
                    f"{counted(len(all_), 'image')}: its mean cannot be compared with the others"
                )
    return notes
