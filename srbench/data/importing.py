"""Import a folder of images as a data set."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError, ImageError
from ..imaging import read_image
from ..observer import Observer
from ..wording import counted
from .folder import Dataset, dataset_folder, image_files, image_id_of, open_dataset, passed_over
from .known import checked
from .naming import refuse_reserved, spelt
from .placing import placed_folder
from .verify import Finding

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class ImportedDataset:
    """The imported ``dataset`` in ``folder``.

    ``differences`` and ``findings``: how a set accepted with ``as_is`` differs from the recorded
    one. ``told``: which files were identified by their pixels. All are empty if they do not apply.
    """

    dataset: Dataset
    folder: Path
    differences: str
    findings: tuple[Finding, ...]
    told: str


def import_folder(
    name: str,
    folder: Path | str,
    root: Path | str,
    observer: Observer | None = None,
    *,
    as_is: bool = False,
) -> ImportedDataset:
    """Copy the images of ``folder`` to ``<root>/<name>/HR``, completely or not at all.

    The files are copied unchanged. Under a name of the catalogue (or an alias) the images must be
    the recorded ones; files with other names are identified by their pixels and get the catalogue's
    names. With ``as_is`` other images are accepted, under the name ``<name>-as-is``.

    Raises:
        DatasetError: the name is not allowed or already used; the folder is missing, empty or has
            two files with one id; or images cannot be read, are LR copies of others, or are not
            those of the known set.
        ResultsError: the root cannot be written to.
    """
    folder, root = Path(folder), Path(root)
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"'{name}' cannot name a data set; use up to 64 letters a to z, digits, '.', '_', "
            "'+' and '-', starting with a letter or digit"
        )
    refuse_reserved(name)
    name = spelt(name)
    _refuse_taken(name, root)
    images = image_files(folder)
    observer = observer or Observer()
    if others := passed_over(folder):
        observer.note(f"{folder}: ignored {others}")
    _refuse_unreadable(folder, images, observer)
    found = checked(Dataset(name, images), as_is=as_is, observer=observer)
    _refuse_taken(found.dataset.name, root)
    target = root / found.dataset.name / "HR"
    with placed_folder(target) as making:
        for image_id, path in found.dataset.images.items():
            named = path.name if image_id_of(path) == image_id else image_id + path.suffix
            shutil.copyfile(path, making / named)
    dataset = open_dataset(found.dataset.name, root)
    return ImportedDataset(dataset, target, found.differences, found.findings, found.told)


def _refuse_taken(name: str, root: Path) -> None:
    taken = dataset_folder(name, root)
    if taken:
        raise DatasetError(
            f"data set '{taken.name}' is already under {root}; choose another name, or remove "
            f"{taken / 'HR'} first"
        )


def _refuse_unreadable(folder: Path, images: dict[str, Path], observer: Observer) -> None:
    problems: list[str] = []
    observer.begin(f"reading {folder}", len(images))
    for image_id, path in images.items():
        try:
            read_image(path)
        except ImageError as error:
            problems.append(str(error))
        observer.step_done(image_id)
    observer.end()
    if problems:
        raise DatasetError(
            f"{len(problems)} of {counted(len(images), 'image')} in {folder} cannot be used; "
            f"fix or remove them: {'; '.join(problems[:3])}{'; ...' if len(problems) > 3 else ''}"
        )
