"""The methods text describes how votes were collected, using only the table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from simulated_ratings import simulate

from srbench.report.study.collection import collection_text
from srbench.stats import check_ratings

ASKED = ["dataset", "image", "method"]


def votes() -> pd.DataFrame:
    return simulate(np.random.default_rng(0), 4, {"Mine": 3}, {"bicubic": 2.0, "srgan": 3.0})


def test_numbers_and_missing_votes_are_told():
    text = collection_text(check_ratings(votes()), "vote", ASKED)
    assert text.startswith("Each stimulus got 4 votes. ")
    assert "the order of trials is not recorded" in text.lower()
    assert "the display of the pictures is not recorded" in text.lower()
    text = collection_text(check_ratings(votes().iloc[3:]), "vote", ASKED)
    assert "3 to 4 votes (median 3.5); 12.5 % of all pairs of a rater and a stimulus" in text


def test_practice_repeats_order_display_and_times_are_told():
    table = votes()
    table["trial"] = table.groupby("rater").cumcount()
    first = table["rater"] == "r0000"
    table.loc[first, "trial"] = 5 - table.loc[first, "trial"]
    table = table.assign(
        phase="main", response_ms=2000, pixel_ratio=np.where(first, 1, 2), window_width=1920,
        window_height=1080,
    )  # fmt: skip
    extra = [table.assign(phase=phase).head(n) for phase, n in
             (("training", 2), ("retest", 1), ("gold", 3))]  # fmt: skip
    text = collection_text(check_ratings(pd.concat([table, *extra])), "vote", ASKED)
    assert "Practice before the first trial: 2 votes, not analysed. " in text
    assert "Repeated trials: 1 vote, used only for reliability. " in text
    assert "Trials with a known right answer: 3 votes, used only to check attention. " in text
    assert "4 raters had 2 orders of trials" in text
    assert "no image was shown twice in a row" in text or "show the same image as" in text
    assert "the device pixel ratio was 1 to 2 and the median window 1920 by 1080" in text
    assert "the median response time was 2.0 s" in text.lower()
