"""Payment and use of votes: two decisions, declared in advance and reported with reasons."""

from __future__ import annotations

import csv
import shutil

import pandas as pd
import pytest

from srbench.errors import StudyError
from srbench.report.pairs.words import pair_methods_text
from srbench.report.study.text import methods_text
from srbench.stats import analyze, check_ratings
from srbench.stats.pair_answers import check_answers
from srbench.study.decisions import (
    Answer,
    _reached,  # pyright: ignore[reportPrivateUsage]
    checks,
    decide,
    declared,
    export_decisions,
    left_out,
)
from srbench.study.importing import import_ratings
from srbench.study.making import new_study
from srbench.study.manifest import Accept, Use, load_manifest
from srbench.study.procedure import FIRST, SAME, SECOND, procedure
from srbench.study.ratings import export_ratings, ratings_csv, ratings_rows
from srbench.study.simulate import simulate
from srbench.study.store import open_study

RULES = {"accept": "gold=0.75,minutes=0.1", "use": "gold=0.75,from_ms=900,focus"}


@pytest.fixture(scope="module", params=["acr", "pair"])
def made(request, results, calibration, tmp_path_factory):
    out = tmp_path_factory.mktemp("decided") / "study"
    new_study(
        results, out, procedure_name=request.param, calibration="Practice", data_root=calibration,
        gold=2, retests=0, raters=5, open_access=True, datasets=["Five"], **RULES,
    )  # fmt: skip
    return out


@pytest.fixture
def study(made, tmp_path):
    shutil.copytree(made, tmp_path / "study")
    opened = open_study(tmp_path / "study")
    yield opened
    opened.store.close()


def test_both_lists_say_why_and_nothing_is_deleted(study, tmp_path):
    simulate(study.store, 8, seed=2, careless=3, dropouts=1)
    found = decide(study.store)
    rows = ratings_rows(study.store)
    assert [d.rater for d in found] == [f"sim-2-{n:03d}" for n in range(1, 9)]
    careful = found[4:]
    assert all(d.paid and d.used == d.votes and d.completion_code for d in careful)
    assert found[3].why_unpaid.startswith("not finished")
    assert not found[3].paid
    # Careless raters answer within 0.9 s of the shortest time: 600 to 899 ms.
    assert all(
        d.votes > 0 and d.used == 0 and "sooner than 900 ms" in d.why_left_out for d in found[:3]
    )
    for d in found[:3]:
        wrong = d.gold_right < 0.75 * d.gold_n
        assert ("attention checks right" in d.why_unpaid) == wrong
        assert ("gold: fewer than 0.75 right" in d.why_left_out) == wrong
    assert any(d.gold_right < 0.75 * d.gold_n for d in found[:3])
    excluded = [row for row in rows if row["excluded"]]
    assert {row["rater"] for row in excluded} == {d.rater for d in found[:3]}
    assert {row["phase"] for row in excluded} == {"main"}
    assert len(excluded) == sum(d.votes - d.used for d in found)

    file = tmp_path / "decisions.csv"
    assert export_decisions(study.store, file) == 8
    with file.open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["paid"] for row in table] == [str(d.paid).lower() for d in found]
    assert table[5]["completion_code"] == found[5].completion_code


def test_the_analysis_leaves_out_what_was_declared_and_shows_what_that_changes(study):
    simulate(study.store, 8, seed=2, careless=3)
    table = pd.DataFrame(ratings_rows(study.store))
    used = table[table["excluded"] == ""].drop(columns="excluded")
    with_rules, same = analyze(table, resamples=100), analyze(used, resamples=100)
    everything = analyze(table.drop(columns="excluded"), resamples=100)
    main = "scale" if study.manifest.asks.name == "pair" else "mos"
    pd.testing.assert_frame_equal(with_rules[main], same[main])
    assert not with_rules[main].equals(everything[main])
    rows = with_rules["sensitivity"]
    told = rows[rows["variant"].str.contains("votes that the rules leave out")]
    assert set(told["dataset"]) == set(everything[main]["dataset"])
    told = told[told["dataset"] == "Five"]
    name = "significant_without" if main == "scale" else "significant"
    tests = everything["pairwise"]
    head = tests[(tests["test"] == tests["test"].iloc[0]) & (tests["dataset"] == "Five")]
    assert told[name].iloc[0] == head["significant"].sum()
    reasons = with_rules["exclusions"]
    left = reasons[reasons["effect"].str.contains("declared")]
    assert left["count"].sum() == (table["excluded"] != "").sum()
    checked = check_answers(table) if main == "scale" else check_ratings(table)
    words = pair_methods_text if main == "scale" else methods_text
    said = " ".join(words(with_rules, checked, {"alpha": 0.05, "resamples": 100}))
    assert f"{left['count'].sum()} of {(table['phase'] == 'main').sum()} votes were left" in said
    assert "5 raters gave" in said
    nothing = table.assign(excluded="too soon")
    with pytest.raises(Exception, match="leave no"):
        analyze(nothing)


