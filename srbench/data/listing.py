"""What there is: the catalogue, and what lies under the data root."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .catalogue import SAMPLE, canonical_name, catalogue
from .folder import datasets_under, image_files, sample_dataset


@dataclass(frozen=True)
class ListedDataset:
    """One line of ``srbench data list``.

    ``folder`` is None when it is not on this machine. ``expected`` is the number of images that
    the catalogue names, None for a data set of the user's own. ``problem`` is the reason, in one
    line, why the folder cannot be used, or None.
    """

    name: str
    images: int
    expected: int | None
    folder: Path | None
    licence: str | None
    can_fetch: bool
    problem: str | None


def list_datasets(root: Path | str) -> list[ListedDataset]:
    """The catalogue in its order, then the user's own data sets under ``root`` by name.

    Counts files and decodes nothing; :func:`~srbench.data.verify` looks at the pixels.
    """
    under = datasets_under(Path(root))
    listed = []
    for name, entry in catalogue().items():
        if name == SAMPLE:
            dataset = sample_dataset()
            images, folder, problem = len(dataset.ids), dataset.images[dataset.ids[0]].parent, None
        else:
            place = next((path for n, path in under.items() if n.lower() == name.lower()), None)
            folder = place / "HR" if place else None
            images, problem = _count(folder)
        listed.append(
            ListedDataset(
                name, images, len(entry.ids), folder, entry.licence, bool(entry.sources), problem
            )
        )
    for name, path in under.items():
        if canonical_name(name) is None:
            images, problem = _count(path / "HR")
            listed.append(ListedDataset(name, images, None, path / "HR", None, False, problem))
    return listed


def _count(folder: Path | None) -> tuple[int, str | None]:
    if folder is None:
        return 0, None
    try:
        return len(image_files(folder)), None
    except DatasetError as error:
        return 0, str(error)
