"""Write all parts of a report."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from ...files import write_text
from ...observer import Observer
from ...stats.declared import declared_pairs
from ..kit.drawn import save_figures
from ..kit.render import Table, md, write_table
from .crops import views
from .figures import KINDS, draw_figures
from .page import IMAGES_PAGE, render_images, render_page
from .paper_tables import table1, table2
from .results import Results, read_results
from .short_table import short_table
from .significance import significance
from .tables import brief, leading_tests, significance_table, summary_table


def write_everything(
    folder: Path,
    observer: Observer | None,
    *,
    images: str = "few",
    compare: str = "",
    latex: str = "paper",
) -> list[Path]:
    """See :func:`srbench.report.write_report`."""
    results = read_results(folder)
    family = declared_pairs(compare, results.methods()) if compare else None
    tests = significance(results.scores, results.known, family)
    summary, first, second = summary_table(results), table1(results), table2(results)
    written: list[Path] = []
    for table, as_latex in printed_tables(results, tests, compare=compare, latex=latex):
        written += write_table(table, folder / "tables", latex=as_latex)
    shown = views(results)
    drawn = draw_figures(results, shown)
    figures, pictures = save_figures(drawn, folder / "figures", KINDS, observer)
    captions = folder / "figures" / "captions.md"
    told = [f"**{p.stem}** {md(p.title)}. {md(p.caption)}\n\n" for p in pictures]
    write_text(captions, "".join(told))
    # Update an existing one, because it would show outdated images.
    every_image = folder / IMAGES_PAGE
    if images == "all" or every_image.is_file():
        write_text(every_image, render_images(results))
        written.append(every_image)
    page = folder / "report.html"
    paper = (second, first)
    write_text(
        page,
        render_page(
            results, shown, pictures, summary, paper, tests, all_images=every_image.is_file()
        ),
    )
    return [*written, *figures, captions, page]


def printed_tables(
    results: Results, tests: pd.DataFrame, *, compare: str, latex: str
) -> list[tuple[Table, Table]]:
    """Each table of the report and its form in LaTeX, which is shorter if ``latex`` is paper."""
    summary, every = summary_table(results), significance_table(tests, results.run)
    short: dict[str, Table] = {}
    if latex != "all":
        chosen = significance_table(
            tests if compare else leading_tests(results, tests), results.run
        )
        short = {
            summary.stem: replace(short_table(results), stem=summary.stem),
            every.stem: brief(chosen, compare=compare),
        }
    return [
        (table, short.get(table.stem, table))
        for table in (summary, table1(results), table2(results), every)
    ]
