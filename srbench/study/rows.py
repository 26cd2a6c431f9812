"""Conversion between rows of the database and Python values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Row, select

from ..errors import SessionGone
from .playlists import Phase, Trial
from .procedure import Item
from .schema import ITS_RETRACTION, meta, retractions, sessions, steps, trials, votes
from .session import LastVote, Session, SessionProgress, StoredGrade, Submission

_LONGEST_ANSWER = 2000
_LARGEST_NUMBER = 1e9
# Fields of a submission that are stored as sent.
_OF_SUBMISSION = sorted(set(votes.c.keys()) & set(Submission.__dataclass_fields__))


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC to the millisecond, always of the same length."""
    return (
        moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
    )


def read_meta(connection: Connection, name: str) -> str | None:
    """A value of the study: ``state``, ``sessions`` or ``fingerprint``."""
    return connection.execute(select(meta.c.value).where(meta.c.key == name)).scalar()


def read_session(connection: Connection, session_id: int) -> Session:
    """The session with this id, which must exist."""
    row = connection.execute(select(sessions).where(sessions.c.id == session_id)).one()
    return session_of(row)


def session_of(row: Row[Any]) -> Session:
    """A row of the table `sessions` as a value."""
    return Session(row.id, row.nonce, row.rater, row.number, row.simulated, row.completion_code)


def read_playlist(connection: Connection, session_id: int) -> tuple[Trial, ...]:
    """A session's trials in order."""
    rows = connection.execute(
        select(trials).where(trials.c.session_id == session_id).order_by(trials.c.trial)
    ).all()
    return tuple(
        Trial(
            r.trial, r.stimulus, cast(Phase, r.phase), r.block, r.repetition, r.expected, r.second
        )
        for r in rows
    )


def read_stimuli(connection: Connection, session_id: int, trial: int) -> Item | None:
    """The pictures of a session's trial; None if it has no such trial."""
    row = connection.execute(
        select(trials.c.stimulus, trials.c.second).where(
            trials.c.session_id == session_id, trials.c.trial == trial
        )
    ).one_or_none()
    return None if row is None else shown_of(*row)


def shown_of(stimulus: str, second: str | None) -> Item:
    """The pictures of a trial in order."""
    return (stimulus,) if second is None else (stimulus, second)


def trial_row(session_id: int, trial: Trial) -> dict[str, Any]:
    """A trial as a row of the table `trials`."""
    return {
        "session_id": session_id,
        "trial": trial.number,
        "stimulus": trial.stimulus,
        "phase": trial.phase,
        "block": trial.block,
        "repetition": trial.repetition,
        "expected": trial.expected,
        "second": trial.second,
    }


def vote_row(session: Session, submission: Submission, rated_at: str) -> dict[str, Any]:
    """An accepted submission as a row of the table `votes`."""
    return {
        "session_id": session.id,
        "simulated": session.simulated,
        "rated_at": rated_at,
        **{name: getattr(submission, name) for name in _OF_SUBMISSION},
    }


def read_progress(connection: Connection, session_id: int) -> SessionProgress:
    """The steps a rater has done, and the last vote."""
    done = connection.execute(
        select(steps.c.step, steps.c.done_at).where(steps.c.session_id == session_id)
    ).all()
    last = connection.execute(
        select(votes.c.trial, votes.c.attempt, votes.c.rated_at, retractions.c.retracted_at)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(votes.c.session_id == session_id)
        .order_by(votes.c.trial.desc(), votes.c.attempt.desc())
        .limit(1)
    ).one_or_none()
    times = [row.done_at for row in done]
    if last is not None:
        times += [time for time in (last.rated_at, last.retracted_at) if time]
    return SessionProgress(
        frozenset(row.step for row in done),
        None if last is None else LastVote(last.trial, last.attempt, last.retracted_at is not None),
        max(times, default=None),
    )


def read_grade(connection: Connection, session_id: int, trial: int) -> StoredGrade | None:
    """The counting grade of a session's trial; None without one."""
    row = connection.execute(
        select(votes.c.attempt, votes.c.score)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(votes.c.session_id == session_id, votes.c.trial == trial)
        .where(retractions.c.session_id.is_(None))
        .order_by(votes.c.attempt.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else StoredGrade(trial, row.attempt, row.score)


def read_untold(connection: Connection, session_id: int) -> StoredGrade | None:
    """The stored grade that the rater must still be shown."""
    trial = connection.execute(
        select(sessions.c.untold).where(sessions.c.id == session_id)
    ).scalar()
    return None if trial is None else read_grade(connection, session_id, trial)


def short_answers(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Answers as stored: texts cut, without what PostgreSQL or a CSV cannot hold: NUL, halves of
    surrogate pairs, and numbers that are not finite or larger than any screen.
    """
    return {str(name)[:40]: _storable(value) for name, value in list(answers.items())[:50]}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()[:_LONGEST_ANSWER]
    if isinstance(value, int | float) and not abs(value) < _LARGEST_NUMBER:  # also NaN
        return None
    return value


def require_session(connection: Connection, session: Session, *, lock: bool = False) -> None:
    """Check that the session exists, by id and nonce.

    With ``lock``, other transactions on it wait until this one ends.

    Raises:
        SessionGone: it was erased or never existed.
    """
    there = select(sessions.c.id).where(
        sessions.c.id == session.id, sessions.c.nonce == session.nonce
    )
    # SQLite already allows only one writer.
    if lock and connection.dialect.name != "sqlite":
        there = there.with_for_update()
    if connection.execute(there).scalar() is None:
        raise SessionGone("this session exists no longer")
