"""The tables of a rating study, for CSV, Markdown, LaTeX and the page."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

import pandas as pd

from ...metrics.table import Known
from ...stats.degradation import procedure_of, worded
from ...stats.significance import HEADLINE, PAPER
from ...stats.standing import standing
from ..kit.frames import Column, frame_table, mark_best, untested, value_cell
from ..kit.page import brief_tests, pick
from ..kit.published import PAPER_NAME, published
from ..kit.render import Cell, Heading, Table
from ..kit.style import (
    canonical,
    dataset_name,
    dataset_order,
    display_name,
    is_reference,
    method_order,
)
from .names import Tables, datasets_of, letters_note, ordered
from .rater_tables import exclusions, raters, reliability, sensitivity

_EQUAL_WEIGHT = "Equal weight: the mean of the data sets' MOS, each counted once. "
_OTHER_TESTS = (
    " Other tests: crossed bootstrap, Wilcoxon on image means (for these raters), on rater means "
    "(for these images), and pooled over (rater, image) pairs as in the paper, which treats votes "
    "as independent and is far too lenient."
)
_TESTS = {
    "crossed-bootstrap": "bootstrap",
    "wilcoxon-images": "images",
    "wilcoxon-raters": "raters",
    PAPER: "pooled",
}


def all_tables(tables: Tables) -> list[Table]:
    """All written tables, in the order of the page."""
    procedure = procedure_of(tables["mos"])
    made = [mos(tables), pairs(tables), *omnibus(tables)]
    if procedure == "acr":  # the procedure of the paper
        made.insert(1, beside_the_paper(tables))
    if "equivalence" in tables:
        frame = ordered(tables["equivalence"], tables)
        made.append(equivalence("mos_equivalence", frame, "grades"))
    made += [metrics(tables)] if "metric_vs_mos" in tables else []
    made += [reliability(tables), raters(tables), sensitivity(tables), exclusions(tables)]
    made = [_worded(table, procedure) for table in made]
    return told_simulated(made, bool(tables["mos"]["simulated"].any()))


def _worded(table: Table, procedure: str) -> Table:
    """The table with its texts reworded for the mean of this procedure."""
    return replace(
        table,
        title=worded(table.title, procedure),
        caption=worded(table.caption, procedure),
        headings=tuple(replace(h, label=worded(h.label, procedure)) for h in table.headings),
        notes=tuple(worded(note, procedure) for note in table.notes),
    )


def told_simulated(made: list[Table], simulated: bool) -> list[Table]:
    """The tables, each marked if raters were simulated."""
    if not simulated:
        return [replace(t, simulated=False) for t in made]
    said = "Simulated raters, not people."
    return [replace(t, caption=f"{t.caption} {said}", simulated=True) for t in made]


def equivalence(stem: str, frame: pd.DataFrame, unit: str) -> Table:
    """The equivalence tests against the margin; ``frame`` is sorted."""
    margin = f"{frame['margin'].iloc[0]:g}" if len(frame) else "the margin"
    return frame_table(
        stem,
        f"Equivalence within {margin} {unit}",
        "Two one-sided tests with raters and images both random: two methods are equivalent if "
        f"their difference is smaller than {margin} {unit} in both directions; Holm over the "
        "comparisons of a data set, 5 %. The 90 % interval of one comparison lies within the "
        "margin if its unadjusted p is below 5 %. If two methods are neither different nor "
        "equivalent, the study is too small to decide.",
        frame,
        [
            Column("dataset", "Data set", "dataset"),
            Column("method_a", "A", "method"),
            Column("method_b", "B", "method"),
            Column("difference", "A − B", 2),
            Column("ci_low", "from", 2, "90 % interval"),
            Column("ci_high", "to", 2, "90 % interval"),
            Column("p", "p", "p"),
            Column("p_holm", "p (Holm)", "p"),
            Column("equivalent", "Equivalent", "yes"),
        ],
    )


def mos(tables: Tables) -> Table:
    """The MOS, interval, DMOS, mean rank and letters of every method."""
    own, about = tables["mos"][tables["mos"]["ci_method"] == "crossed"], tables["notes"]
    unranked, dcr = unranked_sets(tables), procedure_of(own) == "dcr"
    hidden = "DMOS (ACR-HR): rater's score − that of the original + 5. "
    frame = own.merge(tables["letters"][["dataset", "method", "letters"]], how="left")
    frame["letters"] = frame["letters"].fillna("—")
    pooled = "all" in datasets_of(tables)
    # With a single data set it equals the MOS.
    frame["mos_equal_weight"] = frame["mos_equal_weight"].where(frame["dataset"] == "all")
    alike = _EQUAL_WEIGHT if pooled else ""
    lettered = bool(len(tables["letters"]))
    said = (
        "Methods of one data set that share a letter do not differ significantly, which does not "
        f"show them equal. {letters_note(tables['letters']['letters'])}"
    )
    table = frame_table(
        "mos",
        "Differential mean opinion scores" if dcr else "Mean opinion scores",
        "Interval: 95 %, raters and images both random (crossed random effects). "
        f"{said if lettered else ''}{alike}"
        f"{'' if dcr else hidden}Rank: 1 is best. Best in bold, second underlined, the original "
        "apart.",
        ordered(frame, tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("method", "Method", "method"),
            Column("dmos" if dcr else "mos", "MOS ↑", 2),
            Column("ci_low", "from", 2, "95 % interval"),
            Column("ci_high", "to", 2, "95 % interval"),
            *([Column("mos_equal_weight", "Equal weight", 2)] if pooled else []),
            *([Column("letters", "Letters")] if lettered else []),
            *([] if dcr else [Column("dmos", "DMOS (ACR-HR) ↑", 2)]),
            Column("mean_rank", "Rank ↓", 2),
            Column("n_ratings", "Ratings", "whole"),
            Column("n_raters", "Raters", "whole"),
            Column("n_images", "Images", "whole"),
        ],
        notes=[
            *sorted({_mos_note(row) for row in own.to_dict("records") if row["note"]}),
            *(["best and second are " + reason] if (reason := _why_unranked(unranked)) else []),
            *(
                f"— {note}" if lettered else note
                for note in about.loc[about["table"] == "letters", "note"]
            ),
        ],
    )
    better = {"mos": True, "dmos": True, "mean_rank": False}
    there = {heading.key for heading in table.headings}
    return _marked(table, {k: v for k, v in better.items() if k in there}, set(unranked))


def _mos_note(row: Mapping[Hashable, object]) -> str:
    """The note of a row; an em dash only if it explains one."""
    numbers = (row[key] for key in ("ci_low", "dmos", "mean_rank"))
    return f"— {row['note']}" if any(number != number for number in numbers) else str(row["note"])


def brief_mos(table: Table) -> Table:
    """The MOS table for a paper, without details that the text or other columns contain."""
    dropped = {"mos_equal_weight", "n_ratings"}
    columns = [i for i, heading in enumerate(table.headings) if heading.key not in dropped]
    caption = table.caption.replace(_EQUAL_WEIGHT, "")
    short = {"DMOS (ACR-HR) ↑": "DMOS ↑"}
    headings = tuple(replace(h, label=short.get(h.label, h.label)) for h in table.headings)
    return pick(replace(table, headings=headings, caption=caption), columns, table.group)


def unranked_sets(tables: Tables) -> list[str]:
    """The data sets without ranking: rated on different images, or by one rater."""
    return [name for name in datasets_of(tables) if not standing(tables, name).ranked]


def _why_unranked(names: list[str]) -> str:
    if not names:
        return ""
    shown = ", ".join(map(dataset_name, names))
    return f"not marked for {shown}: versions rated on different images, or by one rater"


def _marked(table: Table, better: Mapping[str, bool], unranked: set[str]) -> Table:
    """Mark best and second per data set in the given columns, without the original.

    ``unranked`` data sets have no marks.
    """
    keys = [h.key for h in table.headings]
    method, dataset = keys.index("method"), keys.index("dataset")
    rows = [list(row) for row in table.rows]
    start = 0
    for block in table.blocks():
        here = range(start, start + len(block))
        start += len(block)
        if block[0][dataset].value in unranked:
            continue
        for key, higher in better.items():
            column = keys.index(key)
            cells = [rows[i][column] for i in here]
            fair = [not is_reference(str(rows[i][method].value)) for i in here]
            shown = [
                c.text if ok and c.value is not None else None
                for c, ok in zip(cells, fair, strict=True)
            ]
            for i, mark in zip(
                here, mark_best(shown, "higher" if higher else "lower"), strict=True
            ):
                rows[i][column] = replace(rows[i][column], mark=mark)
    return replace(table, rows=tuple(tuple(row) for row in rows))


def beside_the_paper(tables: Tables) -> Table:
    """The MOS of the paper's Table 2 and Table 1, published and ours."""
    own = tables["mos"]
    own = own[(own["ci_method"] == "crossed") & (own["dataset"] != "all")]
    own = own.assign(method=own["method"].map(canonical))
    paper, unranked = published("ledig2017_mos.csv"), unranked_sets(tables)
    methods = sorted({*own["method"], *paper["method"]}, key=method_order)
    headings = [Heading("method", "Method", numeric=False)]
    columns: list[list[Cell]] = []
    for dataset in sorted({*own["dataset"], *paper["dataset"]}, key=dataset_order):
        for source, frame in (("ours", own), ("paper", paper)):
            values = frame[frame["dataset"] == dataset].set_index("method")["mos"]
            if values.empty:
                continue
            cells = [value_cell(values.get(m), 2) for m in methods]
            fair = [
                None if c.value is None or is_reference(m) else c.text
                for c, m in zip(cells, methods, strict=True)
            ]
            ranked = source == "paper" or dataset not in unranked
            marks = mark_best(fair if ranked else [None] * len(fair), "higher")
            columns.append([replace(c, mark=m) for c, m in zip(cells, marks, strict=True)])
            headings.append(Heading(f"{dataset}_{source}", source, dataset_name(dataset)))
    rows = [
        (Cell(display_name(m), m), *(column[i] for column in columns))
        for i, m in enumerate(methods)
    ]
    absent = sorted(set(paper["dataset"]) - set(own["dataset"]), key=dataset_order)
    notes = [f"— {', '.join(absent)}, ours: not part of this study"] if absent else []
    if reason := _why_unranked(unranked):
        notes.append(f"ours: best and second are {reason}")
    notes.append("— ours: not rated here; paper: no such number published")
    return Table(
        "mos_table2",
        f"MOS compared with {PAPER_NAME}",
        f"'paper' is what {PAPER_NAME} published in Tables 1 and 2: their networks, their 26 "
        "raters; 'ours' are this study's images and raters. Best in bold, second underlined, the "
        "original apart.",
        tuple(headings),
        tuple(rows),
        tuple(notes),
        0,
    )


