"""Agreement of pair answers with the scale, with other raters and with the rater's repeats."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats

from .bradley_terry import SAME, A, B
from .cells import Floats, Ints
from .pair_answers import ANSWERS, PairBlock, PairScale, in_order, pair_block
from .ratings import REFERENCE
from .reliability import krippendorff_alpha
from .table_rules import repetitions

NAN = float("nan")
FEWEST_CHECKS = 2  # gold pairs or repeats before a rater is flagged by them
CHANCE = 0.5  # the share that a random answer gets right


def goodness_of_fit(block: PairBlock, scale: PairScale) -> dict[str, float]:
    """Test whether one scale explains the win rates of the pairs; one row of numbers.

    ``x2`` is Pearson's statistic of the preferences per pair, ``df`` pairs + 1 - methods,
    ``p_independent`` its p-value if answers were independent. Answers share raters and images, so
    ``x2`` can exceed its degrees of freedom even if the scale is right. ``design`` is this factor
    (Rao and Scott's first-order correction from the variance clustered on both, at least 1); ``p``
    belongs to x2 / design. ``largest`` is the largest difference between an observed and a fitted
    win rate. The other numbers are NaN if df = 0.

    Source: Rao and Scott 1984, Annals of Statistics 12(1).
    """
    place = np.full(len(block.methods), -1)
    place[scale.on] = np.arange(len(scale.on))
    pair = block.pair[scale.used]
    asked, pair = np.unique(pair, return_inverse=True)
    answer = block.answer[scale.used]
    chance = scale.fit.chance
    gap = chance[:, A] - chance[:, B]
    score = np.array([0.5, -0.5, 0.0])[answer] - gap[pair] / 2
    n = np.bincount(pair, minlength=len(asked)).astype(float)
    spread = (1 - chance[:, SAME] - gap**2) / 4
    off = np.bincount(pair, score, len(asked))
    df = len(asked) + 1 - len(scale.on)
    row = {"x2": NAN, "df": float(df), "p_independent": NAN, "design": NAN, "p": NAN}
    value = np.array([1.0, 0.0, 0.5])[answer]
    expected = chance[:, A] + chance[:, SAME] / 2
    row["largest"] = float(np.abs(np.bincount(pair, value, len(asked)) / n - expected).max())
    if df < 1:
        return row
    x2 = float((off**2 / (n * spread)).sum())
    first, second = place[block.first[asked]], place[block.second[asked]]
    moved = scale.pulls[:, first] - scale.pulls[:, second]
    pulls = -moved * n * spread  # the part that the fit removes
    pulls[np.arange(len(pair)), pair] += score
    expectation = 0.0
    units = [
        np.unique(u[scale.used], return_inverse=True)[1].astype(np.int64)
        for u in (block.panel, block.content)
    ]
    sizes = [int(unit.max()) + 1 for unit in units]
    both = units[0] * sizes[1] + units[1]
    for unit, sign in ((units[0], 1), (units[1], 1), (both, -1)):
        _, unit = np.unique(unit, return_inverse=True)
        total = np.zeros((int(unit.max()) + 1, len(asked)))
        np.add.at(total, unit, pulls)
        expectation += sign * float(((total**2).sum(0) / (n * spread)).sum())
    if min(sizes) == 1:  # the cells are identical to the other unit: count them once
        expectation = abs(expectation)
    design = max(expectation / df, 1.0)
    row.update(
        x2=x2,
        p_independent=float(stats.chi2.sf(x2, df)),
        design=design,
        p=float(stats.chi2.sf(x2 / design, df)),
    )
    return row


def circles(block: PairBlock) -> dict[str, float]:
    """Preferences that run in a circle (A over B over C over A).

    ``triples`` counts triples of methods in which a majority of answers decides each pair;
    ``circular`` counts those that form a circle. ``rater_triples`` and ``rater_circular`` count the
    same within one rater and image, where random answers give one in four.

    Source: Kendall and Babington Smith 1940, Biometrika 31.
    """
    counts = block.counts
    triples, circular = _circles(block, np.sign(counts[:, A] - counts[:, B])[None])
    sign = np.array([1.0, -1.0, 0.0])[block.answer]
    cell = block.rater * len(block.images) + block.image
    _, cell = np.unique(cell, return_inverse=True)
    net = np.zeros((int(cell.max()) + 1, len(counts)))
    np.add.at(net, (cell, block.pair), sign)
    own, own_circular = _circles(block, np.sign(net))
    return {
        "triples": triples,
        "circular": circular,
        "rater_triples": own,
        "rater_circular": own_circular,
    }


def _circles(block: PairBlock, sign: Floats) -> tuple[float, float]:
    """Decided and circular triples in rows of signs (rows, pairs)."""
    number = {
        (int(a), int(b)): k for k, (a, b) in enumerate(zip(block.first, block.second, strict=True))
    }
    decided = circular = 0
    for a, b, c in combinations(range(len(block.methods)), 3):
        if not {(a, b), (b, c), (a, c)} <= set(number):
            continue
        ab, bc, ac = (sign[:, number[pair]] for pair in ((a, b), (b, c), (a, c)))
        full = (ab != 0) & (bc != 0) & (ac != 0)
        decided += int(full.sum())
        circular += int((full & (ab == bc) & (ab == -ac)).sum())
    return float(decided), float(circular)


def agreement(block: PairBlock) -> dict[str, float]:
    """``alpha``, Krippendorff's for nominal answers, and ``with_majority``.

    A unit is one pair on one image, a value an answer. ``with_majority`` is the share of answers
    that agree with the majority of all other answers of that unit (units without one left out),
    ``undecided`` the share of units without a majority.
    """
    unit, count = _units(block)
    net = count[:, A] - count[:, B]
    return {
        "alpha": krippendorff_alpha(count, "nominal"),
        "with_majority": float(np.nanmean(_with_others(block, unit, count)))
        if (np.isfinite(_with_others(block, unit, count))).any()
        else NAN,
        "undecided": float((net == 0).mean()),
    }


def _units(block: PairBlock) -> tuple[Ints, Floats]:
    """The unit (image, pair) of each answer, and how often each unit got each answer."""
    flat = block.image * len(block.first) + block.pair
    _, unit = np.unique(flat, return_inverse=True)
    unit = np.asarray(unit, dtype=np.int64).ravel()
    count = np.zeros((int(unit.max()) + 1, 3))
    np.add.at(count, (unit, block.answer), 1)
    return unit, count


def _with_others(block: PairBlock, unit: Ints, count: Floats) -> Floats:
    """1 where an answer agrees with the majority of the unit's other answers, else 0.

    NaN where the others have no majority, and for "no difference".
    """
    sign = np.array([1.0, -1.0, 0.0])[block.answer]
    others = (count[:, A] - count[:, B])[unit] - sign
    agrees = (np.sign(others) == sign).astype(float)
    agrees[(others == 0) | (sign == 0)] = np.nan
    return agrees


def pair_raters(answers: pd.DataFrame) -> pd.DataFrame:
    """One row per rater: the columns of raters.csv of a pair study.

    ``rater, n, with_majority, same, front, retest_n, retest_agreement, gold_n, gold_right,
    flagged, note``. ``front`` is the share of preferences for the left or first picture. A rater is
    flagged who misses half of the gold pairs or more, agrees with the majority of the others no
    more often than by chance, always chose the same side, or repeats answers no more often than by
    chance. Flagged raters are not left out. ``answers`` is the checked table, all phases.
    """
    main = answers[answers["phase"] == "main"]
    block = pair_block(main)
    unit, count = _units(block)
    agrees = _with_others(block, unit, count)
    repeats, gold = repeated(answers), gold_answers(answers)
    rows: list[dict[str, object]] = []
    for number, name in enumerate(block.raters):
        own = block.rater == number
        known = agrees[own][np.isfinite(agrees[own])]
        front = block.front[own][np.isfinite(block.front[own])]
        again = repeats.loc[repeats["rater"] == name, "equal"]
        right = gold.loc[gold["rater"] == name, "right"]
        notes: list[str] = []
        if len(right) >= FEWEST_CHECKS and right.mean() <= CHANCE:
            notes.append(f"missed {int((~right).sum())} of {len(right)} gold pairs")
        if len(known) >= 10 and known.mean() <= CHANCE:
            notes.append(f"agrees with the majority in {100 * known.mean():.0f} % of the answers")
        if len(front) >= 10 and front.mean() in (0.0, 1.0):
            notes.append("always chose the same side")
        if len(again) >= 2 * FEWEST_CHECKS and again.mean() <= CHANCE:
            notes.append(f"repeated {int(again.sum())} of {len(again)} answers")
        rows.append(
            {
                "rater": name,
                "n": int(own.sum()),
                "with_majority": float(known.mean()) if len(known) else NAN,
                "same": float((block.answer[own] == SAME).mean()),
                "front": float(front.mean()) if len(front) else NAN,
                "retest_n": len(again),
                "retest_agreement": float(again.mean()) if len(again) else NAN,
                "gold_n": len(right),
                "gold_right": int(right.sum()),
                "flagged": bool(notes),
                "note": "; ".join(notes),
            }
        )
    return pd.DataFrame(rows)


def _preferred(answers: pd.DataFrame) -> pd.Series:
    """The name of the preferred method, or a mark (with a NUL, so never a name) for "same"."""
    chosen = np.where(answers["answer"] == "a", answers["method_a"], answers["method_b"])
    return pd.Series(
        np.where(answers["answer"] == ANSWERS[2], "\0same", chosen), index=answers.index
    )


def repeated(answers: pd.DataFrame) -> pd.DataFrame:
    """First and second answer of a rater about the same two stimuli: ``rater, equal``.

    The second answer is that of phase ``retest`` or, in studies without it, a repeated main answer.
    """
    low, high = in_order(answers)
    table = answers.assign(low=low, high=high, preferred=_preferred(answers))
    key = ["rater", "dataset", "image", "low", "high"]
    main = table[table["phase"] == "main"]
    main = main.loc[repetitions(main).sort_values(kind="stable").index]
    again = table[table["phase"] == "retest"]
    if again.empty:
        again = main[main.duplicated(key)]
    pairs = again.merge(main.drop_duplicates(key), on=key, suffixes=("", "_first"))
    equal = (pairs["preferred"] == pairs["preferred_first"]).astype(bool)
    return pd.DataFrame({"rater": pairs["rater"], "equal": equal})


def gold_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers to gold pairs with the original, which is the right answer: ``rater, right``."""
    gold = answers[answers["phase"] == "gold"]
    known = (gold["method_a"] == REFERENCE) | (gold["method_b"] == REFERENCE)
    gold = gold[known]
    right = (_preferred(gold) == REFERENCE).astype(bool)
    return pd.DataFrame({"rater": gold["rater"], "right": right})
