"""Read the votes of a ratings table as answers to a study's questions."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast, get_args

from ..csv_cells import MISSING, truth, unguard
from ..csv_cells import number as as_number
from ..csv_tables import read_csv_text
from ..data.folder import EXTENSIONS
from ..data.naming import dataset_key, has_control, tidy
from ..errors import StudyError
from .manifest import Manifest
from .playlists import Phase, Trial
from .procedure import Item, Procedure
from .ratings import columns, text_columns

_PHASES = get_args(Phase)
_INTEGERS = (
    "response_ms", "window_width", "window_height", "drawn_width", "drawn_height", "toggles",
    "second_ms", "focus_lost",
)  # fmt: skip
_LONGEST_TIME = 40


@dataclass(frozen=True)
class _Line:
    """A data line of the table: its position, and its cells by column."""

    where: str
    cells: Mapping[str, str]

    def whole(self, column: str) -> int | None:
        """A cell as a whole number from 0; None if it is empty."""
        number = self.real(column, "a whole number")
        if number is None:
            return None
        if not 0 <= number < 2**31 or number != int(number):
            raise self.wrong(column, "a whole number from 0 up")
        return int(number)

    def real(self, column: str, kind: str = "a number") -> float | None:
        """A cell as a finite number; None if it is empty."""
        cell = self.cells.get(column, "")
        if cell == "":
            return None
        try:
            number = as_number(cell)
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
class GivenVote:
    """A vote to be stored; ``values`` is its row of the table `votes` without the session."""

    where: str
    rater: str
    trial: Trial
    values: Mapping[str, Any]


def read_votes(file: Path, manifest: Manifest) -> Iterator[GivenVote]:
    """The votes of a ratings table, each as an answer to a question of the study.

    Raises:
        RatingsError: the file cannot be read as a table of votes.
        StudyError: a column is missing, or a row is not an answer to a question of this study.
    """
    questions = _questions(manifest)
    next_trial = Counter[str]()
    seen: set[object] = set()
    for line in _lines(file, manifest):
        _require_this_study(line, manifest)
        item, usual_phase = _question(line, questions, manifest.asks)
        shown, told, score = _answer(line, item, manifest)
        phase = line.cells.get("phase", "").lower() or usual_phase
        if phase not in _PHASES:
            raise StudyError(f"{line.where}: phase '{phase}', expected one of {', '.join(_PHASES)}")
        if usual_phase != "main" and phase in ("main", "retest"):
            raise StudyError(
                f"{line.where}: phase '{phase}', but this study shows {_what(line, manifest.asks)} "
                f"only in the phase {usual_phase}; correct the phase or remove the row"
            )
        # The statistics ignore outer spaces and the Unicode form of names.
        rater = tidy(line.cells["rater"])
        if not rater or len(rater) > 80 or has_control(rater):
            raise StudyError(
                f"{line.where}: a rater's name has 1 to 80 letters, without control characters"
            )
        number = line.whole("trial")
        number = next_trial[rater] if number is None else number
        next_trial[rater] = number + 1
        repetition = line.whole("repetition") or 1
        showing = (rater, item, phase, repetition)
        if (rater, number) in seen or showing in seen:
            raise StudyError(
                f"{line.where}: a second vote of rater '{rater}' for "
                + (f"trial {number}" if (rater, number) in seen else "this picture and repetition")
            )
        seen |= {(rater, number), showing}
        trial = Trial(
            number,
            shown[0],
            cast(Phase, phase),
            line.whole("block") or 0,
            repetition,
            _expected(shown, item, phase, manifest),
            shown[1] if shown[1:] else None,
        )
        yield GivenVote(line.where, rater, trial, _values(line, trial, told, score, manifest))


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
                name: unguard(cell) if is_text else _stripped(cell, optional=name not in needed)
                for name, cell, is_text in zip(header, row, text, strict=True)
                if name
            }
            lines.append(_Line(where, cells))
    except csv.Error as error:
        raise StudyError(f"{file} is not a well-formed CSV ({error})") from error
    return lines


def _stripped(cell: str, *, optional: bool) -> str:
    """A cell that does not contain a name; '' for R's NA in an optional column."""
    cell = cell.strip()
    return "" if optional and cell.casefold() in MISSING else cell


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
    names = (dataset_key(dataset), image, *sorted(tidy(method).lower() for method in methods))
    return tuple(map(tidy, names))


