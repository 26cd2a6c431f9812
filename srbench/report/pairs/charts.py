"""The figures of a pair study: scale, win rates, and preferences per image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from ...files import safe_stem
from ...stats.bradley_terry import JOD
from ...stats.cells import Floats
from ..kit.drawn import Drawn
from ..kit.panels import (
    BELOW,
    RIGHT,
    cell_grid,
    colour_cell,
    mark_row,
    mark_simulated,
    name_rows,
    rows_figure,
)
from ..kit.style import (
    BLUE,
    FAINT,
    INK,
    TEXT,
    VERMILLION,
    dataset_name,
    figure_style,
)
from ..study.mos_charts import LONGEST_LETTERS, letters_key
from .names import Tables, best_first, datasets_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIR_KINDS = ("scale", "wins", "preferences")
_LARGEST_CELL = 0.34  # inches
_CROSSED = "95 % interval with raters and images both random"


def draw_pair_study(tables: Tables) -> Iterator[Drawn]:
    """All figures, one at a time; figures of simulated raters are marked."""
    for name in datasets_of(tables):
        if best_first(tables, name)["score"].notna().sum() < 2:
            continue
        shown = dataset_name(name)
        yield _drawn(
            tables,
            safe_stem(f"scale_{name}"),
            f"Preference scale, {shown}",
            f"Bradley-Terry scale; the mean of the methods is 0. Lines: {_CROSSED}. Above: "
            "just-objectionable differences (1 JOD = ln 3 logits: preferred in three of four "
            f"answers).{_letters_said(tables, name)}",
            scale_figure(tables, name),
        )
        yield _drawn(
            tables,
            safe_stem(f"wins_{name}"),
            f"Win rates, {shown}",
            "Percentage of answers that prefer the row to the column ('no difference' counts "
            "half), both in the order of the scale. Blue: the row is preferred; empty: never "
            "asked. Intervals are in tables/pair_rates.csv.",
            wins_figure(tables, name),
        )
    for name in [n for n in datasets_of(tables) if n != "all"]:
        yield _drawn(
            tables,
            safe_stem(f"preferences_{name}"),
            f"Preferences image by image, {dataset_name(name)}",
            "Percentage of the answers about a method and an image that prefer it: blue above "
            "half, vermillion below. Cells have no intervals because they have few answers; use "
            "the scale to compare methods.",
            preferences_figure(tables, name),
        )


def _letters_said(tables: Tables, dataset: str) -> str:
    """The meaning of the letters, if the figure has any."""
    if not (tables["letters"]["dataset"] == dataset).any():
        return ""
    return " Letters: methods that share one do not differ significantly (Holm)."


def scale_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """All methods on the scale with their intervals and letters, the best at the top."""
    own = best_first(tables, dataset)
    own = own[own["score"].notna()]
    letters = tables["letters"]
    letters = letters[letters["dataset"] == dataset].set_index("method")["letters"]
    longest = max((len(str(text)) for text in letters), default=0)
    key = ["scale (logits), preferred more often →", *letters_key(longest)]
    if longest > LONGEST_LETTERS:  # the table has them
        letters, longest = letters.iloc[:0], 0
    with figure_style():
        figure, axes = rows_figure(
            _title(dataset),
            len(own),
            right=RIGHT + 0.078 * longest,
            above=0.5,
            below=BELOW + 0.14 * (len(key) - 1),
            into=into,
        )
        name_rows(axes, own["method"])
        low, high = own["ci_low"].min(), own["ci_high"].max()
        pad = 0.04 * (high - low)
        axes.set_xlim(low - pad, high + pad)
        axes.set_xlabel("\n".join(key))
        above = axes.secondary_xaxis("top", functions=(_in_jod, _in_logits))
        above.set_xlabel("JOD", labelpad=2)
        above.tick_params(labelsize=TEXT)
        axes.axvline(0, color=FAINT, linewidth=0.6, zorder=1)
        for y, row in enumerate(own.to_dict("records")):
            method = str(row["method"])
            mark_row(axes, row["score"], y, row["ci_low"], row["ci_high"], method)
            if method in letters.index:
                axes.annotate(
                    letters[method], (1, y), (4, 0), xycoords=("axes fraction", "data"),
                    textcoords="offset points", va="center", fontsize=TEXT, annotation_clip=False,
                )  # fmt: skip
    return figure


def wins_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """The matrix of win rates in the order of the scale, best first."""
    methods = [str(name) for name in best_first(tables, dataset)["method"]]
    place = {method: i for i, method in enumerate(methods)}
    share = np.full((len(methods), len(methods)), np.nan)
    pairs = tables["pairs"]
    for row in pairs[pairs["dataset"] == dataset].to_dict("records"):
        a, b = place[row["method_a"]], place[row["method_b"]]
        share[a, b], share[b, a] = row["win_rate_a"], 1 - row["win_rate_a"]
    return _matrix(_title(dataset), share, methods, methods, into)


def preferences_figure(tables: Tables, dataset: str, into: Axes | None = None) -> Figure:
    """How often each method (rows, in the order of the scale) was preferred on each image."""
    methods = [str(name) for name in best_first(tables, dataset)["method"]]
    own = tables["preferences"]
    own = own[own["dataset"] == dataset]
    table = own.pivot(index="method", columns="image", values="win_rate").reindex(methods)
    images = [str(name) for name in table.columns]
    return _matrix(_title(dataset), table.to_numpy(dtype=float), methods, images, into)


def _matrix(
    title: str,
    share: Floats,
    rows: list[str],
    columns: list[str],
    into: Axes | None,
) -> Figure:
    """Shares as coloured cells with percentages, which are left out if they do not fit."""
    with figure_style():
        largest = 0.34 if len(columns) <= 6 else 0.23
        figure, axes, cell = cell_grid(title, rows, columns, largest, into)
        for y, x in np.argwhere(np.isfinite(share)):
            value = float(share[y, x])
            colour = BLUE if value > 0.5 else VERMILLION if value < 0.5 else FAINT
            axes.add_patch(colour_cell(x, y, colour, 0.08 + 1.1 * abs(value - 0.5)))
            if cell >= 0.22:
                axes.text(x, y, f"{100 * value:.0f}", fontsize=TEXT, ha="center", va="center",
                          color=INK)  # fmt: skip
    return figure


def _in_jod(logits: ArrayLike) -> ArrayLike:
    return np.asarray(logits) / JOD


def _in_logits(jod: ArrayLike) -> ArrayLike:
    return np.asarray(jod) * JOD


def _title(dataset: str) -> str:
    return "All data sets" if dataset == "all" else dataset_name(dataset)


def _drawn(tables: Tables, stem: str, title: str, caption: str, figure: Figure) -> Drawn:
    if bool(tables["scale"]["simulated"].any()):
        with figure_style():
            mark_simulated(figure)
        caption += " Simulated raters, not people."
    return Drawn(stem, title, caption, figure)
