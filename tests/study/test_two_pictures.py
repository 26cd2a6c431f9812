"""Answers about two pictures are stored like grades and exported unchanged."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import insert, select
from study_servers import strolling_clock

from srbench.errors import StudyError
from srbench.stats import analyze
from srbench.stats.reading import read_study_table
from srbench.study import schema
from srbench.study.importing import import_ratings
from srbench.study.making import new_study
from srbench.study.procedure import SAME, SECOND
from srbench.study.ratings import export_ratings, ratings_csv, ratings_rows
from srbench.study.session import GAP, OPENING_STEPS, parse_submission, window_needed
from srbench.study.simulate import enlist, perfect_submission, simulate
from srbench.study.status import study_status
from srbench.study.store import open_study, utc_now

KINDS = {
    "pair-side": {"procedure_name": "pair", "no_difference": True, "pairs": "hr"},
    "pair-place": {"procedure_name": "pair", "mode": "place"},
    "dcr-place": {"procedure_name": "dcr", "mode": "place"},
}


@pytest.fixture(scope="module")
def made(results, calibration, tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    for kind, asked in KINDS.items():
        new_study(
            results, root / kind, calibration="Practice", data_root=calibration, retests=2, gold=2,
            raters=5, open_access=True, datasets=["Five"], **asked,
        )  # fmt: skip
    return root


@pytest.fixture(params=list(KINDS))
def kind(request):
    return request.param


@pytest.fixture
def two(made, kind, tmp_path, database):
    shutil.copytree(made / kind, tmp_path / "study")
    study = open_study(tmp_path / "study", database, clock=strolling_clock())
    yield study
    study.store.close()


@pytest.fixture
def fresh(made, tmp_path):
    """Opens a study of a kind, in SQLite."""

    def copy(kind):
        shutil.copytree(made / kind, tmp_path / kind)
        return open_study(tmp_path / kind)

    return copy


def at_the_first_trial(study):
    session, token = study.store.enter()
    for step in OPENING_STEPS:
        study.store.confirm(session, step)
    return session, token, study.store.screen(session)


def test_an_answer_is_stored_once_with_what_stood_where(two):
    session, token, screen = at_the_first_trial(two)
    trial = screen.trial
    assert len(trial.stimuli) == two.manifest.asks.pictures == 2
    good = replace(perfect_submission(two.manifest, trial, 1, 900), toggles=3, focus_lost=1)
    for wrong in (
        {"stimulus": trial.second, "second": trial.stimulus},  # the other way round
        {"second": None},
        {"second": two.store.playlist(session)[-1].second},
        {"score": 0},
        {"score": 7},
        {"toggles": None},
        {"second_ms": None},
        {"second_ms": 901},
        {"pinch": 1.5},
        {"pinch": float("nan")},
        {"focus_lost": -1},
        {"drawn_width": 2 * good.drawn_width},
    ):
        outcome = two.store.vote(session, replace(good, **wrong))
        same = trial.stimulus == trial.second and "stimulus" in wrong
        assert outcome.verdict == ("accepted" if same else "refused"), wrong
        if same:
            assert two.store.undo(session, 0, 1)
            good = replace(good, attempt=2)
    assert two.store.vote(session, good).verdict == "accepted"
    assert two.store.vote(session, good).verdict == "repeated"
    assert two.store.vote(session, replace(good, score=2)).verdict == "differs"
    # A second tab, or another server, stands at the next trial and finds the same.
    url = two.store.engine.url.render_as_string(False)
    other = open_study(two.folder, url, clock=two.store._clock)
    again = other.store.resume(token)
    assert again
    there = other.store.screen(again)
    assert there.undo == (0, good.attempt)
    assert there.untold
    assert there.untold.score == 1
    assert other.store.undo(again, 0, good.attempt)
    assert two.store.vote(session, good).verdict == "stale"
    good = replace(good, score=2, attempt=good.attempt + 1)
    assert other.store.vote(again, good).verdict == "accepted"
    other.store.close()
    (row,) = ratings_rows(two.store)
    assert (row["stimulus"], row["second"]) == trial.stimuli
    assert (row["toggles"], row["second_ms"], row["focus_lost"]) == (3, good.second_ms, 1)
    assert (row["pinch"], row["forced_colors"]) == (1.0, False)
    if two.manifest.asks.name == "pair":
        shown = {"a": row["method_a"], "b": row["method_b"]}
        assert [shown[row["first"]], shown[row["answer"]]] == [
            two.manifest.by_id[stimulus].method for stimulus in trial.stimuli
        ]
    else:
        assert (row["score"], row["method"]) == (2, two.manifest.by_id[trial.second].method)


def test_the_database_itself_refuses_a_pair_on_the_other_side(two):
    session, _, screen = at_the_first_trial(two)
    vote = {"session_id": session.id, "trial": 0, "attempt": 1, "score": 1, "simulated": False}
    shown = {"stimulus": screen.trial.stimulus, "second": two.store.playlist(session)[-1].second}
    with pytest.raises(StudyError), two.store.write() as connection:
        connection.execute(insert(schema.votes).values(**vote, **shown))
    with two.store.read() as connection:
        assert connection.execute(select(schema.votes)).all() == []


def test_simulated_raters_go_the_whole_way_and_the_table_comes_back(two, made, kind, tmp_path):
    simulate(two.store, 4, seed=3, careless=1, dropouts=1)
    rows = ratings_rows(two.store)
    asks = two.manifest.asks
    assert {row["procedure"] for row in rows} == {asks.name}
    assert Counter(row["phase"] for row in rows)["retest"] >= 2 * 2
    file = tmp_path / "table.csv"
    assert export_ratings(two.store, file) == len(rows)
    shutil.copytree(made / kind, tmp_path / "copy")
    copy = open_study(tmp_path / "copy")
    added = import_ratings(copy.store, file)
    assert (added.raters, added.votes) == (4, len(rows))
    assert ratings_csv(copy.store) == file.read_text("utf-8")
    assert import_ratings(copy.store, file).repeated == len(rows)
    copy.store.close()
    # What the statistics make of the file and of the rows is the same.
    tables, same = analyze(read_study_table(file)), analyze(pd.DataFrame(rows))
    name = "scale" if asks.name == "pair" else "mos"
    pd.testing.assert_frame_equal(tables[name], same[name])
    if kind == "pair-side":  # which has the original among its versions
        assert tables["scale"].set_index("method")["score"].idxmax() == "HR"
    status = study_status(two.store, utc_now())
    assert len(status.stimulus_votes) == len(two.manifest.items)
    careless = next(r for r in status.raters if r.rater == "sim-3-001")
    assert careless.done == careless.of
    assert two.store.erase("sim-3-001").votes == careless.done
    assert "sim-3-001" not in ratings_csv(two.store)


def test_drifting_raters_are_refused_where_two_pictures_are_compared(fresh):
    study = fresh("pair-side")
    with pytest.raises(StudyError, match="expected 0"):
        next(iter(enlist(study.store, 3, 1, drifting=1)))


def test_a_pair_table_from_elsewhere_is_taken_as_meant_or_refused(fresh, tmp_path):
    study = fresh("pair-side")
    a, b = (study.manifest.by_id[s] for s in study.manifest.pairs[0])
    head = "rater,dataset,image,method_a,method_b,answer,first\n"
    row = f"{a.dataset},{a.image}"
    file = tmp_path / "t.csv"
    file.write_text(
        f"{head}ann,{row},{a.method},{b.method},a,b\nben,{row},{b.method},{a.method},b,\n"
        f"cy,{row},{b.method},{a.method},same,a\n"
    )
    import_ratings(study.store, file)
    found = {
        r["rater"]: (r["answer"], r["first"], r["method_a"]) for r in ratings_rows(study.store)
    }
    # Methods stand as in the manifest; what stood first is not invented where it is not told.
    assert found == {
        "ann": ("a", "b", a.method), "ben": ("a", None, a.method), "cy": ("same", "b", a.method),
    }  # fmt: skip
    with study.store.read() as connection:
        scores = connection.execute(select(schema.votes.c.score, schema.votes.c.stimulus)).all()
    # ann chose a, which stood second; of ben, a stands second in his row; b stood first for cy.
    assert {tuple(s) for s in scores} == {(SECOND, b.id), (SECOND, None), (SAME, b.id)}
    for bad, reason in (
        (f"dan,{row},{a.method},{b.method},c,a\n", "expected answer a, b or same"),
        (f"dan,{row},{a.method},{b.method},a,left\n", "first left"),
        (f"dan,{row},{a.method},{a.method},a,a\n", "not a pair of this study"),
        (f"ann,{row},{b.method},{a.method},a,a\n", "another vote"),
    ):
        file.write_text(head + bad)
        with pytest.raises(StudyError, match=reason):
            import_ratings(study.store, file)
    grades = tmp_path / "g.csv"
    grades.write_text(f"rater,dataset,image,method,score\neve,{row},{a.method},4\n")
    with pytest.raises(StudyError, match="lacks the columns method_a, method_b, answer"):
        import_ratings(study.store, grades)


def test_a_window_holds_two_pictures_and_the_gap(fresh):
    side, place = (fresh(f"pair-{m}") for m in ("side", "place"))
    for study, width in ((side, 2 * 64 + GAP), (place, 64)):
        assert window_needed(study.manifest, study.manifest.main) == (width, 48)


def test_what_a_page_sends_is_understood_with_and_without_a_second_picture(fresh):
    study = fresh("pair-place")
    session, _ = study.store.enter()
    sent = perfect_submission(study.manifest, study.store.playlist(session)[0], 1, 900)
    message = {**vars(sent), "session": session.nonce, "pinch": 1}
    assert parse_submission(message) == replace(sent, session=session.nonce)
    new = ("second", "toggles", "second_ms", "pinch", "forced_colors", "focus_lost")
    old = {k: v for k, v in message.items() if k not in new}
    assert parse_submission(old) == replace(sent, session=session.nonce, **dict.fromkeys(new))
    for wrong in ({"toggles": "2"}, {"second": 3}, {"forced_colors": 1}, {"more": 1}):
        assert parse_submission({**message, **wrong}) is None
