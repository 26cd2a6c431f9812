"""The figures of a rating study, each from the tables of `srbench.analyze`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..stats.mapping import fit_mapping
from ..stats.ratings import HIGHEST, LOWEST
from ..stats.significance import HEADLINE
from .figures import Drawn
from .labels import place_labels
from .style import (
    BLUE,
    COLUMN_WIDTH,
    FAINT,
    INK,
    SKY,
    VERMILLION,
    canonical,
    dataset_order,
    display_name,
    figure_style,
    format_value,
    method_order,
    method_style,
    metric_order,
    metric_style,
    new_figure,
    protocol_name,
    protocol_order,
    safe_stem,
)
from .tables import published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINDS = ("mos", "votes", "ranks", "differences", "raters", "metric", "sos")
Tables = Mapping[str, pd.DataFrame]
_LEFT, _RIGHT, _ABOVE, _BELOW, _ROW = 1.15, 0.12, 0.28, 0.42, 0.175  # inches
_CROSSED = "95 % crossed random-effects interval (raters and images)"


def datasets_of(tables: Tables) -> list[str]:
    """Data sets as pages list them; ``all`` last, and only beside several."""
    found = sorted(set(tables["mos"]["dataset"]) - {"all"}, key=dataset_order)
    return [*found, "all"] if len(found) > 1 and "all" in set(tables["mos"]["dataset"]) else found


def dataset_name(dataset: str) -> str:
    """The data set as titles name it."""
    return "all data sets" if dataset == "all" else display_name(dataset)


def draw_analysis(tables: Tables) -> Iterator[Drawn]:
    """All figures, one at a time; what a study has nothing to show for is left out.

    Where ratings come from simulated raters every figure says so.
    """
    names = datasets_of(tables)
    for name in names:
        yield _drawn(
            tables,
            safe_stem(f"mos_{name}"),
            f"Mean opinion score, {dataset_name(name)}",
            f"Lines: {_CROSSED}. Letters: methods that share one do not differ significantly "
            "(crossed t, Holm). Hollow circles: MOS that Ledig et al. 2017 published for their own "
            "networks and raters.",
            mos_figure(tables, name),
        )
    for name in names:
        if name != "all":
            yield _drawn(
                tables,
                safe_stem(f"votes_{name}"),
                f"Distribution of scores, {dataset_name(name)}",
                "Share of each score in per cent, cells centred on the score; the marker is the "
                f"mean with its {_CROSSED}. After Fig. 5 and 9 of Ledig et al. 2017.",
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
                f"Which methods differ, {dataset_name(name)}",
                "MOS of the row minus MOS of the column, in order of MOS. Coloured: the difference "
                "is significant (blue: the row is better); grey: it is not. Crossed random-effects "
                "t, Holm, 5 %; the intervals are in tables/mos_pairs.csv.",
                figure,
            )
    if tables["raters"]["bias"].notna().any():
        yield _drawn(
            tables,
            "raters",
            "Bias and inconsistency of raters",
            "Bias-inconsistency model of ITU-T P.910 Annex E; lines are 95 % intervals. Hollow: "
            "flagged by BT.500 (kept in MOS).",
            raters_figure(tables),
        )
    if "metric_points" in tables:
        yield from _metric_figures(tables)
    if not np.isnan(float(tables["reliability"]["sos_a"].iloc[0])):
        a = float(tables["reliability"]["sos_a"].iloc[0])
        yield _drawn(
            tables,
            "sos",
            "Spread of votes against MOS",
            f"Each point is a stimulus. Curve: SOS hypothesis with a = {a:.3f} (least squares on "
            "variances); dashed: the largest variance that votes of 1 and 5 allow. No interval: "
            "the points are the data.",
            sos_figure(tables, a),
        )


def _metric_figures(tables: Tables) -> Iterator[Drawn]:
    rows = tables["metric_vs_mos"]
    keys = sorted(
        set(rows[["metric", "protocol"]].itertuples(index=False, name=None)),
        key=lambda key: (metric_order(key[0]), protocol_order(key[1])),
    )
    for metric, protocol in keys:
        own = rows[(rows["metric"] == metric) & (rows["protocol"] == protocol)]
        row = own[own["level"] == "stimulus"].iloc[0]
        if np.isnan(row["srocc"]):
            continue
        found = "; ".join(
            f"{name.upper()} {format_value(row[name], 3)} "
            f"({format_value(row[f'{name}_low'], 3)} to {format_value(row[f'{name}_high'], 3)})"
            for name in ("plcc", "srocc")
        )
        yield _drawn(
            tables,
            safe_stem(f"metric_{metric}_{protocol}"),
            f"MOS against {_metric_name(metric, protocol)}",
            f"Dots: single images; large markers: means of methods, lines their 95 % intervals "
            f"over images; curve: {row['mapping']} mapping. Over {row['n']} stimuli {found}, 95 % "
            "bootstrap over images.",
            metric_figure(tables, metric, protocol),
        )


def metric_label(labelled: str) -> str:
    """``psnr_y (matlab)`` as it is printed."""
    metric, _, protocol = labelled.partition(" (")
    return _metric_name(metric, protocol.rstrip(")"))


def _metric_name(metric: str, protocol: str) -> str:
    name = metric_style(metric).label
    return name if metric.startswith("lpips") else f"{name} ({protocol_name(protocol)})"


def _drawn(tables: Tables, stem: str, title: str, caption: str, figure: Figure) -> Drawn:
    if bool(tables["mos"]["simulated"].any()):
        with figure_style():
            figure.text(
                1 - 0.06 / figure.get_figwidth(),
                1 - 0.05 / figure.get_figheight(),
                "simulated raters",
                ha="right",
                va="top",
                fontsize=7,
                color=VERMILLION,
            )
        caption += " Simulated raters, not people."
    return Drawn(stem, title, caption, figure)


def _crossed(tables: Tables, dataset: str) -> pd.DataFrame:
    own = tables["mos"]
    own = own[(own["dataset"] == dataset) & (own["ci_method"] == "crossed")]
    return own.sort_values("method", key=lambda names: names.map(method_order), kind="stable")


def _rows_figure(
    title: str, rows: int, *, right: float = _RIGHT, row: float = _ROW
) -> tuple[Figure, Axes]:
    """A panel with a row per method, ``row`` inches high, names at the left."""
    height = _ABOVE + rows * row + _BELOW
    figure = new_figure(COLUMN_WIDTH, height)
    axes = figure.add_axes(
        (
            _LEFT / COLUMN_WIDTH,
            _BELOW / height,
            (COLUMN_WIDTH - _LEFT - right) / COLUMN_WIDTH,
            rows * row / height,
        )
    )
    axes.set_ylim(rows - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    figure.text(0.02, 1 - 0.05 / height, title, weight="bold", size=9, va="top")
    return figure, axes


def _names(axes: Axes, methods: pd.Series) -> None:
    axes.set_yticks(range(len(methods)), [display_name(m, limit=17) for m in methods])


def _mark(axes: Axes, x: float, y: float, low: float, high: float, method: str) -> None:
    """A method's marker with its horizontal interval, where there is one."""
    style = method_style(method)
    if np.isfinite(low) and np.isfinite(high):
        axes.plot([low, high], [y, y], color=style.colour, linewidth=1.3, zorder=2)
    axes.plot(
        x, y, linestyle="none", marker=style.marker, color=style.colour,
        markerfacecolor=style.face, markersize=7.5 if style.marker == "*" else 5,
        markeredgewidth=1, zorder=3,
    )  # fmt: skip


