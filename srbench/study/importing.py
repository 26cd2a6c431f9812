"""Import the votes of a ratings table into the database (`ratings` exports them)."""

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
from .procedure import Item, Procedure
from .ratings import columns, text_columns
from .rows import shown_of, trial_row
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, tombstones, trials, votes
from .store import Store

_PHASES = get_args(Phase)
_INTEGERS = (
    "response_ms", "window_width", "window_height", "drawn_width", "drawn_height", "toggles",
    "second_ms", "focus_lost",
)  # fmt: skip
_LONGEST_TIME = 40


@dataclass(frozen=True)
class ImportedVotes:
    """The votes that an import added, and the number of rows that already existed."""

    raters: int
    votes: int
    repeated: int


@dataclass(frozen=True)
class _Line:
    """A data line of the table: its position, and its cells by column."""

    where: str
    cells: Mapping[str, str]

    def whole(self, column: str) -> int | None:
        """A cell as a whole number; None if it is empty."""
        number = self.real(column, "a whole number")
        if number is None:
            return None
        if abs(number) >= 2**31 or number != int(number):
            raise self.wrong(column, "a whole number")
        return int(number)

    def real(self, column: str, kind: str = "a number") -> float | None:
        """A cell as a finite number; None if it is empty."""
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

    def truth(self, column: str) -> bool | None:
        """A cell as true or false; None if it is empty."""
        cell = self.cells.get(column, "")
        found = truth(cell)
        if found is None:
            raise self.wrong(column, "true or false")
        return found if cell else None

    def wrong(self, column: str, kind: str) -> StudyError:
        return StudyError(f"{self.where}: {column} '{self.cells[column][:40]}' is not {kind}")


@dataclass(frozen=True)
class _Vote:
    """A vote to be stored; ``values`` is its row of the table `votes` without the session."""

    where: str
    rater: str
    trial: Trial
    values: Mapping[str, Any]


def import_ratings(store: Store, file: Path) -> ImportedVotes:
    """Add the votes of a ratings table that are not in the study yet, in one transaction.

    Required columns: rater, dataset, image, method, score; for pairs method_a, method_b and answer
    instead of the last two. New raters get a session that cannot be resumed; unknown columns are
    kept. A later table of the same raters adds only new votes.

    Raises:
        RatingsError: the file cannot be read as a table of votes; the message says what it is.
        StudyError: the table lacks a column or has no votes; or a row has an unknown stimulus, an
        invalid score or an erased rater, contradicts a stored vote, or adds a vote of a rater who
        rates in this study.
    """
    by_rater: dict[str, list[_Vote]] = {}
    for vote in _votes(store.manifest, _lines(file, store.manifest)):
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
    """The votes that are not in the session yet; existing ones must be equal."""
    rows = connection.execute(
        select(votes.c.score, trials)
        .select_from(votes)
        .join(trials, ITS_TRIAL)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None), votes.c.session_id == session_id)
    ).all()
    pictures = {row.trial: shown_of(row.stimulus, row.second) for row in rows}
    stored = {row.trial: (pictures[row.trial], row.score) for row in rows}
    showings = {(frozenset(pictures[r.trial]), r.phase, r.repetition) for r in rows}
    new: list[_Vote] = []
    for vote in theirs:
        trial = vote.trial
        if trial.number in stored:
            same = stored[trial.number] == (trial.stimuli, vote.values["score"])
        else:
            showing = (frozenset(trial.stimuli), trial.phase, trial.repetition)
            same = showing not in showings
            new.append(vote)
        if not same:
            raise StudyError(
                f"{vote.where}: rater '{vote.rater}' is in the study with another vote for this "
                "trial; votes are never altered"
            )
    return new


def _lines(file: Path, manifest: Manifest) -> list[_Line]:
    asks = manifest.asks
    texts = text_columns(asks)
    needed = (*texts, asks.said[0])
    found = read_csv_text(file, needed)
    known = {column: column for column in columns(asks, manifest.use)}
    header = [known.get(name.casefold(), unguard(name)) for name in found.header]
    if missing := [c for c in needed if c not in header]:
        raise StudyError(f"{file} lacks the columns {', '.join(missing)}")
    if twice := [name for name, count in Counter(header).items() if count > 1 and name]:
        raise StudyError(f"{file} has two columns '{twice[0]}'; remove one")
    text = [name in texts or name not in known for name in header]
    lines: list[_Line] = []
    # newline="": keep line ends within quotes
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
        raise StudyError(f"{file} is not a well-formed CSV ({error})") from error
    return lines


def _nfc(*names: str) -> tuple[str, ...]:
    """The name in Unicode's form NFC, for comparisons."""
    return tuple(unicodedata.normalize("NFC", name) for name in names)


