"""Paper B's matrix: 2x and 4x, crops of 88, 128 and 168, with and without total variation."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from rich.table import Table

from ..csv_cells import csv_text
from ..data.folder import Dataset
from ..files import write_text
from ..models.cards import Card
from ..models.checkpoints import load_checkpoint
from ..observer import Observer
from ..stats.cells import Floats
from ..stats.intervals import student_interval
from ..wording import counted
from .content import require_weights
from .guard import Stopped
from .photographs import Photographs, read_photographs
from .processes import TrainingProcess
from .recipe import Recipe
from .recipes import TV_CROPS
from .run import finished, require_same_photographs, run_folder, train
from .trainer import TrainingProgress
from .validation import PROTOCOL, Scores, scores_on

_PUBLISHED = Path(__file__).parents[1] / "reference" / "srgan_tv_div2k.csv"


Entry = tuple[int, bool]
"""A crop, and with total variation or not."""


@dataclass(frozen=True)
class Row:
    """One entry of the paper's table with our value; bicubic has neither crop nor variation."""

    scale: int
    crop: int | None
    total_variation: bool | None
    each: list[Scores]
    """Ours, image by image; empty where the run was left out."""
    published: Scores

    @property
    def ours(self) -> Scores | None:
        """Ours as means over the images."""
        if not self.each:
            return None
        psnr, ssim = np.mean(self.each, axis=0)
        return float(psnr), float(ssim)


@dataclass(frozen=True)
class Contrast:
    """What one choice changes in PSNR: mean difference over the images and its 95 % interval."""

    scale: int
    what: str
    runs: int
    """Pairs of runs that differ in this choice alone; each image's differences are averaged."""
    images: int
    mean: float
    low: float
    high: float


def train_matrix(
    sources: Sequence[Path],
    folder: Path,
    *,
    recipe_of: Callable[..., Recipe],
    scales: Sequence[int],
    steps: int | None,
    weights: Path,
    validation: Dataset,
    guarded: Sequence[Dataset],
    place: TrainingProcess,
    observer: Observer,
    report: Callable[[TrainingProgress], None],
) -> list[Row]:
    """Train all networks of the matrix that are not in ``folder`` yet; returns the full table.

    The same call continues an interrupted one. A run that diverges or collapses is reported and
    left out. The table is written to ``<folder>/tv-div2k.csv`` too, what the choices change to
    ``<folder>/contrasts.csv``.

    Args:
        sources: folders and tar files of training photographs.
        folder: for the checkpoints and the tables.
        recipe_of: :func:`~.recipes.tv_recipe` or :func:`~.recipes.tv_laptop_recipe`.
        scales: 2, 4 or both.
        steps: of each training; the preset's own if None.
        weights: folder of backbone weights.
        validation: data set that all are scored on in the end.
        guarded: data sets that no training photograph may show.
        place: the device and process of the training.
        observer: is notified of the photographs and of every run.
        report: is called with the progress of the steps.

    Raises:
        SrbenchError: as :func:`~srbench.training.run.train` does.
        CheckpointError: the folder holds a network of another recipe or of other photographs.
    """
    rows: list[Row] = []
    for scale in scales:
        published = _published(scale)
        bicubic = scores_on(validation, None, scale, place.device)
        rows.append(Row(scale, None, None, bicubic, published[None, None]))
        planned: dict[Entry, tuple[Recipe, Path, Card | None]] = {}
        for entry in ((c, v) for v in (True, False) for c in TV_CROPS):
            recipe = recipe_of(scale, entry[0], total_variation=entry[1])
            recipe = recipe if steps is None else recipe.lasting(steps)
            out = folder / f"{recipe.name}_x{scale}.safetensors"
            planned[entry] = recipe, out, finished(out, recipe)
        reused = [(out, card) for _, out, card in planned.values() if card]
        data: Photographs | None = None
        if len(reused) < len(planned):
            for recipe, _, _ in planned.values():
                require_weights(recipe.content, weights)  # fails early
            leaks = folder / "leaks.csv" if place.writes else None
            data = read_photographs(sources, scale, guarded, place.device, observer, leaks)
        require_same_photographs(reused, data)
        for (crop, varied), (recipe, out, card) in planned.items():
            if card is None and data is not None:
                observer.note(f"{recipe.name} x{scale}: {counted(recipe.steps, 'step')}")
                try:
                    card = train(
                        recipe,
                        data,
                        out,
                        weights=weights,
                        guarded=guarded,
                        place=place,
                        resume=(run_folder(out) / "state.pt").exists(),
                        validate_every=recipe.steps,
                        observer=observer,
                        report=report,
                    ).card
                except Stopped as error:
                    observer.note(f"{recipe.name} x{scale} is left out: {error}")
            each = []
            if card is not None:
                network, _ = load_checkpoint(out)
                each = scores_on(validation, network, scale, place.device)
            rows.append(Row(scale, crop, varied, each, published[crop, varied]))
    if place.writes:
        _write(folder / "tv-div2k.csv", rows)
        _write_contrasts(folder / "contrasts.csv", contrasts(rows), validation.name)
    return rows


