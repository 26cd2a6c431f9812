"""The reports: tables, figures and one HTML page, of a run and of a rating study.

``benchmark`` reports a results folder, ``study`` ratings; ``kit`` holds what they share.
"""

from __future__ import annotations

from pathlib import Path

from ..observer import Observer

__all__ = ["write_report"]


def write_report(results: Path, observer: Observer | None = None) -> list[Path]:
    """Write ``tables/``, ``figures/`` and ``report.html`` into a results folder.

    Reads scores.csv and, where present, timings.csv, run.json and images/. The same folder gives
    the same bytes. Figures of an earlier report that no longer apply are removed. ``observer`` is
    told of each figure.

    Returns:
        The files written.

    Raises:
        ResultsError: the folder has no readable scores, or cannot be written to.
        ImageError: an image of the folder is damaged.
    """
    # Matplotlib and jinja2 take a second to import: only who wants a report pays for it.
    from .benchmark.write import write_everything

    return write_everything(Path(results), observer)