def _require_this_study(line: _Line, manifest: Manifest) -> None:
    study, procedure = line.cells.get("study", ""), line.cells.get("procedure", "").lower()
    scale = line.real("scale")
    if scale not in (None, manifest.scale):
        raise StudyError(
            f"{line.where}: of scale {scale:g}, the pictures of this study are of scale "
            f"{manifest.scale}"
        )
    if study and study != manifest.study_id:
        raise StudyError(f"{line.where}: from study {study}, this is {manifest.study_id}")
    if procedure not in ("", manifest.asks.name):
        raise StudyError(
            f"{line.where}: an answer to {procedure[:40]}, this study asks {manifest.asks.name}"
        )


def _question(
    line: _Line, questions: Mapping[tuple[str, ...], tuple[Item, str]], asks: Procedure
) -> tuple[Item, str]:
    """The question that a row answers, and its phase."""
    dataset, image, *methods = _named(line, asks)
    key = _key(dataset, image, *methods)
    if key not in questions:
        stem, dot, ending = tidy(image).rpartition(".")
        if (dot + ending).lower() in EXTENSIONS:
            key = _key(dataset, stem, *methods)
    if key not in questions:
        raise StudyError(
            f"{line.where}: {_what(line, asks)} is not a "
            f"{'pair' if methods[1:] else 'stimulus'} of this study"
        )
    return questions[key]


def _named(line: _Line, asks: Procedure) -> list[str]:
    return [line.cells[column] for column in ("dataset", "image", *asks.methods)]


def _what(line: _Line, asks: Procedure) -> str:
    """``Set5/baby by bicubic and srgan-vgg54``."""
    dataset, image, *methods = _named(line, asks)
    return f"{dataset}/{image} by {' and '.join(methods)}"


def _answer(line: _Line, item: Item, manifest: Manifest) -> tuple[Item, bool, int]:
    """The stimuli in display order, whether the row says what was shown, and the score."""
    asks, cells = manifest.asks, line.cells
    named = tuple(
        stimulus
        for column in asks.methods
        for stimulus in asks.rated(item)
        if manifest.by_id[stimulus].method.lower() == tidy(cells[column]).lower()
    )
    shown, score = asks.read_cells(named if asks.methods[1:] else item, cells)
    if score is None:
        raise _no_answer(line, asks)
    given = tuple(cells.get(column, "") for column in ("stimulus", "second")[: len(shown)])
    if any(given) and given != shown:
        raise StudyError(
            f"{line.where}: {_what(line, asks)} is not the stimulus '{' '.join(given)[:80]}' that "
            "the row names as shown"
        )
    told = asks.said[-1] != "first" or cells.get("first", "") != ""
    if "stimulus" in cells and not any(given):
        told = False  # the table of an old study that did not record the shown pictures
    return shown, told, score


def _expected(shown: Item, item: Item, phase: str, manifest: Manifest) -> int | None:
    """The right answer of a practice or gold question; None for others."""
    if phase not in ("training", "gold"):
        return None
    grades = {a.stimulus: a.expected for a in (*manifest.calibration, *manifest.gold)}
    anchored = set(manifest.asks.rated(item)) <= set(grades)
    return manifest.asks.expected(shown, grades) if anchored else None


def _values(
    line: _Line, trial: Trial, told: bool, score: int, manifest: Manifest
) -> dict[str, Any]:
    """The row of the table `votes`, without the session."""
    known = columns(manifest.asks, manifest.use)
    rated_at = line.cells.get("rated_at") or None
    if rated_at and not _is_time(rated_at):
        raise line.wrong("rated_at", "a time such as 2026-11-27T15:04:05Z")
    return {
        "trial": trial.number,
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
        "extra": {k: v for k, v in line.cells.items() if k not in known} or None,
    }


def _is_time(text: str) -> bool:
    """Whether this is a time that can be stored, and compared with those of votes given here."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) <= _LONGEST_TIME


def _no_answer(line: _Line, asks: Procedure) -> StudyError:
    given = ", ".join(f"{column} {line.cells.get(column, '')[:40]}" for column in asks.said)
    if "score" in asks.said:
        line.whole("score")  # reports a cell that is not a number
        return StudyError(f"{line.where}: {given}, expected 1, 2, 3, 4 or 5")
    same = " or same" if len(asks.answers) > 2 else ""
    return StudyError(f"{line.where}: {given}; expected answer a, b{same} and first a, b or empty")
