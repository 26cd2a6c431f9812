"""``srbench.analyze``: the statistics of a study in Python: tables, conclusions and figures."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from ..benchmark.frames import scores_frame
from ..files import expanded
from ..stats import analyze as tables_of
from ..stats.pairs import PAIR_HEADLINE
from ..stats.reading import read_study_table
from ..stats.significance import HEADLINE, Pairs
from .benchmark.results import Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def analyze(
    ratings: pd.DataFrame | Path | str,
    scores: pd.DataFrame | Results | Path | str | None = None,
    *,
    family: Pairs | None = None,
    resamples: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
    equivalent: float | None = None,
) -> Analysis:
    """The statistics of a study of grades or of pair comparisons; the columns decide.

    Args:
        ratings: one row per vote, ``rater, dataset, image, method, score`` and optional columns
            (the reference is the method ``HR``); or pair comparisons, ``rater, dataset, image,
            method_a, method_b, answer``. A data frame, or the path of a CSV file such as the output
            of ``srbench study export``.
        scores: to compare metrics with the raters: one row per metric value as in scores.csv, its
            path, or the results of a run.
        family: the comparisons of methods over which Holm's correction runs within each data set
            (default: every pair); all other comparisons are listed as exploratory.
        resamples, seed: of the bootstrap; the same input and seed give the same tables.
        alpha: the significance level of the tests; 1 - alpha is the confidence level of every
            interval of a mean.
        equivalent: a margin in grades (for pairs: logits), to test which methods are equivalent.

    Raises:
        RatingsError: the ratings cannot be used, or ``family`` names a method without ratings.
        ResultsError: the scores cannot be used, or none belongs to a rated stimulus.
        WrongType: ratings or scores are something else (a TypeError too).

    >>> import pandas as pd, srbench
    >>> grades = {"HR": (5, 4, 5, 5), "mine": (4, 4, 3, 4), "bicubic": (2, 1, 1, 2)}
    >>> votes = pd.DataFrame(
    ...     [(f"rater {r}", "Set5", image, method, grade - (image == "bird" and grade > 4))
    ...      for method, given in grades.items() for r, grade in enumerate(given)
    ...      for image in ("baby", "bird")],
    ...     columns=["rater", "dataset", "image", "method", "score"])
    >>> a = srbench.analyze(votes, resamples=100)
    >>> dict(zip(a.methods["method"], a.methods["mos"]))
    {'HR': 4.375, 'bicubic': 1.5, 'mine': 3.75}
    >>> a.conclusions[0][:36]
    'On Set5, mine is rated best of the r'
    """
    if isinstance(ratings, (str, Path)):
        ratings = read_study_table(expanded(ratings))
    if isinstance(scores, (str, Path)):
        scores = scores_frame(expanded(scores))
    elif isinstance(scores, Results):
        scores = scores.scores
    return Analysis(
        tables_of(
            ratings,
            scores,
            family=family,
            resamples=resamples,
            seed=seed,
            alpha=alpha,
            equivalent=equivalent,
        )
    )


@dataclass(frozen=True, repr=False)
class Analysis(Mapping[str, pd.DataFrame]):
    """The tables of an analysis by name (``analysis["mos"]``), and the common ones by attribute.

    Keys and columns are those of the files of ``srbench study analyze``.
    """

    tables: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    @property
    def methods(self) -> pd.DataFrame:
        """One row per data set and method: MOS and its headline interval; for pairs the scale."""
        if "mos" not in self.tables:
            return self.tables["scale"]
        mos = self.tables["mos"]
        return mos[mos["ci_method"] == "crossed"].drop(columns="ci_method").reset_index(drop=True)

    @property
    def stimuli(self) -> pd.DataFrame:
        """One row per rated picture; for pairs, per compared pair of pictures."""
        return self.tables["stimuli" if "stimuli" in self.tables else "preferences"]

    @property
    def raters(self) -> pd.DataFrame:
        """One row per rater: bias, inconsistency, and the reason for a flag."""
        return self.tables["raters"]

    @property
    def pairs(self) -> pd.DataFrame:
        """The comparisons of methods by the headline test only, one row each."""
        pairwise = self.tables["pairwise"]
        return pairwise[pairwise["test"].isin([HEADLINE, PAIR_HEADLINE])].reset_index(drop=True)

    @property
    def all_pairs(self) -> pd.DataFrame:
        """The same comparisons by every test."""
        return self.tables["pairwise"]

    @property
    def reliability(self) -> pd.Series:
        """The reliability numbers (agreement of the raters, test-retest), by name."""
        return self.tables["reliability"].iloc[0]

    @property
    def conclusions(self) -> tuple[str, ...]:
        """The conclusions in sentences."""
        claims = self.tables.get("claims")
        return () if claims is None else tuple(str(text) for text in claims["claim"])

    def figure(
        self,
        kind: str,
        dataset: str | None = None,
        *,
        metric: str | None = None,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """One figure of the study.

        Args:
            kind: for grades ``mos``, ``votes``, ``ranks``, ``differences``, ``raters``, ``sos`` or
                ``metric`` (MOS against a metric, if scores were given); for pairs ``scale``,
                ``wins`` or ``preferences``.
            dataset: needed if there are several; ``all`` combines them.
            metric: the metric for the kind ``metric``, such as ``psnr_y`` or ``psnr_y (basicsr)``.
            ax: Matplotlib axes to draw into, which are returned. Default: a new figure.

        Raises:
            UnknownName: there is no such figure, data set or metric.
            ResultsError: there are no data for this figure.
        """
        from .one_figure import draw_one

        drawn = draw_one(self.tables, kind, dataset, metric, ax)
        return drawn if ax is None else ax

    def __repr__(self) -> str:
        return "\n".join([self._head(), *(f"- {text}" for text in self.conclusions)])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(text)}</li>" for text in self.conclusions)
        shown = self.methods.to_html(index=False, float_format="{:.3f}".format, na_rep="—")
        return f"<p>{html.escape(self._head())}</p><ul>{said}</ul>{shown}"

    def _head(self) -> str:
        raters, methods = len(self.raters), self.methods["method"].nunique()
        simulated = " SIMULATED" if bool(self.raters["simulated"].any()) else ""
        return f"Analysis of {raters}{simulated} raters and {methods} methods"
