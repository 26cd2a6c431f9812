"""The results folder: where everything lies, and its two long tables.

See the command reference for the layout. Everything is written to a temporary name and renamed.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from ..errors import ResultsError
from ..files import write_text


class Score(NamedTuple):
    """One row of scores.csv."""

    dataset: str
    image: str
    method: str
    scale: int
    protocol: str
    metric: str
    value: float


class Timing(NamedTuple):
    """One row of timings.csv."""

    dataset: str
    image: str
    method: str
    scale: int
    device: str
    seconds: float
    megapixels_per_second: float


@dataclass(frozen=True)
class ResultsFolder:
    """Paths, tables and the lock of one results folder."""

    root: Path

    def image(self, dataset: str, scale: int, method: str, image: str) -> Path:
        """Where an SR image, or the cropped original (method ``HR``), is kept."""
        return self.root / "images" / dataset / f"x{scale}" / method / f"{image}.png"

    @property
    def cache(self) -> Path:
        """What has been computed, by content."""
        return self.root / ".cache" / "computed.jsonl"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep every other run out of the folder.

        Raises:
            ResultsError: another run is using it, or it cannot be written to.
        """
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
            yield
        finally:
            lock.release()

    def read_scores(self) -> list[Score]:
        """The rows of scores.csv; none if there is no such file."""
        path = self.root / "scores.csv"
        return read_scores(path) if path.exists() else []

    def read_timings(self) -> list[Timing]:
        """The rows of timings.csv; none if there is no such file."""
        path = self.root / "timings.csv"
        if not path.exists():
            return []
        return [
            Timing(d, i, m, int(s), v, float(t), float(r))
            for d, i, m, s, v, t, r in _read_rows(path, Timing._fields)
        ]

    def write_scores(self, rows: Iterable[Score]) -> None:
        """Write scores.csv: sorted, LF, UTF-8, 6 decimals; the same bytes for the same scores."""
        self._write("scores.csv", Score._fields, sorted(rows))

    def write_timings(self, rows: Iterable[Timing]) -> None:
        """Write timings.csv, sorted."""
        self._write("timings.csv", Timing._fields, sorted(rows))

    def _write(self, name: str, fields: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerow(fields)
        writer.writerows([cell(value) for value in row] for row in rows)
        write_text(self.root / name, buffer.getvalue())

    def read_run(self) -> dict[str, Any]:
        """run.json, or an empty record.

        Raises:
            ResultsError: the file is damaged.
        """
        path = self.root / "run.json"
        if not path.exists():
            return {}
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ResultsError(f"{path} is damaged ({error}); move it away and run again") from None

    def write_run(self, record: dict[str, Any]) -> None:
        """Write run.json."""
        text = json.dumps(record, indent=2, sort_keys=True, ensure_ascii=False)
        write_text(self.root / "run.json", text + "\n")


def read_scores(path: Path) -> list[Score]:
    """The rows of a table with the columns of scores.csv.

    Raises:
        ResultsError: the file is missing, or is not such a table.
    """
    return [
        Score(d, i, m, int(s), p, k, float(v))
        for d, i, m, s, p, k, v in _read_rows(path, Score._fields)
    ]


def _read_rows(path: Path, fields: tuple[str, ...]) -> list[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except FileNotFoundError:
        raise ResultsError(f"{path} does not exist; expected the table scores.csv") from None
    if not rows or rows[0] != list(fields) or any(len(row) != len(fields) for row in rows):
        raise ResultsError(
            f"{path} is not the table that srbench writes (expected the columns "
            f"{','.join(fields)}); move it away and run again"
        )
    return rows[1:]


def cell(value: object) -> object:
    if isinstance(value, float):
        return "inf" if math.isinf(value) else f"{value:.6f}"
    return value