def _questions(manifest: Manifest) -> dict[tuple[str, ...], tuple[Item, str]]:
    """All questions of the study with their phases, by the names that a row has."""
    asks, found = manifest.asks, {}
    for phase, items in (
        ("training", asks.anchored(manifest, [a.stimulus for a in manifest.calibration])),
        ("gold", asks.anchored(manifest, [a.stimulus for a in manifest.gold])),
        ("main", manifest.items),
    ):
        for item in items:
            rated = [manifest.by_id[stimulus] for stimulus in asks.rated(item)]
            names = (rated[0].dataset, rated[0].image, *(s.method for s in rated))
            found[_key(*names)] = (item, phase)
    return found


def _key(dataset: str, image: str, *methods: str) -> tuple[str, ...]:
    """The key for comparing names; the methods of a pair in any order."""
    return _nfc(dataset_key(dataset), image, *sorted(method.lower() for method in methods))


def _votes(manifest: Manifest, lines: Sequence[_Line]) -> Iterator[_Vote]:
    asks = manifest.asks
    known = columns(asks, manifest.use)
    questions = _questions(manifest)
    grades = {a.stimulus: a.expected for a in (*manifest.calibration, *manifest.gold)}
    next_trial = Counter[str]()
    seen: set[object] = set()
    for line in lines:
        cells, where = line.cells, line.where
        methods = [cells[column] for column in asks.methods]
        what = f"{cells['dataset']}/{cells['image']} by {' and '.join(methods)}"
        if (key := _key(cells["dataset"], cells["image"], *methods)) not in questions:
            raise StudyError(
                f"{where}: {what} is not a {'pair' if methods[1:] else 'stimulus'} of this study"
            )
        item, usual_phase = questions[key]
        named = tuple(
            stimulus
            for column, method in zip(asks.methods, methods, strict=True)
            for stimulus in asks.rated(item)
            if manifest.by_id[stimulus].method.lower() == method.lower()
        )
        shown, score = asks.read_cells(named if asks.methods[1:] else item, cells)
        if score is None:
            raise _no_answer(line, asks)
        told = asks.said[-1] != "first" or cells.get("first", "") != ""
        given = tuple(cells.get(c, "") for c in ("stimulus", "second")[: len(shown)])
        if any(given) and given != shown:
            raise StudyError(
                f"{where}: {what} is not the stimulus '{' '.join(given)[:80]}' that the row names "
                "as shown"
            )
        if "stimulus" in cells and not any(given):
            told = False  # the table of an old study that did not record the shown pictures
        study = cells.get("study", "")
        if study and study != manifest.study_id:
            raise StudyError(f"{where}: from study {study}, this is {manifest.study_id}")
        if cells.get("procedure", "") not in ("", asks.name):
            raise StudyError(
                f"{where}: an answer to {cells['procedure'][:40]}, this study asks {asks.name}"
            )
        phase = cells.get("phase") or usual_phase
        if phase not in _PHASES:
            raise StudyError(f"{where}: phase '{phase}', expected one of {', '.join(_PHASES)}")
        # The statistics ignore outer spaces and the Unicode form of names.
        rater = _nfc(cells["rater"].strip())[0]
        if not rater or len(rater) > 80:
            raise StudyError(f"{where}: a rater's name has 1 to 80 letters")
        rated_at = cells.get("rated_at") or None
        if rated_at and len(rated_at) > _LONGEST_TIME:
            raise line.wrong("rated_at", "a time")
        number = line.whole("trial")
        number = next_trial[rater] if number is None else number
        next_trial[rater] = number + 1
        repetition = line.whole("repetition") or 1
        showing = (rater, item, phase, repetition)
        if (rater, number) in seen or showing in seen:
            raise StudyError(
                f"{where}: a second vote of rater '{rater}' for "
                + (f"trial {number}" if (rater, number) in seen else "this picture and repetition")
            )
        seen |= {(rater, number), showing}
        anchored = phase in ("training", "gold") and set(asks.rated(item)) <= set(grades)
        trial = Trial(
            number,
            shown[0],
            cast(Phase, phase),
            line.whole("block") or 0,
            repetition,
            asks.expected(shown, grades) if anchored else None,
            shown[1] if shown[1:] else None,
        )
        values = {
            "trial": number,
            "attempt": line.whole("attempt") or 1,
            "stimulus": trial.stimulus if told else None,
            "second": trial.second if told else None,
            "score": score,
            "simulated": line.truth("simulated") or False,
            "rated_at": rated_at,
            "pixel_ratio": line.real("pixel_ratio"),
            "pinch": line.real("pinch"),
            "forced_colors": line.truth("forced_colors"),
            **{name: line.whole(name) for name in _INTEGERS},
            "extra": {k: v for k, v in cells.items() if k not in known} or None,
        }
        yield _Vote(where, rater, trial, values)


def _no_answer(line: _Line, asks: Procedure) -> StudyError:
    given = ", ".join(f"{column} {line.cells.get(column, '')[:40]}" for column in asks.said)
    if "score" in asks.said:
        line.whole("score")  # reports a cell that is not a number
        return StudyError(f"{line.where}: {given}, expected 1, 2, 3, 4 or 5")
    same = " or same" if len(asks.answers) > 2 else ""
    return StudyError(f"{line.where}: {given}; expected answer a, b{same} and first a, b or empty")
