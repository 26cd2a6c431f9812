"""Votes as the ratings table, out of the database and into it.

Text cells are guarded against spreadsheets' formulas (`srbench.cells_guard`); a table comes back
as it was.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from ..cells_guard import guard, unguard
from ..errors import StudyError
from ..files import write_text
from .manifest import GRADES, Manifest
from .playlists import Trial
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, tombstones, trials, votes
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
_INTEGERS = ("response_ms", "window_width", "window_height", "drawn_width", "drawn_height")
_TRIAL = COLUMNS.index("trial")
_PHASES = ("training", "main", "retest", "gold")


_Row = tuple[tuple[Any, ...], dict[str, str] | None]


@dataclass(frozen=True)
class Imported:
    """What an import added, and how many of its rows were there already."""

    raters: int
    votes: int
    repeated: int


def ratings_rows(store: Store) -> list[dict[str, Any]]:
    """The votes that count, one dict per row, by rater and trial; values as in the table.

    The last attempt that was not taken back counts. Columns that an import brought along come
    after the known ones.
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
    for stimulus, extra, rater, score, repetition, phase, response, rated, simulated, *rest in rows:
        trial, attempt, block, *screen = rest
        row = (rater, *names[stimulus], score, repetition, phase, response, rated, scale)
        row += (simulated, study, trial, attempt, block, stimulus, *screen)
        table.append((row, extra))
    # Sorted here: PostgreSQL's order of text depends on its locale.
    table.sort(key=lambda row: (row[0][0], row[0][_TRIAL]))
    return table


def export_ratings(store: Store, file: Path) -> int:
    """Write the ratings table; the number of votes in it. See `ratings_csv`."""
    table = _table(store)
    write_text(file, _csv(table))
    return len(table)


def import_ratings(store: Store, file: Path) -> Imported:
    """Add the votes of a ratings table that are not in the study yet; all of them, or none.

    Needed columns: rater, dataset, image, method, score. Raters that the study does not know get
    a session that nobody can resume; columns that the study does not know are kept.

    Raises:
        StudyError: the table is unreadable, or a row names a stimulus that is not in the study,
            a score that is no grade, an erased rater, or contradicts a stored vote.
    """
    rows = _read(file)
    _check_rows(store.manifest, rows)
    by_rater: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_rater.setdefault(row["rater"], []).append(row)
    known = {(row["rater"], row["trial"]): row for row in ratings_rows(store)}
    added = Counter[str]()
    with store.write() as connection:
        there = {r.rater: r for r in connection.execute(select(sessions))}
        erased = set(connection.execute(select(tombstones.c.rater)).scalars())
        for rater, theirs in by_rater.items():
            if rater in erased:
                raise StudyError(f"rater '{rater}' has withdrawn; remove the rows from {file.name}")
            if rater in there:
                for row in theirs:
                    _require_same(known.get((rater, row["trial"])), row, file)
                added["repeated"] += len(theirs)
                continue
            session_id = connection.execute(
                insert(sessions)
                .values(
                    rater=rater,
                    number=-1,
                    simulated=any(row["simulated"] for row in theirs),
                    imported=True,
                    created_at=store.now(),
                )
                .returning(sessions.c.id)
            ).scalar_one()
            connection.execute(
                insert(trials), [{"session_id": session_id, **row["_trial"]} for row in theirs]
            )
            connection.execute(
                insert(votes), [{"session_id": session_id, **row["_vote"]} for row in theirs]
            )
            added["raters"] += 1
            added["votes"] += len(theirs)
    return Imported(added["raters"], added["votes"], added["repeated"])


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            header = [unguard(name) for name in next(reader, [])]
            missing = [c for c in (*TEXT_COLUMNS, "score") if c not in header]
            if missing:
                raise StudyError(f"{file} lacks the columns {', '.join(missing)}")
            text = [name in TEXT_COLUMNS or name not in COLUMNS for name in header]
            rows: list[dict[str, Any]] = []
            for cells in reader:
                if not cells:
                    continue
                if len(cells) != len(header):
                    raise StudyError(
                        f"{file}, line {reader.line_num}: {len(cells)} cells, "
                        f"expected {len(header)}"
                    )
                rows.append(
                    {
                        name: unguard(cell) if is_text else cell
                        for name, cell, is_text in zip(header, cells, text, strict=True)
                    }
                    | {"_line": reader.line_num}
                )
            return rows
    except FileNotFoundError:
        raise StudyError(f"{file} does not exist") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"{file} cannot be read as CSV in UTF-8 ({error})") from error