def pairs(tables: Tables) -> Table:
    """All comparisons: the headline test and the p-values of the other tests."""
    table = tables["pairwise"]
    key = ["dataset", "method_a", "method_b"]
    head = table[table["test"] == HEADLINE]
    if len(head):
        others = table.pivot(index=key, columns="test", values="p_holm")
        head = ordered(head.merge(others.reset_index(), on=key), tables)
    columns = [
        Column("dataset", "Data set", "dataset"),
        Column("method_a", "A", "method"),
        Column("method_b", "B", "method"),
        Column("mos_difference", "A − B", 2),
        Column("ci_low", "from", 2, "95 % interval"),
        Column("ci_high", "to", 2, "95 % interval"),
        Column("statistic", "t", 2, "Crossed t"),
        Column("p_holm", "p (Holm)", "p", "Crossed t"),
        Column("significant", "Differs", "yes"),
        Column("effect_size", "Effect", 2),
        *(
            Column(test, label, "p", "Other tests, p (Holm)")
            for test, label in _TESTS.items()
            if test in head
        ),
    ]
    table = frame_table(
        "mos_pairs",
        "Differences between methods",
        "Headline: t with raters and images both random, Holm over the comparisons of a data set, "
        "5 %; 'no' means that no difference was shown, not that there is none. Intervals are for "
        f"single comparisons. Effect: matched rank-biserial correlation.{_OTHER_TESTS}",
        head,
        columns,
        notes=sorted({f"— {note}" for note in head["note"] if note}),
    )
    return untested(table)