def _scale_axis(axes: Axes, label: str = "MOS, 1 bad to 5 excellent") -> None:
    axes.set_xlim(LOWEST - 0.1, HIGHEST + 0.1)
    axes.set_xticks(range(LOWEST, HIGHEST + 1))
    axes.set_xlabel(label)


def mos_figure(tables: Tables, dataset: str) -> Figure:
    """MOS of every method with its headline interval and its letters."""
    own = _crossed(tables, dataset)
    letters = tables["letters"]
    letters = letters[letters["dataset"] == dataset].set_index("method")["letters"]
    paper = published("ledig2017_mos.csv")
    paper = paper[paper["dataset"] == dataset].set_index("method")["mos"]
    longest = max((len(text) for text in letters), default=0)
    with figure_style():
        figure, axes = _rows_figure(
            dataset_name(dataset).capitalize() if dataset == "all" else dataset_name(dataset),
            len(own),
            right=_RIGHT + 0.068 * longest,
        )
        _names(axes, own["method"])
        _scale_axis(axes)
        for y, row in enumerate(own.to_dict("records")):
            method, x = str(row["method"]), row["mos"]
            low = max(row["ci_low"], LOWEST)
            high = min(row["ci_high"], HIGHEST)
            if canonical(method) in paper.index:
                axes.plot(
                    paper[canonical(method)], y, linestyle="none", marker="o", markersize=5.5,
                    zorder=1.5,
                    markerfacecolor="none", markeredgecolor=FAINT, markeredgewidth=0.9,
                )  # fmt: skip
            _mark(axes, x, y, low, high, method)
            if method in letters.index:
                axes.annotate(
                    letters[method], (1, y), (4, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=7, annotation_clip=False,
                )  # fmt: skip
    return figure


def votes_figure(tables: Tables, dataset: str) -> Figure:
    """How often each method got each score, as cells coloured by their share."""
    own = _crossed(tables, dataset)
    counts = tables["distribution"]
    counts = counts[counts["dataset"] == dataset].pivot(
        index="method", columns="score", values="count"
    )
    share = counts.div(counts.sum(axis=1), axis=0)
    shares = share.reindex(own["method"]).to_numpy(dtype=float)
    with figure_style():
        figure, axes = _rows_figure(dataset_name(dataset), len(own), row=0.225)
        _names(axes, own["method"])
        _scale_axis(axes, "score, 1 bad to 5 excellent")
        axes.grid(visible=False)
        axes.set_xlim(LOWEST - 0.5, HIGHEST + 0.5)
        for y, row in enumerate(own.to_dict("records")):
            for score in range(LOWEST, HIGHEST + 1):
                part = float(shares[y, score - LOWEST])
                axes.add_patch(_cell(score, y, BLUE, 0.72 * part / shares.max()))
                if round(100 * part) > 0:
                    axes.text(
                        score, y - 0.36, f"{100 * part:.0f}", fontsize=5.5, ha="center", va="top"
                    )
            low, high = row["ci_low"], row["ci_high"]
            x = row["mos"]
            y += 0.2  # below the numbers
            if np.isfinite(low):
                ends = [max(low, LOWEST), min(high, HIGHEST)]
                axes.plot(ends, [y, y], color=INK, linewidth=1, zorder=3)
            axes.plot(
                x, y, linestyle="none", marker="D", markersize=3.2, zorder=4,
                markerfacecolor=VERMILLION, markeredgecolor=INK, markeredgewidth=0.6,
            )  # fmt: skip
    return figure


def _cell(x: float, y: float, colour: str, alpha: float):
    from matplotlib.patches import Rectangle

    return Rectangle(
        (x - 0.48, y - 0.44), 0.96, 0.88, facecolor=colour, alpha=alpha, edgecolor="none", zorder=1
    )


def ranks_figure(tables: Tables, dataset: str) -> Figure:
    """Average rank of every method."""
    own = _crossed(tables, dataset)
    with figure_style():
        title = "All data sets" if dataset == "all" else dataset_name(dataset)
        figure, axes = _rows_figure(title, len(own))
        _names(axes, own["method"])
        for y, row in enumerate(own.to_dict("records")):
            ends = row["rank_ci_low"], row["rank_ci_high"]
            _mark(axes, row["mean_rank"], y, *ends, str(row["method"]))
        axes.set_xlim(len(own) + 0.2, 0.8)
        axes.set_xticks(range(len(own), 0, -2 if len(own) > 6 else -1))
        axes.set_xlabel(f"average rank of {len(own)}, better →")
    return figure


def differences_figure(tables: Tables, dataset: str) -> Figure | None:
    """The significance matrix, best method last; None without comparisons."""
    own = _crossed(tables, dataset).sort_values("mos", kind="stable")
    pairs = tables["pairwise"]
    pairs = pairs[
        (pairs["dataset"] == dataset) & (pairs["test"] == HEADLINE) & pairs["p_holm"].notna()
    ]
    if pairs.empty:
        return None
    place = {method: i for i, method in enumerate(own["method"])}
    count = len(place)
    side = min(0.195 * count, COLUMN_WIDTH - _LEFT - _RIGHT)
    below = 1.12
    height = _ABOVE + side + below
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, height)
        axes = figure.add_axes(
            (_LEFT / COLUMN_WIDTH, below / height, side / COLUMN_WIDTH, side / height)
        )
        title = "All data sets" if dataset == "all" else dataset_name(dataset)
        figure.text(0.02, 1 - 0.05 / height, title, weight="bold", size=9, va="top")
        axes.grid(visible=False)
        for spine in axes.spines.values():
            spine.set_visible(False)
        names = [display_name(m, limit=17) for m in place]
        axes.set_xlim(-0.5, count - 0.5)
        axes.set_ylim(count - 0.5, -0.5)
        axes.set_xticks(range(count - 1), names[:-1], rotation=90)
        axes.set_yticks(range(1, count), names[1:])
        axes.tick_params(length=0)
        for row in pairs.to_dict("records"):
            a, b = place[row["method_a"]], place[row["method_b"]]
            x, y = min(a, b), max(a, b)
            gap = row["mos_difference"] * (1 if a > b else -1)  # row minus column
            colour = (BLUE if gap > 0 else VERMILLION) if row["significant"] else FAINT
            axes.add_patch(_cell(x, y, colour, 0.5 if row["significant"] else 0.1))
            axes.text(
                x, y, format_value(gap, 1), fontsize=5.8, ha="center", va="center",
                color=INK if row["significant"] else FAINT,
            )  # fmt: skip
    return figure


