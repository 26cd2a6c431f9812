"""From a results folder to a study: choose, check, copy under opaque names, write the manifest."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..data import image_files, open_dataset
from ..errors import DatasetError, StudyError, unknown_name
from ..imaging import crop_to_multiple, imresize, read_image, write_png
from ..imaging.luma import Image
from . import keys
from .manifest import (
    REFERENCE,
    Anchor,
    Manifest,
    Rules,
    Stimulus,
    load_manifest,
    save_manifest,
    stimulus_id,
    stimulus_path,
)
from .playlists import make_playlist
from .presets import Preset, minutes, preset
from .texts import read_wording

Content = tuple[str, str]
# Below this, retests at least ten trials later would be easy to foresee.
_TRIALS_FOR_RETESTS = 30


@dataclass(frozen=True)
class Made:
    """What `new_study` made.

    ``trials_per_rater`` without practice; ``votes_per_stimulus`` when ``raters`` finish: the
    fewest and the most; ``codes``: the raters' access codes, also in access-codes.csv; ``notes``:
    what was left out or differs from the preset, one sentence each.
    """

    folder: Path
    study_id: str
    methods: tuple[str, ...]
    contents: int
    stimuli: int
    practice_trials: int
    trials_per_rater: int
    minutes_per_rater: float
    raters: int
    votes_per_stimulus: tuple[int, int]
    power: str
    codes: tuple[str, ...]
    notes: tuple[str, ...]


def new_study(
    results: Path,
    out: Path,
    *,
    preset_name: str = "short",
    scale: int | None = None,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    calibration: str = "sample",
    data_root: Path | None = None,
    per_rater: int | None = None,
    retests: int | None = None,
    gold: int = 0,
    max_height: int | None = None,
    crop_too_high: bool = False,
    magnification: int = 1,
    open_access: bool = False,
    participant_parameter: str | None = None,
    return_url: str | None = None,
    raters: int = 26,
    seed: int = 0,
    title: str = "Picture quality",
    texts: Path | None = None,
) -> Made:
    """Make a study of the images in a results folder.

    Args:
        results: holds ``images/<dataset>/x<scale>/<method>/<image>.png``, HR among the methods.
        out: the study's folder; must not exist or be empty.
        scale: needed only when the results hold several.
        methods, datasets: default: what the preset shows of all that there are.
        calibration: data set of the practice (and gold) images; ``sample`` is built in.
        per_rater: main trials of one rater at most; default: the preset's.
        gold: extra contents mixed in as nearest and HR, to check attention.
        max_height: higher contents are left out, or cut about the centre if ``crop_too_high``.
        open_access: whoever has the address may rate; otherwise each rater needs a code.
        participant_parameter, return_url: see `Rules`.
        raters: planned number; so many access codes are made.
        texts: words and questions of the study's own; see texts.toml.

    Raises:
        StudyError: the images do not make a study; the message says which and why.
    """
    plan = preset(preset_name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise StudyError(f"{out} is not empty; a study is never changed, choose another folder")
    _check_numbers(raters=raters, seed=seed, gold=gold, magnification=magnification)
    wording = read_wording(texts)
    scale, folders = _image_folders(results, scale, datasets)
    if methods is not None:
        _require_known(methods, folders)
    versions = {name: _versions(folder, name, plan, methods) for name, folder in folders.items()}
    notes = _missing(plan, versions, methods)

    rules = Rules(
        per_rater=per_rater if per_rater is not None else plan.per_rater,
        retests=plan.retests if retests is None else retests,
        block_trials=plan.block_trials,
        magnification=magnification,
        max_height=max_height,
        oversize="crop" if crop_too_high else "leave-out",
        access="open" if open_access else "code",
        participant_parameter=participant_parameter,
        return_url=return_url,
    )
    rng = np.random.default_rng([seed, 1])
    contents, too_high = _choose_contents(versions, plan, rules, rng)
    if too_high:
        notes.append(
            f"{too_high} contents higher than {max_height} pixels were "
            + ("cut about the centre" if crop_too_high else "left out")
        )
    shown = sum(len(versions[dataset]) for dataset, _ in contents)
    if retests is None and shown < _TRIALS_FOR_RETESTS:
        rules = rules.model_copy(update={"retests": 0})
        notes.append(f"no retests: {shown} trials are too few to keep them apart")
    if not contents:
        raise StudyError("no content is left to be shown; raise --max-height or add images")

    out.parent.mkdir(parents=True, exist_ok=True)
    workplace = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        main = [
            _add(workplace, seed, dataset, image, method, pixels)
            for dataset, image in contents
            for method, pixels in _shown(versions[dataset], image, rules)
        ]
        practice, golden, anchor_notes = _anchors(
            workplace, calibration, data_root, contents, scale, rules, seed, plan.calibration, gold
        )
        manifest = Manifest(
            title=title,
            preset=preset_name,
            scale=scale,
            seed=seed,
            rules=rules,
            stimuli=tuple({s.id: s for s in [*main, *practice, *golden]}.values()),
            main=tuple(s.id for s in main),
            calibration=tuple(_anchor(s) for s in practice),
            gold=tuple(_anchor(s) for s in golden),
            questionnaire=wording.questions,
            texts={language: dict(words) for language, words in wording.words.items()},
        )
        if per_rater is not None and per_rater < max(map(len, manifest.contents.values())):
            raise StudyError(
                f"--per-rater {per_rater} is less than the versions of one image "
                f"({max(map(len, manifest.contents.values()))}); a rater sees whole contents"
            )
        trials, votes = _rehearse(manifest, raters)
        keys.make_key(workplace)
        save_manifest(manifest, workplace)
        load_manifest(workplace)
        codes = [] if open_access else [keys.new_code() for _ in range(raters)]
        keys.append_codes(workplace, codes)
        os.chmod(workplace, 0o755)
        if out.is_dir():
            out.rmdir()
        os.replace(workplace, out)
    except OSError as error:
        raise StudyError(f"cannot write the study to {out}: {error.strerror}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)

    from .plan import planned_power

    return Made(
        folder=out,
        study_id=manifest.study_id,
        methods=tuple(dict.fromkeys(s.method for s in main)),
        contents=len(contents),
        stimuli=len(main),
        practice_trials=len(practice),
        trials_per_rater=trials,
        minutes_per_rater=minutes(len(practice), trials, rules.block_trials),
        raters=raters,
        votes_per_stimulus=votes,
        power=planned_power(raters, len(contents), trials / (len(main) + rules.retests), seed=seed),
        codes=tuple(codes),
        notes=(*notes, *anchor_notes),
    )


def _image_folders(
    results: Path, scale: int | None, datasets: Sequence[str] | None
) -> tuple[int, dict[str, Path]]:
    images = results / "images"
    there = sorted(p.name for p in images.iterdir() if p.is_dir()) if images.is_dir() else []
    if not there:
        raise StudyError(
            f"{results} holds no images (expected {results}/images/<dataset>/x<scale>/<method>/); "
            "make some with: srbench run-all"
        )
    if datasets is not None:
        canonical = {name.lower(): name for name in there}
        for name in datasets:
            if name.lower() not in canonical:
                raise unknown_name("data set in the results", name, there)
        there = [canonical[name.lower()] for name in dict.fromkeys(datasets)]
    scales = sorted(
        {
            int(p.name[1:])
            for name in there
            for p in (images / name).iterdir()
            if p.is_dir() and p.name[0] == "x" and p.name[1:].isdigit()
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


def _versions(
    folder: Path, dataset: str, plan: Preset, methods: Sequence[str] | None
) -> dict[str, dict[str, Path]]:
    """The image files of each method to be shown, the reference last; all complete."""
    there = {p.name: p for p in sorted(folder.iterdir()) if p.is_dir()}
    reference = there.pop(REFERENCE, None)
    if reference is None:
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
        originals = image_files(reference)
        found = {m: image_files(there[m]) for m in dict.fromkeys(chosen)}
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
    return {**found, REFERENCE: originals}


def _require_known(methods: Sequence[str], folders: Mapping[str, Path]) -> None:
    known = {p.name for folder in folders.values() for p in folder.iterdir() if p.is_dir()}
    for method in methods:
        if method.lower() not in {name.lower() for name in known}:
            raise unknown_name("method in the results", method, known)


def _missing(
    plan: Preset,
    versions: Mapping[str, Mapping[str, Mapping[str, Path]]],
    methods: Sequence[str] | None,
) -> list[str]:
    notes: list[str] = []
    for dataset, found in versions.items():
        have = {name.lower() for name in found}
        wanted = plan.methods_of(dataset, []) if methods is None else methods
        if missing := [method for method in wanted if method.lower() not in have]:
            notes.append(f"{dataset} is shown without {', '.join(missing)}: not in the results")
    return notes


def _choose_contents(
    versions: Mapping[str, Mapping[str, Mapping[str, Path]]],
    plan: Preset,
    rules: Rules,
    rng: np.random.Generator,
) -> tuple[list[Content], int]:
    """Contents that fit the rules, at most as many as the preset shows, the data sets taking
    turns; and how many were too high."""
    queues: dict[str, list[str]] = {}
    too_high = 0
    for dataset, found in versions.items():
        kept: list[str] = []
        for image in found[REFERENCE]:
            height = _check_sizes(dataset, image, found)
            if rules.max_height is not None and height > rules.max_height:
                too_high += 1
                if rules.oversize == "leave-out":
                    continue
            kept.append(image)
        queues[dataset] = [kept[i] for i in rng.permutation(len(kept))]
    limit = plan.contents_shown([len(found) for found in versions.values()], rules.retests)
    chosen: list[Content] = []
    while any(queues.values()) and len(chosen) < limit:
        for dataset, queue in queues.items():
            if queue and len(chosen) < limit:
                chosen.append((dataset, queue.pop()))
    return sorted(chosen), too_high


def _check_sizes(dataset: str, image: str, found: Mapping[str, Mapping[str, Path]]) -> int:
    """The height that all versions of a content have; grey and RGB may meet."""
    sizes = {method: read_image(files[image]).shape[:2] for method, files in found.items()}
    reference = sizes[REFERENCE]
    for method, size in sizes.items():
        if size != reference:
            raise StudyError(
                f"{dataset}/{image} by {method} is {size[1]}x{size[0]}, its {REFERENCE} is "
                f"{reference[1]}x{reference[0]}; all versions must have the same size"
            )
    return reference[0]


def _shown(
    found: Mapping[str, Mapping[str, Path]], image: str, rules: Rules
) -> Iterator[tuple[str, Image]]:
    for method, files in found.items():
        yield method, _cut(read_image(files[image]), rules)


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


def _anchors(
    folder: Path,
    name: str,
    data_root: Path | None,
    contents: Sequence[Content],
    scale: int,
    rules: Rules,
    seed: int,
    wanted: int,
    gold: int,
) -> tuple[list[Stimulus], list[Stimulus], list[str]]:
    """Practice and gold stimuli: nearest neighbour and original of a data set's images.

    Practice takes the first images that fit; gold takes others, never one that is rated.
    """
    dataset = open_dataset(name, data_root)
    fitting: list[str] = []
    for image in dataset.ids:
        height = dataset.read(image).shape[0] // scale * scale
        if rules.max_height is None or height <= rules.max_height or rules.oversize == "crop":
            fitting.append(image)
    rated = {image for _, image in contents}
    fresh = [image for image in fitting if image not in rated]
    golden = fresh[len(fresh) - gold :] if gold else []
    if len(golden) < gold:
        raise StudyError(
            f"{gold} gold contents asked for, but {dataset.name} has {len(fresh)} images that "
            "are not rated themselves; name a larger set with --calibration"
        )
    candidates = [image for image in fitting if image not in golden]
    # Images that are not rated come first: practice should not show what is rated later.
    candidates.sort(key=lambda image: image in rated)
    practice = candidates[:wanted]
    notes: list[str] = []
    if not practice:
        raise StudyError(f"no image of {dataset.name} is left for practice; choose another set")
    if len(practice) < wanted:
        notes.append(f"practice shows {len(practice)} images; the design has {wanted}")
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


def _anchor(stimulus: Stimulus) -> Anchor:
    return Anchor(stimulus=stimulus.id, expected=5 if stimulus.method == REFERENCE else 1)


def _rehearse(manifest: Manifest, raters: int) -> tuple[int, tuple[int, int]]:
    """Make every planned rater's playlist once: the most trials of one, and the fewest and most
    votes that a stimulus will get. Raises what real raters would otherwise run into."""
    loads = dict.fromkeys(manifest.contents, 0)
    longest = 0
    for number in range(raters):
        playlist = make_playlist(manifest, number, loads)
        longest = max(longest, sum(trial.phase != "training" for trial in playlist))
        if manifest.rules.per_rater is None:
            # Everyone sees everything; one playlist shows that it can be made.
            return longest, (raters, raters)
        for content in {manifest.by_id[t.stimulus].content for t in playlist if t.phase == "main"}:
            loads[content] += 1
    return longest, (min(loads.values()), max(loads.values()))


def _check_numbers(*, raters: int, seed: int, gold: int, magnification: int) -> None:
    if not 1 <= raters <= 10_000:
        raise StudyError(f"{raters} raters planned; expected 1 to 10000")
    if seed < 0:
        raise StudyError(f"the seed is {seed}; expected 0 or more")
    if gold < 0:
        raise StudyError(f"{gold} gold contents asked for; expected 0 or more")
    if not 1 <= magnification <= 8:
        raise StudyError(f"magnification is {magnification}; expected a whole number from 1 to 8")
