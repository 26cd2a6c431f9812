"""The SRGAN paper's Fig. 7: PSNR and time against the number of residual blocks.

Each network is trained for the same small number of steps. The curves compare depths for this
budget, not after full training.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..csv_cells import csv_text
from ..data.folder import Dataset
from ..errors import ConfigError
from ..files import write_text
from ..imaging import crop_to_multiple, imresize
from ..methods.network import NetworkMethod
from ..models.cards import MOST_BLOCKS, Card
from ..models.checkpoints import load_checkpoint
from ..observer import Observer
from ..report.kit.style import (
    BLUE,
    COLUMN_WIDTH,
    TEXT,
    VERMILLION,
    display_name,
    figure_style,
    new_figure,
    save_figure,
)
from ..training import Recipe, TrainingProcess, train
from ..training.photographs import Photographs, read_photographs
from ..training.run import finished, require_same_photographs, run_folder
from ..training.trainer import TrainingProgress
from ..training.validation import scores_on
from ..wording import counted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_REPEATS = 7
_LONG_SKIP = {True: ("with long skip", BLUE, "o"), False: ("without", VERMILLION, "s")}


class Depth(NamedTuple):
    """One network of the study: a row of depth.csv."""

    blocks: int
    long_skip: bool
    steps: int
    dataset: str
    psnr_y: float
    """Mean over the data set under the protocol `ledig2017`, in dB."""
    seconds: float
    """Time to upscale the data set's first image, the minimum of seven runs."""
    device: str


def depth_study(
    recipe: Recipe,
    blocks: Sequence[int],
    sources: Sequence[Path],
    out: Path,
    *,
    weights: Path,
    validation: Dataset,
    guarded: Sequence[Dataset],
    place: TrainingProcess,
    observer: Observer | None = None,
    report: Callable[[TrainingProgress], None] = lambda progress: None,
) -> list[Depth]:
    """Train a network of every depth with and without the long skip; write table and figure.

    Networks that an earlier call finished in ``out`` are reused; an interrupted training is
    continued.

    Args:
        recipe: how each is trained; its architecture's blocks and skip are varied.
        blocks: numbers of residual blocks.
        sources: folders and tar files of training photographs.
        out: folder for the checkpoints, depth.csv and the figure depth.png and .pdf.
        validation: data set for the final scores.
        weights, guarded, place, report: as for :func:`srbench.training.train`.

    Raises:
        ConfigError: a number of blocks is not valid, or the recipe is not for an SRResNet.
        SrbenchError: as for :func:`srbench.training.train`.
    """
    if recipe.architecture.network != "srresnet":
        raise ConfigError(f"{recipe.name} has no residual blocks to vary; use srresnet-mse")
    if not blocks or min(blocks) < 1 or max(blocks) > MOST_BLOCKS:
        raise ConfigError(f"blocks are {list(blocks)}, expected numbers from 1 to {MOST_BLOCKS}")
    observer = observer or Observer()
    planned: list[tuple[Recipe, Path, Card | None]] = []
    for long_skip in (True, False):
        for count in sorted(set(blocks)):
            shape = {"blocks": count, "long_skip": long_skip}
            architecture = recipe.architecture.model_copy(update=shape)
            name = f"{recipe.name}-{count}-blocks" + ("" if long_skip else "-no-long-skip")
            own = recipe.model_copy(update={"architecture": architecture, "name": name})
            checkpoint = out / f"{name}.safetensors"
            planned.append((own, checkpoint, finished(checkpoint, own)))
    reused = [(checkpoint, card) for _, checkpoint, card in planned if card]
    photographs: Photographs | None = None  # read only if a network must be trained
    if len(reused) < len(planned):
        leaks = out / "leaks.csv" if place.writes else None
        scale = recipe.architecture.scale
        photographs = read_photographs(sources, scale, guarded, place.device, observer, leaks)
    require_same_photographs(reused, photographs)
    if reused:
        observer.note(
            f"{counted(len(reused), 'network')} of an earlier call, trained on {reused[0][1].data}"
        )
    trained: list[tuple[Recipe, Path, float]] = []
    for own, checkpoint, card in planned:
        name = own.name
        if card is None and photographs is not None:
            observer.note(f"training {name}, {counted(own.steps, 'step')}")
            train(
                own,
                photographs,
                checkpoint,
                weights=weights,
                guarded=guarded,
                place=place,
                resume=(run_folder(checkpoint) / "state.pt").exists(),
                observer=observer,
                report=report,
            )
        network, _ = load_checkpoint(checkpoint)
        scores = scores_on(validation, network, own.architecture.scale, place.device)
        psnr = float(np.mean([psnr for psnr, _ in scores]))
        trained.append((own, checkpoint, psnr))
        observer.note(f"{name}: {psnr:.2f} dB on {validation.name}")
    device = str(place.device)
    observer.begin("timing the networks, then table and figure", 0)
    times = _seconds([checkpoint for _, checkpoint, _ in trained], validation, device)
    rows = [
        Depth(
            own.architecture.blocks, own.architecture.long_skip, own.steps, validation.name,
            psnr, seconds, device,
        )
        for (own, _, psnr), seconds in zip(trained, times, strict=True)
    ]  # fmt: skip
    _write_table(out / "depth.csv", rows)
    batches = " then ".join(_batches(recipe))
    budget = f"one run of {counted(recipe.steps, 'step')} each, batches of {batches}"
    save_figure(depth_figure(rows, budget), out, "depth")
    observer.end()
    return rows