def raters_figure(tables: Tables) -> Figure:
    """Each rater's bias and inconsistency with intervals."""
    raters = tables["raters"].dropna(subset=["bias"])
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2.7)
        axes = figure.add_axes((0.55 / COLUMN_WIDTH, 0.16, 2.83 / COLUMN_WIDTH, 0.71))
        axes.grid(axis="both")
        axes.axvline(0, color=FAINT, linewidth=0.8, zorder=1)
        for row in raters.to_dict("records"):
            x, y = row["bias"], row["inconsistency"]
            across = ([row["bias_ci_low"], row["bias_ci_high"]], [y, y])
            upright = ([x, x], [row["inconsistency_ci_low"], row["inconsistency_ci_high"]])
            for line in (across, upright):
                axes.plot(*line, color=BLUE, linewidth=0.8, alpha=0.45, zorder=2)
            axes.plot(
                x, y, linestyle="none", marker="o", markersize=4, color=BLUE, zorder=3,
                markerfacecolor="white" if row["bt500_rejected"] else BLUE,
            )  # fmt: skip
        axes.margins(0.08, 0.1)
        axes.set_title("Raters")
        axes.set_xlabel("← stricter, bias in scores, more lenient →")
        axes.set_ylabel("inconsistency (SD of scores)")
        odd = _outlying(raters)
        place_labels(
            axes,
            list(zip(odd["bias"], odd["inconsistency"], strict=True)),
            [display_name(str(name), limit=12) for name in odd["rater"]],
            [BLUE] * len(odd),
            size=7,
        )
    return figure


