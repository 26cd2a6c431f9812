"""The complete analysis of one study of grades: from ratings (and scores) to tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from ..errors import RatingsError
from ..metrics.base import read_facts
from ..metrics.table import Known
from .analyze_pairs import analyze_pairs
from .attention import attention
from .bias_model import fit_bias_model
from .cells import ALL, IMAGE, STIMULUS, Cells, blocks, codes, codes_of
from .claims import claims_table, letters_table
from .declared import as_exploratory, others_of
from .degradation import as_degradation, worded
from .doubts import doubts
from .equivalence import equivalence_rows
from .intervals import Resamples, block_difference, resample_block
from .left_out import analysed, exclusions_table, without_excluded
from .metric_vs_mos import metric_vs_mos
from .mos import mos_table, score_counts, stimuli_table
from .omnibus import omnibus_table
from .pair_answers import is_pair_table
from .raters import raters_table
from .ratings import check_ratings, main_votes, require_table
from .reliability import reliability
from .scores import match_scores, unmatched
from .sensitivity import sensitivity_table
from .settings import check_settings
from .significance import Pairs, pairwise_table
from .units import with_units


def analyze(
    ratings: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    *,
    family: Pairs | None = None,
    resamples: int = 2000,
    seed: int = 0,
    alpha: float = 0.05,
    equivalent: float | None = None,
) -> dict[str, pd.DataFrame]:
    """The statistics of a study as tables. Pair comparisons are passed on to `analyze_pairs`.

    A table with the columns ``method_a`` and ``method_b`` holds pair comparisons. Otherwise
    ``ratings`` has one row per vote (`check_ratings` says which columns), ``scores`` one row per
    metric value as in scores.csv. ``family`` declares the comparisons of methods over which Holm's
    correction runs within each data set (default: every pair); all other comparisons are listed as
    exploratory. ``equivalent`` is a margin in grades: the table ``equivalence`` then tests whether
    the differences are smaller. ``alpha`` is the significance level of the tests, 1 - alpha the
    confidence level of every interval of a mean. The same input and seed give the same tables.

    Keys and columns are those of the files that `srbench study analyze` writes: ``mos``,
    ``stimuli``, ``pairwise``, ``raters``, ``reliability`` (one row), and with scores
    ``metric_vs_mos``, ``metric_comparison`` and ``metric_points``; also ``distribution`` (votes per
    score), ``omnibus``, ``nemenyi``, ``sensitivity``, ``letters``, ``claims``, ``exclusions``
    (votes that are not in the MOS and raters who were flagged, with reasons) and ``notes`` (every
    missing number, with the reason). Every table has a column ``simulated``: whether any rating (in
    ``raters``: any of this rater's) was made by a simulated rater.

    Raises:
        TypeError: ratings or scores are not a DataFrame.
        RatingsError: the ratings cannot be used, or ``family`` names a method without ratings.
        ResultsError: the scores cannot be used, or none belongs to a rated stimulus.
    """
    check_settings(family, resamples, seed, alpha, equivalent)
    require_table("ratings", ratings)
    if scores is not None:
        require_table("scores", scores)
    if is_pair_table(ratings):
        return analyze_pairs(
            ratings,
            scores,
            family=family,
            resamples=resamples,
            seed=seed,
            alpha=alpha,
            equivalent=equivalent,
        )
    ratings = check_ratings(ratings)
    main, procedure = main_votes(ratings), str(ratings["procedure"].iloc[0])
    votes = analysed(main)
    rng = np.random.default_rng(seed)
    _check_family(family, set(votes["method"].unique()))
    model = fit_bias_model(votes)
    stimuli = stimuli_table(votes, model, 1 - alpha)
    raters = raters_table(votes, model, attention(ratings))
    flagged = {
        "BT.500": [str(rater) for rater in raters.loc[raters["bt500_rejected"], "rater"]],
        "any rule": [str(rater) for rater in raters.loc[raters["flagged"], "rater"]],
    }
    parts: dict[str, list[pd.DataFrame]] = {
        name: [] for name in ("mos", "pairwise", "omnibus", "nemenyi", "sensitivity")
    }
    by_dataset = blocks(votes)
    whole = blocks(main) if len(main) > len(votes) else {}
    for name, block in by_dataset.items():
        draws = resample_block(block, resamples, rng)
        for table, rows in _block_tables(block, draws, family, alpha, equivalent):
            parts.setdefault(table, []).append(_named(name, rows))
        parts["sensitivity"].append(
            sensitivity_table(name, block, flagged, model, family, alpha, whole.get(name))
        )
    tables = {name: _stack(found) for name, found in parts.items()}
    tables["stimuli"], tables["raters"] = stimuli, raters
    tables["distribution"] = score_counts(votes)
    tables["reliability"] = pd.DataFrame(
        [reliability(without_excluded(ratings), _wide(votes), stimuli)]
    )
    if scores is not None:
        scale = ratings["scale"].iloc[0] if "scale" in ratings else None
        tables |= _metric_tables(votes, stimuli, scores, scale, resamples, rng, 1 - alpha)
    for name in ("mos", "stimuli", "pairwise"):
        tables[name]["procedure"] = procedure
    if procedure == "dcr":
        for name in ("mos", "stimuli"):
            tables[name] = as_degradation(tables[name])
    tables["letters"] = letters_table(tables)
    tables["claims"] = claims_table(tables, alpha=alpha)
    tables["exclusions"] = _exclusions(ratings, raters)
    tables["mos"] = _made_up(tables["mos"])
    tables["notes"] = _notes(tables, ALL in by_dataset, doubts(votes))
    for name in ("exclusions", "notes"):
        for column in tables[name].select_dtypes(["object", "string"]):
            tables[name][column] = [worded(text, procedure) for text in tables[name][column]]
    for table in tables.values():
        table["simulated"] = bool(ratings["simulated"].any())
    raters["simulated"] = raters["rater"].map(ratings.groupby("rater")["simulated"].any())
    return tables


def _block_tables(
    block: Cells, draws: Resamples, family: Pairs | None, alpha: float, equivalent: float | None
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The tables of one data set (or of all), by name."""
    friedman, nemenyi = omnibus_table(block, alpha)
    yield "mos", mos_table(block, draws, 1 - alpha)
    yield "pairwise", pairwise_table(block, draws, family, alpha)
    every = list(combinations(block.methods, 2))
    if family is not None and (rest := others_of(every, family)):
        yield "pairwise", as_exploratory(pairwise_table(block, draws, rest, alpha))
    if equivalent is not None:
        asked = [p for p in family or every if set(p) <= set(block.methods)]
        means = [block_difference(block, a, b) for a, b in asked]
        yield (
            "equivalence",
            equivalence_rows(
                asked,
                [each.mean for each in means],
                [each.variance for each in means],
                [each.df for each in means],
                equivalent,
                alpha,
            ),
        )
    yield "omnibus", friedman
    yield "nemenyi", nemenyi


def _metric_tables(
    votes: pd.DataFrame,
    stimuli: pd.DataFrame,
    scores: pd.DataFrame,
    scale: object,
    resamples: int,
    rng: np.random.Generator,
    level: float,
) -> dict[str, pd.DataFrame]:
    """The metrics against the MOS of the stimuli."""
    matched = match_scores(stimuli, scores, scale)
    named = with_units(votes)[[*IMAGE, "content"]].drop_duplicates()
    matched = matched.merge(named, on=IMAGE, how="left")
    found, compared = metric_vs_mos(
        matched, resamples, rng, level, Known(read_facts(scores.attrs.get("metrics")))
    )
    _tell(found, unmatched(stimuli, matched))
    return {"metric_points": matched, "metric_vs_mos": found, "metric_comparison": compared}


def _made_up(mos: pd.DataFrame) -> pd.DataFrame:
    """Add ``mos_equal_weight``, the mean of the MOS of the data sets (for one data set its MOS).

    The notes of ``all`` state the share of cells in the largest data set.
    """
    mos = mos.copy()
    pooled = (mos["dataset"] == ALL).to_numpy()
    levels: dict[str, list[float]] = {}
    sizes: dict[str, dict[str, int]] = {}
    for row in mos[~pooled & (mos["ci_method"] == "crossed")].to_dict("records"):
        method = str(row["method"])
        levels.setdefault(method, []).append(float(row["mos"]))
        sizes.setdefault(method, {})[str(row["dataset"])] = int(row["n_cells"])
    equal: list[float] = []
    notes: list[str] = []
    for here, method, own, note in zip(pooled, mos["method"], mos["mos"], mos["note"], strict=True):
        equal.append(float(np.mean(levels[method])) if here else float(own))
        if here:
            largest = max(sizes[method], key=sizes[method].__getitem__)
            share = 100 * sizes[method][largest] / sum(sizes[method].values())
            said = f"{share:.0f} % of the ratings over all data sets are of {largest}"
            note = f"{note}; {said}".strip("; ")
        notes.append(note)
    return mos.assign(mos_equal_weight=equal, note=notes)


def _check_family(family: Pairs | None, methods: set[str]) -> None:
    unknown = sorted({name for pair in family or [] for name in pair} - methods)
    if unknown:
        raise RatingsError(
            f"the declared comparisons name {', '.join(unknown)}, which have no ratings; "
            f"rated methods: {', '.join(sorted(methods))}"
        )


def _tell(table: pd.DataFrame, lost: dict[tuple[str, str], str]) -> None:
    """Add to the notes of each metric which rated stimuli have no value."""
    keys = zip(table["metric"], table["protocol"], strict=True)
    table["note"] = [
        "; ".join(filter(None, [note, lost.get(key, "")]))
        for key, note in zip(keys, table["note"], strict=True)
    ]


def _wide(votes: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(raters, stimuli) scores, NaN where missing, repetitions averaged."""
    rater, raters = codes(votes["rater"])
    stimulus, stimuli = codes_of(votes, STIMULUS)
    flat, size = rater * len(stimuli) + stimulus, len(raters) * len(stimuli)
    total = np.bincount(flat, votes["score"].to_numpy(dtype=float), minlength=size)
    with np.errstate(invalid="ignore"):
        return (total / np.bincount(flat, minlength=size)).reshape(len(raters), len(stimuli))


def _named(dataset: str, table: pd.DataFrame) -> pd.DataFrame:
    table.insert(0, "dataset", dataset)
    return table


def _stack(found: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in found if len(table)]
    return pd.concat(filled or found[:1], ignore_index=True)


def _exclusions(ratings: pd.DataFrame, raters: pd.DataFrame) -> pd.DataFrame:
    """Votes excluded from the MOS by rule, and raters with a remark."""
    return exclusions_table(
        ratings,
        "votes",
        {
            "training": "calibration votes teach the scale",
            "retest": "second votes measure repeatability",
            "gold": "gold stimuli check attention",
        },
        ("not in MOS", "not in MOS, as declared; see sensitivity"),
        [
            (row, "kept in MOS; see sensitivity" if row["flagged"] else "kept in MOS")
            for row in raters[raters["note"] != ""].to_dict("records")
        ],
    )


def _notes(tables: dict[str, pd.DataFrame], everywhere: bool, said: Sequence[str]) -> pd.DataFrame:
    """``table, rows, note``: the reasons for missing numbers and the caveats, with their counts."""
    rows: list[dict[str, object]] = [
        {"table": "mos", "rows": len(tables["mos"]), "note": doubt} for doubt in said
    ]
    for name, table in tables.items():
        if "note" in table:
            counts = table.loc[table["note"] != "", "note"].value_counts(sort=False)
            for note, n in counts.items():
                rows.append({"table": name, "rows": int(n), "note": str(note)})
    reasons = {
        "icc_a1": "too few raters, stimuli or votes, or no spread: no ICC",
        "krippendorff_alpha_ordinal": "all votes equal or no stimulus rated twice: no alpha",
        "icc_a1_low": "fewer than three raters or contents, or one is dominant: no ICC interval",
        "icc_ak_low": "ICC(A,k) leaves its range without some rater or content: no interval",
        "krippendorff_alpha_ordinal_low": (
            "fewer than three raters or contents, or one is dominant: no alpha interval"
        ),
        "sos_a": "no stimulus with two raters and a mean inside the scale: no SOS parameter",
        "retest_p": "no stimulus was rated twice by one rater: no test-retest",
    }
    numbers = tables["reliability"].iloc[0]
    for key, reason in reasons.items():
        if np.isnan(float(numbers[key])):
            rows.append({"table": "reliability", "rows": 1, "note": reason})
    if tables["pairwise"].empty:
        note = "no data set has two methods to compare"
        rows.append({"table": "pairwise", "rows": 1, "note": note})
    without = sorted(set(tables["mos"]["dataset"]) - set(tables["letters"]["dataset"]))
    if without and len(tables["pairwise"]):
        why = (
            f"no letters for {', '.join(without)}: not every pair was tested, or they need "
            "too many letters"
        )
        rows.append({"table": "letters", "rows": len(without), "note": why})
    if not everywhere and tables["mos"]["dataset"].nunique() > 1:
        note = "no method was rated in every data set: there is no row `all`"
        rows.append({"table": "mos", "rows": 1, "note": note})
    return pd.DataFrame(rows, columns=pd.Index(["table", "rows", "note"]))
