"""Write all parts of a report."""

from __future__ import annotations

from pathlib import Path

from ...files import write_text
from ...observer import Observer
from ...stats.declared import declared_pairs
from ..kit.drawn import save_figures
from ..kit.render import to_latex, write_table
from .crops import views
from .figures import KINDS, draw_figures
from .page import IMAGES_PAGE, render_images, render_page
from .paper_tables import table1, table2
from .results import read_results
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
    for table in (summary, first, second):
        written += write_table(table, folder / "tables")
    every = significance_table(tests, results.run)
    written += write_table(every, folder / "tables", latex=latex == "all")
    if latex != "all":
        chosen = tests if compare else leading_tests(results, tests)
        path = folder / "tables" / f"{every.stem}.tex"
        write_text(path, to_latex(brief(significance_table(chosen, results.run), compare=compare)))
        written.append(path)
    shown = views(results)
    drawn = draw_figures(results, shown)
    figures, pictures = save_figures(drawn, folder / "figures", KINDS, observer)
    captions = folder / "figures" / "captions.md"
    write_text(captions, "".join(f"**{p.stem}** {p.title}. {p.caption}\n\n" for p in pictures))
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
