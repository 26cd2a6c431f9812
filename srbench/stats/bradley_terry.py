"""Fit a scale to pair comparisons: the Bradley-Terry model with Davidson's ties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .cells import Floats, Ints

JOD = float(np.log(3))  # logits of one just-objectionable difference: preferred by 75 %
A, B, SAME = 0, 1, 2  # the columns of a table of counts
_ROUNDS, _STEP = 100, 4.0


@dataclass(frozen=True)
class Fit:
    """A fitted scale.

    ``scores`` (methods,) in logits, their sum 0; ``tie`` is the logarithm of Davidson's nu, minus
    infinity without "no difference" answers. ``inverse`` (methods + 1, methods + 1) is the inverse
    information of both, ``chance`` (pairs, 3) the fitted chance of each answer. ``separated``: no
    finite maximum exists, and half an answer was added (`fit_scale`).
    """

    scores: Floats
    tie: float
    inverse: Floats
    chance: Floats
    log_likelihood: float
    separated: bool


def fit_scale(first: Ints, second: Ints, counts: Floats, methods: int) -> Fit:
    """Maximum likelihood of the Bradley-Terry model with Davidson's ties.

    Pair k compares the methods ``first[k]`` and ``second[k]`` (numbers below ``methods``);
    ``counts`` (pairs, 3) holds how often the first was preferred, the second, and neither. With
    scores s, an answer is "first" with a chance proportional to exp(s_first), "second" to
    exp(s_second), "no difference" to nu exp((s_first + s_second) / 2). Without such answers this is
    the Bradley-Terry model. The pairs asked must connect all methods (`connected`).

    If a group of methods was never beaten by the others, or if scores and nu can grow together
    (`finite`), the maximum lies at infinity (perfect separation). Then half an answer for each side
    is added to every pair asked, and ``separated`` is True: the scores are finite, and the lead of
    the group is a lower bound.

    Sources: Bradley and Terry 1952, Biometrika 39; Davidson 1970, JASA 65(329); Ford 1957 for the
    condition of a finite maximum of the scores.
    """
    counts = np.asarray(counts, dtype=float)
    separated = not finite(first, second, counts, methods)
    if separated:
        counts = counts + np.array([0.5, 0.5, 0.0]) * (counts.sum(1, keepdims=True) > 0)
    ties = bool(counts[:, SAME].any())
    design = np.zeros((len(first), methods))
    design[np.arange(len(first)), first] = 1
    design[np.arange(len(first)), second] = -1
    n = counts.sum(1)
    value = np.zeros(methods + 1)
    share = counts[:, SAME].sum() / n.sum()
    value[-1] = np.log(2 * share / (1 - share)) if 0 < share < 1 else 0.0
    inverse = np.empty((methods + 1, methods + 1))
    chance = np.empty_like(counts)
    for _ in range(_ROUNDS):
        chance = chances(design @ value[:-1], value[-1] if ties else -np.inf)
        residual = counts - n[:, None] * chance
        inverse = np.linalg.inv(_information(design, n, chance, ties))
        slope = np.append(design.T @ (residual[:, A] - residual[:, B]) / 2, 0.0)
        slope[-1] = residual[:, SAME].sum() if ties else 0.0
        step = inverse @ slope
        largest = float(np.abs(step).max())
        value += step * min(1.0, _STEP / max(largest, 1e-300))
        if largest < 1e-12:
            break
    asked = counts > 0
    likelihood = float((counts[asked] * np.log(chance[asked])).sum())
    inverse = np.asarray(inverse, dtype=np.float64)
    inverse[:-1, :-1] -= 1 / methods  # undo the term that fixes the sum at 0
    return Fit(
        value[:-1] - value[:-1].mean(),
        float(value[-1]) if ties else -np.inf,
        inverse,
        chance,
        likelihood,
        separated,
    )


def chances(gap: Floats, tie: float) -> Floats:
    """The chance of each answer, (pairs, 3), where the first is ``gap`` logits ahead."""
    logits = np.stack([gap / 2, -gap / 2, np.full_like(gap, tie)], axis=1)
    raised = np.exp(logits - logits.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def _information(design: Floats, n: Floats, chance: Floats, ties: bool) -> Floats:
    """Fisher's information of scores and tie, with 1 / methods added so that it can be inverted."""
    methods = design.shape[1]
    gap = chance[:, A] - chance[:, B]
    same = chance[:, SAME]
    own = n * (1 - same - gap**2) / 4
    out = np.zeros((methods + 1, methods + 1))
    out[:-1, :-1] = (design * own[:, None]).T @ design + 1 / methods
    out[-1, -1] = 1.0
    if ties:
        out[-1, -1] = float((n * same * (1 - same)).sum())
        out[-1, :-1] = out[:-1, -1] = design.T @ (-n * same * gap / 2)
    return out


