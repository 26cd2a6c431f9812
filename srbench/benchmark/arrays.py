"""``srbench.score``: score one or several images, in memory or in files."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from ..config import listed
from ..data.folder import image_id_of
from ..data.matching import match_names
from ..errors import DatasetError, ImageError, SizeMismatch, SrbenchError, WrongType
from ..files import expanded
from ..imaging import read_image, require_image, require_scale, upright
from ..imaging.luma import Image
from ..metrics import find_metrics
from ..metrics.table import refuse_unused
from .pixels import Scorer
from .scoring import load_metrics, original_of

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("image", "protocol", "metric", "value")


class _Named(NamedTuple):
    name: str | int
    pixels: Image


@overload
def score(
    sr: object,
    hr: object,
    *,
    scale: int,
    protocol: str | None = None,
    metrics: Sequence[object] = ("psnr", "ssim"),
    weights: Path | str | None = None,
    device: str = "auto",
) -> dict[str, float]: ...


@overload
def score(
    sr: object,
    hr: object,
    *,
    scale: int,
    protocol: Sequence[str],
    metrics: Sequence[object] = ("psnr", "ssim"),
    weights: Path | str | None = None,
    device: str = "auto",
) -> pd.DataFrame: ...


def score(
    sr: object,
    hr: object,
    *,
    scale: int,
    protocol: str | Sequence[str] | None = None,
    metrics: Sequence[object] = ("psnr", "ssim"),
    weights: Path | str | None = None,
    device: str = "auto",
) -> dict[str, float] | pd.DataFrame:
    """The metrics of SR images against their originals.

    An image is a path, a PIL image, a uint8 array of shape (H, W) or (H, W, 3), or a uint8 tensor
    of shape (H, W), (C, H, W) or (N, C, H, W) with one or three channels on any device. A batch is
    such a tensor, an array of shape (N, H, W, 3), or a list. One original can be used for a whole
    batch.

    Args:
        sr: the SR image, or a batch.
        hr: the original, or a batch. It is first cropped to a multiple of ``scale``; then its size
            must equal that of ``sr``.
        scale: the magnification.
        protocol: ``matlab`` (the default), ``basicsr`` or ``ledig2017``, or several, for ``psnr``
            and ``ssim``.
        metrics: words (``psnr``, ``ssim``, ``lpips``, ``psnr_rgb``, ``niqe``, ``piq:gmsd``,
            ``NAME=FILE.py:function``), functions ``(sr, hr)`` or ``(sr)`` of uint8 arrays that
            return a number, and :class:`srbench.Metric` objects.
        weights: folder of network weights; by default the ``SRBENCH_WEIGHTS`` folder.
        device: where networks run.

    Returns:
        ``{"psnr_y": dB, "ssim_y": 0..1}`` for one image under one protocol; else, and if two
        metrics have one name, a table with the columns ``image, protocol, metric, value``, where
        ``image`` is a file's stem or counts from 0.

    Raises:
        UnknownName: there is no such protocol or metric; the message suggests the nearest name.
        ConfigError: a protocol is given, but the metrics name neither ``psnr`` nor ``ssim``.
        WrongType: an argument is not an image, or not uint8 (also a TypeError).
        SizeMismatch: the sizes differ or are too small (images are never resized), or the SR image
            is grey and the original has colours.
        DatasetError: the names of the files show that the two lists have different orders.
        ImageError: a file cannot be read.
        MissingWeights: the weights of a metric's network are not on this machine.

    >>> import numpy as np, srbench
    >>> hr = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64).astype(np.uint8)
    >>> srbench.score(hr, hr, scale=4)
    {'psnr_y': inf, 'ssim_y': 1.0}
    >>> def darker(sr, hr):
    ...     return float(hr.mean() - sr.mean())
    >>> srbench.score(hr // 2, hr, scale=4, metrics=[darker])
    {'darker': 64.0}
    """
    from ..models.weights_catalogue import weights_folder

    require_scale(scale)
    images, originals = _images("the SR image", sr), _images("the original", hr)
    if len(originals) not in (1, len(images)):
        raise SizeMismatch(
            f"{len(images)} SR images, but {len(originals)} originals; give one for each, or one"
        )
    _refuse_other_order(images, originals)
    several = protocol is not None and not isinstance(protocol, str)
    protocols = None if protocol is None else [str(name) for name in listed(protocol)]
    refuse_unused(listed(metrics), protocols=protocols)
    chosen = find_metrics(listed(metrics), protocols=["matlab"] if protocols is None else protocols)
    loaded = load_metrics(chosen, weights_folder(weights), device)
    rows: list[tuple[str | int, str, str, float]] = []
    scorer = None
    for index, image in enumerate(images):
        try:
            if scorer is None or len(originals) > 1:
                original = originals[index if len(originals) > 1 else 0].pixels
                scorer = Scorer(original_of(original, scale, loaded), loaded)
            scores = scorer.score(image.pixels)
        except SrbenchError as error:
            if len(images) == 1:
                raise
            raise type(error)(f"image {image.name}: {error}") from error
        rows += [(image.name, *facts.key, value) for facts, value in scores.items()]
    if len(images) == 1 and not several and not _is_batch(sr):
        found = {metric: value for _, _, metric, value in rows}
        if len(found) == len(rows):
            return found
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS))


def _refuse_other_order(images: Sequence[_Named], originals: Sequence[_Named]) -> None:
    """Refuse lists of files if the name of a file belongs to an original at another position."""
    if len(originals) < 2 or any(isinstance(name, int) for name, _ in (*images, *originals)):
        return  # pixels have no names
    sr, hr = (
        [image_id_of(Path(f"{name}.png")) for name, _ in side] for side in (images, originals)
    )
    meant = {name: name for name in sr if name in hr}
    # A match with affixes exists only if all names have one.
    with suppress(DatasetError):
        sides = [{name: Path(f"{name}.png") for name in side} for side in (hr, sr)]
        found = match_names(sides[0], sides[1], Path("sr"), "hr", spare=False).files
        meant |= {path.stem: name for name, path in found.items()}
    for image, original in zip(sr, hr, strict=True):
        if meant.get(image, original) != original:
            raise DatasetError(
                f"the SR image {image} is at the position of the original {original}, but its name "
                f"belongs to {meant[image]}; give both lists in the same order"
            )


def _is_batch(images: Any) -> bool:
    return isinstance(images, (list, tuple)) or getattr(images, "ndim", 0) == 4


def _images(what: str, images: Any) -> list[_Named]:
    if isinstance(images, (list, tuple)):
        if not images:
            raise SizeMismatch(f"{what} is an empty list, expected at least one image")
        found = [_one(f"{what} {i}", image, i) for i, image in enumerate(images)]
        names = [image.name for image in found]
        # Files with the same name in several folders would share a row.
        return (
            found
            if len(set(names)) == len(names)
            else [_Named(i, image.pixels) for i, image in enumerate(found)]
        )
    if getattr(images, "ndim", 0) == 4:
        if not len(images):
            raise SizeMismatch(f"{what} is an empty batch, expected at least one image")
        return [_one(f"{what} {i}", image, i) for i, image in enumerate(images)]
    return [_one(what, images, 0)]


def _one(what: str, image: Any, index: int) -> _Named:
    if isinstance(image, (str, Path)):
        path = expanded(image)
        if path.is_dir():
            raise ImageError(
                f"{path} is a folder; give its images as a list, or run `srbench score`"
            )
        return _Named(path.stem, read_image(path))
    pixels = as_array(what, image)
    require_image(what, pixels)
    return _Named(index, pixels)


def as_array(what: str, image: Any) -> Any:
    """A PIL image or a tensor of shape (H, W) or (C, H, W) as an array; other types unchanged.

    Raises:
        SizeMismatch: the tensor has another shape.
        ImageError: the PIL image has a mode that is also refused in files.
    """
    if hasattr(image, "detach") and hasattr(image, "cpu"):
        shape = tuple(image.shape)
        if len(shape) == 3 and shape[0] not in (1, 3):
            hint = "; channels come first in tensors: image.permute(2, 0, 1)"
            raise SizeMismatch(
                f"{what} is a tensor of shape {shape}, expected (1, H, W) or (3, H, W)"
                f"{hint if shape[2] in (1, 3) else ''}"
            )
        try:
            array = image.detach().cpu().numpy()
        except (TypeError, RuntimeError) as error:
            reason = str(error).partition(".")[0]
            raise WrongType(f"{what} is a tensor without plain pixels ({reason})") from error
        if array.ndim == 3:
            array = array[0] if shape[0] == 1 else np.moveaxis(array, 0, 2)
        return np.ascontiguousarray(array)
    if hasattr(image, "getbands") and hasattr(image, "save"):
        image = upright(image)  # as in files
        buffer = io.BytesIO()
        try:
            image.save(buffer, format="PNG")
        except (OSError, ValueError, SystemError) as error:
            if 0 in image.size:
                raise SizeMismatch(f"{what} is a PIL image without pixels") from error
            raise ImageError(
                f"{what} is a PIL image of mode {image.mode}; convert it: image.convert('RGB')"
            ) from error
        buffer.seek(0)
        return read_image(buffer, name=what)
    if not isinstance(image, np.ndarray):
        raise WrongType(
            f"{what} is a {type(image).__name__}; expected a path, a PIL image, a uint8 array or a "
            "uint8 tensor"
        )
    return image
