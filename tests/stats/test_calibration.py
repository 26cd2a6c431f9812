"""Coverage and false positives of the headline interval and test, by a small seeded simulation.

``benchmarks/rating_calibration.py`` runs the same with thousands of studies.
"""

from __future__ import annotations

import numpy as np
import pytest
import rating_calibration as calibration

RUNS = 600
LUCK = 3 * np.sqrt(0.05 * 0.95 / RUNS)  # three standard errors


@pytest.mark.parametrize("images", [5, 14, 100])
def test_the_crossed_interval_covers_what_it_says(images):
    found = calibration.coverage(np.random.default_rng(images), 3.0, (26, images), RUNS)
    assert 0.95 - 0.02 - LUCK <= found <= 0.95 + 0.02 + LUCK


@pytest.mark.parametrize("images", [5, 14, 100])
@pytest.mark.parametrize(
    "missing", [calibration.complete, calibration.randomly(0.5), calibration.fifth]
)
def test_the_crossed_t_seldom_sees_what_is_not_there(images, missing):
    rng = np.random.default_rng(images)
    found = calibration.rejections(rng, 0.0, (26, images), RUNS, missing=missing)
    assert found["crossed-t"] <= 0.065 + LUCK
    if images == 100 and missing is not calibration.fifth:
        assert found["wilcoxon-pooled"] > 0.25  # why the paper's test is not the headline


def test_no_interval_is_wider_than_the_scale_where_effects_are_small():
    world = calibration.World(image_method=0, rater_method=0)
    ours, literal = calibration.conditions(np.random.default_rng(0), world, (26, 5), 300)
    assert ours[2] == 0
    assert literal[2] > 0.03
    for coverage, false_positives, _ in (ours, literal):
        assert coverage >= 0.93 - LUCK
        assert false_positives <= 0.065 + LUCK


def test_power_rises_with_the_difference():
    rng = np.random.default_rng(0)
    power = [
        calibration.rejections(rng, gap, (26, 14), 150)["crossed-t"] for gap in (0.1, 0.3, 0.6)
    ]
    assert power[0] < power[1] < power[2]
    assert power[2] > 0.9


@pytest.mark.parametrize("images", [5, 14])
def test_twelve_equal_methods_seldom_differ_in_any_pair(images):
    """Holm's correction keeps its level in the far tail too."""
    worlds = calibration.World(), calibration.World(rater_method=0)
    for seed, world in enumerate(worlds):
        rng = np.random.default_rng([seed, images])
        found = calibration.false_families(rng, world, [3.0] * 12, (26, images), 100)
        assert found["crossed-t"] <= 0.1
