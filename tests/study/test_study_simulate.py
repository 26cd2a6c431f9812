"""Simulated raters: seeded, finishing, recognisable, and true to their model."""

import shutil

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import select

from srbench.errors import StudyError
from srbench.study import schema
from srbench.study.ratings import ratings_rows
from srbench.study.simulate import simulate, true_quality
from srbench.study.status import study_status
from srbench.study.store import open_study, utc_now


def test_every_simulated_rater_finishes_unless_asked_otherwise(study):
    drawn = simulate(study.store, 4, seed=3)
    assert [r.votes for r in drawn] == [40] * 4
    status = study_status(study.store, utc_now())
    assert {r.state for r in status.raters} == {"finished"}
    assert all(r.simulated for r in status.raters)


def test_the_same_seed_gives_the_same_votes_on_a_fresh_study(folder, made_once, tmp_path):
    tables = []
    for name in ("a", "b"):
        shutil.copytree(made_once, tmp_path / name)
        study = open_study(tmp_path / name)
        simulate(study.store, 3, seed=9, careless=1)
        tables.append(ratings_rows(study.store))
    assert tables[0] == tables[1]


def test_a_seed_is_used_once_in_a_study(study):
    simulate(study.store, 1, seed=3)
    with pytest.raises(StudyError, match="'sim-3-001' exists already; choose another seed"):
        simulate(study.store, 1, seed=3)
    simulate(study.store, 1, seed=4)


def test_an_interrupted_simulation_goes_on_to_the_same_votes(made_once, tmp_path, monkeypatch):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    tables = []
    for name in ("whole", "interrupted"):
        shutil.copytree(made_once, tmp_path / name)
        study = open_study(tmp_path / name)
        if name == "interrupted":
            simulate(study.store, 2, seed=9, careless=1)
            with monkeypatch.context() as patch:
                patch.setattr(type(study.store), "vote_within", stop)
                with pytest.raises(KeyboardInterrupt):  # the third has a session and no vote
                    simulate(study.store, 4, seed=9, careless=1)
        simulate(study.store, 4, seed=9, careless=1)
        tables.append(ratings_rows(study.store))
        with pytest.raises(StudyError, match="'sim-9-001' exists already"):
            simulate(study.store, 4, seed=9, careless=1)
    assert len(tables[0]) == 4 * 40
    assert tables[0] == tables[1]


def test_simulated_stands_in_every_session_and_vote(study):
    simulate(study.store, 2, seed=1)
    with study.store.read() as connection:
        assert set(connection.execute(select(schema.sessions.c.simulated)).scalars()) == {True}
        assert set(connection.execute(select(schema.votes.c.simulated)).scalars()) == {True}


def test_careless_drifting_and_dropping_out_raters_behave_so(folder):
    study = open_study(folder)
    drawn = simulate(study.store, 8, seed=2, careless=2, drifting=1, dropouts=3)
    assert [r.kind for r in drawn] == (
        ["careless"] * 2 + ["drifting"] + ["dropout"] * 3 + ["careful"] * 2
    )
    assert all((r.votes < 40) == (r.kind == "dropout") for r in drawn)
    table = pd.DataFrame(ratings_rows(study.store))
    table["quality"] = table["stimulus"].map(
        true_quality(study.manifest, np.random.default_rng([2, 0]))
    )
    by_rater = {r: t[["score", "quality"]].corr().iloc[0, 1] for r, t in table.groupby("rater")}
    careful = [by_rater[r.rater] for r in drawn if r.kind == "careful"]
    careless = [by_rater[r.rater] for r in drawn if r.kind == "careless"]
    assert min(careful) > 0.6 > 0.4 > max(careless)
    fast = table.groupby("rater")["response_ms"].median()
    assert fast[drawn[0].rater] < 900 < fast[drawn[-1].rater]


def test_the_drawn_bias_is_found_again_in_the_votes(folder):
    study = open_study(folder)
    drawn = simulate(study.store, 20, seed=5)
    table = pd.DataFrame(ratings_rows(study.store))
    means = table[table["phase"] == "main"].groupby("rater")["score"].mean()
    found = [means[r.rater] for r in drawn]
    assert np.corrcoef(found, [r.bias for r in drawn])[0, 1] > 0.8


def test_impossible_numbers_of_raters_are_refused(study):
    with pytest.raises(StudyError, match="0 raters asked for"):
        simulate(study.store, 0, seed=1)
    with pytest.raises(StudyError, match="more than 3 raters"):
        simulate(study.store, 3, seed=1, careless=2, dropouts=2)
