"""Two rules that are declared before the first vote: who is paid, and which votes are analysed.

They are separate because a rater may have done the work and still give unusable votes, or the
reverse. Nothing is deleted, and both give reasons.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError
from sqlalchemy import Connection, select

from ..csv_cells import guard, number
from ..errors import StudyError
from ..files import write_text
from .manifest import Accept, Manifest, Use
from .procedure import Item
from .rows import shown_of
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, steps, trials, votes
from .store import Store

_Declared = TypeVar("_Declared", Accept, Use)


@dataclass(frozen=True)
class Answer:
    """A counting answer, with the facts that the rules need."""

    trial: int
    phase: str
    stimuli: Item
    score: int
    expected: int | None
    response_ms: int | None
    focus_lost: int | None


@dataclass(frozen=True)
class Checks:
    """A rater's results on questions that can be checked."""

    gold_right: int
    gold_n: int
    retest_same: int
    retest_n: int


@dataclass(frozen=True)
class Decision:
    """The decisions on one session. ``paid``: whether it is paid, otherwise ``why_unpaid``; None
    for imported sessions. ``votes``: number in the main part, of which ``used`` are analysed;
    ``why_left_out``: why the others are not. ``minutes``: from consent to end, real raters only.
    """

    rater: str
    simulated: bool
    paid: bool | None
    why_unpaid: str
    completion_code: str
    minutes: float | None
    gold_right: int
    gold_n: int
    retest_same: int
    retest_n: int
    votes: int
    used: int
    why_left_out: str


def declared(kind: type[_Declared], words: str) -> _Declared:
    """Parse rules from the command line: ``gold=0.75,minutes=5``; a name alone means true.

    Raises:
        StudyError: a part is not a rule, or its value is out of range.
    """
    values: dict[str, object] = {}
    for part in filter(None, (each.strip() for each in words.split(","))):
        name, sign, value = (each.strip() for each in part.partition("="))
        if name in values:
            raise StudyError(f"the rule '{name}' is given twice")
        values[name] = _number(value) if sign else True
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        known = ", ".join(
            name if field.annotation is bool else f"{name}=..."
            for name, field in kind.model_fields.items()
        )
        problem = error.errors()[0]
        fault = ": ".join([*map(str, problem["loc"]), problem["msg"]])
        raise StudyError(
            f"'{words}' is not a list of rules: {fault}; known are: {known}"
        ) from error


def _number(text: str) -> object:
    try:  # plain digits only: Python also reads 1_000 and digits of other scripts
        value = number(text)
        return int(value) if "." not in text and value == int(value) else value
    except (ValueError, OverflowError):
        return text


def checks(manifest: Manifest, answers: Sequence[Answer]) -> Checks:
    """Count gold questions answered right, and hidden repeats answered as before."""
    asks = manifest.asks
    gold = [a for a in answers if a.phase == "gold" and a.expected is not None]
    right = sum(not asks.missed(a.score, a.expected) for a in gold if a.expected is not None)
    first = {frozenset(a.stimuli): a for a in answers if a.phase == "main"}
    pairs = [
        (first[frozenset(a.stimuli)], a)
        for a in answers
        if a.phase == "retest" and frozenset(a.stimuli) in first
    ]
    same = sum(asks.agree((one.stimuli, one.score), (two.stimuli, two.score)) for one, two in pairs)
    return Checks(right, len(gold), same, len(pairs))


def left_out(manifest: Manifest, answers: Sequence[Answer]) -> dict[int, str]:
    """The main votes of a rater that are not analysed by the study's rules: trial to reason."""
    use, found = manifest.use, checks(manifest, answers)
    everything: list[str] = []
    if use.gold is not None and not _reached(found.gold_right, found.gold_n, use.gold):
        everything.append(f"gold: fewer than {use.gold:g} right")
    if use.retest is not None and not _reached(found.retest_same, found.retest_n, use.retest):
        everything.append(f"retests: fewer than {use.retest:g} answered as before")
    reasons: dict[int, str] = {}
    for answer in answers:
        own = list(everything)
        if answer.response_ms is not None:
            if use.from_ms is not None and answer.response_ms < use.from_ms:
                own.append(f"sooner than {use.from_ms} ms")
            if use.to_ms is not None and answer.response_ms > use.to_ms:
                own.append(f"later than {use.to_ms} ms")
        if use.focus and answer.focus_lost:
            own.append("the page was left while the picture was shown")
        if own and answer.phase == "main":
            reasons[answer.trial] = "; ".join(own)
    return reasons


