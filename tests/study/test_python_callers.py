"""What Python callers give is taken as meant or refused in one line."""

from __future__ import annotations

from typing import Any

import pytest

from srbench.errors import SrbenchError
from srbench.study import Design, open_study, power
from srbench.study.importing import import_ratings
from srbench.study.making import new_study
from srbench.study.ratings import export_ratings
from srbench.study.simulate import simulate


def test_paths_may_be_texts(results, calibration, tmp_path):
    made = new_study(
        str(results), str(tmp_path / "study"), calibration="Practice", data_root=calibration,
        raters=2, retests=0,
    )  # fmt: skip
    study = open_study(str(made.folder))
    simulate(study.store, 1, 0)
    votes = export_ratings(study.store, str(tmp_path / "votes.csv"))
    assert import_ratings(study.store, str(tmp_path / "votes.csv")).repeated == votes > 0
    study.store.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"raters": 2.5}, {"raters": "3"}, {"raters": True}, {"seed": "1"}, {"gold": 1.5},
        {"scale": "4"}, {"scale": 4.0}, {"retests": float("nan")}, {"magnification": 1.5},
        {"title": ""}, {"title": "a\nb"}, {"title": "x" * 300}, {"title": "\udcff"},
        {"institution": "a\x1b[31m"}, {"contact": "\0"},
    ],
)  # fmt: skip
def test_a_wrong_argument_of_a_new_study_is_refused(results, tmp_path, wrong: dict[str, Any]):
    with pytest.raises(SrbenchError) as error:
        new_study(results, tmp_path / "study", **wrong)
    assert "\n" not in str(error.value)
    assert next(iter(wrong)) in str(error.value)
    assert not (tmp_path / "study").exists()


def test_wrong_numbers_and_words_are_refused_everywhere(folder):
    store = open_study(folder).store
    design: dict[str, Any] = {"raters": 3, "images": 2, "difference": 0.5}
    calls = [
        lambda: simulate(store, 2.5, 0),  # pyright: ignore[reportArgumentType]
        lambda: simulate(store, 2, 0.5),  # pyright: ignore[reportArgumentType]
        lambda: simulate(store, 2, 0, careless=0.5),  # pyright: ignore[reportArgumentType]
        lambda: store.invite(-1),
        lambda: store.invite(1.5),  # pyright: ignore[reportArgumentType]
        lambda: store.set_state("finished"),  # pyright: ignore[reportArgumentType]
        lambda: store.erase("\udcff"),
        lambda: power(Design(**{**design, "raters": 2.5})),
        lambda: power(Design(**{**design, "images": "2"})),
        lambda: power(Design(**design), simulations=0),
    ]
    for call in calls:
        with pytest.raises(SrbenchError):
            call()
    assert store.state() == "open"
    store.close()
