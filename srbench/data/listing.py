"""List the catalogue and the data sets under the data root."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..errors import DatasetError
from .catalogue import SAMPLE, canonical_name, catalogue
from .folder import datasets_under, image_files, sample_dataset
from .naming import dataset_key, refuse_reserved


@dataclass(frozen=True)
class ListedDataset:
    """One line of ``srbench data list``.

    ``folder``: None if it is not installed. ``expected``: the catalogue's number of images, None
    for the user's own data set. ``problem``: one line on why the folder cannot be used, or None.
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

    Only counts files; :func:`~srbench.data.verify` checks the pixels.
    """
    under = datasets_under(Path(root))
    by_key: defaultdict[str, list[Path]] = defaultdict(list)
    for name, path in under.items():
        by_key[dataset_key(name)].append(path)
    listed = []
    for name, entry in catalogue().items():
        if name == SAMPLE:
            dataset = sample_dataset()
            images, folder, problem = len(dataset.ids), dataset.images[dataset.ids[0]].parent, None
        else:
            places = by_key[dataset_key(name)]
            folder = places[0] / "HR" if places else None
            images, problem = _count(folder)
            problem = _name_problem(places) or problem
        listed.append(
            ListedDataset(
                name, images, len(entry.ids), folder, entry.licence, bool(entry.sources), problem
            )
        )
    for name, path in under.items():
        if canonical_name(name) in (None, SAMPLE):
            images, problem = _count(path / "HR")
            problem = _name_problem(by_key[dataset_key(name)]) or problem
            listed.append(ListedDataset(name, images, None, path / "HR", None, False, problem))
    return listed


def _name_problem(places: list[Path]) -> str | None:
    """Why several folders with names of one data set cannot be used, if so."""
    if len(places) > 1:
        return (
            f"{' and '.join(p.name for p in places)} are names of one data set; rename all but one"
        )
    try:
        for place in places:
            refuse_reserved(place.name)
    except DatasetError as error:
        return str(error)
    return None


def _count(folder: Path | None) -> tuple[int, str | None]:
    if folder is None:
        return 0, None
    try:
        return len(image_files(folder)), None
    except DatasetError as error:
        return 0, str(error)
