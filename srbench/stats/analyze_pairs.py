"""The complete analysis of one pair study: from answers (and scores) to tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ..errors import RatingsError
from ..metrics.base import read_facts
from ..metrics.table import Known
from .cells import ALL, Floats
from .declared import as_exploratory, others_of
from .doubts import doubts
from .equivalence import equivalence_rows
from .left_out import WITH_ALL, analysed, exclusions_table, without_excluded
from .letters import compact_letters
from .pair_agreement import (
    agreement,
    circles,
    goodness_of_fit,
    pair_raters,
    repeated,
)
from .pair_answers import (
    PairBlock,
    PairScale,
    check_answers,
    pair_block,
    pair_blocks,
    pair_scale,
)
from .pair_claims import pair_claims
from .pair_metrics import metrics_against_pairs
from .pairs import (
    PAIR_HEADLINE,
    pair_differences,
    pair_tests,
    pairs_asked,
    pairs_table,
    preferences_table,
    scale_table,
)
from .ratings import main_votes
from .significance import Pairs


def analyze_pairs(
    answers: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    *,
    family: Pairs | None = None,
    resamples: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
    equivalent: float | None = None,
) -> dict[str, pd.DataFrame]:
    """The statistics of a study of pair comparisons, as tables.

    ``answers`` has one row per comparison (`check_answers` says which columns), ``scores`` one row
    per metric value as in scores.csv. ``family`` declares the comparisons over which Holm's
    correction runs within each data set (default: every pair that was asked); the other pairs asked
    are listed as exploratory. ``equivalent`` is a margin in logits: the table ``equivalence`` then
    tests whether the differences are smaller. The same input and seed give the same tables.

    Keys and columns are those of the files that `srbench study analyze` writes: ``scale``,
    ``pairs``, ``pairwise``, ``raters``, ``reliability`` (one row), and with scores
    ``metric_vs_pairs`` and ``metric_comparison``; also ``preferences`` (win rates per image),
    ``fit`` (goodness of fit, circles, agreement per data set), ``sensitivity``, ``letters``,
    ``claims``, ``exclusions`` and ``notes``. Every table has a column ``simulated``.

    Raises:
        TypeError: answers or scores are not a DataFrame.
        RatingsError: the answers cannot be used, or ``family`` names a method without comparisons.
        ResultsError: the scores cannot be used, or none belongs to a compared stimulus.
    """
    answers = check_answers(answers)
    everything = main_votes(answers)
    main = analysed(everything)
    blocks = pair_blocks(main)
    whole = pair_blocks(everything) if len(everything) > len(main) else {}
    _check_declared(family, main)
    raters = pair_raters(answers)
    flagged = set(raters.loc[raters["flagged"], "rater"])
    parts: dict[str, list[pd.DataFrame]] = {}

    def add(table: str, dataset: str, rows: pd.DataFrame) -> None:
        rows.insert(0, "dataset", dataset)
        parts.setdefault(table, []).append(rows)

    fewer = pair_blocks(main[~main["rater"].isin(flagged)]) if flagged else {}
    for name, block in blocks.items():
        scale = pair_scale(block)
        add("scale", name, scale_table(block, scale, 1 - alpha))
        add("pairs", name, pairs_table(block, scale, 1 - alpha))
        tests = pair_tests(block, scale, family, alpha)
        add("pairwise", name, tests)
        if family is not None and (rest := others_of(list(pairs_asked(block)), family)):
            add("pairwise", name, as_exploratory(pair_tests(block, scale, rest, alpha)))
        if equivalent is not None:
            asked, found = pair_differences(block, scale, family)
            add(
                "equivalence",
                name,
                equivalence_rows(asked, found.value, found.variance, found.df, equivalent, alpha),
            )
        if name != ALL:
            add("preferences", name, preferences_table(block))
        add("fit", name, pd.DataFrame([_fit_row(block, scale)]))
        again = None
        if name in fewer:
            again = pair_tests(fewer[name], pair_scale(fewer[name]), family, alpha)
        add("sensitivity", name, _without(tests, again, len(flagged & set(block.raters))))
        if name in whole:
            again = pair_tests(whole[name], pair_scale(whole[name]), family, alpha)
            add("sensitivity", name, _again(tests, again, 0, WITH_ALL))
        add("letters", name, _letters(parts["scale"][-1], tests))
    tables = {
        name: pd.concat([t for t in found if len(t)] or found[:1], ignore_index=True)
        for name, found in parts.items()
    }
    tables["raters"] = raters
    tables["reliability"] = pd.DataFrame([_reliability(without_excluded(answers))])
    tables["pairwise"]["procedure"] = "pair"
    if scores is not None:
        rng = np.random.default_rng(seed)
        tables["metric_vs_pairs"], tables["metric_comparison"] = metrics_against_pairs(
            main, scores, resamples, rng, 1 - alpha, Known(read_facts(scores.attrs.get("metrics")))
        )
    tables["claims"] = pair_claims(tables, alpha=alpha)
    tables["exclusions"] = _exclusions(answers, raters)
    tables["notes"] = _notes(tables, doubts(main))
    for table in tables.values():
        table["simulated"] = bool(answers["simulated"].any())
    raters["simulated"] = raters["rater"].map(answers.groupby("rater")["simulated"].any())
    return tables


def _check_declared(family: Pairs | None, main: pd.DataFrame) -> None:
    methods = {*main["method_a"], *main["method_b"]}
    unknown = sorted({name for pair in family or [] for name in pair} - methods)
    if unknown:
        raise RatingsError(
            f"the declared comparisons name {', '.join(unknown)}, which have no answers; "
            f"compared methods: {', '.join(sorted(methods))}"
        )


def _fit_row(block: PairBlock, scale: PairScale) -> dict[str, float]:
    """One row for a data set; ``nu`` is Davidson's parameter, 0 without "no difference" answers."""
    front = block.front[np.isfinite(block.front)]
    return {
        "answers": len(block.answer),
        "nu": float(np.exp(scale.fit.tie)),
        "front": float(front.mean()) if len(front) else float("nan"),
        **goodness_of_fit(block, scale),
        **circles(block),
        **agreement(block),
    }


