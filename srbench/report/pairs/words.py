"""The words of a pair study's page: headline, conclusions, methods to paste into a paper."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...stats.claims import against, join
from ...stats.pairs import PAIR_HEADLINE
from ...stats.ratings import REFERENCE
from ...wording import counted
from ..kit.style import dataset_name, display_name, format_value
from .names import Tables, best_first, datasets_of, metric_labels


def pair_headline(tables: Tables) -> str:
    """Who is preferred most, by how much, and how sure that is, in one sentence."""
    name = datasets_of(tables)[-1]
    own = tables["scale"][tables["scale"]["dataset"] == name]
    images, raters = int(own["n_images"].max()), int(own["n_raters"].max())
    kind = "simulated " if bool(tables["raters"]["simulated"].all()) else ""
    where = "" if name == "all" else f" of {dataset_name(name)}"
    over = f" over {counted(images, 'image')}{where} by {counted(raters, f'{kind}rater')}"
    return f"{_best(tables, name, over)}."


def pair_claims(tables: Tables) -> pd.DataFrame:
    """The conclusions in sentences: ``dataset, topic, claim``."""
    rows: list[dict[str, str]] = []
    for name in datasets_of(tables):
        where = "Over all data sets" if name == "all" else f"On {dataset_name(name)}"
        said = [("best", f"{where}, {_best(tables, name)}.")]
        head = _head(tables, name)
        if len(head):
            count = int(head["significant"].astype(bool).sum())
            said.append(
                ("differences", f"{where}, {count} of {len(head)} differences are significant.")
            )
        said += [("fit", f"{where}, {_fit(tables, name)}.")]
        rows += [{"dataset": name, "topic": topic, "claim": claim} for topic, claim in said]
    for row in tables["sensitivity"].to_dict("records"):
        if row["left_out"] and row["changed"] == row["changed"]:
            where = "Over all data sets" if row["dataset"] == "all" else f"On {row['dataset']}"
            changed = int(row["changed"])
            told = f"{where}, without {counted(int(row['left_out']), 'flagged rater')} "
            told += (
                "no conclusion changes."
                if not changed
                else (f"{counted(changed, 'conclusion')} would change ({row['changed_pairs']}).")
            )
            rows.append({"dataset": str(row["dataset"]), "topic": "flagged raters", "claim": told})
    if "metric_vs_pairs" in tables:
        rows += [{"dataset": "all", "topic": "metrics", "claim": text} for text in _metrics(tables)]
    return pd.DataFrame(rows, columns=pd.Index(["dataset", "topic", "claim"]))


def _head(tables: Tables, dataset: str) -> pd.DataFrame:
    table = tables["pairwise"]
    own = (table["dataset"] == dataset) & (table["test"] == PAIR_HEADLINE)
    return table[own & table["p_holm"].notna()]


def _best(tables: Tables, dataset: str, over: str = "") -> str:
    """The best of the reconstructions, with its interval and what it beats; no full stop.

    ``over`` says which images and raters, where that is not said before.
    """
    own = best_first(tables, dataset)
    own = own[own["score"].notna()]
    ranked = own[own["method"] != REFERENCE]
    if ranked.empty:
        return "only the original stands on a scale"
    row = ranked.iloc[0]
    top = str(row["method"])
    text = (
        f"{display_name(top)} is preferred most of the reconstructions{over}: "
        f"{format_value(row['score'], 2)} on the scale (95 % interval "
        f"{format_value(row['ci_low'], 2)} to {format_value(row['ci_high'], 2)}), preferred in "
        f"{100 * row['win_rate']:.0f} % of its comparisons"
    )
    found = against(top, _head(tables, dataset))
    others = [str(m) for m in ranked["method"] if m != top]
    even = [m for m in others if found.get(m) == "even"]
    unknown = [m for m in others if m not in found]
    if others and all(found.get(m) == "better" for m in others):
        text += "; significantly more than every other one"
    elif even:
        shown = join(even, display_name) if len(even) <= 3 else f"{len(even)} others"
        text += f"; no significant difference from {shown}"
    if unknown:
        shown = join(unknown, display_name) if len(unknown) <= 3 else f"{len(unknown)} others"
        text += f"; it was not compared with {shown}"
    if found.get(REFERENCE) == "even":
        text += "; no significant difference from the original was found, which does not show that "
        text += "there is none"
    return text


def _fit(tables: Tables, dataset: str) -> str:
    row = tables["fit"][tables["fit"]["dataset"] == dataset].iloc[0]
    if np.isnan(row["p"]):
        fits = "whether one scale fits cannot be told: too few pairs were asked"
    elif row["p"] < 0.05:
        fits = (
            f"one scale does not explain all win rates (p = {row['p']:.2g}, the largest is off by "
            f"{100 * row['largest']:.0f} percentage points): read the matrix beside the scale"
        )
    else:
        fits = (
            f"one scale explains the win rates (p = {row['p']:.2f}, none is off by more than "
            f"{100 * row['largest']:.0f} percentage points)"
        )
    if row["triples"]:
        fits += (
            f"; of {int(row['triples'])} triples {int(row['circular'])} "
            f"{'runs' if row['circular'] == 1 else 'run'} in a circle by majority"
        )
    return fits


def _metrics(tables: Tables) -> list[str]:
    frame = tables["metric_vs_pairs"].sort_values("agreement", ascending=False, kind="stable")
    frame = frame[frame["agreement"].notna()]
    if frame.empty:
        return []
    row = frame.iloc[0]
    best = str(row["label"])
    text = (
        f"{best} agrees with the majority of the raters on {100 * row['agreement']:.0f} % of "
        f"{int(row['n_pairs'])} pairs of pictures (95 % interval {100 * row['ci_low']:.0f} to "
        f"{100 * row['ci_high']:.0f} %), the most of all metrics"
    )
    gaps = tables["metric_comparison"]
    labels = metric_labels(tables)
    alike = [labels[str(other)] for other in gaps.loc[~gaps["differs"].astype(bool), "other"]]
    if alike:
        text += f"; its lead over {join(alike, str)} is within chance"
    return [text + "."]


def pair_methods_text(
    tables: Tables, answers: pd.DataFrame, settings: Mapping[str, object]
) -> list[str]:
    """Paragraphs that state what was done, precisely enough for a paper."""
    main = answers[answers["phase"] == "main"]
    alpha = float(str(settings["alpha"]))
    methods = {*main["method_a"], *main["method_b"]}
    images = main[["dataset", "image"]].drop_duplicates().groupby("dataset").size()
    sets = join([f"{dataset_name(str(name))} ({n})" for name, n in images.items()], str)
    simulated = " All answers come from simulated raters." if main["simulated"].all() else ""
    ties = bool((main["answer"] == "same").any())
    allowed = ", or no difference," if ties else ""
    hidden = ", the unmarked original among them" if REFERENCE in methods else ""
    unit = "contents" if "content" in main else "images"
    people = "panels" if "panel" in main else "raters"
    family = "the declared comparisons" if settings.get("family") else "all pairs that were asked"
    said = [
        f"{main['rater'].nunique()} raters gave {len(main):,} answers to the question which of two "
        f"versions of one image{allowed} is better: {len(methods)} versions{hidden}, of images of "
        f"{sets}.{simulated}",
        "The answers were fitted by the Bradley-Terry model "
        + ("with Davidson's ties (1970) " if ties else "")
        + "by maximum likelihood, once per data set; the scale is in logits and its sum 0. One "
        "just-objectionable difference (JOD) is ln 3 logits: of the answers that prefer one, "
        "three in four prefer the better. Where a group of methods was never beaten by the others "
        "(perfect separation) half an answer for each side of every pair asked was added.",
        f"Intervals and tests treat {people} and {unit} as random samples: the variance of a score "
        f"or a difference is that clustered on {people} plus that clustered on {unit} less that "
        "of what is left in their cells (Cameron, Gelbach and Miller 2011), with Satterthwaite "
        "degrees of freedom; where that is not positive or has fewer degrees of freedom than the "
        f"smaller of the numbers of {people} and {unit} less 1, the larger of the first two stands "
        "in with that number; never less than the variance of independent answers. Differences "
        f"were tested by t; p-values were adjusted by Holm's method over {family} within each data "
        f"set (α = {alpha:g}); intervals of differences are not adjusted. In simulated studies "
        "with 26 raters and 14 images, in which raters and images differ in their preferences, "
        "such tests called equal methods different in 2 to 6 % of the cases at 5 %, and the "
        "intervals held the truth in 94 to 98 %. That a difference is not significant does not "
        "show that there is none.",
        "Win rates count 'no difference' as half; their intervals are Clopper and Pearson's for "
        "the effective number of answers (Korn and Graubard 1998). Goodness of fit: Pearson's χ² "
        "of the pairs' win rates, corrected for the design (Rao and Scott 1984, first order). "
        "Agreement: Krippendorff's nominal α, a unit being two versions of one image.",
    ]
    if "metric_vs_pairs" in tables:
        said.append(
            "A metric agrees with the raters on a pair of pictures where it prefers the one that "
            "the majority preferred; equal values count half, pictures without a majority do not "
            f"count. Intervals are normal with the deviation over {settings['resamples']} "
            f"resamples of {people} and {unit} together; two metrics were compared in the same "
            "resamples (Bonferroni)."
        )
    return said
