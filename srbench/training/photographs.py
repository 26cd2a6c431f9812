"""The photographs to train on: found, held out, read, and searched for benchmark images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import torch

from ..data.catalogue import SAMPLE, canonical_name
from ..data.folder import Dataset, dataset_folder, open_dataset
from ..data.leakage import find_leaks
from ..data.training import TrainingSet, read_training_images, survey
from ..errors import ConfigError, TrainingError
from ..imaging.luma import Image
from ..observer import Observer
from ..wording import counted

FEWEST = 8
"""Photographs without which there is no training."""

HELD_OUT = 20
"""Photographs held out for validation at most; never more than one in 20, but for the first."""

HELD_OUT_SIDE = 480
"""Pixels of the middle of a photograph held out that are kept, at most."""

_REDUCED = re.compile(r"(.*[_-])?lr([_-].*|x?\d)?", re.IGNORECASE)
"""Names of folders in which data sets keep reduced pictures, as DIV2K_train_LR_bicubic."""


@dataclass(frozen=True)
class Photographs:
    """What is trained on, and what is held out to judge by: names and pixels."""

    training: TrainingSet
    held_out: tuple[tuple[str, Image], ...]

    def __str__(self) -> str:
        return (
            f"{counted(len(self.training), 'photograph')}, {self.training.megapixels:.1f} "
            "megapixels"
        )


def find_photographs(text: str, root: Path) -> list[Path]:
    """The folders and tar files that ``--data`` means: paths or names of data sets, by commas.

    Raises:
        ConfigError: a place between two commas is empty, or a source is given twice.
        DatasetError: it is a data set's name, but the set is not under ``root``; the message
            names the command that supplies it.
    """
    if Path(text).exists():  # a path with a comma in it
        return [Path(text)]
    sources = [_source(part.strip(), text, root) for part in text.split(",")]
    for index, source in enumerate(sources):
        if source.resolve() in [other.resolve() for other in sources[:index]]:
            raise ConfigError(f"--data gives {source} twice; give each source once")
    return sources


def _source(part: str, text: str, root: Path) -> Path:
    if not part:
        raise ConfigError(f"--data is {text!r}, expected folders, tar files or data sets by commas")
    if Path(part).exists():
        return Path(part)
    if canonical_name(part) in (None, SAMPLE) and dataset_folder(part, root) is None:
        return Path(part)
    first = next(iter(open_dataset(part, root).images.values()))
    return first.parent


def read_photographs(
    sources: Sequence[Path],
    scale: int,
    guarded: Sequence[Dataset],
    device: torch.device,
    observer: Observer,
) -> Photographs:
    """Decode every photograph of ``sources``, refuse benchmark images among them, keep the rest.

    Which are held out depends on their names alone, so that other trainings from the same sources
    hold out the same. The observer is told first what is taken and how much memory that needs,
    and what is passed over.

    Raises:
        TrainingError: fewer than 8 photographs can be used, one shows a benchmark image, or a
            source is missing, damaged, or neither a folder nor a tar file.
    """
    observer.begin("listing training photographs", 0)
    sizes, passed_over = _listed(sources, scale)
    observer.end()
    pixels = sum(height * width for height, width in sizes.values())
    _require_enough(sources, len(sizes), passed_over)
    held = _held_out(sizes)
    observer.note(
        f"{counted(len(sizes), 'photograph')}, {pixels / 1e6:.1f} megapixels: "
        f"{3 * pixels * (1 + 1 / scale**2) / 1e9:.1f} GB of memory on {device}; "
        f"{len(held)} of them held out for validation"
    )
    training = TrainingSet((), scale, device, room=max(1, pixels))
    held_out: list[tuple[str, Image]] = []

    def read() -> Iterator[tuple[str, Image]]:
        for name, image in _read(sources, sizes, passed_over):
            if name in held:
                held_out.append((name, _middle(image)))
            else:
                training.add(image)
            yield name, image

    observer.begin("reading them and looking for benchmark images", 0)
    leaks = find_leaks(read(), guarded)
    for _ in () if guarded else read():  # without sets to guard, nobody has read them
        pass
    observer.end()
    _require_enough(sources, len(training) + len(held_out), passed_over)
    if passed_over:
        observer.note(
            f"{counted(len(passed_over), 'image file')} passed over, first: {passed_over[0]}"
        )
    if leaks:
        raise TrainingError(
            f"{counted(len(leaks), 'training image')} showing benchmark images, first: {leaks[0]}; "
            "remove them, or every score would flatter the network"
        )
    return Photographs(training, tuple(sorted(held_out, key=lambda item: item[0])))


def _listed(sources: Sequence[Path], scale: int) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Names and sizes of the images worth reading, and a line about each of the others."""
    sizes: dict[str, tuple[int, int]] = {}
    small: list[str] = []
    reduced: dict[str, tuple[int, int]] = {}
    for source in sources:
        for name, size in survey(source):
            own = _named(source, name, sources)
            if 0 < min(size) < 2 * scale:
                small.append(f"{own} is only {size[1]}x{size[0]}")
            elif any(_REDUCED.fullmatch(part) for part in PurePosixPath(name).parts[:-1]):
                reduced[own] = size
            else:
                sizes[own] = size
    if not sizes:  # no originals beside them: a folder may be called so
        return reduced, small
    return sizes, small + [f"{name} lies in a folder of reduced pictures" for name in reduced]


def _read(
    sources: Sequence[Path], sizes: dict[str, tuple[int, int]], passed_over: list[str]
) -> Iterator[tuple[str, Image]]:
    for source in sources:
        images = read_training_images(
            source,
            passed_over.append,
            lambda name, source=source: _named(source, name, sources) in sizes,
        )
        for name, image in images:
            yield _named(source, name, sources), image


def _named(source: Path, name: str, sources: Sequence[Path]) -> str:
    """The name of an image among those of all sources."""
    return name if len(sources) == 1 else f"{source.name}:{name}"


def _held_out(sizes: dict[str, tuple[int, int]]) -> frozenset[str]:
    """The names with the smallest hashes, of photographs that validation can do with."""
    fit = [name for name, size in sizes.items() if min(size) >= 96] or list(sizes)
    fit.sort(key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
    return frozenset(fit[: min(HELD_OUT, max(1, len(sizes) // 20))])


def _middle(image: Image) -> Image:
    top, left = (max((n - HELD_OUT_SIDE) // 2, 0) for n in image.shape[:2])
    return np.array(image[top : top + HELD_OUT_SIDE, left : left + HELD_OUT_SIDE])


def _require_enough(sources: Sequence[Path], count: int, passed_over: list[str]) -> None:
    if count < FEWEST:
        left_out = f" ({len(passed_over)} passed over: {passed_over[0]})" if passed_over else ""
        where = " and ".join(map(str, sources))
        verb = "holds" if len(sources) == 1 else "hold"
        raise TrainingError(
            f"{where} {verb} {counted(count, 'usable photograph')}{left_out}, "
            f"expected at least {FEWEST}; add some"
        )