def _check_rows(manifest: Manifest, rows: Sequence[dict[str, Any]]) -> None:
    """Turn each row's cells into values, with the rows of the tables under _trial and _vote."""
    phases = {anchor.stimulus: "gold" for anchor in manifest.gold}
    phases |= dict.fromkeys(manifest.main, "main")
    ids = {(s.dataset, s.image, s.method.lower()): s.id for s in manifest.stimuli}
    expected = {a.stimulus: a.expected for a in (*manifest.calibration, *manifest.gold)}
    next_trial = Counter[str]()
    seen: set[tuple[str, int]] = set()
    for row in rows:
        where = f"line {row['_line']}"
        stimulus = ids.get((row["dataset"], row["image"], row["method"].lower()))
        if stimulus is None:
            raise StudyError(
                f"{where}: {row['dataset']}/{row['image']} by {row['method']} "
                "is not a stimulus of this study"
            )
        study = row.get("study", "")
        if study and study != manifest.study_id:
            raise StudyError(f"{where}: from study {study}, this is {manifest.study_id}")
        phase = row.get("phase") or phases.get(stimulus, "training")
        if phase not in _PHASES:
            raise StudyError(f"{where}: phase '{phase}', expected one of {', '.join(_PHASES)}")
        score = _whole(row["score"], where, "score")
        if score not in GRADES:
            raise StudyError(f"{where}: score {row['score']}, expected 1, 2, 3, 4 or 5")
        rater = row["rater"]
        if not rater or len(rater) > 80:
            raise StudyError(f"{where}: a rater's name has 1 to 80 letters")
        given = _whole(row.get("trial", ""), where, "trial")
        number = next_trial[rater] if given is None else given
        next_trial[rater] = number + 1
        if (rater, number) in seen:
            raise StudyError(f"{where}: a second vote of rater '{rater}' for trial {number}")
        seen.add((rater, number))
        trial = Trial(
            number,
            stimulus,
            phase,
            _whole(row.get("block", ""), where, "block") or 0,
            _whole(row.get("repetition", ""), where, "repetition") or 1,
            expected.get(stimulus) if phase in ("training", "gold") else None,
        )
        simulated = row.get("simulated", "").lower() in ("true", "1")
        ratio = row.get("pixel_ratio", "")
        extra = {k: v for k, v in row.items() if k not in COLUMNS and not k.startswith("_")}
        row.update(trial=number, score=score, simulated=simulated)
        row["_trial"] = {
            "trial": number,
            "stimulus": trial.stimulus,
            "phase": trial.phase,
            "block": trial.block,
            "repetition": trial.repetition,
            "expected": trial.expected,
        }
        row["_vote"] = {
            "trial": number,
            "attempt": _whole(row.get("attempt", ""), where, "attempt") or 1,
            "score": score,
            "simulated": simulated,
            "rated_at": row.get("rated_at") or None,
            "pixel_ratio": _real(ratio, where),
            **{name: _whole(row.get(name, ""), where, name) for name in _INTEGERS},
            "extra": extra or None,
        }


def _whole(cell: str, where: str, name: str) -> int | None:
    if cell == "":
        return None
    try:
        number = float(cell)
    except ValueError:
        number = 0.5
    if number != int(number) if abs(number) < 2**31 else True:
        raise StudyError(f"{where}: {name} '{cell[:40]}' is not a whole number")
    return int(number)


def _real(cell: str, where: str) -> float | None:
    try:
        return float(cell) if cell else None
    except ValueError:
        raise StudyError(f"{where}: pixel_ratio '{cell[:40]}' is not a number") from None


def _require_same(stored: dict[str, Any] | None, row: dict[str, Any], file: Path) -> None:
    if stored is None or (stored["stimulus"], stored["score"]) != (
        row["_trial"]["stimulus"],
        row["score"],
    ):
        raise StudyError(
            f"{file.name}, line {row['_line']}: rater '{row['rater']}' is in the study with "
            "another vote for this trial; votes are never altered"
        )
