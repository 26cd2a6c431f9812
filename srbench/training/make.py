"""``srbench train``: from a recipe and a folder of photographs to a checkpoint with its card."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import nn

from .. import __version__
from ..data.folder import Dataset
from ..data.leakage import find_leaks
from ..data.training import TrainingSet, read_training_images
from ..errors import CheckpointError, TrainingError
from ..imaging import crop_to_multiple, imresize, write_png
from ..imaging.luma import Image
from ..methods.network import NetworkMethod, pick_device
from ..methods.resolve import checkpoint_file
from ..metrics.protocols import get_protocol
from ..models.checkpoints import Card, load_checkpoint, save_checkpoint
from ..observer import Observer
from .content import content_losses
from .recipe import Recipe
from .trainer import Progress, Trainer

PROTOCOL = "ledig2017"
_FEW = 8


@dataclass(frozen=True)
class Trained:
    """What a training gave."""

    checkpoint: Path
    card: Card


def train(
    recipe: Recipe,
    source: Path,
    out: Path,
    *,
    weights: Path,
    validation: Dataset,
    guarded: Sequence[Dataset],
    device: str = "auto",
    resume: bool = False,
    validate_every: int = 1000,
    observer: Observer | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Train a network and write it to ``out`` (safetensors) with its card beside it.

    The run's state, log and sample crops are kept in the folder ``<out without suffix>.run``.

    Args:
        recipe: what to train and how.
        source: a folder or tar file of training photographs.
        out: the checkpoint to write.
        weights: folder of backbone weights and of the checkpoint that the recipe starts from.
        validation: data set whose PSNR is logged and whose first images are kept as samples.
        guarded: data sets that no training photograph may show.
        device: where to train.
        resume: go on from the state of an interrupted run.

    Raises:
        TrainingError: too few or unusable photographs, a training photograph that shows a
            benchmark image, a run that diverges.
        MissingWeights: a loss needs weights, or the generator a start, that is not there.
        CheckpointError: there is nothing to resume, or it was begun with another recipe.
    """
    observer = observer or Observer()
    place = torch.device(pick_device(device))
    folder = out.with_name(out.stem + ".run")
    state = folder / "state.pt"
    if state.exists() and not resume:
        raise CheckpointError(
            f"{state} is there from an earlier run; add --resume to go on with it, or delete "
            f"{folder} to start again"
        )
    content, notes = content_losses(recipe.content, weights, place)
    generator = _generator(recipe, weights)
    data = read_training_set(source, recipe.architecture.scale, guarded, place, observer)
    trainer = Trainer(recipe, generator, data, content, place)
    if resume:
        trainer.resume(state)
    validate = Validation(validation, recipe.architecture.scale, folder / "samples", place)

    def write(path: Path, metrics: Mapping[str, float]) -> Trained:
        card = Card(
            name=recipe.name,
            architecture=recipe.architecture,
            steps=trainer.step,
            recipe=recipe.model_dump(mode="json"),
            data=f"{len(data)} photographs, {data.megapixels:.1f} megapixels",
            metrics=dict(metrics),
            notes=notes,
            trained_on_metric="lpips_alex" if "lpips" in recipe.content else None,
            versions={
                "srbench": __version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        )
        save_checkpoint(path, trainer.average, card, half=True)
        return Trained(path, card)

    try:
        trainer.run(folder, validate=validate, validate_every=validate_every, report=report)
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"{place} has not enough memory for crops of {recipe.stages[0].crop} and batches of "
            f"{recipe.stages[0].batch}; take a smaller batch or crop"
        ) from error
    except TrainingError as error:
        if not state.exists():
            raise
        trainer.resume(state)
        kept = write(folder / "last-sound.safetensors", {})
        raise TrainingError(
            f"{error}; the sound weights of step {trainer.step} are in {kept.checkpoint}"
        ) from error
    return write(out, validate.last)


def _generator(recipe: Recipe, weights: Path) -> nn.Module:
    torch.manual_seed(recipe.seed)
    if recipe.start_from is None:
        return recipe.architecture.build()
    path = checkpoint_file(recipe.start_from, recipe.architecture.scale, weights)
    network, card = load_checkpoint(path)
    if card.architecture != recipe.architecture:
        raise CheckpointError(
            f"{path} cannot start this training: it is {card.architecture}, expected "
            f"{recipe.architecture}"
        )
    return network


def read_training_set(
    source: Path,
    scale: int,
    guarded: Sequence[Dataset],
    device: torch.device,
    observer: Observer,
) -> TrainingSet:
    """Decode every photograph of ``source``, refuse benchmark images among them, keep the rest.

    Raises:
        TrainingError: fewer than 8 photographs can be used, or one shows a benchmark image.
    """
    skipped: list[str] = []
    images: dict[str, Image] = {}
    observer.begin("reading training photographs", 0)
    for name, image in read_training_images(source, skipped.append):
        if min(image.shape[:2]) >= 2 * scale:
            images[name] = image
        else:
            skipped.append(f"{name} is {image.shape[1]}x{image.shape[0]}")
    observer.end()
    if skipped:
        observer.note(f"{len(skipped)} training images are left out, first: {skipped[0]}")
    if len(images) < _FEW:
        raise TrainingError(
            f"{source} holds {len(images)} usable photographs, expected at least {_FEW}; add some"
        )
    observer.begin("looking for benchmark images among them", 0)
    leaks = find_leaks(images.items(), guarded)
    observer.end()
    if leaks:
        raise TrainingError(
            f"{len(leaks)} training images show benchmark images, first: {leaks[0]}; remove "
            "them, or every score would flatter the network"
        )
    return TrainingSet(images.values(), scale, device)


class Validation:
    """PSNR on a data set, and crops of its first images as training goes on (Fig. 8)."""

    def __init__(self, dataset: Dataset, scale: int, samples: Path, device: torch.device) -> None:
        self._dataset, self._scale, self._samples, self._device = dataset, scale, samples, device
        self._pairs: list[tuple[str, Image, Image]] = []
        for image in dataset.ids:
            hr = crop_to_multiple(dataset.read(image), scale)
            lr = imresize(hr, Fraction(1, scale), border="replicate")
            self._pairs.append((image, lr, hr))
        self.last: Mapping[str, float] = {}

    def __call__(self, network: nn.Module, step: int) -> Mapping[str, float]:
        """Means over the data set by name, ``<data set>_psnr_y`` and so on."""
        method = NetworkMethod("trained", self._scale, "", lambda: network, str(self._device))
        scores = []
        for index, (image, lr, hr) in enumerate(self._pairs):
            sr = method.upscale(lr)
            scores.append(get_protocol(PROTOCOL).prepare(hr, self._scale).score(sr))
            if index < 2:
                top, left = (max((n - 160) // 2, 0) for n in sr.shape[:2])
                crop = np.ascontiguousarray(sr[top : top + 160, left : left + 160])
                write_png(self._samples / image / f"{step:07d}.png", crop)
        name = self._dataset.name.lower()
        self.last = {
            f"{name}_{metric}": float(np.mean([score[metric] for score in scores]))
            for metric in ("psnr_y", "ssim_y")
        }
        return self.last
