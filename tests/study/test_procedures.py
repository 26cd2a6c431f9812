"""Grades, degradation and pairs have one interface; old studies are opened as grades."""

import pytest
from pydantic import ValidationError

from srbench.errors import StudyError
from srbench.study.procedure import procedure


def test_a_manifest_of_before_keeps_its_fingerprint(design):
    # Computed by srbench at bc00e91, which knew grades only.
    manifest = design([2, 3], practice=1, gold=1, seed=7, retests=2, per_rater=4)
    assert (
        manifest.fingerprint == "66c4a74d93251bf9fdce1531b664f710f429ed17cb36c393bfee4717f0c661d8"
    )
    assert manifest.asks.name == "acr"
    assert "procedure" not in manifest.content()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (("best", None), "there are: acr, pair, dcr"),
        (("pair", None), "side or place"),
        (("dcr", "above"), "side or place"),
        (("acr", "side"), "acr shows one"),
    ],
)
def test_what_no_study_can_ask_is_refused(given, reason):
    with pytest.raises(StudyError, match=reason):
        procedure(*given)
    with pytest.raises(StudyError, match="the procedure is dcr"):
        procedure("dcr", "side", no_difference=True)


def test_a_manifest_names_its_procedure_as_p910_does(design):
    manifest = design([2])
    with pytest.raises(ValidationError, match="called PC"):
        type(manifest).model_validate(
            {**manifest.content(), "procedure": "pair", "mode": "side", "pairs": [manifest.main]}
        )
