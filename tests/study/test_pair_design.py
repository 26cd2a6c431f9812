"""Pairs are balanced over raters, sides and the session, for any number of raters."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from srbench.errors import SrbenchError
from srbench.study.balance import asked_in_any_order, raters_per_unit
from srbench.study.making import new_study
from srbench.study.manifest import load_manifest
from srbench.study.playlists import check_playlist, make_playlist, rows_of_equals
from srbench.study.procedure import procedure

PAIR = procedure("pair", "side", no_difference=True)


def take_part(manifest, raters):
    """The playlists of raters who come one after the other, and how often each order was shown."""
    shown, playlists = Counter(), []
    for number in range(raters):
        playlist = make_playlist(manifest, number, raters_per_unit(manifest, shown), shown)
        check_playlist(manifest, playlist)
        shown.update(trial.stimuli for trial in playlist if trial.phase == "main")
        playlists.append(playlist)
    return playlists, shown


@pytest.mark.parametrize("raters", [1, 3, 7, 26])
@pytest.mark.parametrize("per_rater", [None, 40, 17])
def test_every_pair_gets_nearly_the_same_number_of_answers_on_either_side(
    design, raters, per_rater
):
    manifest = design([5] * 8, asks=PAIR, gold=2, retests=3, per_rater=per_rater)
    assert len(manifest.items) == 8 * 10
    playlists, shown = take_part(manifest, raters)
    answers = [asked_in_any_order(shown, item) for item in manifest.items]
    assert max(answers) - min(answers) <= 1
    assert sum(answers) == raters * min(per_rater or 80, 80)
    # Which side: no pair leans by more than one rater.
    assert max(abs(shown[a, b] - shown[b, a]) for a, b in manifest.items) <= 1
    lean = []
    for playlist in playlists:
        contents = [manifest.by_id[t.stimulus].content for t in playlist if t.phase != "training"]
        assert rows_of_equals(contents) == 0
        first = Counter()
        for trial in playlist:
            if trial.phase == "main":
                first[manifest.by_id[trial.stimulus].method] += 1
                first[manifest.by_id[trial.second].method] -= 1
        lean += [abs(first[f"m{i}"]) for i in range(5)]
    # Of 32 showings of a method 16 stand first; by chance the mean lean would be 4.5.
    assert np.mean(lean) < 3
    if per_rater is None:
        assert max(lean) <= 2


def test_hidden_repeats_swap_the_sides_and_gold_is_the_original_against_nearest(design):
    manifest = design([4] * 6, asks=PAIR, gold=2, practice=3, retests=4)
    sides = Counter()
    for number in range(20):
        playlist = make_playlist(manifest, number, {}, {})
        first = {frozenset(t.stimuli): t for t in playlist if t.phase == "main"}
        again = [t for t in playlist if t.phase == "retest"]
        assert len(again) == 4
        assert len({manifest.by_id[t.stimulus].image for t in again}) == 4
        for trial in again:
            before = first[frozenset(trial.stimuli)]
            assert trial.stimuli == before.stimuli[::-1]
            assert trial.number - before.number >= 10
        for trial in playlist:
            if trial.phase in ("gold", "training"):
                methods = [manifest.by_id[s].method for s in trial.stimuli]
                assert sorted(methods) == ["HR", "nearest"]
                assert trial.expected == 1 + methods.index("HR")
                sides[trial.phase, trial.expected] += 1
    assert sum(n for (phase, _), n in sides.items() if phase == "gold") == 20 * 2
    assert all(12 <= sides["gold", side] <= 28 for side in (1, 2))
    assert all(20 <= sides["training", side] <= 40 for side in (1, 2))


def test_dcr_shows_the_original_first_and_never_asks_about_it(design):
    dcr = procedure("dcr", "place")
    manifest = design([3] * 5, asks=dcr, pairs="all", gold=1, practice=1)
    playlist = make_playlist(manifest, 0, {})
    names = [[manifest.by_id[s].method for s in t.stimuli] for t in playlist]
    main = [n for n, t in zip(names, playlist, strict=True) if t.phase == "main"]
    assert sorted(main) == sorted([["HR", f"m{v}"] for v in range(3)] * 5)
    for n, trial in zip(names, playlist, strict=True):
        if trial.phase in ("training", "gold"):
            assert (n, trial.expected) in ((["HR", "nearest"], 1), (["HR", "HR"], 5))


@pytest.mark.parametrize(
    ("pairs", "wanted"),
    [
        (None, set(combinations(["bicubic", "nearest", "srgan-mse"], 2))),
        ("hr", set(combinations(["bicubic", "nearest", "srgan-mse", "HR"], 2))),
        ("mine:SRGAN-MSE", {("srgan-mse", "bicubic"), ("srgan-mse", "nearest")}),
    ],
)
def test_the_design_that_was_asked_for_is_in_the_manifest(
    results, calibration, tmp_path, pairs, wanted
):
    made = new_study(
        results, tmp_path / "s", procedure_name="pair", pairs=pairs, calibration="Practice",
        data_root=calibration, open_access=True, compare="srgan-mse:*",
    )  # fmt: skip
    manifest = load_manifest(tmp_path / "s")
    found = Counter(
        (manifest.by_id[a].content, manifest.by_id[a].method, manifest.by_id[b].method)
        for a, b in manifest.pairs
    )
    assert set(found.values()) == {1}
    assert {(a, b) for _, a, b in found} == wanted
    assert made.questions == len(manifest.pairs) == made.contents * len(wanted)
    assert (manifest.asks.name, manifest.mode, manifest.compare) == ("pair", "side", "srgan-mse:*")
    shown = {m for pair in wanted for m in pair}
    assert {manifest.by_id[s].method for s in manifest.main} == shown == set(made.methods)


def test_a_budget_shows_all_images_and_is_kept(results, calibration, tmp_path):
    made = new_study(
        results, tmp_path / "s", procedure_name="pair", pairs="hr", per_rater=10, raters=7,
        calibration="Practice", data_root=calibration, mode="place", no_difference=True,
    )  # fmt: skip
    assert (made.contents, made.questions, made.trials_per_rater) == (8, 48, 10)
    assert made.votes_per_stimulus == (1, 2)
    assert made.power.startswith(
        "power: with 7 raters on 2 images each, a preference of 60 % would be found in"
    )


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"pairs": "best"}, "all, hr or mine:NAME"),
        ({"pairs": "mine:"}, "all, hr or mine:NAME"),
        ({"pairs": "mine:srgam"}, "srgan-mse"),
        ({"compare": "mine:*"}, "names no method"),
        ({"procedure_name": "acr", "pairs": "all"}, "this is acr"),
        ({"procedure_name": "dcr", "no_difference": True}, "the procedure is dcr"),
    ],
)
def test_designs_that_cannot_be_are_refused_and_nothing_is_written(
    results, calibration, tmp_path, asked, reason
):

    given = {"procedure_name": "pair", "calibration": "Practice", "data_root": calibration, **asked}
    with pytest.raises(SrbenchError, match=reason):
        new_study(results, tmp_path / "s", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_declared_comparison_that_is_never_asked_is_told(results, calibration, tmp_path):
    made = new_study(
        results, tmp_path / "study", calibration="Practice", data_root=calibration, raters=2,
        retests=0, procedure_name="pair", pairs="mine:nearest",
        compare="nearest:bicubic,bicubic:srgan-mse",
    )  # fmt: skip
    (told,) = [note for note in made.notes if "never asked directly" in note]
    assert told.endswith(": bicubic:srgan-mse")
