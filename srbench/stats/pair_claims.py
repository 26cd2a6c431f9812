"""The conclusions of a pair study in sentences, from the headline test."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..wording import counted
from .cells import ALL
from .claims import Name, against, join
from .pairs import PAIR_HEADLINE
from .ratings import REFERENCE

Tables = Mapping[str, pd.DataFrame]


def pair_claims(tables: Tables, name: Name = str, alpha: float = 0.05) -> pd.DataFrame:
    """The conclusions in sentences: ``dataset, topic, claim``; ``name`` makes names printable.

    ``alpha`` is that of the tables: their intervals have the level 1 - alpha.
    """
    rows: list[dict[str, str]] = []
    for dataset in dict.fromkeys(tables["scale"]["dataset"].astype(str)):
        where = "Over all data sets" if dataset == ALL else f"On {name(dataset)}"
        said = [("best", f"{where}, {best_of(tables, dataset, name, alpha)}.")]
        head = _head(tables, dataset)
        own = tables["scale"][tables["scale"]["dataset"] == dataset]
        if len(head) and own["n_raters"].max() > 1:
            count = int(head["significant"].astype(bool).sum())
            said.append(
                ("differences", f"{where}, {count} of {len(head)} differences are significant.")
            )
        said += [("fit", f"{where}, {_fit(tables, dataset)}.")]
        rows += [{"dataset": dataset, "topic": topic, "claim": claim} for topic, claim in said]
    for row in tables["sensitivity"].to_dict("records"):
        if row["left_out"] and row["changed"] == row["changed"]:
            where = (
                "Over all data sets" if row["dataset"] == ALL else f"On {name(str(row['dataset']))}"
            )
            changed = int(row["changed"])
            told = f"{where}, without {counted(int(row['left_out']), 'flagged rater')} "
            told += (
                "no conclusion changes."
                if not changed
                else (f"{counted(changed, 'conclusion')} would change ({row['changed_pairs']}).")
            )
            rows.append({"dataset": str(row["dataset"]), "topic": "flagged raters", "claim": told})
    if "metric_vs_pairs" in tables:
        rows += [
            {"dataset": "all", "topic": "metrics", "claim": text}
            for text in _metrics(tables, alpha)
        ]
    return pd.DataFrame(rows, columns=pd.Index(["dataset", "topic", "claim"]))


def best_of(tables: Tables, dataset: str, name: Name = str, alpha: float = 0.05) -> str:
    """The best of the reconstructions, with its interval and what it beats; no full stop."""
    verdict, detail = best_parts(tables, dataset, name, alpha)
    return f"{verdict}: {detail}" if detail else verdict


def best_parts(
    tables: Tables, dataset: str, name: Name = str, alpha: float = 0.05
) -> tuple[str, str]:
    """`best_of` in two parts: who is best, or that none is, and the numbers behind it."""
    own = tables["scale"]
    own = own[(own["dataset"] == dataset) & own["score"].notna()]
    own = own.sort_values("score", ascending=False, kind="stable")
    ranked = own[own["method"] != REFERENCE]
    if ranked.empty:
        return "only the original has a position on the scale", ""
    row = ranked.iloc[0]
    top = str(row["method"])
    found = against(top, _head(tables, dataset))
    others = [str(m) for m in ranked["method"] if m != top]
    even = [m for m in others if found.get(m) == "even"]
    unknown = [m for m in others if m not in found]
    alone = min(int(own["n_raters"].max()), int(own["n_images"].max())) == 1
    if not others:
        verdict, text = f"{name(top)} is the only reconstruction", ""
    elif alone:
        verdict = f"{name(top)} is highest of the reconstructions, where one rater or "
        verdict += "one image does not represent others"
        text = ""
    elif all(found.get(m) == "better" for m in others):
        verdict, text = f"{name(top)} is preferred to every other reconstruction", ""
    else:
        verdict = "no reconstruction is shown to be preferred to all others"
        score = f"{row['score']:.2f}"
        level = [str(m) for m, s in zip(ranked["method"], ranked["score"], strict=True)
                 if m != top and f"{s:.2f}" == score]  # fmt: skip
        text = f"{join([top, *level], name)} {'are' if level else 'is'} highest, "
    text += (
        f"{_signed(row['score'])} on the scale ({_percent(alpha)} interval "
        f"{_signed(row['ci_low'])} to {_signed(row['ci_high'])}), preferred in "
        f"{100 * row['win_rate']:.0f} % of its comparisons"
    )
    if even:
        shown = join(even, name) if len(even) <= 3 else f"{len(even)} others"
        text += f"; no significant difference from {shown}"
    if unknown:
        shown = join(unknown, name) if len(unknown) <= 3 else f"{len(unknown)} others"
        text += f"; its difference from {shown} was not tested"
    if found.get(REFERENCE) == "even":
        text += "; no significant difference from the original was found, which does not show that "
        text += "there is none"
    return verdict, text


def _head(tables: Tables, dataset: str) -> pd.DataFrame:
    table = tables["pairwise"]
    own = (table["dataset"] == dataset) & (table["test"] == PAIR_HEADLINE)
    return table[own & table["p_holm"].notna()]


def _fit(tables: Tables, dataset: str) -> str:
    row = tables["fit"][tables["fit"]["dataset"] == dataset].iloc[0]
    if np.isnan(row["p"]):
        fits = "too few pairs were asked to test whether one scale fits"
    elif row["p"] < 0.05:
        fits = (
            f"one scale does not explain all win rates (p = {row['p']:.2g}, the largest is off by "
            f"{100 * row['largest']:.0f} percentage points): use the win rates too"
        )
    else:
        fits = (
            f"the win rates do not contradict one scale (p = {row['p']:.2f}, none is off by more "
            f"than {100 * row['largest']:.0f} percentage points)"
        )
    if row["triples"]:
        fits += (
            f"; by majority, {int(row['circular'])} of {int(row['triples'])} triples of methods "
            f"{'is' if row['circular'] == 1 else 'are'} circular (A over B over C over A)"
        )
    return fits


def _metrics(tables: Tables, alpha: float) -> list[str]:
    frame = tables["metric_vs_pairs"].sort_values("agreement", ascending=False, kind="stable")
    frame = frame[frame["agreement"].notna()]
    if frame.empty:
        return []
    row = frame.iloc[0]
    best = str(row["label"])
    interval = (
        f" ({_percent(alpha)} interval {100 * row['ci_low']:.0f} to {100 * row['ci_high']:.0f} %)"
        if np.isfinite(row["ci_low"])
        else ""
    )
    text = (
        f"{best} agrees with the majority of the raters on {100 * row['agreement']:.0f} % of "
        f"{int(row['n_pairs'])} pairs of pictures{interval}, the most of all metrics"
    )
    gaps = tables["metric_comparison"]
    labels = dict(
        zip(frame["metric"] + " (" + frame["protocol"] + ")", frame["label"], strict=True)
    )
    alike = [labels[str(other)] for other in gaps.loc[~gaps["differs"].astype(bool), "other"]]
    if alike and gaps["ci_low"].isna().all():
        text += f"; its lead over {join(alike, str)} cannot be tested with one rater or one image"
    elif alike:
        text += f"; its lead over {join(alike, str)} may be due to chance"
    return [text + "."]


def _percent(alpha: float) -> str:
    return f"{100 * (1 - alpha):g} %"


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")
