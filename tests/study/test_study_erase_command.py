"""`srbench study erase`, and the warning about votes of older studies."""

from __future__ import annotations

import pytest
from sqlalchemy import update
from study_servers import strolling_clock

from srbench.study import schema
from srbench.study.keys import read_codes
from srbench.study.ratings import ratings_rows
from srbench.study.simulate import simulate
from srbench.study.store import open_study


@pytest.mark.parametrize("by", ["rater", "code", "link"])
def test_a_rater_is_erased_by_name_code_or_link(folder, run_cli, by):
    study = open_study(folder)
    code = read_codes(folder)[0]
    session, token = study.store.enter(code=code)
    other, _ = study.store.enter(code=read_codes(folder)[1])
    given = {"rater": session.rater, "code": f"{code[:5].lower()} {code[5:]}",
             "link": f" https://study.example.org/?lang=ko&R={token}\n"}[by]  # fmt: skip
    ran = run_cli("study", "erase", folder, f"--{by}", given)
    assert (ran.code, ran.out) == (0, f"removed: 0 votes of {session.rater}\n")
    assert study.store.resume(token) is None
    assert study.store.screen(other).kind == "consent"
    again = run_cli("study", "erase", folder, f"--{by}", given)
    assert again.code == 2
    assert "erased" in again.err
    study.store.close()


@pytest.mark.parametrize(
    "options", [[], ["--code", "A", "--link", "B"], ["--rater", "a", "--code", "B"]]
)
def test_exactly_one_way_to_name_the_rater_is_taken(folder, refused, options):
    assert "one of --rater, --code and --link" in refused("study", "erase", folder, *options)


@pytest.mark.parametrize(
    "options",
    [
        ["--rater", ""],
        ["--code", ""],
        ["--link", ""],
        ["--link", "https://x.org/"],
        ["--link", "http://[x?r=a"],
    ],
)
def test_a_name_that_leads_to_nobody_is_refused(folder, refused, options):
    study = open_study(folder)
    study.store.enter(code=read_codes(folder)[0])
    assert "srbench: " in refused("study", "erase", folder, *options)
    with study.store.read() as connection:
        assert len(connection.execute(schema.sessions.select()).all()) == 1
    study.store.close()


@pytest.mark.slow
def test_status_and_analyze_warn_of_votes_that_may_stand_at_another_picture(
    folder, run_cli, tmp_path
):
    study = open_study(folder, clock=strolling_clock())
    study.store.erase(study.store.enter(code=read_codes(folder)[0])[0].rater)
    simulate(study.store, 3, seed=1)
    analyze = ("study", "analyze", folder, "--out", tmp_path / "a", "--resamples", 100)
    for command in (("study", "status", folder), analyze):
        ran = run_cli(*command)
        assert ran.code == 0
        assert "may be stored for the wrong" not in ran.err
    with study.store.write() as connection:  # as a database of schema 1 is after its migration
        connection.execute(update(schema.votes).values(stimulus=None))
    for command in (("study", "status", folder), analyze):
        ran = run_cli(*command)
        assert ran.code == 0
        warning = next(line for line in ran.err.splitlines() if "warning" in line)
        assert "120 votes of 3 raters" in warning
        assert "may be stored for the wrong" in warning
        assert all(name in warning for name in ("sim-1-001", "leave these raters out"))
    assert {row["stimulus"] for row in ratings_rows(study.store)} == {None}
    study.store.close()
