"""Random small studies: every missing number has a note."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from srbench.stats import analyze

METHODS = ("nearest", "srresnet-mse", "srgan-mse", "HR")
RANK_TESTS = ("wilcoxon-images", "wilcoxon-raters", "wilcoxon-pooled")


@st.composite
def designs(draw) -> pd.DataFrame:
    """Ratings of a few raters, images and methods; votes missing, repeated, of other phases."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    datasets = draw(st.sampled_from([("A",), ("A", "B")]))
    methods = draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=4, unique=True))
    raters, images = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    keys = [
        (f"r{rater}", dataset, f"i{image}", method)
        for rater in range(raters)
        for dataset in datasets
        for image in range(images)
        for method in methods
    ]
    votes = pd.DataFrame(keys, columns=["rater", "dataset", "image", "method"])
    lowest, highest = sorted(draw(st.tuples(st.integers(1, 5), st.integers(1, 5))))
    votes["score"] = rng.integers(lowest, highest + 1, len(votes))
    keep = rng.random(len(votes)) < draw(st.sampled_from([0.15, 0.5, 0.9, 1.0]))
    keep[rng.integers(len(votes))] = True
    votes = votes[keep].assign(phase="main", repetition=0)
    others = [votes]
    if draw(st.booleans()):
        part = votes.sample(frac=0.4, random_state=0)
        others.append(part.assign(repetition=1, score=rng.integers(1, 6, len(part))))
    if draw(st.booleans()):
        part = votes.sample(frac=0.4, random_state=1)
        others.append(part.assign(phase="retest", score=rng.integers(1, 6, len(part))))
    return pd.concat(others, ignore_index=True)


@st.composite
def scored(draw, ratings: pd.DataFrame) -> pd.DataFrame:
    """Two metrics of some of the stimuli, one of them perhaps the same everywhere."""
    stimuli = ratings[ratings["method"] != "HR"][["dataset", "image", "method"]].drop_duplicates()
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parts = [
        stimuli.assign(scale=4, protocol="matlab", metric=metric, value=spread * values)
        for metric, spread in (("psnr_y", 1.0), ("ssim_y", draw(st.sampled_from([0.0, 1.0]))))
        for values in [rng.normal(size=len(stimuli))]
    ]
    return pd.concat(parts, ignore_index=True)


def unexplained(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Rows that lack a number and say nothing about it."""
    numbers = table.drop(columns=[c for c in ("note", "simulated") if c in table])
    silent = numbers.isna()
    if name == "pairwise":  # rank tests have no interval: `pairwise_table` says so
        ranks = table["test"].isin(RANK_TESTS)
        silent.loc[ranks, ["ci_low", "ci_high"]] = False
    told = table["note"] != "" if "note" in table else pd.Series(False, index=table.index)
    return table[silent.any(axis=1) & ~told]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_cell_of_any_table_is_empty_without_a_reason(data):
    ratings = data.draw(designs())
    scores = None
    if (ratings["method"] != "HR").any() and data.draw(st.booleans()):
        main = ratings[ratings["phase"] == "main"]
        scores = data.draw(scored(main)) if (main["method"] != "HR").any() else None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tables = analyze(ratings, scores, resamples=30)
    for name, table in tables.items():
        if name != "reliability":
            silent = unexplained(name, table)
            assert silent.empty, (name, silent)
    numbers = tables["reliability"].iloc[0]
    notes = tables["notes"]
    said = " ".join(notes.loc[notes["table"] == "reliability", "note"])
    words = {"icc": "ICC", "krippendorff": "alpha", "sos": "SOS", "retest": "test-retest"}
    for key, value in numbers.items():
        if value != value:
            assert words[str(key).split("_")[0]] in said, key
    for name in ("mos", "stimuli"):
        table = tables[name].dropna(subset=["ci_low"])
        assert (table["ci_low"] <= table["mos"] + 1e-9).all()
        assert (table["ci_high"] >= table["mos"] - 1e-9).all()
