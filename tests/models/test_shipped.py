"""The trained networks of the package match their cards."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import srbench
from srbench.imaging import crop_to_multiple, imresize, read_image
from srbench.metrics.artefacts import LIMITS, artefacts, broken_limits
from srbench.metrics.lpips_network import Lpips
from srbench.metrics.protocols import PROTOCOLS
from srbench.models.cards import read_card
from srbench.models.checkpoints import load_checkpoint

FOLDER = Path(srbench.__file__).parent / "checkpoints"
SHIPPED = sorted(FOLDER.glob("*.safetensors"))
each = pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])


def _bicubic_lr(hr: np.ndarray, scale: int) -> np.ndarray:
    return imresize(hr, Fraction(1, scale), border="replicate")


def test_they_fit_into_the_package():
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 40e6


@each
def test_a_grid_or_a_shift_of_the_colours_is_said_in_the_card(path):
    card = read_card(path)
    for name in ("set5", "set14"):
        assert {f"{name}_{measure}" for measure in LIMITS} <= card.metrics.keys()
    said = [
        note for note in card.notes if note.startswith("shows a grid or a shift of the colours")
    ]
    assert said == (
        [f"shows a grid or a shift of the colours: {', '.join(broken_limits(card.metrics))}"]
        if broken_limits(card.metrics)
        else []
    )


@each
def test_the_card_tells_how_it_was_made(path):
    card = read_card(path)
    assert path.stem == f"{card.name}_x{card.architecture.scale}"
    assert card.steps > 0
    assert card.recipe["name"] == card.name
    assert all((card.data, card.notes, card.licence, card.versions))
    assert (card.trained_on_metric is not None) == ("lpips" in card.recipe["content"])
    load_checkpoint(path)  # refuses weights that are not of the card's architecture


@each
@pytest.mark.slow
def test_on_set5_it_scores_what_its_card_says(path, shared):
    card = read_card(path)
    scale = card.architecture.scale
    method = srbench.load_method(card.name, scale=scale, device="cpu")
    judge = Lpips("alex", shared / "weights")
    psnr, ssim, lpips, pairs = [], [], [], []
    for file in sorted((shared / "data" / "Set5" / "HR").glob("*.png")):
        hr = crop_to_multiple(read_image(file), scale)
        sr = method.upscale(_bicubic_lr(hr, scale))
        scores = PROTOCOLS["ledig2017"].prepare(hr, scale).score(sr)
        psnr.append(scores["psnr_y"])
        ssim.append(scores["ssim_y"])
        lpips.append(judge.distance(judge.prepare(hr), sr))
        pairs.append((sr, hr))
    for measure, value in artefacts(pairs).items():
        assert value == pytest.approx(card.metrics[f"set5_{measure}"], rel=0.05, abs=0.05)
    assert np.mean(psnr) == pytest.approx(card.metrics["set5_psnr_y"], abs=0.01)
    assert np.mean(ssim) == pytest.approx(card.metrics["set5_ssim_y"], abs=0.0005)
    assert np.mean(lpips) == pytest.approx(card.metrics["set5_lpips_alex"], abs=0.001)
