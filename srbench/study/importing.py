"""Votes of a ratings table into the database; `ratings` is the way out."""

from __future__ import annotations

import csv
import io
import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from sqlalchemy import Connection, insert, select

from ..csv_cells import truth, unguard
from ..csv_tables import read_csv_text
from ..data.naming import dataset_key
from ..errors import StudyError
from .keys import new_nonce
from .manifest import Manifest
from .playlists import Phase, Trial
from .ratings import COLUMNS, TEXT_COLUMNS
from .rows import trial_row
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, tombstones, trials, votes
from .store import Store

_PHASES = get_args(Phase)
_INTEGERS = ("response_ms", "window_width", "window_height", "drawn_width", "drawn_height")
_LONGEST_TIME = 40


@dataclass(frozen=True)
class ImportedVotes:
    """What an import added, and how many of its rows were there already."""

    raters: int
    votes: int
    repeated: int


@dataclass(frozen=True)
class _Line:
    """A line of the table with data: where it stands, and its cells by column."""

    where: str
    cells: Mapping[str, str]

    def whole(self, column: str) -> int | None:
        """A cell as a whole number; None where it is empty."""
        number = self.real(column, "a whole number")
        if number is None:
            return None
        if abs(number) >= 2**31 or number != int(number):
            raise self.wrong(column, "a whole number")
        return int(number)

    def real(self, column: str, kind: str = "a number") -> float | None:
        """A cell as a finite number; None where it is empty."""
        cell = self.cells.get(column, "")
        if cell == "":
            return None
        try:
            number = float(cell)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise self.wrong(column, kind)
        return number

    def wrong(self, column: str, kind: str) -> StudyError:
        return StudyError(f"{self.where}: {column} '{self.cells[column][:40]}' is not {kind}")


@dataclass(frozen=True)
class _Vote:
    """A vote to be stored; ``values`` is its row of the table `votes` but for the session."""

    where: str
    rater: str
    trial: Trial
    values: Mapping[str, Any]


def import_ratings(store: Store, file: Path) -> ImportedVotes:
    """Add the votes of a ratings table that are not in the study yet; all of them, or none.

    Needed columns: rater, dataset, image, method, score. Raters that the study does not know get
    a session that nobody can resume; columns that the study does not know are kept. A later table
    of the same raters adds what is new in it.

    Raises:
        RatingsError: the file cannot be read as a table of votes; says what it is.
        StudyError: the table lacks a column or holds no vote, or a row names a stimulus that is not
            in the study, a score that is no grade, an erased rater, contradicts a stored vote, or
            adds one to a rater who rates in this study.
    """
    by_rater: dict[str, list[_Vote]] = {}
    for vote in _votes(store.manifest, _lines(file)):
        by_rater.setdefault(vote.rater, []).append(vote)
    if not by_rater:
        raise StudyError(f"{file.name} holds no vote; expected one row for each")
    added = Counter[str]()
    with store.write() as connection:
        there = {row.rater: row for row in connection.execute(select(sessions))}
        erased = set(connection.execute(select(tombstones.c.rater)).scalars())
        for rater, theirs in by_rater.items():
            if rater in erased:
                raise StudyError(f"rater '{rater}' has withdrawn; remove the rows from {file.name}")
            session = there.get(rater)
            new = _not_stored(connection, session.id, theirs) if session else theirs
            if session is None:
                session_id = _new_session(connection, rater, theirs, store.now())
                added["raters"] += 1
            elif new and not session.imported:
                raise StudyError(
                    f"{new[0].where}: rater '{rater}' rates in this study and has no such vote; "
                    "votes are never altered"
                )
            else:
                session_id = session.id
            if new:
                connection.execute(insert(trials), [trial_row(session_id, v.trial) for v in new])
                connection.execute(
                    insert(votes), [{"session_id": session_id, **v.values} for v in new]
                )
            added["votes"] += len(new)
            added["repeated"] += len(theirs) - len(new)
    return ImportedVotes(added["raters"], added["votes"], added["repeated"])


def _new_session(connection: Connection, rater: str, theirs: Sequence[_Vote], now: str) -> int:
    return connection.execute(
        insert(sessions)
        .values(
            nonce=new_nonce(),
            rater=rater,
            number=-1,
            simulated=any(vote.values["simulated"] for vote in theirs),
            imported=True,
            created_at=now,
        )
        .returning(sessions.c.id)
    ).scalar_one()


def _not_stored(connection: Connection, session_id: int, theirs: Sequence[_Vote]) -> list[_Vote]:
    """The votes that the session lacks; those that it has must be the same."""
    rows = connection.execute(
        select(votes.c.trial, votes.c.score, trials.c.stimulus, trials.c.phase, trials.c.repetition)
        .join(trials, ITS_TRIAL)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None), votes.c.session_id == session_id)
    ).all()
    stored = {row.trial: (row.stimulus, row.score) for row in rows}
    showings = {(row.stimulus, row.phase, row.repetition) for row in rows}
    new: list[_Vote] = []
    for vote in theirs:
        trial = vote.trial
        if trial.number in stored:
            same = stored[trial.number] == (trial.stimulus, vote.values["score"])
        else:
            same = (trial.stimulus, trial.phase, trial.repetition) not in showings
            new.append(vote)
        if not same:
            raise StudyError(
                f"{vote.where}: rater '{vote.rater}' is in the study with another vote for this "
                "trial; votes are never altered"
            )
    return new