def _outlying(raters: pd.DataFrame, most: int = 5) -> pd.DataFrame:
    """The raters worth naming: those flagged, then those farthest out."""
    scale = raters[["bias", "inconsistency"]].std(ddof=0).replace(0, 1)
    off = (raters[["bias", "inconsistency"]] - raters[["bias", "inconsistency"]].median()) / scale
    far = (off**2).sum(axis=1) + 1e6 * raters["bt500_rejected"].astype(float)
    return raters.loc[far.sort_values(ascending=False, kind="stable").index[:most]]


def metric_figure(tables: Tables, metric: str, protocol: str) -> Figure:
    """MOS of single images and of methods against one metric, with the fitted mapping."""
    points = tables["metric_points"]
    points = points[(points["metric"] == metric) & (points["protocol"] == protocol)]
    style = metric_style(metric)
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2.75)
        axes = figure.add_axes((0.5 / COLUMN_WIDTH, 0.155, 2.88 / COLUMN_WIDTH, 0.735))
        centres: list[tuple[float, float]] = []
        methods = sorted(set(points["method"]), key=method_order)
        for method in methods:
            own = points[points["method"] == method]
            look = method_style(method)
            axes.plot(
                own["value"], own["mos"], linestyle="none", marker="o", markersize=2.2,
                color=look.colour, alpha=0.35, markeredgewidth=0, zorder=2,
            )  # fmt: skip
            centres.append((float(own["value"].mean()), float(own["mos"].mean())))
            spread = own[["value", "mos"]].std(ddof=1) / np.sqrt(len(own)) * 1.96
            if len(own) > 1:
                x, y = centres[-1]
                line = {"color": look.colour, "linewidth": 1.1, "zorder": 4}
                axes.plot([x - spread["value"], x + spread["value"]], [y, y], **line)
                axes.plot([x, x], [y - spread["mos"], y + spread["mos"]], **line)
            axes.plot(
                *centres[-1], linestyle="none", marker=look.marker, color=look.colour,
                markerfacecolor=look.face, markersize=8 if look.marker == "*" else 5.5,
                markeredgewidth=1, zorder=5,
            )  # fmt: skip
        x, y = points["value"].to_numpy(float), points["mos"].to_numpy(float)
        if np.ptp(x) > 0:
            across = np.linspace(x.min(), x.max(), 200)
            axes.plot(across, fit_mapping(x, y)(across), color=INK, linewidth=1.2, zorder=3)
        axes.set_ylim(LOWEST - 0.1, HIGHEST + 0.1)
        axes.set_yticks(range(LOWEST, HIGHEST + 1))
        axes.set_ylabel("MOS")
        better = {
            "higher": f"{style.axis_label}, better →",
            "lower": f"← better, {style.axis_label}",
        }
        axes.set_xlabel(better.get(style.better or "", style.axis_label))
        title = (
            style.label
            if metric.startswith("lpips")
            else f"{style.label}, {protocol_name(protocol)}"
        )
        axes.set_title(title)
        place_labels(
            axes,
            centres,
            [display_name(m, limit=16) for m in methods],
            [method_style(m).colour for m in methods],
            size=6.8,
        )
    return figure