def test_the_table_comes_back_with_its_reasons(study, made, tmp_path):
    simulate(study.store, 3, seed=2, careless=1)
    file = tmp_path / "t.csv"
    export_ratings(study.store, file)
    shutil.copytree(made, tmp_path / "copy")
    copy = open_study(tmp_path / "copy")
    import_ratings(copy.store, file)
    assert ratings_csv(copy.store) == file.read_text("utf-8")
    assert {d.paid for d in decide(copy.store)} == {None}
    copy.store.close()


def test_rules_are_in_the_manifest_and_part_of_what_it_is(made):
    manifest = load_manifest(made)
    assert (manifest.accept, manifest.use) == (
        Accept(gold=0.75, minutes=0.1), Use(gold=0.75, from_ms=900, focus=True),
    )  # fmt: skip
    assert manifest.model_copy(update={"use": Use()}).content() != manifest.content()


@pytest.mark.parametrize(
    ("kind", "words", "reason"),
    [
        (Accept, "gold=2", "gold"),
        (Accept, "retest=0.5", "known are: gold=..., minutes=..."),
        (Use, "from_ms=fast", "from_ms"),
        (Use, "focus=maybe", "focus"),
        (Use, "gold=0.5,gold=0.6", "twice"),
        (Use, "from_ms=900,to_ms=800", "from_ms is not below to_ms"),
    ],
)
def test_rules_that_are_none_are_refused(kind, words, reason):
    with pytest.raises(StudyError, match=reason):
        declared(kind, words)


def test_a_rule_without_its_questions_is_refused(results, calibration, tmp_path):
    for use, option in (("gold=0.5", "--gold"), ("retest=0.5", "--retests")):
        with pytest.raises(StudyError, match=option):
            new_study(
                results, tmp_path / "s", calibration="Practice", data_root=calibration,
                retests=0, use=use,
            )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_repeats_of_a_pair_agree_by_what_was_preferred_not_by_side(design):
    pair = procedure("pair", "side", no_difference=True)
    manifest = design([2], asks=pair)
    a, b = manifest.pairs[0]

    def retested(first, again):
        answers = [
            Answer(0, "main", (a, b), first, None, 1000, 0),
            Answer(1, "retest", (b, a), again, None, 1000, 0),
        ]
        return checks(manifest, answers).retest_same, left_out(
            manifest.model_copy(update={"use": Use(retest=0.5)}), answers
        )

    assert retested(FIRST, SECOND) == (1, {})
    assert retested(SAME, SAME) == (1, {})
    same_side, why = retested(FIRST, FIRST)
    assert same_side == 0
    assert list(why) == [0]


def test_the_commands_declare_tell_and_write_both_decisions(
    run_cli, refused, results, calibration, tmp_path
):
    ran = run_cli(
        "study", "new", "--from", results, "--out", tmp_path / "s", "--data", calibration,
        "--calibration", "Practice", "--open", "--gold", 1, "--procedure", "dcr",
        "--accept", "gold=0.5", "--use", "from_ms=900", "--completion-code", "PAID1",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    run_cli("study", "simulate", tmp_path / "s", "--raters", 3, "--seed", 1, "--careless", 1)
    ran = run_cli("study", "status", tmp_path / "s")
    assert ran.code == 0, ran.err
    assert "of 3 sessions; codes by export --decisions" in ran.out + ran.err
    assert "analysed: 48 of 72 main votes" in ran.out + ran.err
    assert "not of sim-1-001: 24: sooner than 900 ms" in ran.out + ran.err
    out = ("--out", tmp_path / "r.csv", "--decisions", tmp_path / "d.csv")
    assert run_cli("study", "export", tmp_path / "s", *out).code == 0
    lines = list(csv.DictReader((tmp_path / "d.csv").read_text().splitlines()))
    assert [row["completion_code"] for row in lines] == ["PAID1"] * 3
    assert [row["used"] for row in lines] == ["0", "24", "24"]
    assert "excluded" in (tmp_path / "r.csv").read_text().splitlines()[0]
    assert "known are: gold=..., minutes=..." in refused(
        "study", "new", "--from", results, "--out", tmp_path / "t", "--accept", "luck=1"
    )
    plan = run_cli("study", "plan", "--procedure", "pair", "--images", "5", "--raters", "5,10")
    assert "would find a preference of 0.65" in plan.out + plan.err


def test_exactly_the_share_is_enough():
    """0.28 * 25 is slightly more than 7 in floating point."""
    assert _reached(7, 25, 0.28)
    assert _reached(14, 25, 0.56)
    assert _reached(3, 4, 0.75)
    assert not _reached(6, 25, 0.28)
