"""The results folder: its layout and its two long tables.

See docs/reference/files.md. All files are written under a temporary name and renamed.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, get_type_hints

from filelock import FileLock, Timeout

from ..csv_cells import guard, number, unguard
from ..csv_tables import read_rows
from ..errors import RatingsError, ResultsError
from ..files import remove_unfinished, require_folder_for, write_text
from ..metrics.base import Score
from .run_file import read_run_file


class Timing(NamedTuple):
    """One row of timings.csv."""

    dataset: str
    image: str
    method: str
    scale: int
    device: str
    seconds: float
    megapixels_per_second: float


_REMEDY = "move it away and run again"


@dataclass(frozen=True)
class ResultsFolder:
    """Paths, tables and the lock of one results folder."""

    root: Path

    def image(self, dataset: str, scale: int, method: str, image: str) -> Path:
        """The path of an SR image or of the cropped original (method ``HR``)."""
        return self.root / "images" / dataset / f"x{scale}" / method / f"{image}.png"

    @property
    def cache(self) -> Path:
        """The cache of results by content."""
        return self.root / ".cache" / "computed.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder against other runs, and remove unfinished files of a killed run.

        Raises:
            ResultsError: another run is using it, it cannot be written to, or it contains a study
                or an analysis.
        """
        require_folder_for("a results folder", self.root)
        lock = FileLock(self.root / ".cache" / "lock", timeout=0)
        try:
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout:
            raise ResultsError(
                f"another run is using {self.root}; wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise ResultsError(
                f"cannot write to {self.root}: {error.strerror or error}; choose another --out"
            ) from error
        try:
            for part in ("images", "tables", "figures"):
                remove_unfinished(self.root / part)
            yield
        finally:
            lock.release()

    def read_scores(self) -> list[Score]:
        """The rows of scores.csv; empty if the file does not exist."""
        path = self.root / "scores.csv"
        return read_scores(path) if path.exists() else []

    def read_timings(self) -> list[Timing]:
        """The rows of timings.csv; empty if the file does not exist."""
        path = self.root / "timings.csv"
        return _read_table(path, Timing) if path.exists() else []

    def write_scores(self, rows: Iterable[Score]) -> None:
        """Write scores.csv (sorted, LF, UTF-8, 6 decimals), with the same bytes for the same
        scores.
        """
        write_scores(self.root / "scores.csv", rows)

    def write_timings(self, rows: Iterable[Timing]) -> None:
        """Write timings.csv in the same way."""
        _write_table(self.root / "timings.csv", Timing, rows)

    def read_run(self) -> dict[str, Any]:
        """run.json, or an empty record.

        Raises:
            ResultsError: the file is damaged, or an entry has the wrong type.
        """
        return read_run_file(self.root / "run.json")

    def write_run(self, record: dict[str, Any]) -> None:
        """Write run.json."""
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
        write_text(self.root / "run.json", text + "\n")


def read_scores(path: Path, remedy: str = _REMEDY) -> list[Score]:
    """The rows of a table with the columns of scores.csv; ``remedy`` is for the messages.

    Raises:
        ResultsError: the file is missing, or is not such a table.
    """
    return _read_table(path, Score, remedy)


def write_scores(path: Path, rows: Iterable[Score]) -> None:
    """Write a table with the columns of scores.csv: sorted, LF, UTF-8, 6 decimals."""
    _write_table(path, Score, rows)


_Row = TypeVar("_Row", Score, Timing)


def _read_table(path: Path, kind: type[_Row], remedy: str = _REMEDY) -> list[_Row]:
    kinds = get_type_hints(kind)
    readers: dict[str, Callable[[str], Any]] = {
        n: unguard if to is str else number if to is float else to for n, to in kinds.items()
    }
    if not path.exists():
        raise ResultsError(f"{path} does not exist; expected the table scores.csv")
    try:
        rows = read_rows(path, tuple(kinds))
    except RatingsError as error:
        raise ResultsError(f"{path} {error}; {remedy}") from error
    try:
        return [kind(*(read(row[n]) for n, read in readers.items())) for _, row in rows]
    except (ValueError, TypeError) as error:
        raise ResultsError(
            f"{path} holds something that is not a number ({error}); {remedy}"
        ) from error


def _write_table(path: Path, kind: type[_Row], rows: Iterable[_Row]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows([_written(value) for value in row] for row in sorted(rows))
    write_text(path, buffer.getvalue())


def _written(value: str | int | float) -> str | int:
    if isinstance(value, str):
        return guard(value)
    if isinstance(value, float):
        return f"{value:.6f}" if math.isfinite(value) else str(value)
    return value
