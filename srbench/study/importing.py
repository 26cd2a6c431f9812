"""Import the votes of a ratings table into the database (`ratings` exports them)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, insert, select

from ..errors import StudyError
from ..files import expanded
from .given_votes import GivenVote, read_votes
from .keys import new_nonce
from .rows import shown_of, trial_row
from .schema import ITS_RETRACTION, ITS_TRIAL, retractions, sessions, tombstones, trials, votes
from .store import Store


@dataclass(frozen=True)
class ImportedVotes:
    """The votes that an import added, and the number of rows that already existed."""

    raters: int
    votes: int
    repeated: int


def import_ratings(store: Store, file: Path) -> ImportedVotes:
    """Add the votes of a ratings table that are not in the study yet, in one transaction.

    Required columns: rater, dataset, image, method, score; for pairs method_a, method_b and answer
    instead of the last two. New raters get a session that cannot be resumed; unknown columns are
    kept. A later table of the same raters adds only new votes.

    Raises:
        RatingsError: the file cannot be read as a table of votes; the message says what it is.
        StudyError: the table lacks a column or has no votes; or a row has an unknown stimulus, an
            invalid score or an erased rater, contradicts a stored vote, or adds a vote of a rater
            who rates in this study.
    """
    file = expanded(file)
    by_rater: dict[str, list[GivenVote]] = {}
    for vote in read_votes(file, store.manifest):
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


def _new_session(connection: Connection, rater: str, theirs: Sequence[GivenVote], now: str) -> int:
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


def _not_stored(
    connection: Connection, session_id: int, theirs: Sequence[GivenVote]
) -> list[GivenVote]:
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
    new: list[GivenVote] = []
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
