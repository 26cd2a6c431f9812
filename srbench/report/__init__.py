"""Reports of a run and of a rating study: tables, figures and one HTML page.

``benchmark`` reports a results folder, ``study`` grades, ``pairs`` pair comparisons; ``kit``
contains shared code.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..observer import Observer

__all__ = ["short_table_text", "write_report"]


def write_report(
    results: Path,
    observer: Observer | None = None,
    *,
    images: str = "few",
    compare: str = "",
    latex: str = "paper",
) -> list[Path]:
    """Write ``tables/``, ``figures/`` and ``report.html`` into a results folder.

    Reads scores.csv and, if present, timings.csv, run.json and images/. The same folder gives the
    same bytes. Outdated figures of an earlier report are removed.

    Args:
        results: the folder.
        observer: is notified of each figure.
        images: ``few``, or ``all`` to also write images.html, which shows every image from the
            folder's files. An existing images.html is always updated.
        compare: declared comparisons, ``A:B,C:*``. Only these are tested, with Holm's correction
            over them; by default all pairs.
        latex: ``paper`` for the tables that a paper prints, or ``all``, which adds the tests of all
            pairs.

    Returns:
        The files written.

    Raises:
        ConfigError: ``compare`` names a method that was not run.
        ResultsError: the folder has no readable scores, or cannot be written to.
        ImageError: an image of the folder is damaged.
    """
    # Imported only for a report, because Matplotlib and jinja2 take a second to import.
    from .benchmark.write import write_everything

    return write_everything(Path(results), observer, images=images, compare=compare, latex=latex)


def short_table_text(
    results: Path,
    form: str,
    *,
    protocol: str | None = None,
    methods: Sequence[str] | None = None,
    datasets: Sequence[str] | None = None,
    metrics: Sequence[str] | None = None,
) -> str:
    """The short table of a paper as text: ``tex``, ``md`` or ``csv``.

    The choices are those of `srbench.report.benchmark.short_table.short_table`.

    Raises:
        ResultsError: the folder has no readable scores.
        UnknownName: the results have no such method, data set, metric or protocol.
    """
    from .benchmark.results import read_results
    from .benchmark.short_table import short_table
    from .kit.render import to_csv, to_latex, to_markdown

    table = short_table(
        read_results(Path(results)),
        protocol=protocol, methods=methods, datasets=datasets, metrics=metrics,
    )  # fmt: skip
    return {"csv": to_csv, "md": to_markdown, "tex": to_latex}[form](table)
