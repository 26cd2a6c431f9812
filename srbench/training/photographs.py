"""Find and read training photographs, hold some out, and search for benchmark images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import torch

from ..data.catalogue import SAMPLE, canonical_name
from ..data.folder import Dataset, dataset_folder, open_dataset
from ..data.leakage import Leak, find_leaks, write_leaks
from ..data.recorded import recorded_names
from ..data.siblings import Picture, low_resolution, namesakes
from ..data.training import TrainingSet, read_training_images, survey
from ..errors import ConfigError, TrainingError
from ..files import expanded
from ..imaging.luma import Image
from ..observer import Observer
from ..wording import counted

FEWEST = 8
"""The smallest number of photographs for a training."""

HELD_OUT = 20
"""The maximum number of photographs held out for validation; at most one in 20 after the first."""

HELD_OUT_SIDE = 480
"""Pixels of the middle of a photograph held out that are kept, at most."""


@dataclass(frozen=True)
class Photographs:
    """The training photographs and those held out for validation: names and pixels.

    ``digest`` is the SHA-256 of all pixels in the order of reading. The text of this object, which
    cards and training states record, begins with counts and ends with a part of the digest.
    """

    training: TrainingSet
    held_out: tuple[tuple[str, Image], ...]
    digest: str

    def __str__(self) -> str:
        return (
            f"{counted(len(self.training), 'photograph')}, {self.training.megapixels:.1f} "
            f"megapixels, SHA-256 of the pixels {self.digest[:16]}"
        )


def find_photographs(text: str, root: Path) -> list[Path]:
    """The folders and tar files of ``--data``: comma-separated paths or names of data sets.

    Raises:
        ConfigError: a place between two commas is empty, or a source is given twice.
        DatasetError: it is a data set's name, but the set is not under ``root``; the message
            names the command that supplies it.
    """
    if expanded(text).exists():  # a path that contains a comma
        return [expanded(text)]
    sources = [_source(part.strip(), text, root) for part in text.split(",")]
    for index, source in enumerate(sources):
        if source.resolve() in [other.resolve() for other in sources[:index]]:
            raise ConfigError(f"--data gives {source} twice; give each source once")
    return sources


def _source(part: str, text: str, root: Path) -> Path:
    if not part:
        raise ConfigError(
            f"--data is {text!r}, expected folders, tar files or data sets, separated by commas"
        )
    if expanded(part).exists():
        return expanded(part)
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
    leaks_file: Path | None = None,
) -> Photographs:
    """Decode all photographs of ``sources``, and refuse benchmark images among them.

    The held-out photographs depend only on names, so that other trainings from the same sources
    hold out the same ones. The observer is notified of the photographs and their memory, of ignored
    files, and of the search for leaks.

    Args:
        sources: folders and tar files.
        scale: HR size divided by LR size.
        guarded: data sets whose parts are also searched; complete images of the recorded sets are
            always searched.
        device: the device of the pixels.
        observer: is notified.
        leaks_file: CSV that gets every benchmark image found, one row each.

    Raises:
        TrainingError: fewer than 8 photographs can be used, one shows a benchmark image or is a
            reduced copy of another, or a source is missing, damaged, or neither a folder nor a tar
            file.
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
    maybe_copies, seen = namesakes(sizes), dict[str, Picture]()
    digest = hashlib.sha256()

    def read() -> Iterator[tuple[str, Image]]:
        for name, image in _read(sources, sizes, passed_over):
            if name in maybe_copies:
                seen[name] = Picture.of(image)
            digest.update(f"{image.shape} {name in held}".encode())
            digest.update(np.ascontiguousarray(image).data)
            if name in held:
                held_out.append((name, _middle(image)))
            else:
                training.add(image)
            yield name, image

    observer.begin("reading them and searching for benchmark images", 0)
    leaks = find_leaks(read(), guarded, recorded=True)
    observer.end()
    _require_enough(sources, len(training) + len(held_out), passed_over)
    if passed_over:
        observer.note(f"{counted(len(passed_over), 'image file')} ignored, first: {passed_over[0]}")
    refuse_leaks(leaks, leaks_file)
    _refuse_copies(low_resolution(seen)[0])
    observer.note(_looked_for(guarded))
    held_out.sort(key=lambda item: item[0])
    return Photographs(training, tuple(held_out), digest.hexdigest())