def _reliability(answers: pd.DataFrame) -> dict[str, float]:
    """The numbers of reliability.json, over the whole study."""
    block = pair_block(main_votes(answers))
    again = repeated(answers)
    found = agreement(block)
    own = circles(block)
    return {
        "krippendorff_alpha_nominal": found["alpha"],
        "agreement_with_majority": found["with_majority"],
        "retest_n": float(len(again)),
        "retest_agreement": float(again["equal"].mean()) if len(again) else float("nan"),
        "rater_triples_n": own["rater_triples"],
        "rater_circular_n": own["rater_circular"],
    }


def _without(tests: pd.DataFrame, again: pd.DataFrame | None, flagged: int) -> pd.DataFrame:
    """The headline test repeated without flagged raters: one row."""
    none = "everybody was flagged" if flagged else "no rater was flagged"
    return _again(tests, again, flagged, "without flagged raters", none)


def _again(
    tests: pd.DataFrame, again: pd.DataFrame | None, left_out: int, variant: str, none: str = ""
) -> pd.DataFrame:
    """The headline test compared with the same test on other raters or answers: one row."""
    key = ["method_a", "method_b"]
    head = tests[tests["test"] == PAIR_HEADLINE].set_index(key)
    row: dict[str, object] = {
        "variant": variant,
        "left_out": left_out,
        "comparisons": len(head),
        "significant": int(head["significant"].sum()),
        "significant_without": np.nan,
        "changed": np.nan,
        "changed_pairs": "",
        "note": none if again is None else "",
    }
    if again is not None:
        other = again[again["test"] == PAIR_HEADLINE].set_index(key).reindex(head.index)
        verdict = _verdict(head) - _verdict(other)
        row["significant_without"] = int((_verdict(other) != 0).sum())
        row["changed"] = int((verdict != 0).sum())
        row["changed_pairs"] = "; ".join(f"{a} / {b}" for a, b in head.index[verdict != 0])
    return pd.DataFrame([row])


def _verdict(head: pd.DataFrame) -> Floats:
    known = head["significant"].fillna(False).to_numpy(dtype=bool)
    return np.where(known, np.sign(head["mos_difference"].to_numpy(dtype=float)), 0.0)


def _letters(scale: pd.DataFrame, tests: pd.DataFrame) -> pd.DataFrame:
    """Compact letter display, best first, where every pair was tested: ``method, letters``."""
    own = scale[scale["score"].notna()].sort_values("score", ascending=False, kind="stable")
    methods = [str(name) for name in own["method"]]
    head = tests[(tests["test"] == PAIR_HEADLINE) & tests["p_holm"].notna()]
    rows: list[dict[str, object]] = []
    if len(head) == len(methods) * (len(methods) - 1) // 2 and len(methods) == len(scale):
        differ = head.loc[head["significant"].astype(bool), ["method_a", "method_b"]]
        shown = compact_letters(methods, [(str(a), str(b)) for a, b in differ.to_numpy()])
        if shown is not None:
            rows = [{"method": name, "letters": shown[name]} for name in methods]
    return pd.DataFrame(rows, columns=pd.Index(["method", "letters"]))


def _exclusions(answers: pd.DataFrame, raters: pd.DataFrame) -> pd.DataFrame:
    """Answers excluded from the scale by rule, and flagged raters."""
    return exclusions_table(
        answers,
        "answers",
        {
            "training": "calibration answers teach the task",
            "retest": "second answers measure repeatability",
            "gold": "gold pairs check attention",
        },
        ("not in the scale", "not in the scale, as declared"),
        [
            (row, "kept in the scale; see the sensitivity table")
            for row in raters[raters["flagged"]].to_dict("records")
        ],
    )


def _notes(tables: dict[str, pd.DataFrame], said: Sequence[str]) -> pd.DataFrame:
    """``table, rows, note``: the reasons for missing numbers and the caveats, with their counts."""
    rows: list[dict[str, object]] = [
        {"table": "scale", "rows": len(tables["scale"]), "note": doubt} for doubt in said
    ]
    for name, table in tables.items():
        if "note" in table and name not in ("raters", "sensitivity"):
            counts = table.loc[table["note"] != "", "note"].value_counts(sort=False)
            for note, n in counts.items():
                rows.append({"table": name, "rows": int(n), "note": str(note)})
    if not tables["reliability"]["retest_n"].iloc[0]:
        rows.append({"table": "reliability", "rows": 1, "note": "no pair was asked twice"})
    return pd.DataFrame(rows, columns=pd.Index(["table", "rows", "note"]))
