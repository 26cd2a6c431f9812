"""Variance components and the pooled model against lme4 and lmerTest.

The figures of R stand here as constants; where R has the packages it is asked again.
"""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
from simulated_ratings import PAPER_METHODS, simulate

from srbench.stats import check_ratings
from srbench.stats.analyze import analyze
from srbench.stats.cells import cells
from srbench.stats.intervals import variance_components
from srbench.stats.pooled_model import pooled_differences
from srbench.stats.reliability import agreement_intervals, intraclass
from srbench.stats.reml import reml_components

approx = pytest.approx
METHODS = {name: PAPER_METHODS[name] for name in ("bicubic", "srresnet-mse", "srgan-mse", "HR")}
PAIRS = [("HR", "bicubic"), ("HR", "srgan-mse"), ("srgan-mse", "srresnet-mse")]
ESTIMATES, ERROR, DF = (2.3928571429, 0.5, 0.4761904762), 0.2493411657, 33.33776001
P = (4.048761504e-11, 5.310612533e-02, 6.479518417e-02)
COMPONENTS = (0.07119658702, 1.26040899321, 0.41359472072)  # rater, stimulus, rest


def votes() -> pd.DataFrame:
    return simulate(
        np.random.default_rng(3), 12, {"Set5": 7}, METHODS,
        image_sd=0.5, image_method_sd=0.4, rater_method_sd=0.4,
    )  # fmt: skip


def uneven(shared) -> np.ndarray:
    """Votes of 26 people; low ones are missing more often, and unlike from rater to rater."""
    table = pd.read_csv(shared / "ratings" / "nflx_public_raw.csv")
    wide = table.pivot_table("score", "rater", "path").to_numpy(copy=True)
    share = np.where(wide <= 2, 0.6, 0.2) * np.linspace(0.4, 1.6, len(wide))[:, None]
    wide[np.random.default_rng(0).random(wide.shape) < share] = np.nan
    return wide


def test_the_pooled_model_is_lmertest_s():
    found = pooled_differences(cells(check_ratings(votes())), PAIRS)
    assert found is not None
    assert [each.mean for each in found] == approx(ESTIMATES)
    assert [each.variance**0.5 for each in found] == approx([ERROR] * 3, rel=1e-5)
    assert [each.df for each in found] == approx([DF] * 3, rel=1e-4)
    assert [each.test()[1] for each in found] == approx(P, rel=1e-4)


def test_the_pooled_model_is_a_row_of_the_sensitivity_table():
    table = analyze(votes(), resamples=100)["sensitivity"]
    row = table[table["variant"].str.startswith("pooled")].iloc[0]
    assert row["significant"] >= 1
    part = analyze(votes().iloc[1:], resamples=100)["sensitivity"]
    row = part[part["variant"].str.startswith("pooled")].iloc[0]
    assert row["note"].startswith("not computed: votes are missing")
    assert np.isnan(row["significant"])


def test_components_of_uneven_votes_are_lme4_s(shared):
    table = uneven(shared)
    parts = reml_components(table)
    assert parts is not None
    assert (parts.raters, parts.images, parts.rest) == approx(COMPONENTS, rel=2e-5)
    single, _ = intraclass(table)
    assert single == approx(0.72221452, abs=2e-6)
    henderson = variance_components(table)
    assert henderson is not None
    assert henderson.images < 0.8 * parts.images  # why it is not used there


def test_complete_tables_need_no_likelihood():
    table = np.random.default_rng(0).normal(size=(8, 1)) + np.random.default_rng(1).normal(
        size=(8, 20)
    )
    table += np.random.default_rng(2).normal(size=(1, 20))
    ours, plain = reml_components(table), variance_components(table)
    assert ours is not None
    assert plain is not None
    assert (ours.raters, ours.images, ours.rest) == approx(
        (plain.raters, plain.images, plain.rest), rel=1e-4
    )


@pytest.mark.parametrize("table", [np.full((3, 4), 2.0), np.full((3, 4), np.nan), np.ones((1, 4))])
def test_nothing_is_estimated_from_nothing(table):
    assert reml_components(table) is None


def test_intervals_of_agreement_hold_the_estimate_and_shrink():
    widths = []
    for raters, images in ((8, 5), (26, 20)):
        block = cells(
            check_ratings(simulate(np.random.default_rng(1), raters, {"Mine": images}, METHODS))
        )
        table = block.scores.transpose(1, 2, 0).reshape(raters, -1)
        found = agreement_intervals(table, table, np.repeat(np.arange(images), len(METHODS)))
        low, high = found["icc_a1"]
        assert low < intraclass(table)[0] < high < 1
        widths.append(high - low)
        assert all(a < b for a, b in found.values())
    assert widths[1] < 0.7 * widths[0]


def test_the_change_of_a_mos_without_flagged_raters_is_told():
    table = votes()
    careless = table["rater"] == "r0003"
    noise = np.random.default_rng(4).integers(1, 6, int(careless.sum()))
    table.loc[careless, "score"] = noise
    found = analyze(table, resamples=100)
    row = found["sensitivity"].query("variant == 'without raters flagged by any rule'").iloc[0]
    assert found["raters"].query("flagged")["rater"].tolist() == ["r0003"]
    method = row["mos_changed_method"]
    own = table[table["method"] == method]
    by_hand = own.loc[own["rater"] != "r0003", "score"].mean() - own["score"].mean()
    assert row["mos_change"] == approx(by_hand)
    assert abs(by_hand) > 0.05


R = """
suppressMessages(library(lmerTest))
d <- read.csv("votes.csv")
d$method <- factor(d$method, levels = c("HR", "bicubic", "srgan-mse", "srresnet-mse"))
m <- lmer(score ~ method + (1|rater) + (1|image) + (1|rater:method) + (1|image:method) +
          (1|rater:image), d)
L <- rbind(c(0, -1, 0, 0), c(0, 0, -1, 0), c(0, 0, 1, -1))
t <- contest(m, L, joint = FALSE)
cat(t$Estimate, t$`Std. Error`[1], t$df[1], t$`Pr(>|t|)`, "\n")
u <- lmer(score ~ 1 + (1|rater) + (1|stimulus), read.csv("uneven.csv"))
v <- as.data.frame(VarCorr(u))
cat(v$vcov[v$grp == "rater"], v$vcov[v$grp == "stimulus"], v$vcov[v$grp == "Residual"], "\n")
"""


@pytest.mark.slow
def test_r_says_the_same_today(shared, tmp_path):
    if not shutil.which("Rscript"):
        pytest.skip("R is not here (Debian: r-cran-lme4, r-cran-lmertest)")
    votes().to_csv(tmp_path / "votes.csv", index=False)
    table = uneven(shared)
    rater, stimulus = np.nonzero(~np.isnan(table))
    frame = {"rater": rater, "stimulus": stimulus, "score": table[rater, stimulus]}
    pd.DataFrame(frame).to_csv(tmp_path / "uneven.csv", index=False)
    ran = subprocess.run(["Rscript", "-e", R], cwd=tmp_path, capture_output=True, text=True)
    if "there is no package" in ran.stderr:
        pytest.skip("R lacks lmerTest (Debian: r-cran-lmertest)")
    assert ran.returncode == 0, ran.stderr
    tests, components = (list(map(float, line.split())) for line in ran.stdout.splitlines())
    assert tests == approx([*ESTIMATES, ERROR, DF, *P], rel=1e-4)
    assert components == approx(COMPONENTS, rel=1e-4)
