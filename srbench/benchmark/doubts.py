"""Notes about images of a run that seem to be wrong; nothing is refused."""

from __future__ import annotations

from collections.abc import Sequence

from ..imaging import read_image
from ..methods.likeness import Unlike, unlike, unlike_notes
from ..methods.resolve import METHODS
from ..wording import counted
from .plan import Plan
from .results import Score


def repeated_originals(plan: Plan) -> list[str]:
    """Notes about data sets with the same file under several names, which counts several times."""
    notes: list[str] = []
    for dataset in dict.fromkeys(cell.source.dataset for cell in plan.cells):
        names: dict[str, dict[str, None]] = {}
        for cell in plan.cells:
            if cell.source.dataset == dataset:
                names.setdefault(cell.hr_sha256 or cell.lr_sha256, {})[cell.source.image] = None
        alike = [" and ".join(images) for images in names.values() if len(images) > 1]
        if alike:
            more = f" (and {len(alike) - 1} more such files)" if alike[1:] else ""
            notes.append(
                f"{dataset}: {alike[0]} are the same file{more}, which counts several times in "
                "means and tests; remove the copies"
            )
    return notes


def unlike_results(plan: Plan) -> list[str]:
    """Notes about results of users' code and checkpoints that were made now and do not seem to show
    their originals: a network may expect another range of values or order of channels.
    """
    found: dict[str, dict[str, Unlike]] = {}
    for task in plan.tasks:
        for job in task.jobs:
            method = job.method
            if not (job.upscale and method.timed) or method.name.removesuffix("+") in METHODS:
                continue
            reference = read_image(task.hr_copy if task.lr is None else task.lr)
            place = f"{task.source.dataset}/{task.source.image}"
            found.setdefault(method.name, {})[place] = unlike(read_image(job.path), reference)
    return [note for name, images in found.items() for note in unlike_notes(name, images)]


def lost_scores(rows: Sequence[Score]) -> list[str]:
    """A note about scores of earlier runs that a run removes from scores.csv."""
    if not rows:
        return []
    numbers = ", ".join(sorted({row.metric for row in rows}))
    methods = ", ".join(sorted({row.method for row in rows}))
    return [
        f"{counted(len(rows), 'score')} of earlier runs are removed ({numbers} by {methods}): the "
        "images or the metric changed, or .cache is missing; to have them, run these methods with "
        "these metrics again"
    ]
