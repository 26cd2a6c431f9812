"""Votes out of the database as the ratings table; `importing` is the way in.

Text cells are guarded against spreadsheets' formulas (`srbench.csv_cells`); a table comes back
as it was.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select

from ..csv_cells import guard
from ..files import write_text
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, trials, votes
from .store import Store

TEXT_COLUMNS = ("rater", "dataset", "image", "method")
COLUMNS = (
    *TEXT_COLUMNS,
    "score",
    "repetition",
    "phase",
    "response_ms",
    "rated_at",
    "scale",
    "simulated",
    "study",
    "trial",
    "attempt",
    "block",
    "stimulus",
    "pixel_ratio",
    "window_width",
    "window_height",
    "drawn_width",
    "drawn_height",
)
_TRIAL = COLUMNS.index("trial")
_Row = tuple[tuple[Any, ...], dict[str, str] | None]


def ratings_rows(store: Store) -> list[dict[str, Any]]:
    """The votes that count, one dict per row, by rater and trial; values as in the table.

    The last attempt that was not taken back counts. ``stimulus`` is what was on the rater's
    screen: None where an older srbench did not record it. Columns that an import brought along
    come after the known ones.
    """
    return [dict(zip(COLUMNS, row, strict=True)) | (more or {}) for row, more in _table(store)]


def ratings_csv(store: Store) -> str:
    """The table of `ratings_rows` as CSV text with LF line ends, the same whenever repeated."""
    return _csv(_table(store))


def _csv(table: Sequence[_Row]) -> str:
    more_columns = sorted({name for _, more in table if more for name in more})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([guard(column) for column in (*COLUMNS, *more_columns)])
    simulated = COLUMNS.index("simulated")
    texts = len(TEXT_COLUMNS)
    for row, more in table:
        # Names are guarded; the csv module writes numbers in full and None as nothing.
        cells = [*map(guard, row[:texts]), *row[texts:]]
        cells[simulated] = "true" if cells[simulated] else "false"
        cells += [guard((more or {}).get(name, "")) for name in more_columns]
        writer.writerow(cells)
    return out.getvalue()


def _table(store: Store) -> list[_Row]:
    """The rows in the order of COLUMNS, each with its further columns."""
    manifest = store.manifest
    with store.read() as connection:
        rows = connection.execute(
            select(
                trials.c.stimulus,
                votes.c.extra,
                votes.c.stimulus.label("shown"),
                sessions.c.rater,
                votes.c.score,
                trials.c.repetition,
                trials.c.phase,
                votes.c.response_ms,
                votes.c.rated_at,
                votes.c.simulated,
                votes.c.trial,
                votes.c.attempt,
                trials.c.block,
                votes.c.pixel_ratio,
                votes.c.window_width,
                votes.c.window_height,
                votes.c.drawn_width,
                votes.c.drawn_height,
            )
            .join(sessions, sessions.c.id == votes.c.session_id)
            .join(trials, ITS_TRIAL)
            .outerjoin(retractions, ITS_RETRACTION)
            .where(retractions.c.session_id.is_(None))
        ).all()
    scale, study = manifest.scale, manifest.study_id
    names = {s.id: (s.dataset, s.image, s.method) for s in manifest.stimuli}
    table: list[_Row] = []
    for stimulus, extra, shown, rater, score, repetition, phase, response, rated, *rest in rows:
        simulated, trial, attempt, block, *screen = rest
        row = (rater, *names[stimulus], score, repetition, phase, response, rated, scale)
        row += (simulated, study, trial, attempt, block, shown, *screen)
        table.append((row, extra))
    # Sorted here: PostgreSQL's order of text depends on its locale.
    table.sort(key=lambda row: (row[0][0], row[0][_TRIAL]))
    return table


def export_ratings(store: Store, file: Path) -> int:
    """Write the ratings table; the number of votes in it. See `ratings_csv`."""
    table = _table(store)
    write_text(file, _csv(table))
    return len(table)