def answer_slopes(fit: Fit, pair: Ints, answer: Ints) -> Floats:
    """The slope of each answer's log-likelihood by the gap of its pair and by the tie: (n, 2).

    ``pair`` is the number of the pair asked, ``answer`` one of A, B, SAME.
    """
    chance = fit.chance[pair]
    seen = np.array([0.5, -0.5, 0.0])[answer]
    by_gap = seen - (chance[:, A] - chance[:, B]) / 2
    return np.stack([by_gap, (answer == SAME) - chance[:, SAME]], axis=1)


def reachable(beats: Floats | np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> Floats:
    """Which methods can be reached from which others by steps of ``beats`` (methods, methods)."""
    size = len(beats)
    found = (np.asarray(beats) > 0) | np.eye(size, dtype=bool)
    for _ in range(max(1, int(np.ceil(np.log2(max(size, 2)))))):
        found = (found.astype(float) @ found.astype(float)) > 0
    return found.astype(float)


def finite(first: Ints, second: Ints, counts: Floats, methods: int) -> bool:
    """Whether a finite maximum exists.

    Every group of methods must have lost to or tied with another. With ties, nu is estimated too:
    if one step between the methods of every pair explains both its wins (a lead of one step or
    more) and its ties (one step or less), the likelihood grows for ever with the length of the step
    and nu. An example is a pair with wins for one side and ties only.
    """
    beats = np.zeros((methods, methods))
    np.add.at(beats, (first, second), counts[:, A] + counts[:, SAME])
    np.add.at(beats, (second, first), counts[:, B] + counts[:, SAME])
    if not (reachable(beats) > 0).all():
        return False
    return not counts[:, SAME].any() or not _steps_explain(first, second, counts, methods)


def _steps_explain(first: Ints, second: Ints, counts: Floats, methods: int) -> bool:
    """Whether some positions lead by at least 1 for every win and by at most 1 for every tie.

    These are bounds on differences of positions, which have a solution if no cycle of bounds has a
    negative sum.
    """
    bound = np.full((methods, methods), np.inf)  # position of the column - position of the row
    np.fill_diagonal(bound, 0.0)
    ends = ((first, second, A), (second, first, B))
    for winner, loser, won in ends:
        tied = counts[:, SAME] > 0
        np.minimum.at(bound, (winner[tied], loser[tied]), 1.0)
        won_once = counts[:, won] > 0
        np.minimum.at(bound, (winner[won_once], loser[won_once]), -1.0)
    for middle in range(methods):
        np.minimum(bound, bound[:, middle, None] + bound[None, middle], out=bound)
    return bool((np.diag(bound) >= 0).all())


def connected(first: Ints, second: Ints, asked: Floats, methods: int) -> list[list[int]]:
    """Groups of methods that the pairs asked (``asked`` > 0) connect: one group is one scale."""
    met = np.zeros((methods, methods))
    np.add.at(met, (first, second), asked)
    groups = reachable(met + met.T) > 0
    return [list(map(int, np.flatnonzero(row))) for row in np.unique(groups, axis=0)[::-1]]
