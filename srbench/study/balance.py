"""Count existing ratings, so that new raters get the items with the fewest."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, func, select

from .manifest import Manifest
from .procedure import Item, Unit
from .rows import shown_of
from .schema import ITS_RETRACTION, retractions, sessions, trials, votes


def raters_per_item(connection: Connection, *, since: str, simulated: bool) -> dict[Item, int]:
    """The number of raters per item, counting each order of its stimuli separately.

    It includes raters who answered, and raters who are expected to answer because they began or
    voted after ``since`` (a stored timestamp).

    Real and simulated raters are counted separately, so that a trial run does not change what real
    raters see.
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
        select(trials.c.stimulus, trials.c.second, func.count())
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
        .group_by(trials.c.stimulus, trials.c.second)
    ).all()
    return {shown_of(stimulus, second): count for stimulus, second, count in rows}


def raters_per_unit(manifest: Manifest, shown: Mapping[Item, int]) -> dict[Unit, int]:
    """Raters per unit, from `raters_per_item`: the count of the unit's least rated item."""
    return {
        unit: min(asked_in_any_order(shown, item) for item in items)
        for unit, items in manifest.units.items()
    }


def asked_in_any_order(shown: Mapping[Item, int], item: Item) -> int:
    """How often an item was asked, in any order of its pictures."""
    return sum(shown.get(order, 0) for order in {item, item[::-1]})
