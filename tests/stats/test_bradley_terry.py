"""The scale of pair comparisons against published numbers and other programs."""

from __future__ import annotations

import shutil
import subprocess
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog, minimize

from srbench.stats.analyze_pairs import analyze_pairs
from srbench.stats.bradley_terry import chances, connected, fit_scale

approx = pytest.approx
JOURNALS = ["Biometrika", "Comm. Statist.", "JASA", "JRSS-B"]
WINS = np.array([[0, 730, 498, 221], [33, 0, 68, 17], [320, 813, 0, 142], [284, 276, 325, 0]])
ENDS = np.array(list(combinations(range(4), 2)))


def table(wins: np.ndarray) -> np.ndarray:
    ends = list(combinations(range(len(wins)), 2))
    return np.array([[wins[a, b], wins[b, a], 0] for a, b in ends], dtype=float)


def random_counts(seed: int, methods: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    ends = np.array(list(combinations(range(methods), 2)))
    quality = rng.normal(0, 1, methods)
    chance = chances(quality[ends[:, 0]] - quality[ends[:, 1]], 0.3 if ties else -np.inf)
    return ends, np.array([rng.multinomial(60, p) for p in chance], dtype=float)


def test_the_citations_of_four_journals():
    """Agresti, Categorical Data Analysis; BradleyTerry2 1.1.2 prints these to nine digits."""
    fit = fit_scale(ENDS[:, 0], ENDS[:, 1], table(WINS), 4)
    against = fit.scores - fit.scores[0]
    assert against[1:] == approx([-2.9490724968, -0.4795697698, 0.2689540558], abs=1e-9)
    v = fit.inverse[:-1, :-1]
    error = np.sqrt(np.diag(v) + v[0, 0] - 2 * v[0])[1:]
    assert error == approx([0.10254533537, 0.06058872924, 0.07082996511], abs=1e-8)
    assert fit.scores.sum() == approx(0, abs=1e-12)
    assert not fit.separated


@pytest.mark.slow
def test_the_citations_in_r(tmp_path):
    if shutil.which("Rscript") is None:
        pytest.skip("R is not installed (apt-get install r-cran-bradleyterry2)")
    script = """
    if (!requireNamespace("BradleyTerry2", quietly=TRUE)) quit(status=7)
    suppressMessages(library(BradleyTerry2))
    d <- read.csv(commandArgs(trailingOnly=TRUE)[1])
    names <- sort(unique(c(d$a, d$b)))
    d$a <- factor(d$a, names); d$b <- factor(d$b, names)
    m <- BTm(cbind(wins_a, wins_b), a, b, data=d)
    s <- BTabilities(m)
    write.csv(data.frame(ability=s[,1], se=s[,2]), stdout())
    """
    for seed in range(3):
        ends, counts = random_counts(seed, 6, ties=False)
        names = [f"m{i}" for i in range(6)]
        pd.DataFrame(
            {
                "a": [names[i] for i in ends[:, 0]],
                "b": [names[i] for i in ends[:, 1]],
                "wins_a": counts[:, 0],
                "wins_b": counts[:, 1],
            }
        ).to_csv(tmp_path / "counts.csv", index=False)
        (tmp_path / "fit.R").write_text(script)
        ran = subprocess.run(
            ["Rscript", str(tmp_path / "fit.R"), str(tmp_path / "counts.csv")],
            capture_output=True,
            text=True,
        )
        if ran.returncode == 7:
            pytest.skip("R lacks BradleyTerry2 (apt-get install r-cran-bradleyterry2)")
        assert ran.returncode == 0, ran.stderr
        found = np.array([line.split(",")[1:] for line in ran.stdout.split()[1:]], dtype=float)
        fit = fit_scale(ends[:, 0], ends[:, 1], counts, 6)
        assert fit.scores - fit.scores[0] == approx(found[:, 0], abs=1e-6)
        v = fit.inverse[:-1, :-1]
        error = np.sqrt(np.diag(v) + v[0, 0] - 2 * v[0])
        assert error == approx(found[:, 1], abs=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_choix_and_evalica_find_the_same_scale(seed):
    choix = pytest.importorskip("choix", reason="needs choix (pip install '.[test]')")
    evalica = pytest.importorskip("evalica", reason="needs evalica (pip install '.[test]')")
    ends, counts = random_counts(seed, 7, ties=False)
    fit = fit_scale(ends[:, 0], ends[:, 1], counts, 7)
    wins = np.zeros((7, 7))
    wins[ends[:, 0], ends[:, 1]], wins[ends[:, 1], ends[:, 0]] = counts[:, 0], counts[:, 1]
    other = choix.ilsr_pairwise_dense(wins)
    assert fit.scores == approx(other - other.mean(), abs=1e-6)
    first, second = np.repeat(ends[:, 0], 2), np.repeat(ends[:, 1], 2)
    winners = [evalica.Winner.X, evalica.Winner.Y] * len(ends)
    strength = evalica.bradley_terry(
        [f"m{i}" for i in first],
        [f"m{i}" for i in second],
        winners,
        weights=counts[:, :2].ravel(),
        tolerance=1e-12,
        limit=10_000,
    ).scores
    theirs = np.log(strength.sort_index().to_numpy())
    assert fit.scores == approx(theirs - theirs.mean(), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_ties_are_davidson_s(seed):
    """The likelihood as Davidson wrote it, maximised by a general optimiser."""
    ends, counts = random_counts(seed, 5, ties=True)
    fit = fit_scale(ends[:, 0], ends[:, 1], counts, 5)

    def loss(value: np.ndarray) -> float:
        worth, nu = np.exp(np.append(value[:4], -value[:4].sum())), np.exp(value[4])
        a, b = worth[ends[:, 0]], worth[ends[:, 1]]
        same = nu * np.sqrt(a * b)
        chance = np.stack([a, b, same], axis=1) / (a + b + same)[:, None]
        return -float((counts * np.log(chance)).sum())

    best = minimize(loss, np.zeros(5), method="BFGS", options={"gtol": 1e-8})
    assert fit.scores[:4] == approx(best.x[:4], abs=1e-5)
    assert fit.tie == approx(best.x[4], abs=1e-5)
    assert -fit.log_likelihood == approx(best.fun, abs=1e-8)
    step = 1e-3 * np.eye(5)
    curve = np.array(
        [
            [
                sum(i * j * loss(best.x + i * a + j * b) for i in (1, -1) for j in (1, -1)) / 4e-6
                for a in step
            ]
            for b in step
        ]
    )
    error = np.sqrt(np.diag(np.linalg.inv(curve)))
    assert np.sqrt(np.diag(fit.inverse)[:4]) == approx(error[:4], rel=1e-3)
    assert np.sqrt(fit.inverse[-1, -1]) == approx(error[4], rel=1e-3)


def test_a_sweep_is_made_finite_and_said_so():
    wins = np.array([[0, 20, 20], [0, 0, 12], [0, 8, 0]])
    ends = np.array(list(combinations(range(3), 2)))
    fit = fit_scale(ends[:, 0], ends[:, 1], table(wins), 3)
    assert fit.separated
    assert np.isfinite(fit.scores).all()
    half = table(wins) + np.array([0.5, 0.5, 0])
    same = fit_scale(ends[:, 0], ends[:, 1], half, 3)
    assert not same.separated
    assert fit.scores == approx(same.scores)
    assert fit.scores[0] - fit.scores[1] > np.log(20)


def test_only_no_difference_is_separated_too():
    counts = np.array([[0.0, 0, 9], [0, 0, 9], [0, 0, 9]])
    ends = np.array(list(combinations(range(3), 2)))
    fit = fit_scale(ends[:, 0], ends[:, 1], counts, 3)
    assert fit.separated
    assert fit.scores == approx(np.zeros(3), abs=1e-9)


def test_what_was_never_compared_stands_apart():
    groups = connected(np.array([0, 1, 3]), np.array([1, 2, 4]), np.ones(3), 5)
    assert sorted(groups) == [[0, 1, 2], [3, 4]]


def test_one_jod_is_three_wins_in_four():
    assert chances(np.array([np.log(3)]), -np.inf)[0, 0] == approx(0.75)


def grows_for_ever(ends: np.ndarray, counts: np.ndarray, methods: int) -> bool:
    """Whether some direction of scores and log nu never lowers the likelihood: a linear program."""
    below = []
    for (a, b), seen in zip(ends, counts, strict=True):
        exponents = np.zeros((3, methods + 1))
        exponents[0, [a, b]], exponents[1, [a, b]], exponents[2, -1] = (0.5, -0.5), (-0.5, 0.5), 1
        for answer in np.flatnonzero(seen):
            below += [other - exponents[answer] for other in exponents]
    rows = np.array(below)
    found = linprog(rows.sum(0), A_ub=rows, b_ub=np.zeros(len(rows)), bounds=(-1, 1))
    return found.fun < -1e-9


def test_separation_is_found_wherever_a_linear_program_finds_it():
    rng = np.random.default_rng(0)
    separated = 0
    for _ in range(150):
        methods = int(rng.integers(2, 5))
        ends = np.array(list(combinations(range(methods), 2)))
        counts = rng.poisson(1.5, (len(ends), 3)) * rng.integers(0, 2, (len(ends), 3))
        ends, counts = ends[counts.any(1)], counts[counts.any(1)].astype(float)
        if not counts[:, 2].any() or len(connected(*ends.T, counts.sum(1), methods)) > 1:
            continue
        fit = fit_scale(*ends.T, counts, methods)
        assert fit.separated == grows_for_ever(ends, counts, methods), counts
        assert np.abs(fit.scores).max() < 12
        separated += fit.separated
    assert 30 < separated < 120


def test_a_version_preferred_or_alike_but_never_worse_has_a_wide_interval():
    """One preference and one "no difference": nu and the lead grow for ever, no step is certain."""
    answers = pd.DataFrame(
        [("r0", "i", "same"), ("r1", "i", "a")], columns=["rater", "image", "answer"]
    ).assign(dataset="D", method_a="mine", method_b="theirs")
    tables = analyze_pairs(answers)
    (head,) = tables["pairwise"][tables["pairwise"]["test"] == "bradley-terry-crossed"].to_dict(
        "records"
    )
    assert head["mos_difference"] == approx(np.log(1.5 / 0.5))
    assert head["ci_low"] < -2
    assert head["ci_high"] > 4
    assert not head["significant"]
    assert "no finite scale fits" in head["note"]