def depth_figure(rows: Sequence[Depth], budget: str) -> Figure:
    """PSNR (top) and seconds (bottom) by residual blocks; ``budget`` describes the training."""
    with figure_style():
        figure = new_figure(COLUMN_WIDTH, 3.9)
        above, below = figure.subplots(2, 1, sharex=True)
        for long_skip, (label, colour, marker) in _LONG_SKIP.items():
            line = [row for row in rows if row.long_skip is long_skip]
            for axes, values in ((above, "psnr_y"), (below, "seconds")):
                axes.plot(
                    [row.blocks for row in line],
                    [getattr(row, values) for row in line],
                    color=colour, marker=marker, label=label,
                    markerfacecolor=colour if long_skip else "white",
                )  # fmt: skip
        first = rows[0]
        figure.text(
            0.02,
            0.99,
            f"SRResNet on {display_name(first.dataset)}, by depth",
            ha="left",
            va="top",
            fontsize=9,
            fontweight="bold",
        )
        figure.text(0.02, 0.94, textwrap.fill(budget, 56), ha="left", va="top", fontsize=TEXT)
        above.set_ylabel("PSNR (dB)")
        above.legend(loc="best")
        below.set_ylabel(f"seconds ({first.device})")
        below.set_ylim(0, 1.12 * max(row.seconds for row in rows))
        below.set_xlabel("residual blocks")
        below.set_xticks(sorted({row.blocks for row in rows}))
        figure.subplots_adjust(left=0.2, right=0.98, top=0.86, bottom=0.11, hspace=0.14)
        figure.align_ylabels()
    return figure


def _seconds(checkpoints: Sequence[Path], validation: Dataset, device: str) -> list[float]:
    """The minimum time of each network, measured in turns because a machine's speed varies."""
    methods = [_method(checkpoint, device) for checkpoint in checkpoints]
    hr = crop_to_multiple(validation.read(validation.ids[0]), methods[0].scale)
    lr = imresize(hr, Fraction(1, methods[0].scale))
    times: list[list[float]] = [[] for _ in methods]
    for _ in range(_REPEATS):
        for method, own in zip(methods, times, strict=True):
            begun = time.perf_counter()
            method.upscale(lr)
            own.append(time.perf_counter() - begun)
    return [min(own) for own in times]


def _method(checkpoint: Path, device: str) -> NetworkMethod:
    network, card = load_checkpoint(checkpoint)
    method = NetworkMethod(card.name, card.architecture.scale, "", lambda: network, device)
    method.prepare()
    return method


def _batches(recipe: Recipe) -> list[str]:
    stages = (f"{stage.batch} crops of {stage.crop} px" for stage in recipe.stages)
    return list(dict.fromkeys(stages))


def _write_table(path: Path, rows: Iterable[Depth]) -> None:
    lines = [r._replace(psnr_y=round(r.psnr_y, 6), seconds=round(r.seconds, 6)) for r in rows]
    write_text(path, csv_text([Depth._fields, *lines]))
