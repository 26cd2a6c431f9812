"""Everything a report consists of, written in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ..files import write_text
from .crops import views
from .figures import KINDS, draw_figures
from .page import page_figures, render_page
from .paper_tables import table1, table2
from .render import write_table
from .results import read_results
from .significance import significance
from .style import figure_svg, save_figure
from .tables import significance_table, summary_table


def write_everything(folder: Path, progress: Callable[[str], None]) -> list[Path]:
    """As :func:`srbench.report.write_report`."""
    results = read_results(folder)
    tests = significance(results.scores)
    summary, first, second = summary_table(results), table1(results), table2(results)
    written: list[Path] = []
    for table in (summary, first, second, significance_table(tests)):
        written += write_table(table, folder / "tables")
        progress(f"tables/{table.stem}")
    shown = views(results)
    drawn: list[tuple[str, str, str, str]] = []
    figures: list[Path] = []
    for figure in draw_figures(results, shown):
        figures += save_figure(figure.figure, folder / "figures", figure.stem)
        drawn.append((figure.stem, figure.title, figure.caption, figure_svg(figure.figure)))
        progress(f"figures/{figure.stem}")
    captions = folder / "figures" / "captions.md"
    write_text(captions, "".join(f"**{s}** {t}. {c}\n\n" for s, t, c, _ in drawn))
    _remove_old(folder / "figures", figures)
    page = folder / "report.html"
    write_text(
        page,
        render_page(results, shown, page_figures(drawn), summary, (second, first), tests),
    )
    progress("report.html")
    return [*written, *figures, captions, page]


def _remove_old(folder: Path, kept: Iterable[Path]) -> None:
    """Remove our own figures of an earlier report: a stale picture beside new numbers misleads."""
    names = {path.name for path in kept}
    for path in folder.iterdir():
        ours = path.suffix in (".png", ".pdf") and path.stem.startswith(
            tuple(f"{k}_" for k in KINDS)
        )
        if ours and path.name not in names:
            path.unlink()