def brief_pairs(table: Table) -> Table:
    """The table of the declared comparisons for a paper, by the headline test only."""
    return brief_tests(table, _OTHER_TESTS, set(_TESTS))


def brief_metrics(table: Table) -> Table:
    """The table of metrics for a paper: intervals of SROCC only, without the mapping."""
    dropped = {f"{name}_{end}" for name in ("plcc", "krocc", "rmse") for end in ("low", "high")}
    dropped |= {"mapping"}
    columns = [i for i, heading in enumerate(table.headings) if heading.key not in dropped]
    return pick(table, columns, table.group)


def omnibus(tables: Tables) -> list[Table]:
    """Friedman's test with Kendall's W, and Nemenyi's pairs."""
    tests = frame_table(
        "mos_omnibus",
        "Overall tests of differences",
        "Friedman's test on means per image (valid for other images and these raters) and per "
        "rater (valid for other raters and these images); Kendall's W is the agreement of these "
        "blocks, 0 to 1.",
        ordered(tables["omnibus"], tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("blocks", "Blocks"),
            Column("n_blocks", "n", "whole"),
            Column("n_methods", "Methods", "whole"),
            Column("statistic", "χ²", 1),
            Column("df", "df", "whole"),
            Column("p", "p", "p"),
            Column("kendall_w", "W", 3),
        ],
        notes=sorted({f"— {note}" for note in tables["omnibus"]["note"] if note}),
    )
    if tables["nemenyi"].empty:
        return [tests]
    after = frame_table(
        "mos_nemenyi",
        "Nemenyi's comparisons after Friedman",
        "Difference of mean ranks over blocks; p holds for all pairs of a data set together.",
        ordered(tables["nemenyi"], tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("blocks", "Blocks"),
            Column("method_a", "A", "method"),
            Column("method_b", "B", "method"),
            Column("rank_difference", "Rank A − B", 2),
            Column("p", "p", "p"),
            Column("significant", "Differs", "yes"),
        ],
    )
    return [tests, after]


