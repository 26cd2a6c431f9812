"""Playlists follow their rules for any design, or are refused."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from srbench.errors import StudyError
from srbench.study.playlists import (
    Trial,
    block_numbers,
    check_playlist,
    choose_units,
    make_playlist,
    order_trials,
    rows_of_equals,
)

relaxed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@relaxed
@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=15),
    seed=st.integers(0, 2**31),
)
def test_equal_contents_never_meet_where_that_is_possible(counts, seed):
    items = [(f"{c}-{v}", ("D", str(c))) for c, n in enumerate(counts) for v in range(n)]
    order = order_trials(items, [], gap=10, rng=np.random.default_rng(seed))
    content = dict(items)
    assert sorted(order) == sorted(content)
    together = rows_of_equals([content[stimulus] for stimulus in order])
    # With one content in the majority, the least possible number of meetings.
    least = max(0, 2 * max(counts) - sum(counts) - 1)
    assert together == least


@relaxed
@given(
    versions=st.lists(st.integers(2, 12), min_size=3, max_size=10),
    retests=st.integers(0, 6),
    gold=st.integers(0, 2),
    block=st.integers(5, 60),
    seed=st.integers(0, 1000),
)
def test_a_playlist_keeps_every_promise_or_is_refused(design, versions, retests, gold, block, seed):
    manifest = design(versions, gold=gold, seed=seed, retests=retests, block_trials=block)
    try:
        playlist = make_playlist(manifest, 3, {})
    except StudyError:
        assert sum(versions) < 40  # only small studies have no room for retests
        return
    check_playlist(manifest, playlist)
    phases = Counter(trial.phase for trial in playlist)
    assert phases["training"] == len(manifest.calibration)
    assert phases["main"] == sum(versions)
    assert phases["gold"] == 2 * gold
    assert phases["retest"] == min(retests, sum(versions))
    assert [t.phase for t in playlist[: phases["training"]]] == ["training"] * phases["training"]
    main = [t for t in playlist if t.phase == "main"]
    assert {t.stimulus for t in main} == set(manifest.main)
    first = {t.stimulus: t.number for t in main}
    for trial in playlist:
        if trial.phase == "retest":
            assert trial.number - first[trial.stimulus] >= 10
            assert trial.repetition == 2
    blocks = Counter(t.block for t in playlist if t.phase != "training")
    assert max(blocks.values()) <= block
    assert max(blocks.values()) - min(blocks.values()) <= 1
    assert [t.block for t in playlist] == sorted(t.block for t in playlist)


@relaxed
@given(
    versions=st.lists(st.integers(2, 12), min_size=2, max_size=14),
    budget=st.integers(12, 60),
    raters=st.integers(1, 40),
)
def test_votes_per_content_never_differ_by_more_than_one(design, versions, budget, raters):
    manifest = design(versions, per_rater=budget)
    loads = dict.fromkeys(manifest.contents, 0)
    for rater in range(raters):
        chosen = choose_units(manifest, loads, np.random.default_rng(rater))
        assert chosen
        assert len(set(chosen)) == len(chosen)
        assert sum(len(manifest.contents[content]) for content in chosen) <= budget
        for content in chosen:
            loads[content] += 1
        assert max(loads.values()) - min(loads.values()) <= 1


def test_the_same_seed_and_rater_get_the_same_playlist_and_others_another(design):
    manifest = design([6] * 8, seed=5, retests=3)
    assert make_playlist(manifest, 0, {}) == make_playlist(manifest, 0, {})
    assert make_playlist(manifest, 0, {}) != make_playlist(manifest, 1, {})
    assert make_playlist(design([6] * 8, seed=6, retests=3), 0, {}) != make_playlist(
        manifest, 0, {}
    )


def test_every_stimulus_comes_early_and_late_equally_often(design):
    manifest = design([4] * 5)
    positions = {stimulus: [] for stimulus in manifest.main}
    for rater in range(400):
        for trial in make_playlist(manifest, rater, {}):
            if trial.phase == "main":
                positions[trial.stimulus].append(trial.number - 4)
    means = [np.mean(p) for p in positions.values()]
    # Mean position 9.5, standard error of one mean 5.8 / sqrt(400) = 0.29.
    assert np.allclose(means, 9.5, atol=1.2)


def test_retests_are_of_different_contents_before_a_second_of_any(design):
    manifest = design([4] * 10, retests=10)
    retests = [t for t in make_playlist(manifest, 0, {}) if t.phase == "retest"]
    assert len({manifest.by_id[t.stimulus].content for t in retests}) == 10


def test_too_few_trials_for_retests_are_refused(design):
    with pytest.raises(StudyError, match="cannot be kept 10 trials apart among 5"):
        make_playlist(design([2, 2], retests=1), 0, {})


def test_a_playlist_that_breaks_a_promise_is_noticed(design):
    manifest = design([2, 2, 2], practice=0)
    a, b = manifest.contents[("D", "c0")]
    with pytest.raises(StudyError, match="in a row"):
        check_playlist(
            manifest,
            [Trial(i, s, "main", 1) for i, s in enumerate([a, b, *manifest.main[2:5]])],
        )
    with pytest.raises(StudyError, match="twice"):
        check_playlist(manifest, [Trial(0, a, "main", 1), Trial(1, a, "main", 1)])
    with pytest.raises(StudyError, match="1 trials after"):
        check_playlist(manifest, [Trial(0, a, "main", 1), Trial(1, a, "retest", 1)])
    with pytest.raises(StudyError, match="numbered"):
        check_playlist(manifest, [Trial(1, a, "main", 1)])


def test_the_papers_design_is_1128_trials_and_made_in_a_moment(design):
    import time

    manifest = design([12] * 19 + [9] * 100, retests=10)
    start = time.process_time()
    playlist = make_playlist(manifest, 0, {})
    assert time.process_time() - start < 2
    assert sum(t.phase == "main" for t in playlist) == 1128


def test_blocks_are_of_equal_length():
    assert block_numbers(10, 4) == [1, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert block_numbers(4, 4) == [1, 1, 1, 1]
    assert block_numbers(0, 4) == []
