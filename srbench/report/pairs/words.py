"""The texts of a pair study's page: title, results, and a methods section for a paper."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from ...stats.claims import join
from ...stats.left_out import analysed, told_left_out
from ...stats.pair_answers import in_order
from ...stats.pair_claims import best_parts
from ...stats.ratings import REFERENCE
from ...stats.units import told_units
from ...wording import counted
from ..kit.numbers import software
from ..kit.style import dataset_name, display_name
from ..study.collection import collection_text
from ..study.leads import StudyLead
from .names import Tables, datasets_of


def pair_title(tables: Tables) -> str:
    """``7 versions compared by 26 raters on Set5 and Set14``."""
    names = [dataset_name(name) for name in datasets_of(tables) if name != "all"]
    where = join(names, str) if len(names) <= 4 else counted(len(names), "data set")
    raters = tables["raters"]
    kind = "simulated rater" if bool(raters["simulated"].all()) else "rater"
    versions = counted(tables["scale"]["method"].nunique(), "version")
    return f"{versions} compared by {counted(len(raters), kind)} on {where}"


def pair_leads(tables: Tables) -> list[StudyLead]:
    """The result of every data set, then of all together."""
    found: list[StudyLead] = []
    for name in datasets_of(tables):
        own = tables["scale"][tables["scale"]["dataset"] == name]
        about = counted(int(own["n_images"].max()), "image")
        where = dataset_name(name)
        verdict, detail = best_parts(tables, name, display_name)
        if verdict.startswith("no reconstruction is shown"):
            verdict = "no version is best"
        found.append(StudyLead(where[:1].upper() + where[1:], about, verdict, detail))
    return found


def pair_methods_text(
    tables: Tables, answers: pd.DataFrame, settings: Mapping[str, object]
) -> list[str]:
    """Paragraphs that describe the methods in enough detail for a paper."""
    everything = answers[answers["phase"] == "main"]
    main = analysed(everything)
    low, high = in_order(answers)
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
        f"{counted(main['rater'].nunique(), 'rater')} gave {counted(len(main), 'answer')} to the "
        f"question which of two "
        f"versions of one image{allowed} is better: {len(methods)} versions{hidden}, of images of "
        f"{sets}.{simulated}",
        collection_text(
            answers.assign(method_a=low, method_b=high),
            "answer",
            ["dataset", "image", "method_a", "method_b"],
        ),
        told_units(main),
        *filter(None, [told_left_out(everything)]),
        "The answers were fitted by the Bradley-Terry model "
        + ("with Davidson's ties (1970) " if ties else "")
        + "by maximum likelihood, once per data set; the scale is in logits and its sum is 0. One "
        "just-objectionable difference (JOD) is ln 3 logits: of the answers that prefer one, "
        "three in four prefer the better. If a group of methods was never beaten by the others "
        "(perfect separation), half an answer for each side of every pair asked was added.",
        f"Intervals and tests treat {people} and {unit} as random samples: the variance of a score "
        f"or a difference is the variance clustered on {people} plus that clustered on {unit} "
        "minus that of their cells (Cameron, Gelbach and Miller 2011), with Satterthwaite "
        "degrees of freedom. If this is not positive or has fewer degrees of freedom than the "
        f"smaller of the numbers of {people} and {unit} minus 1, the larger of the first two is "
        "used with that number. It is at least the variance of independent answers. Differences "
        f"were tested by t; p-values were adjusted by Holm's method over {family} within each data "
        f"set (α = {alpha:g}); intervals of differences are not adjusted. In simulated studies "
        "with 26 raters and 14 images, in which raters and images differ in their preferences, "
        "such tests had 2 to 6 % false positives at the 5 % level, and the coverage of the "
        "intervals was 94 to 98 %. That a difference is not significant does not "
        "show that there is none.",
        "Win rates count 'no difference' as half; their intervals are Clopper and Pearson's for "
        "the effective number of answers (Korn and Graubard 1998). Goodness of fit: Pearson's χ² "
        "of the pairs' win rates, corrected for the design (Rao and Scott 1984, first order). "
        "Agreement: Krippendorff's nominal α, a unit being two versions of one image.",
    ]
    if "metric_vs_pairs" in tables:
        said.append(
            "A metric agrees with the raters on a pair of pictures if it prefers the one that "
            "the majority preferred; equal values count half, pairs without a majority do not "
            f"count. Intervals are Student's with the deviation over {settings['resamples']} "
            f"resamples of {people} and {unit} together; two metrics were compared in the same "
            "resamples (Bonferroni)."
        )
    said.append(software())
    return said