def metrics(tables: Tables) -> Table:
    """How well each metric predicts MOS."""
    frame = tables["metric_vs_mos"].copy()
    known = Known()
    order = frame.apply(
        lambda r: f"{known.order(r['metric'])}{known.protocol_order(r['protocol'])}", axis=1
    )
    frame = frame.assign(order=order).sort_values(["level", "order"], ascending=[False, True])
    frame["metric"] = metric_names(frame)
    frame["protocol"] = [known.protocol(p).under for p in frame["protocol"]]
    columns = [
        Column("level", "Level"),
        Column("metric", "Metric"),
        Column("protocol", "Protocol"),
        Column("n", "n", "whole"),
    ]
    for name, label in (("srocc", "SROCC"), ("plcc", "PLCC"), ("krocc", "KROCC"), ("rmse", "RMSE")):
        columns += [
            Column(name, label, 3),
            Column(f"{name}_low", "from", 3, "95 %"),
            Column(f"{name}_high", "to", 3, "95 %"),
        ]
    # Different labels, because neighbouring intervals would share one heading.
    columns = [
        Column(c.key, c.label, c.kind, f"{c.key.split('_')[0].upper()} 95 %" if c.over else "")
        for c in columns
    ]
    return frame_table(
        "mos_metrics",
        "Metrics compared with MOS",
        "Over stimuli and over method means. SROCC and KROCC with their sign (LPIPS falls as "
        "quality rises); PLCC and RMSE after a monotone mapping, rising or falling: only SROCC "
        "and KROCC show that a metric ranks in the opposite order. Intervals: bootstrap over "
        "images.",
        frame,
        [*columns, Column("mapping", "Mapping")],
        notes=sorted({f"— {note}" for note in frame["note"] if note}),
    )


def metric_names(frame: pd.DataFrame) -> list[str]:
    """The printed metric names of a table with ``metric, protocol, label``, without protocol."""
    known = Known()
    # The label ends with the network or the protocol, which has its own column.
    return [
        known.under(m, p).full_label if m in known else label.removesuffix(f" ({p})")
        for m, p, label in zip(frame["metric"], frame["protocol"], frame["label"], strict=True)
    ]
