"""Making a data set of the user's own out of any folder of images."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError, ImageError
from ..imaging import read_image
from ..observer import Observer
from ..wording import counted
from .catalogue import canonical_name
from .folder import Dataset, dataset_folder, image_files, open_dataset, passed_over
from .naming import refuse_reserved
from .placing import placed_folder
from .verify import Finding, verify

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class ImportedDataset:
    """What was made: ``dataset`` under ``folder``; ``findings`` if the catalogue knows the name."""

    dataset: Dataset
    folder: Path
    findings: tuple[Finding, ...]


def import_folder(
    name: str, folder: Path | str, root: Path | str, observer: Observer | None = None
) -> ImportedDataset:
    """Copy the images of ``folder`` to ``<root>/<name>/HR``, whole or not at all.

    The files are copied as they are. A name of the catalogue is allowed (and takes the
    catalogue's spelling); the images are then held against the canonical ones.

    Raises:
        DatasetError: the name is unfit or taken, or the folder is missing, empty, has two files
            of one id, or holds images that cannot be read.
        ResultsError: the root cannot be written to.
    """
    folder, root = Path(folder), Path(root)
    if not _NAME.fullmatch(name):
        raise DatasetError(
            f"'{name}' cannot name a data set; use up to 64 letters, digits, '.', '_', '+' or '-',"
            " starting with a letter or digit"
        )
    refuse_reserved(name)
    taken = dataset_folder(name, root)
    name = canonical_name(name) or name
    if taken:
        raise DatasetError(
            f"data set '{taken.name}' is already under {root}; choose another name, or remove "
            f"{taken / 'HR'} first"
        )
    images = image_files(folder)
    observer = observer or Observer()
    if others := passed_over(folder):
        observer.note(f"{folder}: passed over {others}")
    _refuse_unreadable(folder, images, observer)
    with placed_folder(root / name / "HR") as making:
        for path in images.values():
            shutil.copyfile(path, making / path.name)
    dataset = open_dataset(name, root)
    findings = tuple(verify(dataset, observer)) if canonical_name(name) else ()
    return ImportedDataset(dataset, root / name / "HR", findings)


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
            f"mend or remove them: {'; '.join(problems[:3])}{'; ...' if len(problems) > 3 else ''}"
        )
