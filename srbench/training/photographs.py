"""The photographs to train on: found, read, and searched for benchmark images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..data.catalogue import SAMPLE, canonical_name
from ..data.folder import Dataset, dataset_folder, open_dataset
from ..data.leakage import find_leaks
from ..data.training import TrainingSet, read_training_images
from ..errors import TrainingError
from ..imaging.luma import Image
from ..observer import Observer
from ..wording import counted

FEWEST = 8
"""Photographs without which there is no training."""


def find_photographs(text: str, root: Path) -> Path:
    """The folder or tar file that ``--data`` means: a path, or the name of a data set.

    Raises:
        DatasetError: it is a data set's name, but the set is not under ``root``; the message
            names the command that supplies it.
    """
    if Path(text).exists():
        return Path(text)
    if canonical_name(text) in (None, SAMPLE) and dataset_folder(text, root) is None:
        return Path(text)
    first = next(iter(open_dataset(text, root).images.values()))
    return first.parent


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
            skipped.append(f"{name} is only {image.shape[1]}x{image.shape[0]}")
    observer.end()
    if len(images) < FEWEST:
        left_out = f" ({len(skipped)} left out: {skipped[0]})" if skipped else ""
        raise TrainingError(
            f"{source} holds {counted(len(images), 'usable photograph')}{left_out}, "
            f"expected at least {FEWEST}; add some"
        )
    if skipped:
        observer.note(f"{counted(len(skipped), 'training image')} left out, first: {skipped[0]}")
    observer.begin("looking for benchmark images among them", 0)
    leaks = find_leaks(images.items(), guarded)
    observer.end()
    if leaks:
        raise TrainingError(
            f"{counted(len(leaks), 'training image')} showing benchmark images, first: {leaks[0]}; "
            "remove them, or every score would flatter the network"
        )
    return TrainingSet(images.values(), scale, device)
