"""The texts of analysis.html: headline, and a methods section for a paper."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ...stats.claims import every_pair, join
from ...stats.degradation import means, procedure_of, worded
from ...stats.left_out import analysed, told_left_out
from ...stats.ratings import REFERENCE
from ...stats.standing import standing, tested
from ...stats.units import told_units
from ...wording import counted
from ..kit.numbers import software
from ..kit.style import dataset_name, display_name, format_value
from .collection import collection_text
from .names import Tables, datasets_of

_MEAN = {
    "acr": "The mean opinion score (MOS)",
    "dcr": "The differential mean opinion score of degradation category rating, DMOS (DCR),",
}
_ASKED = {
    "acr": "absolute category rating (1 bad, 2 poor, 3 fair, 4 good, 5 excellent)",
    "dcr": (
        "degradation category rating in comparison with the labelled original (ITU-T P.910: 1 very "
        "annoying, 2 annoying, 3 slightly annoying, 4 perceptible but not annoying, 5 "
        "imperceptible)"
    ),
}


def headline(tables: Tables) -> str:
    """The best version, its lead and the significance, in one sentence; or why there is none."""
    return worded(_headline(tables), procedure_of(tables["mos"]))


def _headline(tables: Tables) -> str:
    name = datasets_of(tables)[-1]
    own = means(tables["mos"])
    own = own[(own["dataset"] == name) & (own["ci_method"] == "crossed")]
    found, head = standing(tables, name), tested(tables["pairwise"], name)
    # Only methods in every data set can be pooled: the best method of one may be missing here.
    pooled = name == "all" and not set(tables["mos"]["method"]) <= set(own["method"])
    among = "Of the versions shown in all data sets, " if pooled else ""
    of = "" if name == "all" else f" of {dataset_name(name)}"
    where = _where(own[own["method"] == found.top] if found.top else own, of, tables["raters"])
    counts = _counts(own, head)
    if not found.same_images:
        ahead = ""
        if found.top is not None:
            ahead = f"on the images that both show, {display_name(found.top)} is significantly "
            ahead += "better than every other one; "
        text = f"The versions{of} were rated on different images, so their scores are not ranked"
        return f"{text}: {ahead}{counts}." if counts else f"{text}."
    if found.top is None:
        return f"Only the original was rated: MOS {format_value(own['mos'].iloc[0], 2)}{where}."
    row = own[own["method"] == found.top].iloc[0]
    top, mos = display_name(found.top), f"MOS {format_value(row['mos'], 2)}"
    if not found.ranked:
        highest = f"{among.lower()}highest mean: {top}" if found.others else f"{top} is rated"
        return f"One rater does not represent others; {highest}, {mos}{where}."
    if np.isfinite(row["ci_low"]):
        low, high = (format_value(row[end], 2) for end in ("ci_low", "ci_high"))
        mos += f" (95 % interval {low} to {high})"
    if not found.others:
        text = f"{among}{top} is rated: {mos}{where}"
    elif found.best:
        text = f"{among}{top} is rated best: {mos}{where}, significantly better than every other "
        text += "reconstruction"
    else:
        none = f"{among}none" if among else "No version"
        text = f"{none} is shown to be best: {top} has the highest {mos}{where}"
        for some, said, more in (
            (found.even, "not significantly better than", ""),
            (found.beating, "significantly worse than", " where both were rated"),
            (found.untested if len(head) else (), "not compared with", ""),
        ):
            if some:
                many = join(some, display_name) if len(some) <= 3 else f"{len(some)} others"
                text += f", {said} {many}{more}"
    return f"{text}; {counts}." if counts else f"{text}."


def _counts(own: pd.DataFrame, head: pd.DataFrame) -> str:
    if head.empty:
        return ""
    what = "differences between versions" if every_pair(head, own) else "differences tested"
    return f"{int(head['significant'].astype(bool).sum())} of {len(head)} {what} are significant"


def _where(own: pd.DataFrame, of: str, everybody: pd.DataFrame) -> str:
    images, raters = int(own["n_images"].max()), int(own["n_raters"].max())
    simulated = int(everybody["simulated"].sum())
    kind = "simulated " if simulated == len(everybody) else ""
    some = ", some of them simulated" if simulated and not kind else ""
    return f" over {counted(images, 'image')}{of} by {counted(raters, f'{kind}rater')}{some}"


def methods_text(
    tables: Tables, ratings: pd.DataFrame, settings: Mapping[str, object]
) -> list[str]:
    """Paragraphs that describe the methods in enough detail for a paper.

    ``ratings`` is the checked table; ``settings`` contains ``alpha``, ``resamples`` and whether the
    comparisons were declared (``family``).
    """
    everything = ratings[ratings["phase"] == "main"]
    main = analysed(everything)
    alpha = float(str(settings["alpha"]))
    level = f"{100 * (1 - alpha):g} %"
    said = [
        _design(main),
        collection_text(ratings, "vote", ["dataset", "image", "method"]),
        told_units(main),
        *filter(None, [told_left_out(everything)]),
        f"{_MEAN[procedure_of(tables['mos'])]} is the mean over (rater, image) cells, a rater's "
        f"repeated votes on one stimulus averaged first. Its {level} confidence interval treats "
        "raters and images as random samples (two-way crossed random effects without interaction): "
        "the variance of the mean is (MS_raters + MS_images − MS_residual)/(R·I) with "
        "Satterthwaite degrees of freedom; where that is not positive or has fewer degrees of "
        "freedom than the smaller of R − 1 and I − 1, max(MS_raters, MS_images)/(R·I) is used with "
        "that number"
        + _missing(main)
        + f". Bootstrap intervals resample raters and images together ({settings['resamples']} "
        "resamples, percentiles; Owen 2007); Student intervals and exact binomial intervals "
        "(Hoßfeld et al. 2018), which treat votes as independent, are listed for comparison.",
    ]
    if REFERENCE in set(main["method"].unique()):
        said.append(
            "DMOS (ACR-HR) is the rater's score minus that rater's score of the original of the "
            "same image plus 5 (hidden reference, ITU-T P.910); values above 5 are kept."
        )
    said.append(
        "The average rank is the rank of each version within one rater and image, ties averaged, "
        "1 the best; where a rater saw m of M versions of an image, ranks r are stretched to "
        "(r − 1/2)·M/m + 1/2."
    )
    family = "the declared comparisons" if settings.get("family") else "all pairs of methods"
    said.append(
        "Differences between two methods were tested on the rater × image table of score "
        "differences with a two-sided t test whose variance and degrees of freedom are those "
        "above, so that conclusions hold for other raters and other images. p-values were adjusted "
        f"by Holm's method over {family} within each data set (α = {alpha:g}), so that the chance "
        f"of any false difference is {100 * alpha:g} % for each data set, not for all of them "
        "together; intervals of differences are not adjusted. That a difference is not significant "
        "does not show that there is none. Other tests: a normal test with the crossed-bootstrap "
        "standard error; Wilcoxon signed-rank tests on image means and on rater means (differences "
        "rounded to nine decimals, zeros by Pratt's method, exact up to 50 pairs, otherwise normal "
        "approximation with tie correction); and, for comparison with Ledig et al. 2017, the "
        "Wilcoxon test on pooled (rater, image) pairs. Effect sizes are MOS differences and "
        "matched rank-biserial correlations. Omnibus: Friedman's test with image means and with "
        "rater means as blocks, Kendall's W, Nemenyi's post-hoc comparisons. Tests on image means "
        "treat the raters as fixed, and tests on rater means the images: their p-values are not "
        "valid for other raters and other images together."
    )
    said.append(
        "Rater bias and inconsistency follow ITU-T P.910 (10/2023) Annex E (alternating "
        "projection, standard error (Σ 1/v²)^(−1/2)"
        + _collapsed(tables)
        + "). Raters were screened by the rule of ITU-R BT.500-15 (deviation with n and kurtosis "
        "per stimulus, ≥; unanimous stimuli count no outliers); flagged raters stay in every "
        "headline number, and screening, weighting by consistency and one mixed model of all "
        "methods are reported as sensitivity analyses. Reliability: ICC(A,1) and ICC(A,k) (two-way "
        "random effects, absolute agreement, McGraw and Wong 1996, variance components by REML "
        "where votes are missing) and Krippendorff's ordinal α, with jackknife intervals over "
        "raters and contents, and the SOS parameter a (Hoßfeld et al. 2011, least squares on "
        "variances with n − 1)."
    )
    said.append(_exclusions(tables, everything))
    if "metric_vs_mos" in tables:
        said.append(
            "Metrics were compared with MOS as in ITU-T P.1401: PLCC and RMSE (N − d degrees of "
            "freedom) after a monotone mapping (third-order polynomial where monotone over the "
            "data, else the four-parameter logistic, else a line), Spearman's and Kendall's rank "
            "correlations (τ-b) before it, per stimulus and per method mean, without the original; "
            f"{level} percentile intervals from {settings['resamples']} resamples of images with "
            "all their methods, the mapping held fixed. The metric whose SROCC agrees best with "
            "the raters was compared with each other one in the same resamples (Bonferroni)."
        )
    said.append(software())
    return [worded(text, procedure_of(tables["mos"])) for text in said]


def _exclusions(tables: Tables, everything: pd.DataFrame) -> str:
    raters = tables["raters"]
    flagged = int(raters["flagged"].sum())
    told = f"{counted(flagged, 'rater')} of {len(raters)}" if flagged else "nobody"
    none = "" if told_left_out(everything) else "No vote of the main part was left out. "
    return (
        f"{none}By rules on gold stimuli, retests, agreement with the others and the screening "
        f"above, {told} {'was' if flagged < 2 else 'were'} flagged; the results without flagged "
        "raters are in the sensitivity table."
    )


def _design(main: pd.DataFrame) -> str:
    images = main[["dataset", "image"]].drop_duplicates().groupby("dataset").size()
    sets = join([f"{dataset_name(str(name))} ({n})" for name, n in images.items()], str)
    stimuli = len(main[["dataset", "image", "method"]].drop_duplicates())
    simulated = float(main["simulated"].mean())
    note = ""
    if simulated == 1:
        note = " All ratings come from simulated raters."
    elif simulated > 0:
        note = f" {100 * simulated:.0f} % of the ratings come from simulated raters."
    hidden = (
        ", the unmarked original among them" if REFERENCE in set(main["method"].unique()) else ""
    )
    return (
        f"{counted(main['rater'].nunique(), 'rater')} gave {counted(len(main), 'rating')} on the "
        f"five-point scale of "
        f"{_ASKED[str(main['procedure'].iloc[0])]} to "
        f"{stimuli:,} stimuli: {main['method'].nunique()} versions{hidden}, of images of {sets}."
        f"{note}"
    )


def _collapsed(tables: Tables) -> str:
    if not tables["raters"]["note"].str.contains("equal weights").any():
        return ""
    return "; with equal weights, because one rater would have had all the weight"


def _missing(main: pd.DataFrame) -> str:
    stimuli = len(main[["dataset", "image", "method"]].drop_duplicates())
    cells = len(main[["rater", "dataset", "image", "method"]].drop_duplicates())
    if cells == stimuli * main["rater"].nunique():
        return ""
    return (
        "; where votes are missing, the mean squares are rebuilt from variance components by "
        "Henderson's method 1 and the share of each rater and image in the mean"
    )
