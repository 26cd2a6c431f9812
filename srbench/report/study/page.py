"""analysis.html: the statistics of a rating study on one self-contained page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd

from ...stats.claims import claims_table
from ..kit.drawn import PageFigure
from ..kit.numbers import versions
from ..kit.page import page_environment, pick
from ..kit.render import Table
from ..kit.style import dataset_name, dataset_order, display_name
from .leads import study_leads, title
from .names import Tables, datasets_of, metric_labels
from .text import methods_text

_FOLDED = ("votes", "ranks", "raters", "sos")  # tables for a closer look


def render_analysis(
    tables: Tables,
    ratings: pd.DataFrame,
    shown: Sequence[Table],
    figures: Sequence[PageFigure],
    settings: Mapping[str, object],
) -> str:
    """The page as text, with all names escaped."""
    by_stem = {table.stem: table for table in shown}
    labels, alpha = metric_labels(tables), float(str(settings["alpha"]))
    claims = claims_table(tables, display_name, labels.__getitem__, alpha)
    said: dict[str, list[str]] = {}
    for record in claims.to_dict("records"):
        said.setdefault(str(record["dataset"]), []).append(str(record["claim"]))
    # With a single data set `all` repeats it; only its claims about metrics are kept.
    names = datasets_of(tables)
    shared = set[str]()
    if len(names) == 1:
        extra = claims.loc[claims["topic"].str.startswith("metrics"), "claim"]
        said[names[0]] = [*said.get(names[0], []), *map(str, extra)]
        shared = {"all"}
    return page_environment().get_template("analysis.html").render(
        title=title(tables),
        leads=study_leads(tables),
        simulated=simulated_note(ratings),
        claims=[("All data sets" if name == "all" else display_name(name), said[name])
                for name in sorted(said, key=lambda n: (n != "all", dataset_order(n)))
                if name not in shared],
        mos=per_dataset(by_stem["mos"]),
        mos_table=by_stem["mos"],
        paper=rated_here(by_stem["mos_table2"]) if "mos_table2" in by_stem else None,
        pairs=per_dataset(by_stem["mos_pairs"]),
        pairs_table=by_stem["mos_pairs"],
        rest=[without_empty(by_stem[stem])
              for stem in ("mos_equivalence", "mos_omnibus", "mos_sensitivity") if stem in by_stem],
        nemenyi=by_stem.get("mos_nemenyi"),
        metrics=by_stem.get("mos_metrics"),
        raters=[without_empty(by_stem[stem]) for stem in ("mos_reliability", "mos_raters")],
        exclusions=by_stem["mos_exclusions"],
        remarks=tables["notes"].to_dict("records"),
        figures=[f for f in figures if not f.stem.startswith(_FOLDED)],
        more=[f for f in figures if f.stem.startswith(_FOLDED)],
        methods=methods_text(tables, ratings, settings),
        facts=made_with(settings),
    )  # fmt: skip


def simulated_note(ratings: pd.DataFrame) -> str:
    """A warning if ratings come from simulated raters, else ''."""
    made, count = int(ratings["simulated"].sum()), len(ratings)
    if not made:
        return ""
    if made == count:
        return "Simulated ratings: these votes were made by a program, not by people."
    return f"{made:,} of {count:,} ratings were made by simulated raters, not by people."


def per_dataset(table: Table) -> list[tuple[str, Table]]:
    """The table split by data set, without that column; rows for all data sets come first."""
    column = [h.key for h in table.headings].index("dataset")
    rest = [i for i in range(len(table.headings)) if i != column]
    names = list(dict.fromkeys(row[column].text for row in table.rows))
    names.sort(key=lambda name: name != dataset_name("all"))
    parts: list[tuple[str, Table]] = []
    for name in names:
        rows = tuple(row for row in table.rows if row[column].text == name)
        part = Table(table.stem, table.title, "", table.headings, rows, (), 0)
        full = [i for i in rest if not rows or any(row[i].value is not None for row in rows)]
        parts.append((name[:1].upper() + name[1:], pick(part, full, 0)))
    return parts


def rated_here(table: Table) -> Table:
    """The comparison with the paper without methods that this study lacks; a note lists them."""
    ours = [i for i, h in enumerate(table.headings) if h.label == "ours"]
    rows = tuple(row for row in table.rows if any(row[i].value is not None for i in ours))
    absent = [row[0].text for row in table.rows if row not in rows]
    notes = [f"Not in this study, so not shown: {', '.join(absent)}"] if absent else []
    return replace(table, rows=rows, notes=(*notes, *table.notes))


def without_empty(table: Table) -> Table:
    """The table without columns that are empty in all rows."""
    full = [i for i in range(len(table.headings)) if any(row[i].text for row in table.rows)]
    return pick(table, full, table.group) if table.rows else table


def made_with(settings: Mapping[str, object]) -> list[tuple[str, str]]:
    """The software and the settings of the analysis."""
    told = [
        (key, ", ".join(map(str, value)) if isinstance(value, list) else f"{value}")
        for key, value in settings.items()
    ]
    return [*told, ("versions", versions())]