def sos_figure(tables: Tables, a: float) -> Figure:
    """Variance of votes against MOS per stimulus, and the SOS parabola."""
    stimuli = tables["stimuli"].dropna(subset=["sd"])
    x = np.linspace(LOWEST, HIGHEST, 200)
    parabola = -(x**2) + (LOWEST + HIGHEST) * x - LOWEST * HIGHEST
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 2.4)
        axes = figure.add_axes((0.5 / COLUMN_WIDTH, 0.175, 2.88 / COLUMN_WIDTH, 0.7))
        axes.plot(
            stimuli["mos"], stimuli["sd"] ** 2, linestyle="none", marker="o", markersize=2.4,
            color=SKY, alpha=0.5, markeredgewidth=0, zorder=2,
        )  # fmt: skip
        axes.plot(x, a * parabola, color=INK, zorder=3)
        axes.plot(x, parabola, color=FAINT, linestyle=(0, (4, 3)), linewidth=1, zorder=1.5)
        highest = max(float((stimuli["sd"] ** 2).max()), a * 4) * 1.15
        axes.set_ylim(0, min(highest, 4.4))
        axes.set_xlim(LOWEST - 0.1, HIGHEST + 0.1)
        axes.set_xticks(range(LOWEST, HIGHEST + 1))
        axes.set_xlabel("MOS")
        axes.set_ylabel("variance of scores")
        axes.set_title("Spread of votes")
        axes.text(0.5, 0.97, f"a = {a:.3f}", transform=axes.transAxes, ha="center", va="top")
    return figure
