"""The figures of a rating study with their captions, from the tables of `srbench.analyze`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ...files import safe_stem
from ...metrics.table import Known
from ...stats.degradation import procedure_of, worded
from ..kit.drawn import Drawn
from ..kit.panels import mark_simulated
from ..kit.style import (
    dataset_name,
    figure_style,
)
from .metric_chart import metric_panels
from .mos_charts import (
    LONGEST_LETTERS,
    differences_figure,
    mos_figure,
    published_mos,
    ranks_figure,
    votes_figure,
)
from .names import Tables, datasets_of, letters_note
from .rater_charts import raters_figure, sos_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS = ("mos", "votes", "ranks", "differences", "raters", "metric", "sos")
_CROSSED = "95 % crossed random-effects interval (raters and images)"


def draw_analysis(tables: Tables) -> Iterator[Drawn]:
    """All figures, one at a time; figures without data are left out.

    Figures of simulated ratings are marked.
    """
    names = datasets_of(tables)
    for name in names:
        yield _drawn(
            tables,
            safe_stem(f"mos_{name}"),
            f"Mean opinion score, {dataset_name(name)}",
            f"Lines: {_CROSSED}. {_about_letters(tables, name)}{_about_paper(tables, name)}",
            mos_figure(tables, name),
        )
    for name in names:
        if name != "all":
            yield _drawn(
                tables,
                safe_stem(f"votes_{name}"),
                f"Distribution of scores, {dataset_name(name)}",
                "Percentage of each score, in cells centred on the score; the marker is the mean "
                f"with its {_CROSSED}. After Fig. 5 and 9 of Ledig et al. 2017.",
                votes_figure(tables, name),
            )
    for name in names:
        if tables["mos"].loc[tables["mos"]["dataset"] == name, "mean_rank"].notna().any():
            yield _drawn(
                tables,
                safe_stem(f"ranks_{name}"),
                f"Average rank, {dataset_name(name)}",
                "Rank of each version within one rater and image, ties averaged, 1 is best. Lines: "
                "95 % bootstrap interval over raters and images. After Fig. 10 of Ledig et al. "
                "2017.",
                ranks_figure(tables, name),
            )
    for name in names:
        figure = differences_figure(tables, name)
        if figure is not None:
            yield _drawn(
                tables,
                safe_stem(f"differences_{name}"),
                f"Differences between methods, {dataset_name(name)}",
                "MOS of the row minus MOS of the column, in order of MOS. Coloured: the "
                "difference is significant (blue: the row is better); grey: it is not; empty: no "
                "rater saw both on one image. Crossed random-effects t, Holm, 5 %; the intervals "
                "are in tables/mos_pairs.csv.",
                figure,
            )
    if tables["raters"]["bias"].notna().any():
        yield _drawn(
            tables,
            "raters",
            "Bias and inconsistency of raters",
            "Bias-inconsistency model of ITU-T P.910 Annex E; lines are 95 % intervals. Hollow: "
            "flagged (kept in MOS).",
            raters_figure(tables),
        )
    if "metric_points" in tables and (keys := _metric_keys(tables)):
        yield _drawn(
            tables,
            "metric_vs_mos",
            "MOS against metrics, the best first",
            "Dots: single images; large marks: means of methods, lines their 95 % intervals over "
            "images; curve: monotone mapping. SROCC: rank correlation over images; its intervals, "
            "other correlations and other protocols are in the table.",
            metric_panels(tables, keys),
        )
    if not np.isnan(float(tables["reliability"]["sos_a"].iloc[0])):
        a = float(tables["reliability"]["sos_a"].iloc[0])
        yield _drawn(
            tables,
            "sos",
            "Spread of votes against MOS",
            f"Each point is a stimulus. Curve: SOS hypothesis with a = {a:.3f} (least squares on "
            "variances); dashed: the largest variance that votes of 1 and 5 allow. The points are "
            "data and have no intervals.",
            sos_figure(tables, a),
        )


def _about_paper(tables: Tables, dataset: str) -> str:
    if published_mos(tables, dataset).empty:
        return ""
    return "Hollow circles: MOS that Ledig et al. 2017 published for their own networks and raters."


def _about_letters(tables: Tables, dataset: str) -> str:
    letters = tables["letters"]
    letters = letters.loc[letters["dataset"] == dataset, "letters"]
    if letters.empty:
        return ""
    if letters.str.len().max() > LONGEST_LETTERS:
        return "The letters are in the table because they are too long. "
    return (
        "Letters: methods that share one do not differ significantly (crossed t, Holm). "
        + letters_note(letters)
    )


def _metric_keys(tables: Tables) -> list[tuple[str, str]]:
    """Each metric once, with its first protocol, sorted by agreement with the raters."""
    rows, known = tables["metric_vs_mos"], Known()
    rows = rows[(rows["level"] == "stimulus") & rows["srocc"].notna()]
    first: dict[str, tuple[float, str]] = {}
    for row in sorted(
        rows.to_dict("records"),
        key=lambda r: (known.order(r["metric"]), known.protocol_order(r["protocol"])),
    ):
        first.setdefault(str(row["metric"]), (-abs(round(row["srocc"], 3)), row["protocol"]))
    best_first = sorted(first.items(), key=lambda item: item[1][0])
    return [(metric, protocol) for metric, (_, protocol) in best_first]


def _drawn(tables: Tables, stem: str, title: str, caption: str, figure: Figure) -> Drawn:
    if bool(tables["mos"]["simulated"].any()):
        with figure_style():
            mark_simulated(figure)
        caption += " Simulated raters, not people."
    procedure = procedure_of(tables["mos"])
    return Drawn(stem, worded(title, procedure), worded(caption, procedure), figure)
