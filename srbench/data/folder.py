"""Folders of images, and data sets as folders under one root.

A data set is ``<root>/<Name>/HR/*`` (png, bmp, jpg, tif, webp). Image ids are file stems.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from ..errors import ConfigError, DatasetError, unknown_name
from ..files import expanded, home_needed, place_from, resolved
from ..imaging import read_image
from ..imaging.luma import Image
from ..wording import counted
from .catalogue import AUTO, SAMPLE, canonical_name, catalogue
from .naming import dataset_key, has_control, refuse_reserved, spelt, tidy

EXTENSIONS = (".png", ".bmp", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Dataset:
    """A named set of original images; ``images`` maps id to file, sorted by id.

    ``lr`` maps the ids to LR images that come with it, if they are used (``lr_place`` is their
    folder, ``LR/x4``). ``images`` is empty if there are only LR images.
    """

    name: str
    images: Mapping[str, Path]
    lr: Mapping[str, Path] = field(default_factory=dict[str, Path])
    lr_place: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """The image ids, sorted."""
        return tuple(self.images or self.lr)

    def read(self, image_id: str) -> Image:
        """One image, uint8 of shape (H, W) or (H, W, 3).

        Raises:
            UnknownName: there is no image with this id.
            ImageError: its file cannot be read.
        """
        if image_id not in self.images:
            raise unknown_name(f"image of {self.name}", image_id, self.images)
        return read_image(self.images[image_id])


def is_image_name(name: str) -> bool:
    """Whether a file name is that of an image: by extension, and not hidden."""
    return not name.startswith(".") and name.lower().endswith(EXTENSIONS)


def image_files(folder: Path | str) -> dict[str, Path]:
    """The images of a folder as id (file stem in Unicode's form NFC) to path, sorted by id.

    Hidden files, subfolders and files with other extensions are ignored; the case of the extension
    does not matter.

    Raises:
        DatasetError: the folder is missing or has no image, two ids differ only in case (one file
            would overwrite the other on many systems), a link is broken, or a name has control
            characters or is not UTF-8 and cannot be in a table.
    """
    folder = expanded(folder)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise DatasetError(f"{folder} {what}; expected a folder of images")
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        if not is_image_name(path.name):
            continue
        if path.is_symlink() and not path.exists():
            raise DatasetError(
                f"{path} is a link to {path.readlink()}, which does not exist; fix or remove it"
            )
        if path.is_file():
            if has_control(path.name):
                raise DatasetError(
                    f"{folder} holds {path.name!a}, whose name has control characters or is "
                    "not UTF-8; rename it"
                )
            if not image_id_of(path):
                raise DatasetError(f"{folder} holds {path.name!a}, whose name is blank; rename it")
            found[image_id_of(path).casefold()].append(path)
    if not found:
        instead = passed_over(folder)
        raise DatasetError(
            f"{folder} holds no image ({', '.join(e[1:] for e in EXTENSIONS)})"
            + (f", but {instead}" if instead else "")
        )
    for paths in found.values():
        if len(paths) > 1:
            names = " and ".join(path.name for path in paths)
            raise DatasetError(
                f"{folder}: {names} share the id '{image_id_of(paths[0])}'; remove or rename all "
                "but one"
            )
    paths = {image_id_of(path): path for (path,) in found.values()}
    return {image_id: paths[image_id] for image_id in sorted(paths)}


def passed_over(folder: Path | str) -> str:
    """The counts of what :func:`image_files` ignores: ``2 other files (.jp2, .ppm), 1 folder``.

    Hidden files are not counted unless they have the name of an image (but not ``._NAME``, which
    macOS adds on other file systems); '' if nothing is ignored.
    """
    others: list[str] = []
    folders = hidden = 0
    for path in sorted(expanded(folder).iterdir()):
        if path.name.startswith("."):
            hidden += not path.name.startswith("._") and is_image_name(path.name.lstrip("."))
        elif path.is_dir():
            folders += 1
        elif not (is_image_name(path.name) and path.is_file()):
            others.append(path.suffix.lower() or "no ending")
    kinds = list(dict.fromkeys(others))
    shown = ", ".join(kinds[:4]) + (", ..." if len(kinds) > 4 else "")
    counts = [f"{counted(len(others), 'other file')} ({shown})"] if others else []
    counts += [counted(folders, "folder")] if folders else []
    counts += [counted(hidden, "hidden image")] if hidden else []
    return ", ".join(counts)


def image_id_of(path: Path) -> str:
    """The id of an image file: its name without suffix, in Unicode's form NFC.

    Blanks and invisible marks around it are left out, because tables do not keep them.
    """
    return tidy(path.stem)


def data_root(override: Path | str | None = None) -> Path:
    """The root of the data sets: ``override`` (--data), else $SRBENCH_DATA, else the user's folder.

    The folder need not exist.

    Raises:
        ConfigError: it is a file or a single data set, or the user has no home folder.
    """
    root = place_from("SRBENCH_DATA", override) or usual_data_root()
    if (root / "HR").is_dir():
        raise ConfigError(
            f"{root} is a data set (it contains HR), expected the folder that contains data sets: "
            f"{resolved(root).parent}"
        )
    return root


def usual_data_root() -> Path:
    """The user's data folder, the default root of the data sets.

    Raises:
        ConfigError: the user has no home folder.
    """
    import platformdirs

    with home_needed("give --data or SRBENCH_DATA"):
        return Path(platformdirs.user_data_dir("srbench", appauthor=False))


def sample_dataset() -> Dataset:
    """The built-in set: five photographs from scikit-image's wheel, without a download.

    Raises:
        DatasetError: this scikit-image lacks them.
    """
    import skimage

    # skimage.data.<name>() may use pooch to download, so read the wheel's files directly.
    folder = Path(skimage.__file__).parent / "data"
    files = image_files(folder)
    ids = catalogue()[SAMPLE].ids
    missing = [image_id for image_id in ids if image_id not in files]
    if missing:
        raise DatasetError(
            f"scikit-image's data folder lacks {', '.join(missing)}; "
            "reinstall it with: pip install --force-reinstall scikit-image"
        )
    return Dataset(SAMPLE, MappingProxyType({image_id: files[image_id] for image_id in ids}))


def datasets_under(root: Path) -> dict[str, Path]:
    """The folders of a root with a subfolder ``HR``, by name; empty without a root."""
    return {path.name: path for path in data_folders(root) if (path / "HR").is_dir()}


def data_folders(root: Path) -> list[Path]:
    """The folders of a root, by name; empty without a root."""
    if not root.is_dir():
        return []
    return [p for p in sorted(root.iterdir()) if not p.name.startswith(".") and p.is_dir()]


def dataset_folder(name: str, root: Path) -> Path | None:
    """The folder ``<root>/<Name>`` of a data set under any of its usual names; None if missing.

    Raises:
        DatasetError: two folders have names of this set.
    """
    key = dataset_key(name)
    found = [path for there, path in datasets_under(root).items() if dataset_key(there) == key]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DatasetError(
            f"{root} holds {names}, which are names of one data set (case and usual aliases do not "
            "count); remove or rename all but one"
        )
    return found[0] if found else None


def open_dataset(name: str, root: Path | str | None) -> Dataset:
    """The data set ``<root>/<Name>/HR``, without regard to case, and by any alias if it is known.

    A known set gets the catalogue's name instead of the folder's. ``sample`` is built in and needs
    no root.

    Raises:
        DatasetError: it is missing, exists twice or is empty, two files share an id, or the name is
            reserved.
    """
    if canonical_name(name) == SAMPLE:
        if root is not None and (hidden := dataset_folder(name, Path(root))):
            refuse_reserved(hidden.name, f" ({hidden})")
        return sample_dataset()
    if root is None:
        raise DatasetError(f"data set '{name}' needs a data root; set --data or SRBENCH_DATA")
    refuse_reserved(name)
    match = dataset_folder(name, Path(root))
    if match is None:
        raise _not_there(name, Path(root), sorted(datasets_under(Path(root))))
    return Dataset(spelt(match.name), MappingProxyType(image_files(match / "HR")))


def _not_there(name: str, root: Path, present: list[str]) -> DatasetError:
    listed = ", ".join([*present, SAMPLE])
    canonical = canonical_name(name)
    if canonical:
        way = f"get it with 'srbench data fetch {canonical}' or 'srbench data import {canonical} "
        way += "FOLDER'"
    else:
        nearest = str(unknown_name("data set", name, [*present, *catalogue()]))
        hint = nearest.split("; ", 1)[1].split("known are")[0].strip()
        way = f"{hint} to make one of a folder: 'srbench data import {name} FOLDER'".strip()
    return DatasetError(
        f"data set '{name}' is not under {root} (expected {name}/HR); there are: {listed}; {way}"
    )


def auto_datasets(root: Path | str) -> list[str]:
    """Those of Set5, Set14 and BSD100 that are under the root; if none, ``sample``.

    Raises:
        DatasetError: one of them is there twice, under two names.
    """
    return [name for name in AUTO if dataset_folder(name, Path(root))] or [SAMPLE]


def benchmark_datasets(root: Path | str) -> list[Dataset]:
    """The sets with recorded pixels that are under the root, Set5 first; if none, ``sample``.

    Raises:
        DatasetError: one of them exists twice, under two names, or cannot be opened.
    """
    known = [entry.name for entry in catalogue().values() if entry.pixels and entry.name != SAMPLE]
    there = [name for name in known if dataset_folder(name, Path(root))]
    return [open_dataset(name, root) for name in there or [SAMPLE]]
