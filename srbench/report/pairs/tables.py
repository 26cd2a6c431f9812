"""The tables of a pair study for the page and the files (csv, md, tex)."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ...metrics.table import Known
from ...stats.pairs import PAIR_HEADLINE, PAIR_TESTS
from ..kit.frames import Column, frame_table, mark_best, shown_pairs, untested, value_cell
from ..kit.page import brief_tests
from ..kit.render import Heading, Table, text_cell
from ..kit.style import is_reference
from ..study.tables import equivalence, metric_names, told_simulated
from .names import Tables, in_order, metric_labels

_OTHER_TESTS = (
    " The other two tests treat answers as independent and are far too lenient: Wald's, and the "
    "binomial test of the pooled direct answers."
)


def pair_study_tables(tables: Tables) -> list[Table]:
    """All tables of the study."""
    found = [
        scale(tables),
        rates(tables),
        tests(tables),
        fit(tables),
        reliability(tables),
        raters(tables),
        sensitivity(tables),
        exclusions(tables),
    ]
    if "metric_vs_pairs" in tables:
        found += [metrics(tables), metric_comparison(tables)]
    if "equivalence" in tables:
        frame = in_order(tables["equivalence"], tables)
        found.append(equivalence("pair_equivalence", frame, "logits"))
    return told_simulated(found, bool(tables["scale"]["simulated"].any()))


def scale(tables: Tables) -> Table:
    """The position of each method on the scale."""
    frame = in_order(tables["scale"], tables)
    table = frame_table(
        "pair_scale",
        "Positions of the methods",
        "Bradley-Terry scale in logits, the sum of a data set 0; higher is preferred more often. "
        "JOD: just-objectionable differences, 1 JOD = ln 3 logits, preferred in three of four "
        "answers that prefer one. Wins: share of the answers about a method that prefer it, where "
        "'no difference' counts half. Best in bold, second underlined, the original apart. "
        "Intervals: raters and images both random.",
        frame.assign(win_rate=100 * frame["win_rate"]),
        [
            Column("dataset", "Data set", "dataset"),
            Column("method", "Method", "method"),
            Column("score", "Scale ↑", 2),
            Column("ci_low", "from", 2, "95 % interval"),
            Column("ci_high", "to", 2, "95 % interval"),
            Column("jod", "JOD ↑", 2),
            Column("win_rate", "Wins (%)", 0),
            Column("n_answers", "Answers", "whole"),
            Column("n_raters", "Raters", "whole"),
            Column("n_images", "Images", "whole"),
        ],
        notes=sorted({f"— {note}" for note in frame["note"] if note}),
    )
    rows = [list(row) for row in table.rows]
    start = 0
    for block in table.blocks():
        fair = [
            None if is_reference(str(row[1].value)) or row[2].value is None else row[2].text
            for row in block
        ]
        for i, mark in enumerate(mark_best(fair, "higher"), start):
            rows[i][2] = replace(rows[i][2], mark=mark)
        start += len(block)
    return replace(table, rows=tuple(map(tuple, rows)))


def rates(tables: Tables) -> Table:
    """The counts of every pair."""
    frame = in_order(tables["pairs"], tables)
    frame = frame.assign(
        **{c: 100 * frame[c] for c in ("win_rate_a", "ci_low", "ci_high", "fitted")}
    )
    return frame_table(
        "pair_rates",
        "Win rates of all pairs",
        "Answers for A, for B and for neither; the share for A, where 'no difference' counts "
        "half, and the share predicted by the scale. Intervals: Clopper and Pearson's for the "
        "effective number of independent answers, because answers share raters and images.",
        frame,
        [
            Column("dataset", "Data set", "dataset"),
            Column("method_a", "A", "method"),
            Column("method_b", "B", "method"),
            Column("n", "Answers", "whole"),
            Column("wins_a", "for A", "whole"),
            Column("wins_b", "for B", "whole"),
            Column("same", "neither", "whole"),
            Column("win_rate_a", "A (%)", 1),
            Column("ci_low", "from", 1, "95 % interval"),
            Column("ci_high", "to", 1, "95 % interval"),
            Column("fitted", "Scale (%)", 1),
        ],
    )


def tests(tables: Tables) -> Table:
    """All comparisons: the headline test and the p-values of the other tests."""
    table = tables["pairwise"]
    key = ["dataset", "method_a", "method_b"]
    others = table.pivot(index=key, columns="test", values="p_holm").reset_index()
    head = in_order(table[table["test"] == PAIR_HEADLINE].merge(others, on=key), tables)
    table = frame_table(
        "pair_tests",
        "Differences between methods",
        "Headline: t of the difference on the scale with raters and images both random, Holm over "
        "the comparisons of a data set, 5 %; 'no' means that no difference was shown, not that "
        "there is none. Intervals are for single comparisons. Effect: share of direct answers for "
        f"A minus that for B.{_OTHER_TESTS}",
        head,
        [
            Column("dataset", "Data set", "dataset"),
            Column("method_a", "A", "method"),
            Column("method_b", "B", "method"),
            Column("mos_difference", "A − B", 2),
            Column("ci_low", "from", 2, "95 % interval"),
            Column("ci_high", "to", 2, "95 % interval"),
            Column("statistic", "t", 2),
            Column("p_holm", "p (Holm)", "p"),
            Column("significant", "Differs", "yes"),
            Column("effect_size", "Effect", 2),
            Column(PAIR_TESTS[1], "Wald", "p", "Taken as independent, p (Holm)"),
            Column(PAIR_TESTS[2], "binomial", "p", "Taken as independent, p (Holm)"),
        ],
        notes=sorted({f"— {note}" for note in head["note"] if note}),
    )
    return untested(table)


def brief_pair_tests(table: Table) -> Table:
    """The table of the declared comparisons for a paper, by the headline test only."""
    return brief_tests(table, _OTHER_TESTS, set(PAIR_TESTS[1:]))


def fit(tables: Tables) -> Table:
    """Goodness of fit of the scale and agreement of the raters, per data set."""
    frame = tables["fit"]
    share = {c: 100 * frame[c] for c in ("largest", "with_majority", "undecided", "front")}
    share["circles"] = (
        100 * frame["rater_circular"] / frame["rater_triples"].where(frame["rater_triples"] > 0)
    )
    return frame_table(
        "pair_fit",
        "Fit of the scale and agreement of the raters",
        "χ²: distance of the win rates from those of the scale, with pairs + 1 − methods degrees "
        "of freedom; p is corrected for the shared raters and images. Largest: the largest of "
        "these distances. Circles: of three versions judged by one rater on one image, the share "
        "preferred in a circle (25 % by chance); majority circles: of the triples of methods "
        "decided by the majority. α: Krippendorff's, nominal. Majority: answers that agree with "
        "that of all other answers on the same two pictures. Left: preferences for the left or "
        "first picture.",
        in_order(frame.assign(**share), tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("answers", "Answers", "whole"),
            Column("x2", "χ²", 1),
            Column("df", "df", "whole"),
            Column("p", "p", "p"),
            Column("largest", "Largest (%)", 1),
            Column("circles", "Circles (%)", 1),
            Column("circular", "Majority circles", "whole"),
            Column("triples", "Triples", "whole"),
            Column("alpha", "α", 3),
            Column("with_majority", "Majority (%)", 1),
            Column("undecided", "Undecided (%)", 1),
            Column("front", "Left (%)", 1),
        ],
        group=0,
    )


def reliability(tables: Tables) -> Table:
    """The reliability numbers and their meaning."""
    numbers = tables["reliability"].iloc[0]
    meaning: list[tuple[str, str, str, str | int]] = [
        ("krippendorff_alpha_nominal", "Krippendorff's α, nominal", "1 perfect, 0 chance", 3),
        ("agreement_with_majority", "Agreement with the majority", "of all other answers", 3),
        ("retest_n", "Pairs asked twice", "same rater, same two pictures", "whole"),
        ("retest_agreement", "Same answer both times", "share of these pairs", 3),
        ("rater_triples_n", "Triples", "three versions judged by one rater on one image", "whole"),
        ("rater_circular_n", "Triples in a circle", "one in four by chance", "whole"),
    ]
    rows = [
        (text_cell(label), value_cell(float(numbers[key]), kind), text_cell(what))
        for key, label, what, kind in meaning
    ]
    headings = (
        Heading("measure", "Measure", numeric=False),
        Heading("value", "Value"),
        Heading("meaning", "Meaning", numeric=False),
    )
    return Table("pair_reliability", "Reliability of the answers", "Over the whole study.",
                 headings, tuple(rows), (), 0)  # fmt: skip


def raters(tables: Tables) -> Table:
    """All raters."""
    frame = tables["raters"]
    share = {c: 100 * frame[c] for c in ("with_majority", "same", "front", "retest_agreement")}
    return frame_table(
        "pair_raters",
        "Each rater",
        "Majority: preferences that agree with the majority of the others. Left: preferences for "
        "the left or first picture. Flagged raters are not left out; see the sensitivity table.",
        frame.assign(**share),
        [
            Column("rater", "Rater"),
            Column("n", "Answers", "whole"),
            Column("with_majority", "Majority (%)", 0),
            Column("same", "No difference (%)", 0),
            Column("front", "Left (%)", 0),
            Column("retest_n", "Repeats", "whole"),
            Column("retest_agreement", "Repeated equally (%)", 0),
            Column("gold_n", "Gold", "whole"),
            Column("gold_right", "Gold right", "whole"),
            Column("flagged", "Flagged", "yes"),
            Column("note", "Remark"),
        ],
        group=0,
    )


def sensitivity(tables: Tables) -> Table:
    """Whether flagged raters, or answers excluded by rule, change a conclusion."""
    frame = tables["sensitivity"]
    named = [shown_pairs(text) for text in frame["changed_pairs"]]
    return frame_table(
        "pair_sensitivity",
        "Sensitivity of the conclusions",
        "The headline test repeated without flagged raters, and with the answers that the study's "
        "rules leave out, if any.",
        in_order(frame.assign(changed_pairs=named), tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("variant", "Analysis"),
            Column("left_out", "Raters left out", "whole"),
            Column("comparisons", "Comparisons", "whole"),
            Column("significant", "Significant before", "whole"),
            Column("significant_without", "Significant after", "whole"),
            Column("changed", "Changed", "whole"),
            Column("changed_pairs", "Which"),
            Column("note", "Remark"),
        ],
        group=0,
    )


def exclusions(tables: Tables) -> Table:
    """Answers that are not in the scale and flagged raters, with reasons."""
    frame = tables["exclusions"]
    return frame_table(
        "pair_exclusions",
        "Exclusions and flags",
        "Answers are never changed; the rules below determine which are not in the scale.",
        frame,
        [
            Column("what", "What"),
            Column("count", "Answers", "whole"),
            Column("reason", "Reason"),
            Column("effect", "Effect"),
        ],
        notes=[] if len(frame) else ["Nothing was left out and no rater was flagged."],
        group=0,
    )


def metrics(tables: Tables) -> Table:
    """How often each metric agrees with the raters."""
    frame = tables["metric_vs_pairs"]
    known = Known()
    order = [
        (known.order(m), known.protocol_order(p))
        for m, p in zip(frame["metric"], frame["protocol"], strict=True)
    ]
    frame = frame.iloc[sorted(range(len(frame)), key=lambda i: order[i])]
    numbers = ("agreement", "ci_low", "ci_high", "answers", "answers_low", "answers_high")
    frame = frame.assign(**{c: 100 * frame[c] for c in numbers})
    frame["metric"] = metric_names(frame)
    frame["protocol"] = [known.protocol(p).under for p in frame["protocol"]]
    return frame_table(
        "pair_metrics",
        "Metrics compared with raters",
        "Pairs: the share of pairs of pictures, of those whose answers prefer one, on which the "
        "metric prefers the same as the majority. Answers: the share of single preferences that it "
        "predicts. 50 % by chance. Pairs with the original, which has no score, are left out. "
        "Intervals: bootstrap over raters and images.",
        frame,
        [
            Column("metric", "Metric"),
            Column("protocol", "Protocol"),
            Column("n_pairs", "Pairs", "whole"),
            Column("agreement", "Pairs (%)", 1),
            Column("ci_low", "from", 1, "95 %"),
            Column("ci_high", "to", 1, "95 %"),
            Column("answers", "Answers (%)", 1),
            Column("answers_low", "from", 1, "95 % "),
            Column("answers_high", "to", 1, "95 % "),
        ],
        notes=sorted({f"— {note}" for note in frame["note"] if note}),
        group=0,
    )


def metric_comparison(tables: Tables) -> Table:
    """The metric that agrees most, compared with each other metric."""
    frame: pd.DataFrame = tables["metric_comparison"]
    labels = metric_labels(tables)
    frame = frame.assign(
        best=frame["best"].map(labels),
        other=frame["other"].map(labels),
        **{c: 100 * frame[c] for c in ("difference", "ci_low", "ci_high")},
    )
    return frame_table(
        "pair_metric_comparison",
        "The best metric compared with the others",
        "Difference of the share of pairs, in percentage points, in the same resamples; the "
        "intervals hold for all of them together (Bonferroni).",
        frame,
        [
            Column("best", "Best"),
            Column("other", "Other"),
            Column("difference", "Difference", 1),
            Column("ci_low", "from", 1, "95 %"),
            Column("ci_high", "to", 1, "95 %"),
            Column("differs", "Differs", "yes"),
        ],
        group=0,
    )