def contrasts(rows: Sequence[Row]) -> list[Contrast]:
    """What total variation and what each larger crop change in PSNR, everything else equal.

    The interval is Student's over the images. Each network was trained once, so it does not include
    the variation between seeds.
    """
    choices: dict[str, list[tuple[Entry, Entry]]] = {
        "total variation - none": [((crop, True), (crop, False)) for crop in TV_CROPS]
    }
    for small, large in combinations(TV_CROPS, 2):
        choices[f"crop {large} - {small}"] = [((large, tv), (small, tv)) for tv in (True, False)]
    found: list[Contrast] = []
    for scale in sorted({row.scale for row in rows}):
        of = {(row.crop, row.total_variation): row.each for row in rows if row.scale == scale}
        for what, pairs in choices.items():
            both = [(of[a], of[b]) for a, b in pairs if of.get(a) and of.get(b)]
            if both:
                each = np.mean([np.subtract(a, b)[:, 0] for a, b in both], axis=0)
                found.append(_contrast(scale, what, len(both), each))
    return found


def _contrast(scale: int, what: str, runs: int, each: Floats) -> Contrast:
    n, mean = len(each), float(each.mean())
    sd = float(each.std(ddof=1)) if n > 1 else float("nan")
    low, high = student_interval(np.array(mean), np.array(sd), np.array(float(n)))
    return Contrast(scale, what, runs, n, mean, float(low), float(high))


def contrasts_table(rows: Sequence[Contrast]) -> Table:
    """What the choices change, for a terminal."""
    table = Table(
        title="Effect of one choice on PSNR, dB: mean over the images, 95 % interval",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for head in ("scale", "choice", "difference", "interval", "runs", "images"):
        table.add_column(head, justify="left" if head == "choice" else "right", no_wrap=True)
    for row in rows:
        interval = "—" if np.isnan(row.low) else f"{row.low:+.3f} to {row.high:+.3f}"
        table.add_row(
            f"x{row.scale}", row.what, f"{row.mean:+.3f}", interval, str(row.runs), str(row.images)
        )
    return table


def matrix_table(rows: Sequence[Row], validation: str) -> Table:
    """The rows for a terminal, our scores with the published ones."""
    table = Table(
        title=f"PSNR / SSIM on {validation}, protocol {PROTOCOL}, compared with the paper on DIV2K",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for head in ("scale", "crop", "TV", "ours", "published"):
        table.add_column(head, justify="left" if head == "TV" else "right", no_wrap=True)
    for row in rows:
        kind = {True: "yes", False: "no", None: "bicubic"}[row.total_variation]
        shown = (
            f"{s[0]:.2f} / {s[1]:.4f}" if s is not None else "—" for s in (row.ours, row.published)
        )
        table.add_row(f"x{row.scale}", str(row.crop or "—"), kind, *shown)
    return table


def _published(scale: int) -> dict[tuple[int | None, bool | None], Scores]:
    with _PUBLISHED.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["scale"] == str(scale)]
    return {
        (
            int(row["crop"]) if row["crop"] else None,
            row["total_variation"] == "true" if row["total_variation"] else None,
        ): (float(row["psnr_db"]), float(row["ssim"]))
        for row in rows
    }


def _write(path: Path, rows: Sequence[Row]) -> None:
    def lines() -> Iterator[str]:
        yield "scale,crop,total_variation,method,psnr_db,ssim,published_psnr_db,published_ssim"
        for row in rows:
            method = "bicubic" if row.crop is None else "SRGAN"
            varied = "" if row.total_variation is None else str(row.total_variation).lower()
            ours = "," if row.ours is None else f"{row.ours[0]:.4f},{row.ours[1]:.4f}"
            published = f"{row.published[0]:.4f},{row.published[1]:.4f}"
            yield f"{row.scale},{row.crop or ''},{varied},{method},{ours},{published}"

    write_text(path, "\n".join(lines()) + "\n")


def _write_contrasts(path: Path, rows: Sequence[Contrast], validation: str) -> None:
    def number(value: float) -> float | None:
        return None if np.isnan(value) else round(value, 4)

    interval = ("psnr_difference_db", "ci_low", "ci_high")
    head = ("scale", "dataset", "choice", "run_pairs", "images", *interval)
    lines = [
        (r.scale, validation, r.what, r.runs, r.images, *map(number, (r.mean, r.low, r.high)))
        for r in rows
    ]
    write_text(path, csv_text([head, *lines]))
