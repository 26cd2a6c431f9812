"""The SRGAN paper's Fig. 8: one image during training.

At every validation the trainer saves the central crop of two validation images. The figure shows
some of them side by side with their PSNR, one training after another (SRGAN after the SRResNet that
it started from), and the original last.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..csv_cells import unguard
from ..data.catalogue import canonical_name
from ..errors import TrainingError, unknown_name
from ..imaging import read_image
from ..imaging.luma import Image
from ..report.kit.style import TEXT, display_name, figure_style, new_figure, save_figure
from ..training.run import run_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TILES = 7
_COLUMNS = 4
_DPI, _SIDE, _GAP, _CAPTION, _TITLE = 200, 320, 10, 86, 40
_WIDTH = _COLUMNS * (_SIDE + _GAP) + _GAP


@dataclass(frozen=True)
class Sample:
    """The crop after some steps of a training, and the logged mean PSNR of that validation."""

    training: str
    step: int
    pixels: Image
    psnr: Mapping[str, float]


def draw_evolution(
    checkpoints: Sequence[Path],
    out: Path,
    *,
    image: str | None = None,
    tiles: int = _TILES,
) -> list[Path]:
    """Draw evolution.png and .pdf into ``out`` from the samples of one or more trainings.

    Args:
        checkpoints: the files that the trainings wrote or were to write (``--out`` of
            ``srbench train``), in the order in which they followed each other.
        out: folder for the figure.
        image: the image; default: the first one with samples.
        tiles: the maximum number of samples, evenly spread over each training.

    Raises:
        TrainingError: a training has no samples.
        UnknownName: there are no samples of this image.
    """
    shares = [tiles // len(checkpoints)] * len(checkpoints)
    shares[-1] += tiles - sum(shares)
    samples: list[Sample] = []
    for checkpoint, share in zip(checkpoints, shares, strict=True):
        folder = run_folder(checkpoint)
        kept = folder / "samples"
        names = sorted(path.name for path in kept.glob("*/")) if kept.is_dir() else []
        if not names:
            raise TrainingError(
                f"{kept} holds no samples; train first: srbench train ... --out {checkpoint}"
            )
        image = image or names[0]
        if image not in names:
            raise unknown_name(f"sample in {kept}:", image, names)
        samples += _samples(folder, image, max(1, share))
    assert image is not None
    kept = run_folder(checkpoints[-1]) / "samples"
    return save_figure(evolution_figure(samples, _original(kept / image), image), out, "evolution")


def evolution_figure(samples: Sequence[Sample], original: Image | None, image: str) -> Figure:
    """The samples in a grid at exact pixels, and the original if there is one."""
    panels: list[tuple[tuple[str, ...], Image]] = [
        ((_name(sample), f"step {sample.step:,}", _decibels(sample.psnr)), sample.pixels)
        for sample in samples
    ]
    if original is not None:
        panels.append((("original",), original))
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width = columns * (_SIDE + _GAP) + _GAP
    height = _TITLE + rows * (_SIDE + _CAPTION)
    with figure_style():
        # Half a pixel more, so that rounding does not lose the last row or column.
        figure = new_figure((width + 0.5) / _DPI, (height + 0.5) / _DPI)
        figure.text(
            _GAP / width, (height - 6) / height, f"{display_name(image)} during training",
            ha="left", va="top", fontsize=9, fontweight="bold",
        )  # fmt: skip
        for slot, (said, pixels) in enumerate(panels):
            row, column = divmod(slot, columns)
            times = max(1, _SIDE // max(pixels.shape[:2]))
            shown = pixels.repeat(times, axis=0).repeat(times, axis=1)[:_SIDE, :_SIDE]
            left = _GAP + column * (_SIDE + _GAP)
            top = height - _TITLE - row * (_SIDE + _CAPTION)
            axes = figure.add_axes(
                (
                    left / (width + 0.5),
                    (top - shown.shape[0]) / (height + 0.5),
                    shown.shape[1] / (width + 0.5),
                    shown.shape[0] / (height + 0.5),
                )
            )
            axes.set_axis_off()
            axes.imshow(
                shown, interpolation="none", aspect="auto",
                **({"cmap": "gray", "vmin": 0, "vmax": 255} if shown.ndim == 2 else {}),
            )  # fmt: skip
            for line, text in enumerate(said):
                figure.text(
                    left / width, (top - _SIDE - 4 - 24 * line) / height, text,
                    ha="left", va="top", fontsize=TEXT, fontweight="normal" if line else "bold",
                )  # fmt: skip
    return figure


def _samples(run: Path, image: str, count: int) -> list[Sample]:
    files = sorted((run / "samples" / image).glob("[0-9]*.png"))
    chosen = np.unique(np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int))
    psnr = _logged_psnr(run / "log.csv")
    return [
        Sample(run.stem, step, read_image(files[i]), psnr.get(step, {}))
        for i, step in ((i, int(files[i].stem)) for i in chosen)
    ]


def _logged_psnr(log: Path) -> dict[int, dict[str, float]]:
    """The logged PSNR by step and data set, in dB with the trainer's protocol."""
    found: dict[int, dict[str, float]] = {}
    if log.is_file():
        with log.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                dataset, _, metric = unguard(row["name"]).partition("_")
                if metric == "psnr_y":
                    found.setdefault(int(row["step"]), {})[dataset] = float(row["value"])
    return found


def _original(kept: Path) -> Image | None:
    """The same region of the original, which the trainer saves."""
    path = kept / "HR.png"
    return read_image(path) if path.is_file() else None


def _name(sample: Sample) -> str:
    return display_name(sample.training.rpartition("_x")[0] or sample.training, limit=18)


def _decibels(psnr: Mapping[str, float]) -> str:
    # The log has lower-case names.
    return ", ".join(f"{canonical_name(d) or d}: {value:.2f} dB" for d, value in psnr.items())
