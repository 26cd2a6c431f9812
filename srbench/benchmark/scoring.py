"""``srbench score``: score two folders of images, or two images."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from ..config import require_device_name
from ..data.catalogue import canonical_name
from ..data.folder import Dataset, image_files, image_id_of, passed_over
from ..data.known import AS_IS, checked
from ..data.matching import match_names
from ..data.naming import dataset_key, has_control, refuse_reserved, spelt
from ..errors import ConfigError, DatasetError, MissingWeights, SrbenchError
from ..files import resolved
from ..imaging import crop_to_multiple, imresize, read_image
from ..imaging.luma import Image
from ..metrics import Metric, Original
from ..observer import Observer
from ..wording import one_line
from .pixels import Scorer
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
    observer: Observer | None = None,
) -> list[Score]:
    """Scores of every image of ``sr`` against its original in ``hr``.

    Names match if they are equal except for case, or for a common prefix and suffix, which are
    reported. ``pattern`` sets them, with ``{}`` for the original's name (``{}_x4_SR``).

    The rows' data set and method are ``dataset`` and ``name``, by default the folders' names (Set5
    for ``Set5/HR``). A known data set must have the recorded images; with ``as_is`` others are
    accepted under the name ``Set5-as-is``. ``hr`` and ``sr`` may also be two single images with any
    names: then the image has the original's name, and the method the other's.

    Raises:
        DatasetError: the folders contain different images, the originals are not those of the named
        data set, or one of the two is a file and the other a folder.
        SizeMismatch: an image's size is not that of its original cropped to the scale.
        ConfigError: ``name`` or ``dataset`` is empty.
        MissingWeights: the weights of a metric's network are not on this machine.
        SrbenchError: a metric fails.
    """
    observer = observer or Observer()
    for what, given in (("--name", name), ("--dataset", dataset)):
        if given is not None and not given.strip():
            raise ConfigError(f"{what} is empty; give a name, or leave it out")
    # resolve() gives the name of a folder given as "."
    hr_itself, sr_itself = resolved(hr), resolved(sr)
    method = name or sr_itself.name
    if hr.is_file() and sr.is_file():
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
    called = found.dataset.name
    for what, word in (("method", method), ("data set", called)):
        if has_control(word):
            raise ConfigError(
                f"{word!a} cannot name a {what}: it has control characters or is no UTF-8; give "
                "another by --name or --dataset"
            )
    if found.differences:
        observer.note(f"{called} differs from the recorded set: {found.differences}")
    loaded = load_metrics(metrics, weights, device)
    rows: list[Score] = []
    observer.begin("scoring", len(images))
    for image, path in images.items():
        original, pixels = read_image(originals[image]), read_image(path)
        try:
            scores = Scorer(original_of(original, scale, loaded), loaded).score(pixels)
        except SrbenchError as error:
            raise type(error)(f"{path}: {error}") from error
        rows += [Score(called, image, method, scale, *f.key, v) for f, v in scores.items()]
        observer.step_done(image)
    observer.end()
    tell_what_was_printed(loaded, observer)
    return rows


def tell_what_was_printed(metrics: Sequence[Metric], observer: Observer) -> None:
    """Report each metric that printed something; the output itself may be long and is not shown."""
    for metric in metrics:
        if metric.printed:
            observer.note(
                f"the metric {metric.facts[0].name} prints while it scores, which is not shown "
                f"(first: '{one_line(metric.printed)}')"
            )


def original_of(hr: Image, scale: int, metrics: Sequence[Metric]) -> Original:
    """The original cropped to the scale, and its LR image (symmetric border) if one is needed."""
    cropped = crop_to_multiple(hr, scale)
    if all(metric.needs != "lr" for metric in metrics):
        return Original(cropped, scale)
    return Original(cropped, scale, imresize(cropped, Fraction(1, scale)))


def _set_name(folder: Path, given: str | None) -> str:
    """The data set's name: the given one, else the folder's (Set5 for ``Set5/HR``).

    Raises:
        DatasetError: the name is all or auto, which are reserved.
    """
    name = given or folder.name
    if name.casefold() == "hr" and canonical_name(folder.parent.name.removesuffix(AS_IS)):
        name = folder.parent.name
    if dataset_key(name) in ("all", "auto"):
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
    if any(metric.uses_device for metric in metrics):
        from ..models.device import pick_device

        device = pick_device(device)
    return [metric.load(weights, device) for metric in metrics]


def _refuse_a_file_with_a_folder(hr: Path, sr: Path) -> None:
    for one, other in ((hr, sr), (sr, hr)):
        if one.is_file() and other.is_dir():
            raise DatasetError(
                f"{one} is one image, but {other} is a folder; give two images or two folders"
            )
