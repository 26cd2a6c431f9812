"""How often each content is rated already, so that new raters are given what was rated least."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from .manifest import Manifest
from .playlists import Content
from .schema import ITS_RETRACTION, retractions, sessions, trials, votes


def raters_per_content(
    connection: Connection, manifest: Manifest, *, since: str, simulated: bool
) -> dict[Content, int]:
    """Raters per content: those who rated it, and those of whom it is still expected because they
    began or voted after ``since`` (a stored timestamp).

    People and simulated raters are counted apart: trying a study out must not change what its
    raters are shown. A content counts as often as its least rated version.
    """
    last_sign = (
        select(votes.c.session_id, func.max(votes.c.rated_at).label("at"))
        .group_by(votes.c.session_id)
        .subquery()
    )
    counting = (
        select(votes.c.session_id, votes.c.trial)
        .outerjoin(retractions, ITS_RETRACTION)
        .where(retractions.c.session_id.is_(None))
        .subquery()
    )
    rows = connection.execute(
        select(trials.c.stimulus, func.count())
        .join(sessions, sessions.c.id == trials.c.session_id)
        .outerjoin(last_sign, last_sign.c.session_id == sessions.c.id)
        .outerjoin(
            counting,
            (counting.c.session_id == trials.c.session_id) & (counting.c.trial == trials.c.trial),
        )
        .where(trials.c.phase == "main", sessions.c.simulated.is_(simulated))
        .where(
            counting.c.session_id.is_not(None)
            | (func.coalesce(last_sign.c.at, sessions.c.created_at) >= since)
        )
        .group_by(trials.c.stimulus)
    ).all()
    counts = {row[0]: row[1] for row in rows}
    return {
        content: min(counts.get(version, 0) for version in versions)
        for content, versions in manifest.contents.items()
    }