def _lines(file: Path) -> list[_Line]:
    found = read_csv_text(file, (*TEXT_COLUMNS, "score"))
    known = {column: column for column in COLUMNS}
    header = [known.get(name.casefold(), unguard(name)) for name in found.header]
    if missing := [c for c in (*TEXT_COLUMNS, "score") if c not in header]:
        raise StudyError(f"{file} lacks the columns {', '.join(missing)}")
    if twice := [name for name, count in Counter(header).items() if count > 1 and name]:
        raise StudyError(f"{file} has two columns '{twice[0]}'; remove one")
    text = [name in TEXT_COLUMNS or name not in COLUMNS for name in header]
    lines: list[_Line] = []
    # newline="": line ends within quotes stay as they are
    reader = csv.reader(io.StringIO(found.text, newline=""), delimiter=found.separator)
    next(reader)
    try:
        for row in reader:
            where = f"{file.name}, line {found.line - 1 + reader.line_num}"
            if not any(row):
                continue
            if len(row) != len(header):
                raise StudyError(f"{where}: {len(row)} cells, expected {len(header)}")
            cells = {
                name: unguard(cell) if is_text else cell.strip()
                for name, cell, is_text in zip(header, row, text, strict=True)
                if name
            }
            lines.append(_Line(where, cells))
    except csv.Error as error:
        raise StudyError(f"{file} is no well-formed CSV ({error})") from error
    return lines


def _nfc(*names: str) -> tuple[str, ...]:
    """Names in the one Unicode form in which they are compared."""
    return tuple(unicodedata.normalize("NFC", name) for name in names)


def _votes(manifest: Manifest, lines: Sequence[_Line]) -> Iterator[_Vote]:
    phases = {anchor.stimulus: "gold" for anchor in manifest.gold}
    phases |= dict.fromkeys(manifest.main, "main")
    ids = {_nfc(dataset_key(s.dataset), s.image, s.method.lower()): s.id for s in manifest.stimuli}
    expected = {a.stimulus: a.expected for a in (*manifest.calibration, *manifest.gold)}
    next_trial = Counter[str]()
    seen: set[object] = set()
    for line in lines:
        cells, where = line.cells, line.where
        key = _nfc(dataset_key(cells["dataset"]), cells["image"], cells["method"].lower())
        stimulus = ids.get(key)
        if stimulus is None:
            raise StudyError(
                f"{where}: {cells['dataset']}/{cells['image']} by {cells['method']} "
                "is not a stimulus of this study"
            )
        if cells.get("stimulus", stimulus) not in ("", stimulus):
            raise StudyError(
                f"{where}: {cells['dataset']}/{cells['image']} by {cells['method']} is not the "
                f"stimulus '{cells['stimulus'][:40]}' that the row names as shown"
            )
        study = cells.get("study", "")
        if study and study != manifest.study_id:
            raise StudyError(f"{where}: from study {study}, this is {manifest.study_id}")
        phase = cells.get("phase") or phases.get(stimulus, "training")
        if phase not in _PHASES:
            raise StudyError(f"{where}: phase '{phase}', expected one of {', '.join(_PHASES)}")
        score = line.whole("score")
        if score not in manifest.asks.answers:
            raise StudyError(f"{where}: score {cells['score']}, expected 1, 2, 3, 4 or 5")
        # The statistics take names that differ in spaces around them or Unicode form for one.
        rater = _nfc(cells["rater"].strip())[0]
        if not rater or len(rater) > 80:
            raise StudyError(f"{where}: a rater's name has 1 to 80 letters")
        simulated = truth(cells.get("simulated", ""))
        if simulated is None:
            raise line.wrong("simulated", "true or false")
        rated_at = cells.get("rated_at") or None
        if rated_at and len(rated_at) > _LONGEST_TIME:
            raise line.wrong("rated_at", "a time")
        given = line.whole("trial")
        number = next_trial[rater] if given is None else given
        next_trial[rater] = number + 1
        repetition = line.whole("repetition") or 1
        showing = (rater, stimulus, phase, repetition)
        if (rater, number) in seen or showing in seen:
            raise StudyError(
                f"{where}: a second vote of rater '{rater}' for "
                + (f"trial {number}" if (rater, number) in seen else "this picture and repetition")
            )
        seen |= {(rater, number), showing}
        trial = Trial(
            number,
            stimulus,
            cast(Phase, phase),
            line.whole("block") or 0,
            repetition,
            expected.get(stimulus) if phase in ("training", "gold") else None,
        )
        values = {
            "trial": number,
            "attempt": line.whole("attempt") or 1,
            # Empty in the table of a study that did not record what was shown.
            "stimulus": cells.get("stimulus", stimulus) or None,
            "score": score,
            "simulated": simulated,
            "rated_at": rated_at,
            "pixel_ratio": line.real("pixel_ratio"),
            **{name: line.whole(name) for name in _INTEGERS},
            "extra": {k: v for k, v in cells.items() if k not in COLUMNS} or None,
        }
        yield _Vote(where, rater, trial, values)
