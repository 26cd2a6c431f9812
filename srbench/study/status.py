"""The status of a study: raters, votes per stimulus, and what is missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, func, select

from .procedure import Procedure
from .rows import shown_of, timestamp
from .schema import (
    ITS_RETRACTION,
    ITS_TRIAL,
    invites,
    retractions,
    sessions,
    tombstones,
    trials,
    votes,
)
from .store import ABANDONED_AFTER, Store, StudyState

RaterState = Literal["finished", "active", "away", "imported"]
_ACTIVE_WITHIN = timedelta(minutes=15)
# Report a rater who gives the same grade in nine of ten of at least twenty votes.
_ENOUGH_VOTES = 20
_NEARLY_ALWAYS = 0.9
_SHORTEST_PACE = 0.01  # days: a shorter time is no basis for a rate


@dataclass(frozen=True)
class RaterStatus:
    """One rater: ``done`` of ``of`` trials have votes, and the time of the last. ``away``: for more
    than 15 minutes; ``dropped_out``: for three days. ``notice``: a warning for the researcher:
    almost always the same answer, or gold stimuli or pairs answered wrong.
    """

    rater: str
    state: RaterState
    dropped_out: bool
    simulated: bool
    done: int
    of: int
    last_vote: str | None
    notice: str = ""


@dataclass(frozen=True)
class Status:
    """The status at one moment; votes are those of real raters only. ``stimulus_votes``: counting
    main votes per main stimulus (in pair studies per pair: the two ids with a blank between);
    ``votes_per_minute``: over the last ten minutes; ``main_votes_per_day``: over the last day or
    since the first vote.
    """

    state: StudyState
    raters: tuple[RaterStatus, ...]
    stimulus_votes: dict[str, int]
    votes: int
    votes_per_minute: float
    main_votes_per_day: float
    codes_unused: int
    erased: int

    def raters_missing(self, wanted: int, per_stimulus: float) -> int:
        """The number of raters still needed until each stimulus has ``wanted`` votes.

        A rater adds on average ``per_stimulus`` (1 or less) votes to a stimulus, and never two.
        """
        missing = [max(0, wanted - count) for count in self.stimulus_votes.values()]
        return max(-(-sum(missing) // self._votes_of_a_rater(per_stimulus)), *missing, 0)

    def days_left(self, wanted: int, per_stimulus: float) -> float | None:
        """Days until these raters have voted at the current rate; None without a rate."""
        if not self.main_votes_per_day:
            return None
        votes = self.raters_missing(wanted, per_stimulus) * self._votes_of_a_rater(per_stimulus)
        return votes / self.main_votes_per_day

    def _votes_of_a_rater(self, per_stimulus: float) -> int:
        return max(1, round(per_stimulus * len(self.stimulus_votes)))


def study_status(store: Store, now: datetime) -> Status:
    """The status of a study; ``now`` determines who is away."""
    counts = (
        select(
            votes.c.session_id,
            func.count().label("done"),
            func.max(votes.c.rated_at).label("last"),
        )
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None))
        .group_by(votes.c.session_id)
        .subquery()
    )
    lengths = (
        select(trials.c.session_id, func.count().label("length"))
        .group_by(trials.c.session_id)
        .subquery()
    )
    with store.read() as connection:
        raters = connection.execute(
            select(sessions, counts.c.done, counts.c.last, lengths.c.length)
            .outerjoin(counts, counts.c.session_id == sessions.c.id)
            .outerjoin(lengths, lengths.c.session_id == sessions.c.id)
            .order_by(sessions.c.id)
        ).all()
        per_stimulus = connection.execute(
            select(trials.c.stimulus, trials.c.second, func.count())
            .join(votes, ITS_TRIAL)
            .outerjoin(retractions, ITS_RETRACTION)
            .where(retractions.c.session_id.is_(None), trials.c.phase == "main")
            .where(votes.c.simulated.is_(False))
            .group_by(trials.c.stimulus, trials.c.second)
        ).all()
        recent, _ = _recent(connection, now - timedelta(minutes=10))
        today, first = _recent(connection, now - timedelta(days=1), "main")
        notices = _notices(connection, store.manifest.asks)
        unused = connection.execute(
            select(func.count()).select_from(invites).where(invites.c.used_at.is_(None))
        ).scalar_one()
        erased = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    asks = store.manifest.asks
    counted = {" ".join(asks.rated(item)): 0 for item in store.manifest.items}
    for stimulus, second, count in per_stimulus:
        item = store.manifest.item_of(shown_of(stimulus, second))
        counted[" ".join(asks.rated(item))] += count
    return Status(
        state=store.state(),
        raters=tuple(_rater(row._mapping, now, notices.get(row.id, "")) for row in raters),
        stimulus_votes=counted,
        votes=sum(row.done or 0 for row in raters),
        votes_per_minute=recent / 10,
        main_votes_per_day=today / max(_SHORTEST_PACE, _days_since(first, now)),
        codes_unused=unused,
        erased=erased,
    )


def _recent(
    connection: Connection, since: datetime, phase: str | None = None
) -> tuple[int, str | None]:
    """The number of votes of real raters since then, and the time of the first."""
    query = (
        select(func.count(), func.min(votes.c.rated_at))
        .join(sessions, sessions.c.id == votes.c.session_id)
        .where(votes.c.rated_at >= timestamp(since), votes.c.simulated.is_(False))
        .where(sessions.c.imported.is_(False))
    )
    if phase:
        query = query.join(trials, ITS_TRIAL).where(trials.c.phase == phase)
    count, first = connection.execute(query).one()
    return count, first


def _days_since(stored: str | None, now: datetime) -> float:
    if stored is None:
        return 1.0
    return (now - datetime.fromisoformat(stored)).total_seconds() / 86_400


def _notices(connection: Connection, asks: Procedure) -> dict[int, str]:
    """The warnings for the researcher, by session."""
    rows = connection.execute(
        select(votes.c.session_id, votes.c.score, trials.c.expected, func.count())
        .join(trials, ITS_TRIAL)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None), trials.c.phase != "training")
        .group_by(votes.c.session_id, votes.c.score, trials.c.expected)
    ).all()
    grades: dict[int, Counter[int]] = {}
    gold: dict[int, Counter[bool]] = {}
    for session_id, score, expected, count in rows:
        grades.setdefault(session_id, Counter())[score] += count
        if expected is not None:
            gold.setdefault(session_id, Counter())[asks.missed(score, expected)] += count
    notices: dict[int, str] = {}
    for session_id, counts in grades.items():
        found: list[str] = []
        (grade, most), total = counts.most_common(1)[0], counts.total()
        if total >= _ENOUGH_VOTES and most >= _NEARLY_ALWAYS * total:
            found.append(f"{asks.spoken(grade)} in {most} of {total} votes")
        checks = gold.get(session_id, Counter())
        if checks[True]:
            found.append(f"{checks[True]} of {checks.total()} attention checks missed")
        notices[session_id] = "; ".join(found)
    return notices


def _in_utc(stored: str) -> str:
    """A stored time in UTC; imported ones may be of another zone, or of none, which is kept."""
    try:
        time = datetime.fromisoformat(stored)
        return stored if time.tzinfo is None else timestamp(time.astimezone(UTC))
    except (ValueError, OverflowError):
        return stored


def _rater(row, now: datetime, notice: str) -> RaterStatus:
    last = row["last"] or row["created_at"]
    state: RaterState = (
        "imported"
        if row["imported"]
        else "finished"
        if row["finished_at"]
        else "active"
        if last >= timestamp(now - _ACTIVE_WITHIN)
        else "away"
    )
    return RaterStatus(
        rater=row["rater"],
        state=state,
        dropped_out=state == "away" and last < timestamp(now - ABANDONED_AFTER),
        simulated=row["simulated"],
        done=row["done"] or 0,
        of=row["length"] or 0,
        last_vote=row["last"] and _in_utc(row["last"]),
        notice=notice,
    )
