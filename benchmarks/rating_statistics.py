"""The speed of the statistics of a rating study, in CPU time and as ratios measured in one run.

``python benchmarks/rating_statistics.py`` simulates the SRGAN paper's design (29,328 ratings) and
larger ones, and prints Markdown. SUREAL is compared where it is installed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
from scipy import stats
from simulated_ratings import PAPER_IMAGES, simulate

from srbench.report.study.write import write_analysis
from srbench.stats import analyze, check_ratings
from srbench.stats.bias_model import fit_bias_model
from srbench.stats.cells import cells
from srbench.stats.intervals import resample, resampled_means
from srbench.stats.mos import stimuli_table


def paper_design(rng: np.random.Generator, raters: int) -> pd.DataFrame:
    """Every rater rates all 1,128 stimuli of the SRGAN paper."""
    return simulate(rng, raters, PAPER_IMAGES).assign(simulated=True)


def metric_scores(rng: np.random.Generator, ratings: pd.DataFrame) -> pd.DataFrame:
    """Three metrics that follow the mean score more or less."""
    mean = ratings.groupby(["dataset", "image", "method"])["score"].mean().reset_index()
    mean = mean[mean["method"] != "HR"]
    kinds = [("psnr_y", "matlab", 1.0, 1.5), ("ssim_y", "matlab", 0.06, 0.05)]
    kinds += [("lpips_alex", "lpips-v0.1", -0.1, 0.04)]
    rows = [
        mean.assign(scale=4, metric=metric, protocol=protocol)
        .assign(value=slope * mean["score"] + rng.normal(0, noise, len(mean)))
        .drop(columns="score")
        for metric, protocol, slope, noise in kinds
    ]
    return pd.concat(rows, ignore_index=True)


def cpu(work: Callable[[], object], times: int = 3) -> float:
    """The minimum CPU seconds of some runs, summed over threads."""
    found: list[float] = []
    for _ in range(times):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def loop_over_stimuli(votes: pd.DataFrame) -> None:
    """A plain script: a mean and a Student interval per stimulus."""
    for _, part in votes.groupby(["dataset", "image", "method"]):
        score = part["score"]
        stats.t.interval(0.95, len(score) - 1, score.mean(), score.std() / np.sqrt(len(score)))


def loop_over_resamples(table: np.ndarray, rng: np.random.Generator, times: int) -> None:
    """A crossed bootstrap of one mean as it is usually written."""
    raters, images = table.shape
    for _ in range(times):
        drawn = table[rng.integers(0, raters, raters)][:, rng.integers(0, images, images)]
        drawn.mean()


def sureal_model(votes: pd.DataFrame) -> Callable[[], object] | None:
    """SUREAL's bias model on the same votes, or None if it is not installed."""
    try:
        from sureal.dataset_reader import RawDatasetReader
        from sureal.subjective_model import SubjectMLEModelProjectionSolver
    except ImportError:
        return None
    table = votes.assign(stimulus=votes["dataset"] + "/" + votes["image"] + "/" + votes["method"])
    wide = table.pivot(index="stimulus", columns="rater", values="score").sort_index()
    videos = [
        {"content_id": 0, "asset_id": i, "path": key, "os": list(row)}
        for i, (key, row) in enumerate(zip(wide.index, wide.to_numpy(float), strict=True))
    ]
    reference = [{"content_id": 0, "content_name": "all", "path": "all"}]
    study = SimpleNamespace(dataset_name="votes", ref_videos=reference, dis_videos=videos)

    def fit() -> object:
        with contextlib.redirect_stdout(io.StringIO()):
            return SubjectMLEModelProjectionSolver(RawDatasetReader(study)).run_modeling()

    return fit


def main() -> None:
    """Print the tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--largest", type=int, default=1_000_000, help="ratings")
    largest: int = parser.parse_args().largest
    rng = np.random.default_rng(0)
    votes = paper_design(rng, 26)
    scores = metric_scores(rng, votes)
    checked = check_ratings(votes)
    whole = cpu(lambda: analyze(votes, scores))
    print(f"{len(votes):,} ratings, 2,000 resamples: analyze {whole:.1f} s CPU", end="")
    with tempfile.TemporaryDirectory() as folder:
        page = cpu(lambda: write_analysis(votes, Path(folder), scores), 1)
    print(f", with all files, figures and the page {page:.1f} s CPU\n")

    print("| against | of | times slower |\n|---|---|---|")
    fast = cpu(lambda: stimuli_table(checked, None))
    slow = cpu(lambda: loop_over_stimuli(checked), 1)
    print(f"| loop with pandas and SciPy | MOS and interval of 1,128 stimuli | {slow / fast:.0f} |")
    table = cells(checked[checked["dataset"] == "BSD100"]).of("srgan-vgg54")
    fast = cpu(lambda: resampled_means(table, resample(*table.shape, 2000, rng)), 5)
    slow = cpu(lambda: loop_over_resamples(table, rng, 2000), 1)
    print(f"| loop over resamples | crossed bootstrap of one MOS | {slow / fast:.0f} |")
    theirs = sureal_model(checked)
    if theirs is not None:
        fast, slow = cpu(lambda: fit_bias_model(checked)), cpu(theirs, 1)
        print(f"| SUREAL | bias-inconsistency model | {slow / fast:.0f} |")

    print("\n| ratings | analyze, CPU per rating against the first |\n|---|---|")
    first = 0.0
    for raters in sorted({26, 104, 416, largest // 1128}):
        if raters * 1128 > largest:
            continue
        many = paper_design(rng, raters)
        each = cpu(lambda many=many: analyze(many), 1) / len(many)
        first = first or each
        print(f"| {len(many):,} | {each / first:.2f} |", flush=True)


if __name__ == "__main__":
    main()