def refuse_leaks(leaks: Sequence[Leak], file: Path | None) -> None:
    """Refuse photographs that show benchmark images, and list them in ``file``.

    Raises:
        TrainingError: there are such.
        ResultsError: the file cannot be written.
    """
    if not leaks:
        if file:
            file.unlink(missing_ok=True)  # an earlier list is outdated
        return
    listed = ""
    if file:
        write_leaks(file, leaks)
        listed = f" (all are listed in {file})"
    first = "; ".join(map(str, leaks[:3])) + ("; ..." if len(leaks) > 3 else "")
    count = len({leak.training for leak in leaks})
    raise TrainingError(
        f"{counted(count, 'training image')} showing benchmark images: {first}{listed}; remove "
        "them, because they would make every score too good"
    )


def _refuse_copies(copies: Mapping[str, str]) -> None:
    if copies:
        name, original = next(iter(copies.items()))
        raise TrainingError(
            f"{counted(len(copies), 'training image')} being reduced copies of others, first: "
            f"{name} of {original}; remove them, because they are not originals"
        )


def _looked_for(guarded: Sequence[Dataset]) -> str:
    recorded = recorded_names()
    parts = [dataset.name for dataset in guarded]
    rest = [name for name in recorded if name not in parts]
    return (
        f"no benchmark image found: searched for whole images of {', '.join(recorded)}, and for "
        f"parts of images of {', '.join(parts) or 'none'}; not for parts of those of "
        f"{', '.join(rest) or 'others'}, for changed brightness, or for sets that are not recorded"
    )


def _listed(sources: Sequence[Path], scale: int) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Names and sizes of the usable images, and a line about each of the others.

    Raises:
        TrainingError: all are low-resolution pictures by the names of their folders.
    """
    sizes: dict[str, tuple[int, int]] = {}
    small: list[str] = []
    own_names: dict[str, str] = {}
    for index, source in enumerate(sources):
        for name, size in survey(source):
            own = _named(source, name, sources)
            if 0 < min(size) < 2 * scale:
                small.append(f"{own} is only {size[1]}x{size[0]}")
            else:
                sizes[own] = size
                own_names[f"{index}/{_place(source)}/{PurePath(name).as_posix()}"] = own
    copies, alone = low_resolution({n: Picture(*sizes[own]) for n, own in own_names.items()})
    reduced = [f"{own_names[n]} is a reduced copy of {own_names[o]}" for n, o in copies.items()]
    reduced += [f"{own_names[name]} is a reduced picture by its name" for name in alone]
    for name in (*copies, *alone):
        del sizes[own_names[name]]
    if reduced and not sizes:
        raise TrainingError(
            f"all of {counted(len(reduced), 'training image')} are reduced pictures by their "
            f"names, first: {own_names[next(iter((*copies, *alone)))]} in {sources[0]}; give their "
            "originals, or rename the folder if it holds originals"
        )
    return sizes, reduced + small


def _place(source: Path) -> str:
    """The name of a source, with its parent's for a folder such as X4."""
    source = source.resolve()
    named = source.name if source.is_dir() else source.stem
    bare = re.fullmatch(r"x?\d+", named, re.IGNORECASE)
    return f"{source.parent.name}/{named}" if bare else named


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
    """The names with the smallest hashes among photographs that are suitable for validation."""
    fit = [name for name, size in sizes.items() if min(size) >= 96] or list(sizes)
    fit.sort(key=lambda name: hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
    return frozenset(fit[: min(HELD_OUT, max(1, len(sizes) // 20))])


def _middle(image: Image) -> Image:
    top, left = (max((n - HELD_OUT_SIDE) // 2, 0) for n in image.shape[:2])
    return np.array(image[top : top + HELD_OUT_SIDE, left : left + HELD_OUT_SIDE])


def _require_enough(sources: Sequence[Path], count: int, passed_over: list[str]) -> None:
    if count < FEWEST:
        left_out = f" ({len(passed_over)} ignored: {passed_over[0]})" if passed_over else ""
        where = " and ".join(map(str, sources))
        verb = "holds" if len(sources) == 1 else "hold"
        raise TrainingError(
            f"{where} {verb} {counted(count, 'usable photograph')}{left_out}, "
            f"expected at least {FEWEST}; add some"
        )
