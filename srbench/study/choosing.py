"""Choose the images of a study from a results folder: complete contents of equal size."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import Dataset, image_files
from ..data.catalogue import SAMPLE
from ..data.known import checked
from ..data.naming import dataset_key, refuse_reserved
from ..errors import DatasetError, StudyError, unknown_name
from ..files import read_json
from ..imaging import read_image
from .manifest import REFERENCE, Rules
from .playlists import Content
from .presets import Preset
from .procedure import MINE, Procedure

Versions = Mapping[str, Mapping[str, Path]]
"""The image files of one data set, by method and image; the reference, if any, is the last."""


@dataclass(frozen=True)
class Chosen:
    """The chosen images. ``contents`` in order; ``questions`` for each content of a data set (as
    names of methods); ``notes`` list what is left out.
    """

    scale: int
    versions: Mapping[str, Versions]
    questions: Mapping[str, Sequence[tuple[str, ...]]]
    contents: tuple[Content, ...]
    notes: tuple[str, ...]

    @property
    def trials(self) -> int:
        """The total number of questions."""
        return sum(len(self.questions[dataset]) for dataset, _ in self.contents)


def choose(
    results: Path,
    plan: Preset,
    rules: Rules,
    asks: Procedure,
    *,
    pairs: str,
    scale: int | None,
    datasets: Sequence[str] | None,
    methods: Sequence[str] | None,
    rng: np.random.Generator,
) -> Chosen:
    """Choose the images that the preset shows from a results folder; see `new_study`.

    Raises:
        StudyError: the images cannot be used; the message says which and why.
    """
    scale, folders = _image_folders(results, scale, datasets)
    if methods is not None:
        _require_known(methods, folders)
    bare = _without_originals(results, scale)
    versions = {
        name: _versions(folder, name, plan, methods, bare=name in bare)
        for name, folder in folders.items()
    }
    notes = _no_such_scale(results, scale, datasets, folders)
    notes += _not_shown(plan, versions, folders, methods)
    notes += [
        f"{name} is shown without originals: there are none" for name in folders if name in bare
    ]
    questions = {
        name: asks.questions(list(found), _named_pairs(pairs, name, found))
        for name, found in versions.items()
    }
    for name in bare & set(versions):
        if any(REFERENCE in asked for asked in questions[name]):
            raise StudyError(
                f"{name} has no originals, which a {asks.name} study shows next to every version; "
                "choose another procedure, or leave the data set out"
            )
    limit = plan.contents_shown(
        [len(asked) for asked in questions.values()], rules.retests, asks.seconds
    )
    if asks.swaps and rules.per_rater is not None:
        limit = sum(len(_last(found)) for found in versions.values())  # raters share the contents
    contents, too_high = _choose_contents(versions, limit, rules, rng)
    if too_high:
        fate = "cut to the centre" if rules.oversize == "crop" else "left out"
        notes.append(f"{fate}: {_some(too_high)} (higher than {rules.max_height} pixels)")
    if not contents:
        raise StudyError("no content is left to be shown; raise --max-height or add images")
    fitting = sum(len(_last(found)) for found in versions.values())
    if rules.oversize == "leave-out":
        fitting -= len(too_high)
    if len(contents) < fitting:
        notes.append(
            f"left out: {fitting - len(contents)} of {fitting} images, at random (the preset "
            f"{plan.name} has 10 at most and sessions of 15 minutes; --preset paper shows all)"
        )
    return Chosen(scale, versions, questions, tuple(contents), tuple(notes))


def _named_pairs(pairs: str, dataset: str, found: Versions) -> str:
    """``pairs`` with the method of ``mine:NAME`` spelt like its folder in this data set."""
    if pairs in ("all", "hr"):
        return pairs
    name = pairs.removeprefix(MINE)
    if name == pairs or not name:
        raise StudyError(f"pairs '{pairs}' are not known; expected all, hr or mine:NAME")
    spelt = {method.casefold(): method for method in found}
    if name.casefold() not in spelt:
        raise unknown_name(f"method of {dataset} to be compared with all others", name, found)
    return MINE + spelt[name.casefold()]


def _image_folders(
    results: Path, scale: int | None, datasets: Sequence[str] | None
) -> tuple[int, dict[str, Path]]:
    images = results / "images"
    there = [p.name for p in _subfolders(images)] if images.is_dir() else []
    if not there:
        raise StudyError(
            f"{results} holds no images (expected {results}/images/<dataset>/x<scale>/<method>/); "
            "make some with: srbench run-all"
        )
    if datasets is not None:
        canonical = {dataset_key(name): name for name in there}
        for name in datasets:
            if dataset_key(name) not in canonical:
                raise unknown_name("data set in the results", name, there)
        there = list(dict.fromkeys(canonical[dataset_key(name)] for name in datasets))
    for name in there:
        if dataset_key(name) != SAMPLE:
            refuse_reserved(name, f" ({images / name})")
    scales = sorted(
        {
            int(p.name[1:])
            for name in there
            for p in _subfolders(images / name)
            if re.fullmatch("x[1-9][0-9]*", p.name)
        }
    )
    if scale is None:
        if len(scales) != 1:
            found = ", ".join(f"x{s}" for s in scales) or "none"
            raise StudyError(f"the results hold scales {found}; choose one with --scale")
        scale = scales[0]
    folders = {n: images / n / f"x{scale}" for n in there if (images / n / f"x{scale}").is_dir()}
    if not folders:
        raise StudyError(f"the results hold no images at scale {scale}; there are: {scales}")
    return scale, folders


def _subfolders(folder: Path) -> list[Path]:
    """The folders in a folder, sorted, without hidden ones and those of archivers and servers."""
    others = ("__MACOSX", "@eaDir")
    return [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(".") and path.name not in others
    ]


def _without_originals(results: Path, scale: int) -> set[str]:
    """The data sets without originals according to run.json (only LR images were given)."""
    try:
        run = read_json(results / "run.json")
        sets = run["datasets"][f"x{scale}"]
        return {name for name, facts in sets.items() if facts.get("originals") is False}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _versions(
    folder: Path, dataset: str, plan: Preset, methods: Sequence[str] | None, *, bare: bool
) -> Versions:
    """The image files of each method to be shown, all complete, the reference last.

    ``bare``: the data set has no reference.
    """
    there = {p.name: p for p in _subfolders(folder)}
    reference = there.pop(REFERENCE, None)
    if reference is None and not bare:
        raise StudyError(f"{folder} has no {REFERENCE} folder; a study needs the originals")
    wanted = plan.methods_of(dataset, list(there)) if methods is None else methods
    names = {name.lower(): name for name in there}
    chosen = [names[w.lower()] for w in wanted if w.lower() in names and w.lower() != "hr"]
    if len(set(chosen)) < 2:
        raise StudyError(
            f"{dataset} has {len(set(chosen))} of the methods to be compared "
            f"({', '.join(chosen) or 'none'}); a study needs at least two besides {REFERENCE}"
        )
    try:
        found = {m: image_files(there[m]) for m in dict.fromkeys(chosen)}
        if reference is None:
            originals = {image: path for files in found.values() for image, path in files.items()}
        else:
            originals = image_files(reference)
            # run-all checks this name; folders from other tools may use it.
            checked(Dataset(dataset, originals), whole=False, cropped=True)
    except DatasetError as error:
        raise StudyError(str(error)) from error
    for method, files in found.items():
        for missing in sorted(set(originals) - set(files)):
            raise StudyError(
                f"{dataset}/{missing} has no version by {method}; run srbench run-all again, "
                "or name the methods with --methods"
            )
        for extra in sorted(set(files) - set(originals)):
            raise StudyError(f"{dataset}/{extra} by {method} has no {REFERENCE} original")
    return found if reference is None else {**found, REFERENCE: originals}


def _require_known(methods: Sequence[str], folders: Mapping[str, Path]) -> None:
    known = {p.name for folder in folders.values() for p in _subfolders(folder)}
    for method in methods:
        if method.lower() not in {name.lower() for name in known}:
            raise unknown_name("method in the results", method, known)


def _no_such_scale(
    results: Path, scale: int, datasets: Sequence[str] | None, folders: Mapping[str, Path]
) -> list[str]:
    there = [p.name for p in _subfolders(results / "images")]
    asked = None if datasets is None else {dataset_key(name) for name in datasets}
    left = [n for n in there if n not in folders and (asked is None or dataset_key(n) in asked)]
    return [f"left out: {', '.join(left)} (no images at x{scale})"] if left else []


def _not_shown(
    plan: Preset,
    versions: Mapping[str, Versions],
    folders: Mapping[str, Path],
    methods: Sequence[str] | None,
) -> list[str]:
    """Methods that the design has and the results lack, and the other way about; data sets of
    which the same is true in one note."""
    reasons: dict[str, list[str]] = {}
    stand_ins: dict[str, list[str]] = {}
    for dataset, found in versions.items():
        have = {name.lower() for name in found}
        there = [p.name for p in _subfolders(folders[dataset])]
        wanted = plan.methods_of(dataset, there) if methods is None else methods
        if missing := [method for method in wanted if method.lower() not in have]:
            why = f"{', '.join(missing)} (not in the results)"
            reasons.setdefault(why, []).append(dataset)
        if methods is not None:
            continue
        usual = plan.methods_of(dataset, []) if plan.name == "paper" else wanted
        for gan in wanted:
            if gan not in usual:
                stand_ins.setdefault(gan, []).append(dataset)
        if left := [name for name in there if name.lower() not in have]:
            why = f"{', '.join(left)} (not in the preset {plan.name}; to show them: --methods)"
            reasons.setdefault(why, []).append(dataset)
    return [
        *(f"left out of {', '.join(names)}: {why}" for why, names in reasons.items()),
        *(f"{gan} replaces SRGAN-VGG54 on {', '.join(on)}" for gan, on in stand_ins.items()),
    ]


def _some(contents: Sequence[Content]) -> str:
    """``Set14/baboon, Set14/barbara, Set14/bridge and 4 more``."""
    names = [f"{dataset}/{image}" for dataset, image in contents]
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")


def _choose_contents(
    versions: Mapping[str, Versions],
    limit: int,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[list[Content], list[Content]]:
    """At most ``limit`` contents that fit the rules, taken from the data sets in turn.

    Also returns those that were too high.
    """
    queues: dict[str, list[str]] = {}
    too_high: list[Content] = []
    for dataset, found in versions.items():
        kept: list[str] = []
        for image in _last(found):
            height = _check_sizes(dataset, image, found)
            if rules.max_height is not None and height > rules.max_height:
                too_high.append((dataset, image))
                if rules.oversize == "leave-out":
                    continue
            kept.append(image)
        queues[dataset] = [kept[i] for i in rng.permutation(len(kept))]
    chosen: list[Content] = []
    while any(queues.values()) and len(chosen) < limit:
        for dataset, queue in queues.items():
            if queue and len(chosen) < limit:
                chosen.append((dataset, queue.pop()))
    return sorted(chosen), too_high


def _last(found: Versions) -> Mapping[str, Path]:
    """The images of the last method, which is the reference if there is one."""
    return list(found.values())[-1]


def _check_sizes(dataset: str, image: str, found: Versions) -> int:
    """The common height of all versions of a content, which may mix grey and RGB."""
    sizes = {method: read_image(files[image]).shape[:2] for method, files in found.items()}
    last, reference = list(sizes.items())[-1]
    for method, size in sizes.items():
        if size != reference:
            raise StudyError(
                f"{dataset}/{image} by {method} is {size[1]}x{size[0]}, its {last} is "
                f"{reference[1]}x{reference[0]}; all versions must have the same size"
            )
    return reference[0]
