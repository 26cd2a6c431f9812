"""Simulated raters at the real app, in the browser."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("playwright", reason="needs playwright")

from study_servers import ROOT

from srbench.study.ratings import ratings_rows
from srbench.study.status import study_status
from srbench.study.store import utc_now


@pytest.fixture
def simulate(server, browser):
    """Runs ``srbench study simulate --through`` with one rater, in a process of its own:
    Playwright has one event loop in this one already."""

    def run(address, seed):
        return subprocess.run(
            [
                *(sys.executable, "-m", "srbench", "study", "simulate", str(server.folder)),
                *("--raters", "1", "--careless", "1", "--seed", str(seed), "--through", address),
            ],
            env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        )  # fmt: skip

    return run


def test_they_go_the_whole_way_and_every_vote_says_simulated(simulate, server, served_study):
    done = simulate(server.url, 77)
    assert done.returncode == 0, done.stderr
    assert "1 simulated rater, 16 votes, all marked as simulated" in done.stdout
    rows = [row for row in ratings_rows(served_study.store) if row["rater"] == "sim-77-001"]
    assert len(rows) == 16
    assert all(row["simulated"] for row in rows)
    assert {row["window_width"] for row in rows} == {1920}
    assert all(row["rated_at"] > "2001" for row in rows)  # in real time, not in the year 2000
    raters = {r.rater: r for r in study_status(served_study.store, utc_now()).raters}
    assert raters["sim-77-001"].state == "finished"


def test_an_app_that_is_not_there_is_said_in_one_line(simulate):
    done = simulate("http://127.0.0.1:9", 78)
    assert done.returncode == 2
    assert "did not show what it should" in done.stderr
    assert "Traceback" not in done.stderr
