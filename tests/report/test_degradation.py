"""A degradation study has DMOS (DCR), never MOS."""

import re

import numpy as np
import pandas as pd
import pytest

from srbench.errors import RatingsError
from srbench.report.analysis import write_study_analysis
from srbench.stats import analyze, check_ratings
from srbench.stats.reading import read_study_table

TRUE = {"bicubic": 2.2, "espcn": 3.0, "mine": 4.1}


@pytest.fixture
def grades():
    rng = np.random.default_rng(0)
    rows = [
        (f"r{rater}", "Set5", f"i{image}", method, int(np.clip(np.rint(grade), 1, 5)))
        for rater in range(8)
        for image in range(6)
        for method, mean in TRUE.items()
        for grade in [rng.normal(mean, 0.6)]
    ]
    return pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])


def test_tables_and_words_of_degradation_do_not_speak_of_mos(grades, tmp_path):
    write_study_analysis(grades.assign(procedure="dcr"), tmp_path / "d", resamples=100)
    write_study_analysis(grades, tmp_path / "g", resamples=100)
    mos, same = (pd.read_csv(tmp_path / folder / "mos.csv") for folder in "dg")
    assert set(mos["procedure"]) == {"dcr"}
    assert mos["mos"].isna().all()
    pd.testing.assert_series_equal(mos["dmos"], same["mos"], check_names=False)
    pd.testing.assert_series_equal(mos["dmos_ci_low"], same["ci_low"], check_names=False)
    assert not mos["note"].fillna("").str.contains("no DMOS").any()
    assert set(same["procedure"]) == {"acr"}
    stimuli = pd.read_csv(tmp_path / "d/stimuli.csv")
    assert stimuli["mos"].isna().all()
    assert stimuli["dmos"].between(1, 5).all()

    page = (tmp_path / "d/analysis.html").read_text()
    words = " ".join(re.sub(r"<[^>]*>|data:[^\"']*", " ", page).split())
    assert re.search(r"best DMOS \(DCR\) 4\.\d\d mine", words)
    assert "degradation category rating in comparison with the labelled original" in words
    assert not re.search(r"(?<![\w])MOS(?!\w)", words)
    assert "absolute category" not in words
    assert "Beside the paper" not in words
    table = (tmp_path / "d/tables/mos.md").read_text()
    assert "DMOS (DCR) ↑" in table
    assert "ACR-HR" not in table
    assert "DMOS (ACR-HR) ↑" in (tmp_path / "g/tables/mos.md").read_text()
    svg = (tmp_path / "d/figures").glob("mos_*")
    assert list(svg)


def test_the_same_grades_lead_to_the_same_differences(grades):
    found, same = (
        analyze(grades.assign(procedure="dcr"), resamples=100),
        analyze(grades, resamples=100),
    )
    columns = [c for c in same["pairwise"] if c != "procedure"]
    pd.testing.assert_frame_equal(found["pairwise"][columns], same["pairwise"][columns])
    claims = [claim.replace("DMOS (DCR)", "MOS") for claim in found["claims"]["claim"]]
    assert claims == list(same["claims"]["claim"])


def test_two_questions_in_one_table_are_refused(grades, tmp_path):
    half = grades.assign(procedure=["dcr"] * 10 + ["acr"] * (len(grades) - 10))
    with pytest.raises(RatingsError, match="'acr', 'dcr'; expected one of acr, dcr throughout"):
        check_ratings(half)
    with pytest.raises(RatingsError, match="'pair'"):
        check_ratings(grades.assign(procedure="pair"))
    assert set(check_ratings(grades.assign(procedure=" DCR"))["procedure"]) == {"dcr"}
    pairs = tmp_path / "pairs.csv"
    pairs.write_text("rater,dataset,image,method_a,method_b,answer,procedure\na,Set5,i,x,y,a,acr\n")
    with pytest.raises(RatingsError, match="expected one of pair"):
        read_study_table(pairs)
