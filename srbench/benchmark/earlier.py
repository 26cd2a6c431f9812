"""Refuse a run whose scores cannot be compared with those of earlier runs in its folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..data.folder import Dataset
from ..data.given_lr import MADE
from ..data.naming import dataset_key
from ..errors import ImageError, ResultsError
from ..imaging import crop_to_multiple, read_image
from ..methods.base import ImageId, file_sha256
from ..observer import Observer
from ..wording import counted
from .cache import Cache
from .plan import Plan
from .record import lr_fingerprint, made_by
from .results import ResultsFolder

_ANOTHER = "choose another --out"


class Earlier:
    """The results of earlier runs in a folder at one scale."""

    def __init__(self, folder: ResultsFolder, cache: Cache, scale: int) -> None:
        self._folder, self._cache, self._scale = folder, cache, scale
        self._run = folder.read_run()
        rows = folder.read_scores()
        self._names = {(row.dataset, row.method) for row in rows}
        self._scored = {(r.dataset, r.image, r.method) for r in rows if r.scale == scale}

    def refuse_other_input(self, border: str, datasets: Sequence[Dataset]) -> None:
        """Refuse LR images of another origin.

        Raises:
            ResultsError: the border rule or the folder of given LR images is another one.
        """
        root = self._folder.root
        before = self._run.get("border", border)
        if border != before:
            raise ResultsError(
                f"{root} was made with --border {before}, this run has --border "
                f"{border}, and their scores cannot be compared; {_ANOTHER}"
            )
        recorded = self._recorded("datasets")
        for dataset in datasets:
            place = recorded.get(dataset.name, {}).get("lr", MADE)
            if dataset.name in recorded and place != (dataset.lr_place or MADE):
                raise ResultsError(
                    f"{root} holds scores of {dataset.name} with LR images {_came(place)}, "
                    f"this run has them {_came(dataset.lr_place)}, and the scores cannot be "
                    f"compared; {_ANOTHER}"
                )

    def refuse_other_names(self, plan: Plan, datasets: Sequence[Dataset]) -> None:
        """Refuse names that differ from earlier ones in case only.

        Raises:
            ResultsError: a method or a data set has such a name.
        """
        methods = {cell.method.name.casefold(): cell.method.name for cell in plan.cells}
        sets = {dataset_key(dataset.name): dataset.name for dataset in datasets}
        for dataset, method in sorted(self._names):
            for kind, was, now in (
                ("method", method, methods.get(method.casefold(), method)),
                ("data set", dataset, sets.get(dataset_key(dataset), dataset)),
            ):
                if was != now:
                    raise ResultsError(
                        f"{self._folder.root} has a {kind} '{was}', this run has '{now}', and on "
                        f"many systems their files would be the same; use one spelling, or another "
                        "name"
                    )

    def refuse_other_versions(self, plan: Plan, datasets: Sequence[Dataset]) -> None:
        """Refuse a changed method that was also run on other data sets.

        Raises:
            ResultsError: its scores on these sets are from other code or another checkpoint.
        """
        opened = {dataset.name for dataset in datasets}
        recorded = self._recorded("made_by")
        for method, identity in made_by(plan).items():
            others = sorted({d for d, _, m in self._scored if m == method} - opened)
            if others and recorded.get(method, identity) != identity:
                raise ResultsError(
                    f"{self._folder.root} holds scores of {method} on {', '.join(others)} from "
                    "another version of it (its checkpoint, code or version has changed); add "
                    f"{', '.join(others)} to --datasets, give it another name, or {_ANOTHER}"
                )

    def refuse_other_images(self, plan: Plan, datasets: Sequence[Dataset]) -> None:
        """Refuse changed images of a data set on which other methods were run too.

        Raises:
            ResultsError: the scores of these methods belong to other originals or LR images.
        """
        run_now = {(cell.source.dataset, cell.method.name) for cell in plan.cells}
        recorded = self._recorded("datasets")
        for dataset in datasets:
            rows = {(i, m) for d, i, m in self._scored if d == dataset.name}
            others = {m for _, m in rows if (dataset.name, m) not in run_now}
            scored = sorted({i for i, m in rows if m in others and i in dataset.images})
            changed = [image for image in scored if self._is_other(plan, dataset, image)]
            what = f"{counted(len(changed), 'original')} ({', '.join(changed[:3])})"
            if others and not changed:
                was = recorded.get(dataset.name, {})
                now = lr_fingerprint(plan, dataset)
                if was.get("lr_fingerprint", now) != now and was.get("images") == len(dataset.ids):
                    changed, what = ["LR"], "LR images"
            if others and changed:
                names = ", ".join(sorted(others))
                raise ResultsError(
                    f"{self._folder.root} holds scores of {names} on {dataset.name}, where {what} "
                    f"changed since then; add {names} to --methods, or {_ANOTHER}"
                )

    def tell_what_is_gone(self, datasets: Sequence[Dataset], observer: Observer) -> None:
        """Report images that a data set no longer has; their scores are removed."""
        for dataset in datasets:
            gone = sorted({i for d, i, _ in self._scored if d == dataset.name} - {*dataset.ids})
            if gone:
                observer.note(
                    f"{dataset.name} no longer has {counted(len(gone), 'image')} of earlier runs "
                    f"({', '.join(gone[:3])}{', ...' if gone[3:] else ''}): the scores are removed"
                )

    def _is_other(self, plan: Plan, dataset: Dataset, image: str) -> bool:
        """Whether an original differs from the copy in the results folder."""
        path = self._folder.image(dataset.name, self._scale, "HR", image)
        key = plan.hr_keys[ImageId(dataset.name, image)]
        if path.is_file() and file_sha256(path) == self._cache.get(key):
            return False
        try:
            copy = read_image(path)
        except ImageError:  # missing or damaged
            return False
        return not np.array_equal(copy, crop_to_multiple(dataset.read(image), self._scale))

    def _recorded(self, entry: str) -> dict[str, dict[str, str]]:
        return self._run.get(entry, {}).get(f"x{self._scale}", {})


def _came(place: str) -> str:
    return f"given in {place}" if place not in ("", MADE) else "made from the originals"
