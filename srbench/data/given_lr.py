"""Low-resolution images that come with a data set, instead of those made from originals.

They are ``<Name>/LR/x4/*`` next to ``<Name>/HR``, or in another folder with LR in its name, such as
DIV2K's ``LR_bicubic/X4/0001x4.png``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from ..errors import DatasetError, SizeMismatch, unknown_name
from ..imaging import read_image
from ..imaging.luma import Image
from ..observer import Observer
from ..wording import counted
from .catalogue import SAMPLE, canonical_name
from .folder import Dataset, data_folders, image_files, passed_over
from .known import AS_IS
from .matching import match_names
from .naming import dataset_key, refuse_reserved, spelt
from .pixels import exchanged_channels, same_picture, thumbnail
from .siblings import says_lr

MADE, GIVEN = "made", "given"
# Smaller miniatures do not identify a picture.
_LEAST_FOR_MINIATURE = 16


def with_given_lr(dataset: Dataset, scale: int, choice: str, observer: Observer) -> Dataset:
    """The data set with an LR image for each original.

    Args:
        dataset: opened, with originals.
        scale: the scale of the LR images, in ``x4`` or ``X4``.
        choice: ``given``, or the name of the LR folder if there are several.
        observer: is notified of the folder in use and of ignored files.

    Raises:
        DatasetError: LR images of this scale are missing, incomplete or in several folders.
        UnknownName: it has no LR folder of that name.
    """
    if dataset.name == SAMPLE:
        raise DatasetError(
            "the built-in sample set has no LR images; name a data set with --datasets, or leave "
            "out --lr"
        )
    folder = next(iter(dataset.images.values())).parent.parent
    place = _place(folder, scale, choice)
    files = image_files(place)
    matched = match_names(
        dataset.images, files, place, dataset.name, spare=True, way_out="rename them"
    )
    _tell(dataset.name, place, matched.taken, observer)
    if spare := sorted(set(files.values()) - set(matched.files.values())):
        observer.note(
            f"{dataset.name}: {counted(len(spare), 'LR image')} without an original ignored "
            f"({', '.join(path.name for path in spare[:3])}{', ...' if spare[3:] else ''})"
        )
    return replace(dataset, lr=MappingProxyType(dict(matched.files)), lr_place=_words(place))


def open_without_originals(
    name: str, root: Path, scale: int, choice: str, observer: Observer
) -> Dataset | None:
    """The data set ``<root>/<Name>`` with LR images and no folder HR; None if there is none.

    The ids are the names of the LR files.

    Raises:
        DatasetError: as `with_given_lr`; or the name is that of a known set, whose originals exist.
        UnknownName: it has no LR folder of that name.
    """
    folder = lr_alone(name, root)
    if folder is None:
        return None
    refuse_reserved(name)
    if known := canonical_name(folder.name.removesuffix(AS_IS)):
        raise DatasetError(
            f"{folder} has LR images, but no originals, and {known} is a known set: put its "
            f"originals into {folder / 'HR'} (srbench data fetch {known}), or rename the folder"
        )
    place = _place(folder, scale, choice)
    files = image_files(place)
    named = Dataset(
        spelt(folder.name), MappingProxyType({}), MappingProxyType(files), _words(place)
    )
    _tell(named.name, place, "", observer)
    observer.note(
        f"{named.name} has no originals: metrics that need one and comparisons with it are left out"
    )
    return named


def lr_alone(name: str, root: Path) -> Path | None:
    """The folder ``<root>/<Name>`` of a set with LR images but no originals, if there is one."""
    key = dataset_key(name)
    return next(
        (
            path
            for path in data_folders(root)
            if dataset_key(path.name) == key and not (path / "HR").is_dir() and _lr_folders(path)
        ),
        None,
    )


def check_lr(path: Path, original: tuple[Path, Image] | None, scale: int) -> tuple[int, int]:
    """Check an LR image before a run; returns its height and width times the scale.

    Args:
        path: the LR image.
        original: its original's file and pixels, not cropped; None without an original.
        scale: the original's size divided by the LR image's.

    Raises:
        ImageError: it cannot be read.
        SizeMismatch: its size times the scale is not that of the original cropped to a multiple of
            the scale, or it is grey and the original RGB.
        DatasetError: it shows another picture.
    """
    lr = read_image(path)
    height, width = lr.shape[:2]
    if original is not None:
        file, hr = original
        expected = hr.shape[0] // scale, hr.shape[1] // scale
        if (height, width) != expected:
            raise SizeMismatch(
                f"{path} is {width}x{height}, expected {expected[1]}x{expected[0]}: {file.name} "
                f"({hr.shape[1]}x{hr.shape[0]}) cropped to a multiple of {scale}, over {scale}"
            )
        if lr.ndim < hr.ndim:
            raise SizeMismatch(f"{path} has 1 channel, expected 3 (its original is RGB)")
        whole = hr[: height * scale, : width * scale]
        if min(height, width) < _LEAST_FOR_MINIATURE:
            return height * scale, width * scale
        if exchanged_channels(lr, whole):
            raise DatasetError(
                f"red and blue of {path} seem to be exchanged against {file}; OpenCV reads and "
                "writes BGR: save it as RGB"
            )
        if not same_picture(thumbnail(lr), thumbnail(whole)):
            raise DatasetError(
                f"{path} does not show the same picture as {file}; put the LR image of that "
                "original there"
            )
    return height * scale, width * scale


def _lr_folders(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and says_lr(p.name)]


def _place(folder: Path, scale: int, choice: str) -> Path:
    """The folder of the LR images of this scale."""
    there = _lr_folders(folder)
    scaled = [sub for lr in there for sub in sorted(lr.iterdir()) if sub.is_dir()]
    fitting = [sub for sub in scaled if sub.name.casefold() == f"x{scale}"]
    if choice != GIVEN:
        named = [sub for sub in fitting if sub.parent.name.casefold() == choice.casefold()]
        if not named:
            names = [MADE, GIVEN, *(sub.parent.name for sub in fitting)]
            raise unknown_name(f"--lr for {folder.name} at x{scale}:", choice, names)
        fitting = named
    usual = [sub for sub in fitting if sub.parent.name.casefold() == "lr"]
    found = usual or fitting
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(_words(sub) for sub in found)
        raise DatasetError(
            f"{folder} has LR images at x{scale} in {names}; name the folder that is meant: "
            f"--lr {found[0].parent.name}"
        )
    if scaled:
        raise DatasetError(
            f"{folder} has no LR images at x{scale}, only {', '.join(map(_words, scaled[:3]))}; "
            f"put them into {folder / 'LR' / f'x{scale}'}, or name another --scale"
        )
    raise DatasetError(
        f"{folder} has no LR images at x{scale}; put them into {folder / 'LR' / f'x{scale}'}, or "
        "leave out --lr to have them made from the originals"
    )


def _words(place: Path) -> str:
    """``LR/x4``."""
    return f"{place.parent.name}/{place.name}"


def _tell(name: str, place: Path, taken: str, observer: Observer) -> None:
    observer.note(f"{name}: LR images as given in {_words(place)}{f' ({taken})' if taken else ''}")
    if others := passed_over(place):
        observer.note(f"{name}: ignored {others} in {_words(place)}")