def _reached(right: int, of: int, share: float) -> bool:
    """Whether at least this share is right. Rounding does not decide: 7 of 25 reach 0.28, although
    0.28 * 25 is slightly more than 7 in floating point.
    """
    return right >= share * of - 1e-9


def _unpaid(manifest: Manifest, found: Checks, finished: bool, minutes: float | None) -> str:
    accept = manifest.accept
    why = [] if finished else ["not finished"]
    if accept.gold is not None and not _reached(found.gold_right, found.gold_n, accept.gold):
        why.append(f"{found.gold_right} of {found.gold_n} attention checks right")
    if accept.minutes is not None and minutes is not None and minutes < accept.minutes:
        why.append(f"took {minutes:.1f} minutes")
    return "; ".join(why)


def decide(store: Store) -> tuple[Decision, ...]:
    """The decisions on every session, in the order of their start."""
    manifest = store.manifest
    with store.read() as connection:
        people = connection.execute(select(sessions).order_by(sessions.c.id)).all()
        began = {
            row.session_id: row.done_at
            for row in connection.execute(select(steps).where(steps.c.step == "consent"))
        }
        given = _given(connection)
    made: list[Decision] = []
    for person in people:
        answers = given.get(person.id, [])
        found, reasons = checks(manifest, answers), left_out(manifest, answers)
        # Simulated votes that go directly into the store take no time.
        start = None if person.simulated else began.get(person.id)
        minutes = _minutes(start, person.finished_at)
        why = _unpaid(manifest, found, person.finished_at is not None, minutes)
        count = sum(answer.phase == "main" for answer in answers)
        made.append(
            Decision(
                rater=person.rater,
                simulated=person.simulated,
                paid=None if person.imported else not why,
                why_unpaid="" if person.imported else why,
                completion_code=person.completion_code or "",
                minutes=minutes,
                **vars(found),
                votes=count,
                used=count - len(reasons),
                why_left_out=_counted(reasons),
            )
        )
    return tuple(made)


def votes_left_out(store: Store) -> dict[tuple[str, int], str]:
    """The main votes that are not analysed: rater and trial to reason."""
    with store.read() as connection:
        names = {row.id: row.rater for row in connection.execute(select(sessions))}
        given = _given(connection)
    return {
        (names[session_id], trial): reason
        for session_id, answers in given.items()
        for trial, reason in left_out(store.manifest, answers).items()
    }


def _given(connection: Connection) -> dict[int, list[Answer]]:
    """The counting answers of each session."""
    rows = connection.execute(
        select(
            votes.c.session_id, votes.c.trial, trials.c.phase, trials.c.stimulus, trials.c.second,
            votes.c.score, trials.c.expected, votes.c.response_ms, votes.c.focus_lost,
        )
        .join(trials, ITS_TRIAL)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None))
    ).all()  # fmt: skip
    given: dict[int, list[Answer]] = {}
    for session_id, trial, phase, stimulus, second, *rest in map(tuple, rows):
        answer = Answer(trial, phase, shown_of(stimulus, second), *rest)
        given.setdefault(session_id, []).append(answer)
    return given


def _minutes(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds() / 60


def _counted(reasons: Mapping[int, str]) -> str:
    kinds = dict.fromkeys(reasons.values())
    return ", ".join(f"{sum(r == kind for r in reasons.values())}: {kind}" for kind in kinds)


def decisions_csv(store: Store) -> str:
    """The table of `decide` as CSV text with LF line ends, one row per session."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = [field.name for field in fields(Decision)]
    writer.writerow(names)
    for decision in decide(store):
        writer.writerow([_cell(getattr(decision, name)) for name in names])
    return out.getvalue()


def export_decisions(store: Store, file: Path) -> int:
    """Write the table of `decisions_csv` and return its number of sessions."""
    text = decisions_csv(store)
    write_text(file, text)
    return sum(1 for _ in csv.reader(io.StringIO(text))) - 1


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.2f}"
    return guard(value) if isinstance(value, str) else value
