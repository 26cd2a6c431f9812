"""Votes of older studies that may stand at a picture that was not shown.

Before its database's schema 2, srbench on SQLite could give an erased rater's session id to the
next rater. A server that had run through both then went by the erased rater's playlist, and the
next rater's votes were stored for other pictures than were on the screen. What was shown was not
recorded, so affected votes cannot be told one by one.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from .schema import sessions, tombstones, votes
from .store import Store


@dataclass(frozen=True)
class Doubt:
    """Raters whose votes may be affected, and when the first erasure before them was."""

    raters: tuple[str, ...]
    votes: int
    erased_at: str

    def __str__(self) -> str:
        shown = ", ".join(self.raters[:5]) + (", ..." if len(self.raters) > 5 else "")
        return (
            f"{self.votes:,} votes of {len(self.raters):,} raters ({shown}) may stand at pictures "
            "that were not shown: these raters began after a rater was erased "
            f"({self.erased_at[:16].replace('T', ' ')} UTC), and the srbench of that time could "
            "give them the erased rater's order. Only if the server was restarted between each "
            "erasure and the next rater are the votes right for certain; else leave these raters "
            "out: in the exported table their column 'stimulus' is empty. Votes given from now on "
            "record what was shown"
        )


def doubtful_votes(store: Store) -> Doubt | None:
    """What may be affected in a study; None where nothing can be."""
    if store.engine.dialect.name != "sqlite":
        return None  # PostgreSQL never gave an id twice
    with store.read() as connection:
        first = connection.execute(select(func.min(tombstones.c.erased_at))).scalar()
        if first is None:
            return None
        counts = connection.execute(
            select(sessions.c.rater, func.count())
            .join(votes, votes.c.session_id == sessions.c.id)
            .where(sessions.c.created_at >= first, sessions.c.imported.is_(False))
            .where(votes.c.stimulus.is_(None))
            .group_by(sessions.c.rater)
            .order_by(sessions.c.rater)
        ).all()
    if not counts:
        return None
    return Doubt(tuple(row[0] for row in counts), sum(row[1] for row in counts), first)
