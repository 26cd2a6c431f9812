"""The scale of a pair study: positions of the methods, win rates and tests of comparisons."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import special, stats

from .bradley_terry import JOD, SAME, A, B
from .cells import Floats
from .crossed_scale import CrossedContrasts, crossed_contrasts
from .intervals import t_quantile
from .pair_answers import PairBlock, PairScale
from .significance import Pairs, with_holm

PAIR_HEADLINE = "bradley-terry-crossed"
PAIR_TESTS = [PAIR_HEADLINE, "bradley-terry-independent", "sign-pooled"]
APART = "no comparison, direct or through others, connects it with most methods: no common scale"
SEPARATED = (
    "some methods were never preferred to others: no finite scale fits, half an answer for each "
    "side of every pair was added"
)


def contrasts_of(block: PairBlock, scale: PairScale, contrasts: Floats) -> CrossedContrasts:
    """Contrasts (methods of the scale, wanted) of the scale, with raters and images random."""
    panel, content = block.panel[scale.used], block.content[scale.used]
    return crossed_contrasts(
        scale.fit,
        scale.pulls,
        np.unique(panel, return_inverse=True)[1].astype(np.int64),
        np.unique(content, return_inverse=True)[1].astype(np.int64),
        contrasts,
    )


def scale_table(block: PairBlock, scale: PairScale, level: float = 0.95) -> pd.DataFrame:
    """The columns of scale.csv without ``dataset``, with a ``note``.

    ``score`` in logits, the sum of a data set 0; ``jod`` is the same in just-objectionable
    differences, of which one is ln 3 logits: preferred in 75 % of the answers that prefer one.
    ``win_rate`` counts "no difference" as half a win, over all answers about the method.
    """
    found = contrasts_of(block, scale, np.eye(len(scale.on)))
    low, high = found.interval(level)
    place = {int(method): i for i, method in enumerate(scale.on)}
    note = _caveat(block, scale)
    rows: list[dict[str, object]] = []
    for method, name in enumerate(block.methods):
        mine = (block.first[block.pair] == method) | (block.second[block.pair] == method)
        i = place.get(method)
        rows.append(
            {
                "method": name,
                "n_answers": int(mine.sum()),
                "n_raters": len(np.unique(block.rater[mine])),
                "n_images": len(np.unique(block.image[mine])),
                "score": np.nan if i is None else found.value[i],
                "ci_low": np.nan if i is None else low[i],
                "ci_high": np.nan if i is None else high[i],
                "jod": np.nan if i is None else found.value[i] / JOD,
                "win_rate": float(won(block, method)[mine].mean()),
                "note": APART if i is None else note,
            }
        )
    return pd.DataFrame(rows)


def _caveat(block: PairBlock, scale: PairScale) -> str:
    """What limits all numbers of a scale; '' for nothing."""
    units = (("rater", block.panel), ("image", block.content))
    alone = [f"one {word}: valid for this {word} only" for word, unit in units if not unit.any()]
    return "; ".join([*([SEPARATED] if scale.fit.separated else []), *alone])


def won(block: PairBlock, method: int) -> Floats:
    """1 where an answer prefers the method, 0.5 for "no difference", else 0."""
    first, second = block.first[block.pair] == method, block.second[block.pair] == method
    yes = (first & (block.answer == A)) | (second & (block.answer == B))
    return yes + 0.5 * (block.answer == SAME)


def pairs_table(block: PairBlock, scale: PairScale, level: float = 0.95) -> pd.DataFrame:
    """The columns of pairs.csv without ``dataset``; ``fitted`` is the win rate of the scale.

    ``win_rate_a`` counts "no difference" as half a win. Its interval is Clopper and Pearson's for
    the effective number of independent answers, because answers share raters and images
    (`rate_interval`).
    """
    counts = block.counts
    fitted = np.full(len(counts), np.nan)
    on = np.isin(block.first, scale.on)
    fitted[on] = scale.fit.chance[:, A] + scale.fit.chance[:, SAME] / 2
    rows: list[dict[str, object]] = []
    for k, (wins_a, wins_b, same) in enumerate(counts):
        own = block.pair == k
        value = np.array([1.0, 0.0, 0.5])[block.answer[own]]
        low, high = rate_interval(value, block.panel[own], block.content[own], level)
        rows.append(
            {
                "method_a": block.methods[block.first[k]],
                "method_b": block.methods[block.second[k]],
                "n": int(own.sum()),
                "wins_a": int(wins_a),
                "wins_b": int(wins_b),
                "same": int(same),
                "win_rate_a": float(value.mean()),
                "ci_low": low,
                "ci_high": high,
                "fitted": fitted[k],
            }
        )
    return pd.DataFrame(rows)


def rate_interval(
    value: Floats, rater: np.ndarray, image: np.ndarray, level: float
) -> tuple[float, float]:
    """An interval of a rate whose answers share raters and images.

    ``value`` (answers,) is 1, 0 or 0.5. The variance clustered on both gives the effective number
    of independent answers, p (1 - p) / variance, at most the number of answers, divided by the
    square of Student's over the normal quantile. The interval is Clopper and Pearson's of that
    number. If all answers are equal, their dependence is unknown: the effective number is then the
    smaller of the numbers of raters and images (the larger one if the smaller is 1).

    Source: Korn and Graubard 1998, Survey Methodology 24(2).
    """
    n, p = len(value), float(value.mean())
    groups = [np.unique(each, return_inverse=True)[1].ravel() for each in (rater, image)]
    sizes = [int(group.max()) + 1 for group in groups]
    units = min(sizes) if min(sizes) > 1 else max(sizes)
    if p in (0.0, 1.0):
        effective = float(units)
    else:
        pull = (value - p) / n
        squares = [
            k / (k - 1) * float((np.bincount(group, pull) ** 2).sum()) if k > 1 else 0.0
            for group, k in zip(groups, sizes, strict=True)
        ]
        cell = np.bincount(groups[0] * sizes[1] + groups[1], pull)
        both = float((cell**2).sum())
        variance = sum(squares) - both if min(sizes) > 1 else max(*squares, both)
        variance = max(variance, p * (1 - p) / n, *(squares if variance <= 0 else [0.0]))
        df = float(max(units - 1, 1))
        ratio = float(special.ndtri((1 + level) / 2) / t_quantile(level, df))
        effective = min(float(n), p * (1 - p) / variance) * ratio**2
    hits, tail = p * effective, (1 - level) / 2
    low = 0.0 if p == 0 else float(special.betaincinv(hits, effective - hits + 1, tail))
    high = 1.0 if p == 1 else float(special.betaincinv(hits + 1, effective - hits, 1 - tail))
    return low, high


def pair_tests(
    block: PairBlock, scale: PairScale, family: Pairs | None = None, alpha: float = 0.05
) -> pd.DataFrame:
    """All tests of all comparisons of one block: the columns of pairwise.csv without ``dataset``.

    ``family`` declares the comparisons (default: every pair that was asked); Holm's correction runs
    over it, once per test. ``mos_difference`` is the difference on the scale, in logits.

    =============================  ================================================================
    ``bradley-terry-crossed``      the headline: raters and images both random (`crossed_contrasts`)
    ``bradley-terry-independent``  Wald's test of the model, every answer independent
    ``sign-pooled``                exact binomial of the direct answers that prefer one, pooled as
                                   if independent: what papers mostly do, and too lenient
    =============================  ================================================================

    ``effect_size`` is the share of direct answers for A minus that for B, empty where the two were
    never asked directly. An undeclared comparison has no row.
    """
    asked, caveat = pairs_asked(block), _caveat(block, scale)
    wanted: list[tuple[str, str]] = list(family) if family is not None else list(asked)
    wanted = [pair for pair in wanted if set(pair) <= set(block.methods)]
    known, contrasts = _contrasts(block, scale, wanted)
    counts = block.counts
    ways: dict[str, tuple[Floats, Floats, Floats, Floats]] = {}
    found = contrasts_of(block, scale, contrasts)
    ways[PAIR_HEADLINE] = (*found.interval(1 - alpha), *found.test())
    own = np.einsum("ic,ij,jc->c", contrasts, scale.fit.inverse[:-1, :-1], contrasts)
    half = -float(special.ndtri(alpha / 2)) * np.sqrt(own)
    z = found.value / np.sqrt(own)
    p = np.asarray(2 * special.ndtr(-np.abs(z)), dtype=float)
    ways[PAIR_TESTS[1]] = (found.value - half, found.value + half, z, p)
    rows: list[dict[str, object]] = []
    number = {pair: k for k, pair in enumerate(known)}
    for a, b in wanted:
        k = number.get((a, b))
        sign, direct = 1, asked.get((a, b))
        if direct is None:
            sign, direct = -1, asked.get((b, a))
        wins = counts[direct] if direct is not None else np.zeros(3)
        if sign < 0:
            wins = wins[[B, A, SAME]]
        effect = float((wins[A] - wins[B]) / wins.sum()) if wins.sum() else np.nan
        for test in PAIR_TESTS:
            row: dict[str, object] = {"method_a": a, "method_b": b}
            row["mos_difference"] = np.nan if k is None else found.value[k]
            row["ci_low"] = row["ci_high"] = row["statistic"] = row["p"] = np.nan
            note = APART if k is None else caveat
            if test in ways and k is not None:
                values = (float(each[k]) for each in ways[test])
                row["ci_low"], row["ci_high"], row["statistic"], row["p"] = values
            elif test == "sign-pooled" and wins[A] + wins[B] > 0:
                row["statistic"] = float(min(wins[A], wins[B]))
                row["p"] = float(stats.binomtest(int(wins[A]), int(wins[A] + wins[B])).pvalue)
                note = ""
            elif test == "sign-pooled":
                note = "never asked directly" if not wins.sum() else "no answer prefers one"
            rows.append({**row, "test": test, "effect_size": effect, "note": note})
    return with_holm(rows, alpha)


def pairs_asked(block: PairBlock) -> dict[tuple[str, str], int]:
    """The pairs of methods that were asked directly, with their numbers."""
    ends: list[list[int]] = np.stack([block.first, block.second], axis=1).tolist()
    return {(block.methods[a], block.methods[b]): k for k, (a, b) in enumerate(ends)}


def pair_differences(
    block: PairBlock, scale: PairScale, family: Pairs | None = None
) -> tuple[list[tuple[str, str]], CrossedContrasts]:
    """The scale differences of the ``family`` (default: every pair asked).

    Pairs with a method that is not on the scale are left out.
    """
    known, contrasts = _contrasts(block, scale, family or list(pairs_asked(block)))
    return known, contrasts_of(block, scale, contrasts)


def _contrasts(
    block: PairBlock, scale: PairScale, wanted: Pairs
) -> tuple[list[tuple[str, str]], Floats]:
    on: list[int] = scale.on.tolist()
    place = {block.methods[method]: i for i, method in enumerate(on)}
    known = [pair for pair in wanted if set(pair) <= set(place)]
    contrasts = np.zeros((len(scale.on), len(known)))
    for k, (a, b) in enumerate(known):
        contrasts[place[a], k] += 1
        contrasts[place[b], k] -= 1
    return known, contrasts


def preferences_table(block: PairBlock) -> pd.DataFrame:
    """How often each method was preferred on each image: ``image, method, n, win_rate``."""
    rows: list[dict[str, object]] = []
    for method, name in enumerate(block.methods):
        mine = (block.first[block.pair] == method) | (block.second[block.pair] == method)
        wins = won(block, method)[mine]
        n = np.bincount(block.image[mine], minlength=len(block.images))
        total = np.bincount(block.image[mine], wins, len(block.images))
        for i in map(int, np.flatnonzero(n)):
            rate = float(total[i] / n[i])
            image = block.images[i].split("/", 1)[1]
            rows.append({"image": image, "method": name, "n": int(n[i]), "win_rate": rate})
    return pd.DataFrame(rows)
