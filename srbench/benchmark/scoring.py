"""``srbench score``: score two folders of images, or two images."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from ..config import require_device_name
from ..data.catalogue import canonical_name
from ..data.folder import Dataset, image_files, image_id_of, passed_over
from ..data.given_lr import check_lr
from ..data.known import AS_IS, checked
from ..data.matching import match_names
from ..data.naming import dataset_key, has_control, refuse_reserved, spelt
from ..errors import ConfigError, DatasetError, MissingWeights
from ..files import resolved
from ..imaging import crop_to_multiple, imresize, read_image
from ..imaging.luma import Image
from ..methods.folder import other_scale_named
from ..methods.likeness import Unlike, unlike, unlike_notes
from ..metrics import Facts, Metric, Original
from ..observer import Observer
from ..wording import one_line
from . import pools
from .helpers import Helpers
from .pixels import Scorer, SrImage, finish_images, located
from .pools import sort_metrics, thread_pool
from .results import Score


def score_folders(
    hr: Path,
    sr: Path,
    *,
    scale: int,
    metrics: Sequence[Metric],
    weights: Path,
    name: str | None = None,
    dataset: str | None = None,
    device: str = "auto",
    pattern: str | None = None,
    as_is: bool = False,
    lr: Path | None = None,
    observer: Observer | None = None,
) -> list[Score]:
    """Scores of every image of ``sr`` against its original in ``hr``.

    Names match if they are equal except for case, or for a common prefix and suffix, which are
    reported. ``pattern`` sets them, with ``{}`` for the original's name (``{}_x4_SR``).

    The rows' data set and method are ``dataset`` and ``name``, by default the folders' names (Mine
    for ``Mine/HR``). A known data set must have the recorded images; with ``as_is`` others are
    accepted under the name ``Set5-as-is``. ``hr`` and ``sr`` may also be two single images with any
    names: then the image has the original's name, and the method the other's.

    Metrics that need an LR image get that of the same name in ``lr`` (a folder, or one image), by
    default the original downscaled with the symmetric border rule.

    Raises:
        DatasetError: the folders contain different images, the originals are not those of the named
            data set, or one of the two is a file and the other a folder.
        SizeMismatch: an image's size is not that of its original cropped to the scale.
        ConfigError: ``name`` or ``dataset`` is empty, no metric needs ``lr``, or a ``pattern`` is
            given for two images.
        MissingWeights: the weights of a metric's network are not on this machine.
        SrbenchError: a metric fails.
    """
    observer = observer or Observer()
    for what, given in (("--name", name), ("--dataset", dataset)):
        if given is not None and not given.strip():
            raise ConfigError(f"{what} is empty; give a name, or leave it out")
    if lr is not None and all(metric.needs != "lr" for metric in metrics):
        raise ConfigError(
            "--lr is for metrics that need LR images, and --metrics names none; add lr_psnr or "
            "leave out --lr"
        )
    # resolve() gives the name of a folder given as "."
    hr_itself, sr_itself = resolved(hr), resolved(sr)
    method = name or sr_itself.name
    if hr.is_file() and sr.is_file():
        if pattern is not None:
            raise ConfigError("--pattern is for the names in folders, these are two images")
        named = Dataset(_set_name(hr_itself.parent, dataset), {image_id_of(hr): hr})
        found = checked(named, as_is=as_is, whole=False, observer=observer)
        originals = found.dataset.images
        images, method = dict.fromkeys(originals, sr), name or sr.stem
    else:
        _refuse_a_file_with_a_folder(hr, sr)
        named = Dataset(_set_name(hr_itself, dataset), image_files(hr))
        found = checked(named, as_is=as_is, observer=observer)
        originals = found.dataset.images
        matched = match_names(originals, image_files(sr), sr, hr, spare=False, pattern=pattern)
        images = matched.files
        for folder in (hr, sr):
            if others := passed_over(folder):
                observer.note(f"{folder}: ignored {others}")
        if matched.taken:
            observer.note(f"{method}: {matched.taken}")
    if note := other_scale_named(method, (sr_itself.parent, sr_itself), images, scale):
        observer.note(note)
    called = found.dataset.name
    for what, word in (("method", method), ("data set", called)):
        if has_control(word):
            raise ConfigError(
                f"{word!a} cannot name a {what}: it has control characters or is not UTF-8; give "
                "another by --name or --dataset"
            )
    if found.differences:
        observer.note(f"{called} differs from the recorded set: {found.differences}")
    given = {} if lr is None else _given_lr(originals, lr, hr, scale, observer)
    loaded = load_metrics(metrics, weights, device)
    device = _device(metrics, device)
    rows: list[Score] = []
    observer.begin("scoring", len(images))
    pairs = [
        _Pair(image, originals[image], path, given.get(image)) for image, path in images.items()
    ]
    differing: dict[str, Unlike] = {}
    for pair, scores, how in _scored(pairs, scale, loaded, device):
        differing[pair.image] = how
        rows += [Score(called, pair.image, method, scale, *f.key, v) for f, v in scores.items()]
        observer.step_done(pair.image)
    observer.end()
    tell_what_was_printed(loaded, observer)
    for note in unlike_notes(method, differing):
        observer.note(note)
    return rows


class _Pair(NamedTuple):
    """The files of an image."""

    image: str
    hr: Path
    sr: Path
    lr: Path | None


class _Scoring(NamedTuple):
    """A pair that is being scored."""

    pair: _Pair
    how: Unlike
    pixels: int
    alone: dict[Facts, float]
    """The scores of metrics that are not parallel."""
    coming: Future[dict[Facts, float]]


def _scored(
    pairs: Sequence[_Pair], scale: int, metrics: Sequence[Metric], device: str
) -> Iterator[tuple[_Pair, dict[Facts, float], Unlike]]:
    """The scores of each pair, in order, and how the images seem to differ; several images are
    scored at once.
    """
    kinds = sort_metrics(metrics, device)
    wanted = tuple(facts for metric in metrics for facts in metric.facts)
    waiting: deque[_Scoring] = deque()

    def first() -> tuple[_Pair, dict[Facts, float], Unlike]:
        begun = waiting.popleft()
        found = begun.alone | begun.coming.result()
        return begun.pair, {facts: found[facts] for facts in wanted}, begun.how

    with (
        Helpers(len(pairs) if kinds.by_helpers else 0) as helpers,
        thread_pool(helpers.cores) as pool,
    ):

        def score(place: str, original: Original, sr: Image) -> dict[Facts, float]:
            image = SrImage(place, sr, None, wanted)
            _, [found] = helpers.run(finish_images, original, None, [image], kinds.by_helpers)
            with located(place):
                return found.scores | Scorer(original, kinds.by_threads).score(sr)

        for pair in pairs:
            hr, sr = read_image(pair.hr), read_image(pair.sr)
            pixels = hr.shape[0] * hr.shape[1]
            lr = None if pair.lr is None else read_image(pair.lr)
            while waiting and (
                len(waiting) > 2 * helpers.cores
                or sum(begun.pixels for begun in waiting) + pixels > pools.MAX_PIXELS
            ):
                yield first()
            how = unlike(sr, crop_to_multiple(hr, scale))
            with located(str(pair.sr)):
                original = original_of(hr, scale, metrics, lr)
                alone = Scorer(original, kinds.alone).score(sr)
            coming = pool.submit(score, str(pair.sr), original, sr)
            waiting.append(_Scoring(pair, how, pixels, alone, coming))
        while waiting:
            yield first()


def _given_lr(
    originals: Mapping[str, Path], lr: Path, hr: Path, scale: int, observer: Observer
) -> Mapping[str, Path]:
    """The LR image of each original, from the folder or file ``lr``, checked."""
    if hr.is_file() and lr.is_file():
        found = dict.fromkeys(originals, lr)
    else:
        _refuse_a_file_with_a_folder(hr, lr)
        matched = match_names(originals, image_files(lr), lr, hr, spare=True, way_out="rename them")
        if matched.taken:
            observer.note(f"{lr}: {matched.taken}")
        found = matched.files
    for image, path in found.items():
        check_lr(path, (originals[image], read_image(originals[image])), scale)
    return found


def tell_what_was_printed(metrics: Sequence[Metric], observer: Observer) -> None:
    """Report each metric that printed something; the output itself may be long and is not shown."""
    for metric in metrics:
        if metric.printed:
            observer.note(
                f"the metric {metric.facts[0].name} prints while it scores, which is not shown "
                f"(first: '{one_line(metric.printed)}')"
            )


def original_of(
    hr: Image, scale: int, metrics: Sequence[Metric], lr: Image | None = None
) -> Original:
    """The original cropped to the scale, and its LR image (symmetric border) if one is needed."""
    cropped = crop_to_multiple(hr, scale)
    if lr is None and any(metric.needs == "lr" for metric in metrics):
        lr = imresize(cropped, Fraction(1, scale))
    return Original(cropped, scale, lr)


def _set_name(folder: Path, given: str | None) -> str:
    """The data set's name: the given one, else the folder's, or that above ``HR``.

    Raises:
        DatasetError: the name is all, auto or HR, which are reserved.
    """
    above, name = folder.parent.name, given or folder.name
    # A folder "hr" beside "sr" is in no data set, unless the folder above has a known name.
    in_layout = folder.name == "HR" or canonical_name(above.removesuffix(AS_IS))
    if not given and above and name.casefold() == "hr" and in_layout:
        name = above
    if dataset_key(name) in ("all", "auto") or dataset_key(given or "") == "hr":
        refuse_reserved(name, f" ({folder})")
    return spelt(name)


def load_metrics(metrics: Sequence[Metric], weights: Path, device: str) -> list[Metric]:
    """The loaded metrics.

    Raises:
        MissingWeights: weights of one of them are not on this machine.
    """
    require_device_name(device)
    for metric in metrics:
        if gap := metric.missing(weights):
            cure = f"; to install it: {gap.command}" if gap.command else ""
            raise MissingWeights(f"{gap.name} cannot be computed: {gap.reason}{cure}")
    device = _device(metrics, device)
    return [metric.load(weights, device) for metric in metrics]


def _device(metrics: Sequence[Metric], device: str) -> str:
    if all(not metric.uses_device for metric in metrics):
        return "cpu"
    from ..models.device import pick_device

    return pick_device(device)


def _refuse_a_file_with_a_folder(hr: Path, sr: Path) -> None:
    for one, other in ((hr, sr), (sr, hr)):
        if one.is_file() and other.is_dir():
            raise DatasetError(
                f"{one} is one image, but {other} is a folder; give two images or two folders"
            )
