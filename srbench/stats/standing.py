"""Decide whether a data set has a best method, and the reason if it has none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from .cells import ALL
from .degradation import means
from .ratings import REFERENCE
from .significance import HEADLINE

Verdict = Literal["better", "even", "worse"]


@dataclass(frozen=True)
class Standing:
    """The reconstructions of one data set compared with ``top``, which has the highest MOS.

    If they were rated on different images, their means are not comparable: then ``top`` is the one
    that is significantly better than every other one on their common images, or None. ``beaten``,
    ``even``, ``beating`` and ``untested`` group the other reconstructions by the headline test
    against ``top``; ``original`` is its result against the original. ``alone`` lists 'rater',
    'panel', 'image' or 'content' if there is only one of them.
    """

    top: str | None
    others: tuple[str, ...]
    same_images: bool
    alone: tuple[str, ...]
    beaten: tuple[str, ...] = ()
    even: tuple[str, ...] = ()
    beating: tuple[str, ...] = ()
    untested: tuple[str, ...] = ()
    original: Verdict | None = None

    @property
    def ranked(self) -> bool:
        """Whether means may be ranked: they cover the same images and more than one rater."""
        return self.same_images and not {"rater", "panel"} & set(self.alone)

    @property
    def best(self) -> bool:
        """Whether ``top`` may be called best: ranked, and better than every other one."""
        return self.ranked and bool(self.others) and len(self.beaten) == len(self.others)


def standing(tables: Mapping[str, pd.DataFrame], dataset: str) -> Standing:
    """The `Standing` of one data set (or ``all``) in the tables of `analyze`."""
    own = means(tables["mos"])
    own = own[(own["dataset"] == dataset) & (own["ci_method"] == "crossed")]
    alone = tuple(
        member if own[f"n_{member}s"].max() == 1 else unit
        for member, unit in (("rater", "panel"), ("image", "content"))
        if own[f"n_{unit}s"].max() == 1
    )
    own = own[own["method"] != REFERENCE].sort_values("mos", ascending=False, kind="stable")
    methods = [str(method) for method in own["method"]]
    same = same_images(tables["stimuli"], dataset, methods)
    head = tested(tables["pairwise"], dataset)
    verdicts = {method: against(method, head) for method in methods}
    top = methods[0] if methods else None
    if not same:
        ahead = [
            m for m in methods if all(verdicts[m].get(o) == "better" for o in methods if o != m)
        ]
        top = ahead[0] if ahead else None
    if top is None:
        return Standing(None, tuple(methods), same, alone)
    others = tuple(method for method in methods if method != top)
    mine = verdicts[top]

    def those(verdict: Verdict | None) -> tuple[str, ...]:
        return tuple(method for method in others if mine.get(method) == verdict)

    return Standing(
        top,
        others,
        same,
        alone,
        those("better"),
        those("even"),
        those("worse"),
        those(None),
        mine.get(REFERENCE),
    )


def same_images(stimuli: pd.DataFrame, dataset: str, methods: list[str]) -> bool:
    """Whether these methods were rated on the same images of the data set (or of all)."""
    own = stimuli if dataset == ALL else stimuli[stimuli["dataset"] == dataset]
    own = own[own["method"].isin(methods)]
    return own.drop_duplicates(["dataset", "image"]).shape[0] * len(methods) == len(own)


def tested(pairwise: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """The comparisons of one data set that have a headline test."""
    own = pairwise[(pairwise["dataset"] == dataset) & (pairwise["test"] == HEADLINE)]
    return own[own["p_holm"].notna()]


def against(method: str, head: pd.DataFrame) -> dict[str, Verdict]:
    """The result of ``method`` against each compared method, in the order of ``head``.

    If votes are missing, MOS and differences use different cells, so the method with the highest
    MOS can be significantly ``worse``.
    """
    found: dict[str, Verdict] = {}
    for sign, own, other in ((1, "method_a", "method_b"), (-1, "method_b", "method_a")):
        for row in head[head[own] == method].to_dict("records"):
            gain = sign * row["mos_difference"]
            verdict: Verdict = "better" if gain > 0 else "worse"
            found[str(row[other])] = verdict if row["significant"] else "even"
    order = [str(name) for pair in head[["method_a", "method_b"]].to_numpy() for name in pair]
    return {name: found[name] for name in dict.fromkeys(order) if name in found}
