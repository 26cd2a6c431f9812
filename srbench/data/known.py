"""Check that a data set with a known name has the recorded images; otherwise rename it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..errors import DatasetError
from ..imaging import probe_image
from ..observer import Observer
from ..wording import counted
from .catalogue import canonical_name, catalogue
from .folder import Dataset, sample_dataset
from .siblings import Picture, low_resolution, namesakes
from .verify import Finding, Recognised, by_names, recognise

AS_IS = "-as-is"
"""The suffix of the name of a known set whose images differ from the recorded ones."""


@dataclass(frozen=True)
class Checked:
    """A data set that may be used under its name.

    ``dataset`` has the catalogue's ids for images that were identified. ``differences``: one line
    on how a set ``<Name>-as-is`` differs from the recorded one; "" for others. ``findings``: one
    per image of a known set. ``told``: which files were identified by their pixels; "" for none.
    """

    dataset: Dataset
    differences: str
    findings: tuple[Finding, ...]
    told: str


def checked(
    dataset: Dataset,
    *,
    as_is: bool = False,
    whole: bool = True,
    cropped: bool = False,
    observer: Observer | None = None,
) -> Checked:
    """Compare a data set with a known name with the recorded pixels before it is used.

    Args:
        dataset: the opened data set; one with another name is only searched for LR copies.
        as_is: accept a set that differs, under the name ``<Name>-as-is``.
        whole: whether all images of the known set must be there.
        cropped: whether images cropped to a multiple, as in a run's results, are accepted.
        observer: receives a note about files that are identified by their pixels.

    Raises:
        DatasetError: it differs from the recorded set, or contains LR copies of its own images.
    """
    known = canonical_name(dataset.name.removesuffix(AS_IS))
    if dataset == sample_dataset():
        return Checked(dataset, "", (), "")
    if known is None:
        if not as_is:
            _refuse_low_resolution(dataset)
        return Checked(dataset, "", (), "")
    dataset_of_name = replace(dataset, name=known)
    if catalogue()[known].pixels:
        found = recognise(dataset_of_name, observer)
    else:  # no recorded pixels to compare with
        found = Recognised(dataset_of_name, tuple(by_names(dataset_of_name)), {})
    allowed = [*([] if whole else ["missing"]), *(["mod-cropped"] if cropped else [])]
    bad = [f for f in found.findings if not f.good and f.status not in allowed]
    told = ""
    if found.renamed:
        shown = [f"{stem} is {image_id}" for stem, image_id in [*found.renamed.items()][:3]]
        more = ", ..." if len(found.renamed) > 3 else ""
        told = f"{known}: identified by their pixels: {', '.join(shown)}{more}"
        if observer:
            observer.note(told)
    insisted = as_is or dataset.name.endswith(AS_IS)
    if not bad:
        name = dataset.name if dataset.name.endswith(AS_IS) else known
        return Checked(replace(found.dataset, name=name), "", found.findings, told)
    differences = _summed_up(bad, len(found.findings), shown=3 if not insisted else 0)
    if not insisted:
        folder = next(iter(dataset.images.values())).parent
        raise DatasetError(
            f"{folder} differs from the recorded {known}: {differences}; put the usual images "
            f"there, or use them under the name {known}{AS_IS}: add --as-is, or rename the "
            "folder"
        )
    return Checked(replace(found.dataset, name=known + AS_IS), differences, found.findings, told)


def _summed_up(bad: Sequence[Finding], count: int, *, shown: int) -> str:
    """``5 of 10 images differ (5 extra: img_1_LR, ...)``, with the details of some."""
    statuses = Counter(finding.status for finding in bad)
    kinds = ", ".join(f"{number} {status}" for status, number in statuses.most_common())
    telling = sorted(bad, key=lambda finding: finding.status == "missing")[:shown]
    details = "; ".join(f"{f.image} ({f.status}) {f.detail}" for f in telling)
    more = "; ..." if len(bad) > shown > 0 else ""
    text = f"{len(bad)} of {counted(count, 'image')} differ ({kinds})"
    return text + (f": {details}{more}" if details else "")


def _refuse_low_resolution(dataset: Dataset) -> None:
    sizes = {
        name: Picture(height, width)
        for name in sorted(namesakes(dataset.images))
        for height, width, *_ in [probe_image(dataset.images[name])]
    }
    copies, _ = low_resolution(sizes)
    if copies:
        name, original = next(iter(copies.items()))
        raise DatasetError(
            f"{counted(len(copies), 'image')} of {dataset.name} are LR copies of others, first "
            f"{name} of {original}; remove them from the originals, or add --as-is to take all as "
            "originals"
        )
