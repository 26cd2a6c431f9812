"""Export the votes of the database as a ratings table (`importing` reads it).

Text cells are guarded against spreadsheets' formulas (`srbench.csv_cells`). An exported and
imported table is unchanged.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import literal, select

from ..csv_cells import guard
from ..files import write_text
from .decisions import votes_left_out
from .manifest import Manifest, Use
from .procedure import Procedure
from .rows import shown_of
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, trials, votes
from .store import Store

_WHAT = ("rater", "dataset", "image")
_TRUTHS = {True: "true", False: "false", None: None}
_Row = tuple[tuple[Any, ...], Mapping[str, str] | None]


_ALL = Use()


def text_columns(asks: Procedure) -> tuple[str, ...]:
    """The columns with the rater and the rated stimuli."""
    return (*_WHAT, *asks.methods)


def columns(asks: Procedure, use: Use = _ALL) -> tuple[str, ...]:
    """The columns of the table. ``stimulus`` and ``second`` are the pictures in display order;
    ``excluded``, in studies with rules, says why a vote is not analysed.
    """
    return (
        *text_columns(asks), *asks.said,
        "repetition", "phase", "response_ms", "rated_at", "scale", "simulated", "study", "trial",
        "attempt", "block", "stimulus", "pixel_ratio", "window_width", "window_height",
        "drawn_width", "drawn_height", "second", "toggles", "second_ms", "pinch",
        "forced_colors", "focus_lost", "procedure",
        *(() if use == _ALL else ("excluded",)),
    )  # fmt: skip


def ratings_rows(store: Store) -> list[dict[str, Any]]:
    """The counting votes, one dict per row, sorted by rater and trial; values as in the table.

    The last attempt that was not undone counts. ``stimulus`` and ``second`` were on the rater's
    screen; they are None if an older srbench did not record them. Additional columns of an import
    come after the known ones.
    """
    known = columns(store.manifest.asks, store.manifest.use)
    return [dict(zip(known, row, strict=True)) | dict(more or {}) for row, more in _table(store)]


def ratings_csv(store: Store) -> str:
    """The table of `ratings_rows` as deterministic CSV text with LF line ends."""
    return _csv(store.manifest, _table(store))


def _csv(manifest: Manifest, table: Sequence[_Row]) -> str:
    known, texts = columns(manifest.asks, manifest.use), len(text_columns(manifest.asks))
    more_columns = sorted({name for _, more in table if more for name in more})
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([guard(column) for column in (*known, *more_columns)])
    truths = [known.index(name) for name in ("simulated", "forced_colors")]
    for row, more in table:
        # Names are guarded; the csv module writes numbers in full and None as an empty cell.
        cells = [*map(guard, row[:texts]), *row[texts:]]
        for place in truths:
            cells[place] = _TRUTHS[cells[place]]
        cells += [guard((more or {}).get(name, "")) for name in more_columns]
        writer.writerow(cells)
    return out.getvalue()


def _table(store: Store) -> list[_Row]:
    """The rows in the order of `columns`, each with its additional columns."""
    manifest, asks = store.manifest, store.manifest.asks
    known = columns(asks)
    tail = known[known.index("repetition") : -1]
    elsewhere = {
        "scale": literal(manifest.scale),
        "study": literal(manifest.study_id),
        **{name: trials.c[name] for name in ("repetition", "phase", "block")},
    }
    asked = (trials.c.stimulus.label("asked"), trials.c.second.label("asked_second"))
    with store.read() as connection:
        rows = connection.execute(
            select(
                sessions.c.rater, *asked, votes.c.score, votes.c.extra,
                *(elsewhere[n] if n in elsewhere else votes.c[n] for n in tail),
            )
            .join(sessions, sessions.c.id == votes.c.session_id)
            .join(trials, ITS_TRIAL)
            .outerjoin(retractions, ITS_RETRACTION)
            .where(retractions.c.session_id.is_(None))
        ).all()  # fmt: skip
    named = cache(lambda stimulus, second, score: _names(manifest, stimulus, second, score))
    shown, number = tail.index("stimulus"), known.index("trial")
    table: list[_Row] = []
    for row in map(tuple, rows):
        rater, stimulus, second, score, extra = row[:5]
        values = row[5:]
        names = named(stimulus, second, score)
        if asks.said[1:] and values[shown] is None:
            names = (*names[:-1], None)  # an imported table without the display order
        table.append(((rater, *names, *values, asks.name), extra))
    # Sorted here because PostgreSQL's order of text depends on its locale.
    table.sort(key=lambda row: (row[0][0], row[0][number]))
    if manifest.use != _ALL:
        why = votes_left_out(store)
        table = [((*row, why.get((row[0], row[number]), "")), more) for row, more in table]
    return table


def _names(
    manifest: Manifest, stimulus: str, second: str | None, score: int
) -> tuple[str | int | None, ...]:
    """The rated stimuli and the answer."""
    asks, shown = manifest.asks, shown_of(stimulus, second)
    item = manifest.item_of(shown)
    rated = [manifest.by_id[each] for each in asks.rated(item)]
    return (
        rated[0].dataset,
        rated[0].image,
        *(each.method for each in rated),
        *asks.cells(item, shown, score),
    )


def export_ratings(store: Store, file: Path) -> int:
    """Write the ratings table and return its number of votes. See `ratings_csv`."""
    table = _table(store)
    write_text(file, _csv(store.manifest, table))
    return len(table)
