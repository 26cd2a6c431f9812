"""Everything a report consists of, written in order."""

from __future__ import annotations

from pathlib import Path

from ...files import write_text
from ...observer import Observer
from ..kit.drawn import save_figures
from ..kit.render import write_table
from .crops import views
from .figures import KINDS, draw_figures
from .page import render_page
from .paper_tables import table1, table2
from .results import read_results
from .significance import significance
from .tables import significance_table, summary_table


def write_everything(folder: Path, observer: Observer | None) -> list[Path]:
    """As :func:`srbench.report.write_report`."""
    results = read_results(folder)
    tests = significance(results.scores, results.known)
    summary, first, second = summary_table(results), table1(results), table2(results)
    written: list[Path] = []
    for table in (summary, first, second, significance_table(tests, results.run)):
        written += write_table(table, folder / "tables")
    shown = views(results)
    drawn = draw_figures(results, shown)
    figures, pictures = save_figures(drawn, folder / "figures", KINDS, observer)
    captions = folder / "figures" / "captions.md"
    write_text(captions, "".join(f"**{p.stem}** {p.title}. {p.caption}\n\n" for p in pictures))
    page = folder / "report.html"
    write_text(
        page,
        render_page(results, shown, pictures, summary, (second, first), tests),
    )
    return [*written, *figures, captions, page]
