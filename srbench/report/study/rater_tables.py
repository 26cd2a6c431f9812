"""The tables of the raters of a study: reliability, each rater, sensitivity, exclusions."""

from __future__ import annotations

from ..kit.frames import Column, frame_table, shown_pairs, value_cell
from ..kit.render import Heading, Table, text_cell
from ..kit.style import display_name
from .names import Tables, ordered

NAN = float("nan")


def reliability(tables: Tables) -> Table:
    """The reliability numbers and their meaning."""
    numbers = tables["reliability"].iloc[0]
    meaning: list[tuple[str, str, str, str | int]] = [
        ("icc_a1", "ICC(A,1)", "absolute agreement of a single rater", 3),
        ("icc_ak", "ICC(A,k)", "absolute agreement of the mean of all raters", 3),
        ("krippendorff_alpha_ordinal", "Krippendorff's α, ordinal", "1 perfect, 0 chance", 3),
        ("sos_a", "SOS a", "spread of votes, 0 none to 1 all at the ends", 3),
        ("retest_n", "Retest pairs", "same rater, same stimulus, twice", "whole"),
        ("retest_mean_difference", "Retest difference", "second − first, in scores", 3),
        ("retest_p", "Retest p", "Wilcoxon signed-rank of the pairs, taken as independent", "p"),
        ("retest_agreement", "Retest agreement", "share of pairs with equal votes", 3),
    ]
    rows = [
        (
            text_cell(label),
            value_cell(float(numbers[key]), kind),
            *(value_cell(float(numbers.get(f"{key}_{end}", NAN)), 3) for end in ("low", "high")),
            text_cell(what),
        )
        for key, label, what, kind in meaning
    ]
    found = tables["notes"]
    notes = [f"— {note}" for note in found.loc[found["table"] == "reliability", "note"]]
    return Table(
        "mos_reliability",
        "Reliability of the raters",
        "Two-way random effects; REML where votes are missing. Intervals: jackknife over raters "
        "and contents.",
        (Heading("measure", "Measure", numeric=False), Heading("value", "Value"),
         Heading("low", "from", "95 % interval"), Heading("high", "to", "95 % interval"),
         Heading("meaning", "Meaning", numeric=False)),
        tuple(rows),
        tuple(notes),
        0,
    )  # fmt: skip


def raters(tables: Tables) -> Table:
    """All raters: bias, inconsistency, agreement, flag."""
    return frame_table(
        "mos_raters",
        "Each rater",
        "Bias and inconsistency of ITU-T P.910 Annex E; correlation with the mean of the others. "
        "Missed: two or more grades off. Flagged: by BT.500, for two or more misses in half of "
        "the gold stimuli or in more than half of the retests, or for a correlation of less than "
        "half of the median rater's; flags do not change any number.",
        tables["raters"],
        [
            Column("rater", "Rater"),
            Column("n", "Votes", "whole"),
            Column("bias", "Bias", 2),
            Column("bias_ci_low", "from", 2, "95 %"),
            Column("bias_ci_high", "to", 2, "95 %"),
            Column("inconsistency", "Inconsistency", 2),
            Column("inconsistency_ci_low", "from", 2, "95 % "),
            Column("inconsistency_ci_high", "to", 2, "95 % "),
            Column("correlation_with_others", "r", 2),
            Column("gold_missed", "Gold missed", "whole"),
            Column("retest_missed", "Retests missed", "whole"),
            Column("bt500_rejected", "BT.500 flag", "yes"),
            Column("flagged", "Flagged", "yes"),
            Column("note", "Remark"),
        ],
        group=0,
    )


def sensitivity(tables: Tables) -> Table:
    """Whether screening or weighting raters changes a conclusion."""
    frame = tables["sensitivity"]
    named = [shown_pairs(text) for text in frame["changed_pairs"]]
    moved = [display_name(name) if name else "" for name in frame["mos_changed_method"]]
    return frame_table(
        "mos_sensitivity",
        "Sensitivity of the conclusions",
        "The headline test repeated without flagged raters, with the votes that the study's rules "
        "leave out (if any), with raters weighted by their consistency (a rater's bias cancels in "
        "differences), and with one mixed model of all methods. MOS change: the largest change of "
        "a method.",
        ordered(frame.assign(changed_pairs=named, mos_changed_method=moved), tables),
        [
            Column("dataset", "Data set", "dataset"),
            Column("variant", "Raters"),
            Column("raters", "n", "whole"),
            Column("pairs", "Comparisons", "whole"),
            Column("significant", "Significant", "whole"),
            Column("changed", "Changed", "whole"),
            Column("changed_pairs", "Which"),
            Column("mos_change", "MOS change", 2),
            Column("mos_changed_method", "of"),
            Column("note", "Remark"),
        ],
    )


def exclusions(tables: Tables) -> Table:
    """Votes that are not in the MOS and flagged raters, with reasons."""
    frame = tables["exclusions"]
    return frame_table(
        "mos_exclusions",
        "Exclusions and flags",
        "Votes are never changed; the rules below determine which are not in the MOS.",
        frame,
        [
            Column("what", "What"),
            Column("count", "Votes", "whole"),
            Column("reason", "Reason"),
            Column("effect", "Effect"),
        ],
        notes=[] if len(frame) else ["Nothing was left out and no rater was flagged."],
        group=0,
    )
