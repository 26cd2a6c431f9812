"""How a study stands, at a glance: raters, stimuli, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select

from .schema import invites, retractions, sessions, tombstones, trials, votes
from .store import ABANDONED_AFTER, Store, StudyState, timestamp

RaterState = Literal["finished", "active", "away", "imported"]
_ACTIVE_WITHIN = timedelta(minutes=15)


@dataclass(frozen=True)
class RaterStatus:
    """One rater: ``done`` of ``of`` trials voted on, and when last. ``away`` for more than a
    quarter of an hour; ``dropped_out`` when away for three days."""

    rater: str
    state: RaterState
    dropped_out: bool
    simulated: bool
    done: int
    of: int
    last_vote: str | None


@dataclass(frozen=True)
class Status:
    """The study at one moment. ``stimulus_votes``: counting main votes of people per main
    stimulus, simulated raters left out; ``votes_per_minute``: over the last ten minutes."""

    state: StudyState
    raters: tuple[RaterStatus, ...]
    stimulus_votes: dict[str, int]
    votes: int
    votes_per_minute: float
    codes_unused: int
    erased: int

    def raters_missing(self, wanted: int, per_stimulus: float) -> int:
        """Raters still to be invited until each stimulus has ``wanted`` votes, when a rater
        adds ``per_stimulus`` (1 or less) votes to a stimulus on average."""
        missing = sum(max(0, wanted - count) for count in self.stimulus_votes.values())
        each = per_stimulus * max(1, len(self.stimulus_votes))
        return -(-missing // max(1, round(each)))


def study_status(store: Store, now: datetime) -> Status:
    """Count everything; ``now`` decides who is away."""
    counts = (
        select(
            votes.c.session_id,
            func.count().label("done"),
            func.max(votes.c.rated_at).label("last"),
        )
        .outerjoin(
            retractions,
            (retractions.c.session_id == votes.c.session_id)
            & (retractions.c.trial == votes.c.trial)
            & (retractions.c.attempt == votes.c.attempt),
        )
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
            select(trials.c.stimulus, func.count())
            .join(
                votes,
                (votes.c.session_id == trials.c.session_id) & (votes.c.trial == trials.c.trial),
            )
            .outerjoin(
                retractions,
                (retractions.c.session_id == votes.c.session_id)
                & (retractions.c.trial == votes.c.trial)
                & (retractions.c.attempt == votes.c.attempt),
            )
            .where(retractions.c.session_id.is_(None), trials.c.phase == "main")
            .where(votes.c.simulated.is_(False))
            .group_by(trials.c.stimulus)
        ).all()
        recent = connection.execute(
            select(func.count())
            .select_from(votes)
            .join(sessions, sessions.c.id == votes.c.session_id)
            .where(votes.c.rated_at >= timestamp(now - timedelta(minutes=10)))
            .where(sessions.c.imported.is_(False))
        ).scalar_one()
        unused = connection.execute(
            select(func.count()).select_from(invites).where(invites.c.used_at.is_(None))
        ).scalar_one()
        erased = connection.execute(select(func.count()).select_from(tombstones)).scalar_one()
    counted = dict.fromkeys(store.manifest.main, 0)
    counted.update((row[0], row[1]) for row in per_stimulus)
    return Status(
        state=store.state(),
        raters=tuple(_rater(row._mapping, now) for row in raters),
        stimulus_votes=counted,
        votes=sum(row.done or 0 for row in raters),
        votes_per_minute=recent / 10,
        codes_unused=unused,
        erased=erased,
    )


def _rater(row, now: datetime) -> RaterStatus:
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
        last_vote=row["last"],
    )
