"""The report: from a results folder's tables and images to tables, figures and one HTML page.

``write_report`` does it all; ``style`` holds the one look that every figure shares.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

__all__ = ["write_report"]


def write_report(results: Path, *, progress: Callable[[str], None] | None = None) -> list[Path]:
    """Write ``tables/``, ``figures/`` and ``report.html`` into a results folder.

    Reads scores.csv and, where present, timings.csv, run.json and images/. The same folder gives
    the same bytes. Figures of an earlier report that no longer apply are removed. ``progress`` is
    called with the relative name of each thing when it is done.

    Returns:
        The files written.

    Raises:
        ResultsError: the folder has no readable scores, or cannot be written to.
        ImageError: an image of the folder is damaged.
    """
    # Matplotlib and jinja2 take a second to import: only who wants a report pays for it.
    from .write import write_everything

    return write_everything(Path(results), progress or (lambda _: None))
