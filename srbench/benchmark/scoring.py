"""``srbench score``: two folders of images, or two images, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.folder import image_files, passed_over
from ..data.matching import match_names
from ..errors import DatasetError, SrbenchError
from ..imaging import crop_to_multiple, read_image
from ..metrics.protocols import get_protocol
from ..observer import Observer
from .results import Score
from .work import Metrics

if TYPE_CHECKING:
    from ..metrics.lpips import Lpips


def score_folders(
    hr: Path,
    sr: Path,
    *,
    scale: int,
    protocols: Sequence[str],
    lpips: Sequence[str],
    weights: Path,
    device: str = "auto",
    pattern: str | None = None,
    observer: Observer | None = None,
) -> list[Score]:
    """Scores of every image of ``sr`` against its original in ``hr``.

    Names agree when they are equal but for case, or for one prefix and one suffix, which is told;
    ``pattern`` says them, ``{}`` standing for the original's name (``{}_x4_SR``).

    The rows' data set and method are the folders' names. ``hr`` and ``sr`` may also be one image
    each, of any two names: then the image has the original's name, and the method the other's.

    Raises:
        DatasetError: the folders hold different images, or one of the two is a file and the other
            a folder.
        UnknownName: an unknown protocol or LPIPS network.
        SizeMismatch: an image's size is not that of its original cropped to the scale.
        MissingWeights: LPIPS was asked for, but its backbone is not on this machine.
    """
    observer = observer or Observer()
    for protocol in protocols:
        get_protocol(protocol)
    # A folder given as "." has its name all the same.
    dataset, method = hr.resolve().name, sr.resolve().name
    if hr.is_file() and sr.is_file():
        originals, images = {hr.stem: hr}, {hr.stem: sr}
        dataset, method = hr.resolve().parent.name, sr.stem
    else:
        _refuse_a_file_with_a_folder(hr, sr)
        originals = image_files(hr)
        matched = match_names(originals, image_files(sr), sr, hr, spare=False, pattern=pattern)
        images = matched.files
        for folder in (hr, sr):
            if others := passed_over(folder):
                observer.note(f"{folder}: passed over {others}")
        if matched.taken:
            observer.note(f"{method}: {matched.taken}")
    metrics = _load_lpips(lpips, weights, device)
    rows: list[Score] = []
    observer.begin("scoring", len(images))
    for image, path in images.items():
        original, pixels = read_image(originals[image]), read_image(path)
        try:
            prepared = Metrics(crop_to_multiple(original, scale), scale, metrics)
            scores: dict[tuple[str, str], float] = {}
            for protocol in protocols:
                scores |= prepared.protocol(protocol, pixels)
            for net in lpips:
                scores |= prepared.lpips(net, pixels)
        except SrbenchError as error:
            raise type(error)(f"{path}: {error}") from error
        rows += [Score(dataset, image, method, scale, *key, v) for key, v in scores.items()]
        observer.step_done(image)
    observer.end()
    return rows


def _load_lpips(lpips: Sequence[str], weights: Path, device: str) -> dict[str, Lpips]:
    if not lpips:
        return {}
    from ..metrics.lpips import Lpips
    from ..models.device import pick_device

    return {net: Lpips(net, weights, pick_device(device)) for net in lpips}


def _refuse_a_file_with_a_folder(hr: Path, sr: Path) -> None:
    for one, other in ((hr, sr), (sr, hr)):
        if one.is_file() and other.is_dir():
            raise DatasetError(
                f"{one} is one image, but {other} is a folder; give two images or two folders"
            )
