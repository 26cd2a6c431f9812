"""Read a results folder: scores, timings, run.json and missing parts."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...benchmark.frames import scores_frame
from ...benchmark.record import numbers_of
from ...benchmark.results import ResultsFolder, Score, Timing
from ...config import listed
from ...data.naming import spelt
from ...errors import ResultsError, unknown_name
from ...files import expanded
from ...imaging import read_image
from ...metrics.base import Facts
from ...metrics.protocols import PROTOCOLS
from ...metrics.table import Known
from ...wording import one_line
from ..kit.panels import require_axes
from ..kit.style import canonical, dataset_order, is_reference, method_order

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class LeftOut:
    """A missing part of a run and its reason. ``None`` for method, dataset or metric means all."""

    method: str | None
    dataset: str | None
    metric: str | None
    reason: str
    command: str | None


@dataclass(frozen=True)
class CropBox:
    """A region of one image chosen by the user, in pixels of the original."""

    dataset: str
    image: str
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, repr=False)
class Results:
    """A results folder as tables. ``scores`` and ``timings`` have the columns of their files.

    ``scores`` has the project's spelling of methods; ``spelling`` maps it to the name of the image
    folder.
    """

    folder: Path
    scores: pd.DataFrame
    timings: pd.DataFrame
    run: dict[str, Any]
    missing: tuple[LeftOut, ...]
    crops: tuple[CropBox, ...]
    spelling: dict[str, str]

    @property
    def name(self) -> str:
        """The folder's name, also if it was given as ``.``."""
        return self.folder.resolve().name

    @cached_property
    def known(self) -> Known:
        """The facts of the metrics in ``scores``."""
        return Known(numbers_of(self.run))

    def numbers(self) -> list[Facts]:
        """The metrics in figures, in the order of tables: PSNR and SSIM under one protocol
        (MATLAB's if available), LPIPS with one network, and every other one.
        """
        pairs = set(self.scores[["protocol", "metric"]].itertuples(index=False, name=None))
        order = sorted(
            pairs, key=lambda p: (self.known.order(p[1]), self.known.protocol_order(p[0]))
        )
        shown: dict[object, Facts] = {}
        for protocol, metric in order:
            facts = self.known.under(metric, protocol)
            # Two versions of a user's metric are two metrics with one name.
            shown.setdefault(facts.word or facts.key, facts)
        names = [facts.full_label for facts in shown.values()]
        return [
            f if names.count(f.full_label) == 1 or f.protocol in PROTOCOLS else _told_apart(f)
            for f in shown.values()
        ]

    def axes(self) -> tuple[Facts, Facts | None]:
        """The first shown metric, such as PSNR, and the first for which lower is better."""
        numbers = self.numbers()
        return numbers[0], next((f for f in numbers[1:] if f.better == "lower"), None)

    def number(self, metric: str) -> Facts:
        """The metric for a word (``psnr``), a name (``psnr_y``), or a name and its protocol as in
        the columns of `summary` (``psnr_y:basicsr``).

        Raises:
            UnknownName: the scores have no such metric.
            ResultsError: they have the name under several protocols, of which none is the usual.
        """
        pairs = self.scores[["metric", "protocol"]].drop_duplicates()
        every = [self.known.under(*pair) for pair in pairs.itertuples(index=False, name=None)]
        for facts in every:
            if metric == f"{facts.name}:{facts.protocol}":
                return facts
        named = [f for f in self.numbers() if metric in (f.name, f.word)]
        named = named or [f for f in every if metric in (f.name, f.word)]
        if len({f.protocol for f in named}) > 1:
            choices = " or ".join(sorted(f"{f.name}:{f.protocol}" for f in named))
            raise ResultsError(f"{self.name} has {metric} under several protocols; name {choices}")
        if named:
            return named[0]
        raise unknown_name("metric of these results:", metric, sorted({f.name for f in every}))

    def methods(self) -> list[str]:
        """All methods with scores or reported as missing, in the order of tables, without the
        original.
        """
        names = set(self.scores["method"]) | {m.method for m in self.missing if m.method}
        return sorted((n for n in names if not is_reference(n)), key=method_order)

    def groups(self) -> Iterator[tuple[str, int, pd.DataFrame]]:
        """The scores of each data set and scale."""
        pairs = self.scores[["dataset", "scale"]].drop_duplicates().itertuples(index=False)
        for dataset, scale in sorted(pairs, key=lambda p: (dataset_order(p[0]), p[1])):
            here = select(self.scores, dataset=dataset, scale=scale)
            yield str(dataset), int(scale), here

    @property
    def summary(self) -> pd.DataFrame:
        """Means over images per data set, scale and method; columns ``metric:protocol``."""
        from .tables import summary_table

        table = summary_table(self)
        rows = [[cell.value for cell in row] for row in table.rows]
        return pd.DataFrame(rows, columns=[heading.key for heading in table.headings])

    def images(
        self, dataset: str, image: str, *, scale: int | None = None
    ) -> dict[str, NDArray[np.uint8]]:
        """One image in the version of every method, the original ``HR`` first: uint8 arrays.

        Raises:
            ResultsError: the folder has no such image.
        """
        at, dataset, image = self._scale(scale), str(dataset), str(image)
        found: dict[str, NDArray[np.uint8]] = {}
        for method in ("HR", *self.methods()):
            path = self.image_path(dataset, at, method, image)
            if path is not None:
                found[method] = read_image(path)
        if not found:
            here = select(self.scores, dataset=dataset, scale=at)
            known = sorted(set(here["image"])) or sorted(set(self.scores["dataset"]))
            raise unknown_name("picture", f"{dataset}/{image}", known)
        return found

    def plane(
        self,
        scale: int | None = None,
        x: str | None = None,
        y: str | None = None,
        *,
        dataset: str | None = None,
        baseline: str | None = None,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """One metric against another, one panel per data set: means over images.

        Lines are 95 % intervals of the paired difference to a baseline.

        Args:
            scale: needed if there are several.
            x, y: words or names of metrics; by default the first (PSNR), and the first for which
                lower is better (LPIPS).
            dataset: show only this one.
            baseline: the method with which the others are compared; by default bicubic.
            ax: Matplotlib axes to draw one data set into, which are returned. Default: a new
                figure.

        Raises:
            UnknownName: there is no such metric or method.
            ResultsError: there are no data for this figure.
        """
        from .charts import plane

        if baseline is not None:
            baseline = canonical(str(baseline))
            if baseline not in set(self.scores["method"]):
                raise unknown_name("method of these results:", baseline, self.methods())

        numbers = [None if name is None else self.number(name) for name in (x, y)]
        require_axes(ax)
        drawn = plane(
            self, self._scale(scale), *numbers, dataset=dataset, baseline=baseline, axes=ax
        )
        return self._shown(drawn, ax, "a plane needs two metrics of the same methods")

    def distributions(
        self,
        dataset: str,
        scale: int | None = None,
        metrics: Sequence[str] | None = None,
        *,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """The scores of all images by method, one panel per metric; ``ax`` as for :meth:`plane`."""
        from .charts import distributions

        numbers = None if metrics is None else self._numbers(metrics)
        require_axes(ax)
        drawn = distributions(self, dataset, self._scale(scale), numbers, axes=ax)
        return self._shown(drawn, ax, f"no method was scored on {dataset}")

    def speed(
        self,
        scale: int | None = None,
        device: str | None = None,
        *,
        dataset: str | None = None,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """Megapixels per second against the first metric; ``ax`` as for :meth:`plane`."""
        from .charts import speed

        devices = sorted(set(self.timings["device"]))
        on = device or str(next(iter(devices), "cpu"))
        require_axes(ax)
        drawn = speed(self, self._scale(scale), on, dataset=dataset, axes=ax)
        return self._shown(drawn, ax, f"no method was timed on {on}")

    def comparison(
        self,
        dataset: str,
        image: str,
        scale: int | None = None,
        metrics: Sequence[str] | None = None,
        *,
        box: Sequence[int] | None = None,
        ax: Axes | None = None,
    ) -> Figure | Axes:
        """The same region of one image in the version of every method, with scores of the whole
        image.

        Args:
            dataset, image, scale: which image.
            metrics: the first three are printed below each tile; by default those of the figures.
            box: left, top, width and height in pixels of the original; by default the region where
                the methods differ most.
            ax: as for :meth:`plane`; the axes are switched off and contain all tiles.

        Raises:
            ResultsError: there is no such image, or the region is not inside it or too large.
        """
        from .crop_figure import draw_crops
        from .crops import view_of

        numbers = self.numbers() if metrics is None else self._numbers(metrics)
        require_axes(ax)
        view = view_of(self, str(dataset), self._scale(scale), str(image), box)
        return self._shown(draw_crops(self, view, numbers, ax), ax, "")

    def _numbers(self, metrics: Sequence[str]) -> list[Facts]:
        chosen = [self.number(str(name)) for name in listed(metrics)]
        if not chosen:
            raise ResultsError("metrics is empty; name at least one, or leave it out")
        return chosen

    def _scale(self, scale: int | None) -> int:
        scales = sorted(set(self.scores["scale"]))
        if scale is None and len(scales) == 1:
            return int(scales[0])
        if scale is None or scale not in scales:
            raise ResultsError(
                f"scale is {scale}, but {self.name} has {', '.join(f'x{s}' for s in scales)}; "
                "name one by scale="
            )
        return scale

    def _shown(self, figure: Figure | None, ax: Axes | None, why: str) -> Figure | Axes:
        if figure is None:
            raise ResultsError(f"{self.name} has nothing to show there: {why}")
        return figure if ax is None else ax

    def __repr__(self) -> str:
        from .headline import headline

        return f"Results of {self.name}: {headline(self)}"

    def _repr_html_(self) -> str:
        shown = self.summary.to_html(index=False, float_format="{:.4f}".format, na_rep="—")
        return f"<p>{html.escape(repr(self))}</p>{shown}"

    def image_path(self, dataset: str, scale: int, method: str, image: str) -> Path | None:
        """The file of one method's image (``HR`` for the original); None if it does not exist."""
        name = self.spelling.get(method, method)
        # Names come from an editable table and must not point outside the folder.
        if any(
            part in ("", ".", "..") or "/" in part or "\\" in part or "\0" in part
            for part in (dataset, name, image)
        ):
            return None
        path = self.folder / "images" / dataset / f"x{scale}" / name / f"{image}.png"
        return path if path.is_file() else None


def _told_apart(facts: Facts) -> Facts:
    """The facts of one of several metrics with one label, with the protocol in its label."""
    under = f" ({one_line(facts.under, 14)})"
    return replace(facts, label=one_line(facts.short_label, 28 - len(under)) + under)


def column_name(facts: Facts, numbers: Sequence[Facts]) -> str:
    """The name of a metric among others: ``NAME:PROTOCOL`` if another one has the same name."""
    several = sum(f.name == facts.name for f in numbers) > 1
    return f"{facts.name}:{facts.protocol}" if several else facts.name


def select(
    frame: pd.DataFrame,
    *,
    dataset: str | None = None,
    scale: int | None = None,
    image: str | None = None,
    method: str | None = None,
    protocol: str | None = None,
    metric: str | None = None,
    device: str | None = None,
) -> pd.DataFrame:
    """The rows of scores or timings with all the given values; None means any value."""
    wanted = {
        "dataset": dataset, "scale": scale, "image": image, "method": method,
        "protocol": protocol, "metric": metric, "device": device,
    }  # fmt: skip
    keep = pd.Series(True, index=frame.index)
    for column, value in wanted.items():
        if value is not None:
            keep &= frame[column] == value
    return cast(pd.DataFrame, frame[keep])


def without_reference(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores of methods, without those of the original."""
    keep = np.array([not is_reference(m) for m in scores["method"]], dtype=bool)
    return cast(pd.DataFrame, scores[keep])


def means(scores: pd.DataFrame) -> dict[str, float]:
    """Each method's mean value over the given rows."""
    grouped = scores.groupby("method")["value"]
    return {str(m): float(np.mean(v.to_numpy(dtype=np.float64))) for m, v in grouped}


def incomplete(scores: pd.DataFrame) -> set[str]:
    """The methods without a value for some image that others have, so that their means cannot be
    ranked.

    ``scores`` are those of one metric on one data set; those of the original do not count.
    """
    known = without_reference(scores).dropna(subset="value")
    images = known["image"].nunique()
    counts = known.groupby("method")["image"].nunique()
    return {str(method) for method, count in counts.items() if count < images}


def read_results(folder: Path | str = "results") -> Results:
    """Read ``scores.csv`` and, where present, ``timings.csv`` and ``run.json``.

    ``run.json`` may contain ``missing``: a list of objects with ``method``, ``dataset``, ``metric``
    (each a name or null), ``reason`` and ``command``; and ``crops``: a list of objects with
    ``dataset``, ``image`` and ``box`` = [left, top, width, height] in pixels of the original.

    Raises:
        ResultsError: the folder has no scores, or a file is not what ``srbench run-all`` writes.

    >>> import pathlib, tempfile, srbench
    >>> folder = tempfile.TemporaryDirectory()
    >>> _ = pathlib.Path(folder.name, "scores.csv").write_text(
    ...     "dataset,image,method,scale,protocol,metric,value\\n"
    ...     "Set5,baby,bicubic,4,matlab,psnr_y,31.777\\n"
    ...     "Set5,bird,bicubic,4,matlab,psnr_y,30.180\\n")
    >>> results = srbench.read_results(folder.name)
    >>> results.summary["psnr_y:matlab"].round(2).to_list()
    [30.98]
    >>> folder.cleanup()
    """
    folder = expanded(folder)
    path = folder / "scores.csv"
    if not path.is_file():
        raise ResultsError(f"{path} is missing; make it first: srbench run-all --out {folder}")
    scores = scores_frame(path)
    if scores.empty:
        raise ResultsError(f"{path} holds no scores; run srbench run-all again")
    names = sorted(set(scores["method"]))
    spelling = {canonical(name): name for name in names}
    scores["method"] = scores["method"].map(canonical)
    keys = [column for column in Score._fields if column != "value"]
    repeated = scores[scores.duplicated(keys)]
    if len(repeated):
        row = repeated.iloc[0]
        raise ResultsError(
            f"{path} has two values for {row['metric']} ({row['protocol']}) of "
            f"{row['dataset']}/{row['image']} by '{row['method']}'; delete it and run again"
        )
    timings = pd.DataFrame(ResultsFolder(folder).read_timings(), columns=list(Timing._fields))
    timings["method"] = timings["method"].map(canonical)
    run = ResultsFolder(folder).read_run()
    return Results(
        folder.absolute(),
        scores,
        timings,
        run,
        _missing(run.get("missing")),
        _crops(run, folder),
        spelling,
    )


def _missing(entries: object) -> tuple[LeftOut, ...]:
    found = [e for e in entries if isinstance(e, dict)] if isinstance(entries, list) else []

    def text(entry: dict[str, Any], key: str) -> str | None:
        return str(entry[key]) if entry.get(key) is not None else None

    return tuple(
        LeftOut(
            canonical(m) if (m := text(e, "method")) else None,
            text(e, "dataset"),
            text(e, "metric"),
            text(e, "reason") or "not available",
            text(e, "command"),
        )
        for e in found
    )


def _crops(run: dict[str, Any], folder: Path) -> tuple[CropBox, ...]:
    boxes: list[CropBox] = []
    for entry in run.get("crops") or []:
        try:
            left, top, width, height = (int(v) for v in entry["box"])
            dataset, image = spelt(str(entry["dataset"])), str(entry["image"])
            boxes.append(CropBox(dataset, image, left, top, width, height))
        except (KeyError, TypeError, ValueError) as error:
            raise ResultsError(
                f"{folder / 'run.json'}: a crop is {entry!r}, expected dataset, image and "
                "box = [left, top, width, height]"
            ) from error
    return tuple(boxes)
