"""Find votes of older studies that may be stored for the wrong picture.

Before database schema 2, srbench on SQLite could give an erased rater's session id to the next
rater. A server that ran during both then used the erased rater's playlist and stored the next
rater's votes for the wrong pictures. The shown picture was not recorded, so single affected votes
cannot be identified.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from .schema import sessions, tombstones, votes
from .store import Store


@dataclass(frozen=True)
class Doubt:
    """Raters whose votes may be affected, and the time of the first erasure before them."""

    raters: tuple[str, ...]
    votes: int
    erased_at: str

    def __str__(self) -> str:
        shown = ", ".join(self.raters[:5]) + (", ..." if len(self.raters) > 5 else "")
        return (
            f"{self.votes:,} votes of {len(self.raters):,} raters ({shown}) may be stored for the "
            "wrong pictures: these raters began after a rater was erased "
            f"({self.erased_at[:16].replace('T', ' ')} UTC), and that version of srbench could "
            "give them the erased rater's playlist. The votes are certainly right only if the "
            "server was restarted between each erasure and the next rater. Otherwise leave these "
            "raters out: in the exported table their column 'stimulus' is empty. New votes record "
            "the shown picture"
        )


def doubtful_votes(store: Store) -> Doubt | None:
    """The votes of a study that may be affected; None if there are none."""
    if store.engine.dialect.name != "sqlite":
        return None  # PostgreSQL never reused an id
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
