"""Copy the pictures of a study into its folder: the rated versions, and practice and gold."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import open_dataset
from ..data.known import checked
from ..errors import StudyError
from ..imaging import crop_to_multiple, imresize, read_image, write_png
from ..imaging.luma import Image
from .choosing import Chosen
from .manifest import REFERENCE, Anchor, Rules, Stimulus, stimulus_id, stimulus_path
from .procedure import Item, Procedure


@dataclass(frozen=True)
class Pictures:
    """The copied images: ``all`` of them, those ``rated`` in the main part and its ``items``, those
    for ``practice`` and ``gold`` trials; and notes about the latter two.
    """

    all: tuple[Stimulus, ...]
    rated: tuple[Stimulus, ...]
    items: Sequence[Item]
    practice: Sequence[Stimulus]
    gold: Sequence[Stimulus]
    notes: Sequence[str]


def copy_pictures(
    folder: Path,
    chosen: Chosen,
    asks: Procedure,
    rules: Rules,
    calibration: str,
    data_root: Path | None,
    seed: int,
    practice: int,
    gold: int,
) -> Pictures:
    """Copy the chosen images, and those for ``practice`` and ``gold`` contents of a data set."""
    shown, items = _copy_rated(folder, seed, chosen, asks, rules)
    rated = {stimulus for item in items for stimulus in asks.rated(item)}
    names = {image for _, image in chosen.contents}
    practised, golden, notes = _copy_anchors(
        folder, calibration, data_root, names, chosen.scale, rules, seed, practice, gold
    )
    return Pictures(
        all=tuple({s.id: s for s in [*shown, *practised, *golden]}.values()),
        rated=tuple(s for s in shown if s.id in rated),
        items=items,
        practice=practised,
        gold=golden,
        notes=notes,
    )


def _copy_rated(
    folder: Path, seed: int, chosen: Chosen, asks: Procedure, rules: Rules
) -> tuple[list[Stimulus], list[Item]]:
    """Write the versions that are shown, each once; returns them and the questions about them."""
    shown: list[Stimulus] = []
    items: list[Item] = []
    for dataset, image in chosen.contents:
        questions = chosen.questions[dataset]
        versions = dict.fromkeys(method for question in questions for method in question)
        made = {
            method: _add(
                folder, seed, dataset, image, method, _cut(read_image(files[image]), rules)
            )
            for method, files in chosen.versions[dataset].items()
            if method in versions
        }
        shown += made.values()
        items += [tuple(made[method].id for method in question) for question in questions]
    return shown, items


def _copy_anchors(
    folder: Path,
    name: str,
    data_root: Path | None,
    rated: Set[str],
    scale: int,
    rules: Rules,
    seed: int,
    wanted: int,
    gold: int,
) -> tuple[list[Stimulus], list[Stimulus], list[str]]:
    """Practice and gold stimuli: nearest neighbour and original of a data set's images.

    Practice takes the first images that fit; gold takes others, never one of ``rated``.
    """
    dataset = checked(open_dataset(name, data_root)).dataset
    fitting: list[str] = []
    for image in dataset.ids:
        height = dataset.read(image).shape[0] // scale * scale
        if rules.max_height is None or height <= rules.max_height or rules.oversize == "crop":
            fitting.append(image)
    fresh = [image for image in fitting if image not in rated]
    golden = fresh[len(fresh) - gold :] if gold else []
    if len(golden) < gold:
        raise StudyError(
            f"{gold} gold contents asked for, but {dataset.name} has {len(fresh)} images that "
            "are not rated themselves; name a larger set with --calibration"
        )
    candidates = [image for image in fitting if image not in golden]
    # Prefer images that are not rated, because practice should not show images that are rated
    # later.
    candidates.sort(key=lambda image: image in rated)
    practice = candidates[:wanted]
    notes: list[str] = []
    if not practice:
        raise StudyError(f"no image of {dataset.name} is left for practice; choose another set")
    if len(practice) < wanted:
        notes.append(
            f"practice shows {len(practice)} images, not {wanted}: {dataset.name} has no more "
            "(name a larger set with --calibration)"
        )
    if shared := [image for image in practice if image in rated]:
        notes.append(
            f"practice shows images that are also rated ({', '.join(shared)}); "
            "name another set with --calibration to keep them apart"
        )

    def both(image: str) -> list[Stimulus]:
        original = crop_to_multiple(dataset.read(image), scale)
        coarse = imresize(original, 1 / scale).repeat(scale, axis=0).repeat(scale, axis=1)
        return [
            _add(folder, seed, dataset.name, image, method, _cut(pixels, rules))
            for method, pixels in (("nearest", coarse), (REFERENCE, original))
        ]

    return (
        [stimulus for image in practice for stimulus in both(image)],
        [stimulus for image in golden for stimulus in both(image)],
        notes,
    )


def anchor(stimulus: Stimulus) -> Anchor:
    """A practice or gold stimulus with its right answer."""
    return Anchor(stimulus=stimulus.id, expected=5 if stimulus.method == REFERENCE else 1)


def _cut(pixels: Image, rules: Rules) -> Image:
    if rules.max_height is None or pixels.shape[0] <= rules.max_height:
        return pixels
    top = (pixels.shape[0] - rules.max_height) // 2
    return np.ascontiguousarray(pixels[top : top + rules.max_height])


def _add(folder: Path, seed: int, dataset: str, image: str, method: str, pixels: Image) -> Stimulus:
    name = stimulus_id(seed, dataset, image, method, pixels)
    write_png(stimulus_path(folder, name), pixels)
    height, width = pixels.shape[:2]
    return Stimulus(
        id=name, dataset=dataset, image=image, method=method, width=width, height=height
    )
