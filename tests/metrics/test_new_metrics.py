"""RGB scores, consistency and NIQE against independent values."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import srbench
from srbench.imaging import crop_to_multiple, imresize, read_image, studio_luma, to_rgb
from srbench.metrics import Original, find_metrics
from srbench.metrics.niqe import niqe


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """Bicubic x4 of a photograph, and the photograph."""
    hr = np.ascontiguousarray(data.astronaut()[:128, 160:288])
    return imresize(imresize(hr, 1 / 4), 4), hr


def test_rgb_scores_are_scikit_images_over_the_channels(pair):
    sr, hr = (image[4:-4, 4:-4] for image in pair)
    similarity = [
        structural_similarity(
            sr[..., c], hr[..., c], data_range=255, gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )[1][5:-5, 5:-5].mean()
        for c in range(3)
    ]  # fmt: skip
    found = srbench.score(*pair, scale=4, metrics=["psnr_rgb", "ssim_rgb"])
    expected = peak_signal_noise_ratio(hr, sr, data_range=255)
    assert found == pytest.approx({"psnr_rgb": expected, "ssim_rgb": np.mean(similarity)}, abs=1e-9)


@pytest.mark.parametrize(("border", "expected"), [("replicate", 26.70), ("symmetric", 26.69)])
def test_bicubic_reads_the_rgb_tables_on_set5(shared: Path, border, expected):
    (metric,) = find_metrics(["psnr_rgb"])
    found = []
    for path in sorted((shared / "data/Set5/HR").iterdir()):
        hr = crop_to_multiple(read_image(path), 4)
        sr = imresize(imresize(hr, Fraction(1, 4), border=border), 4, border=border)
        found += metric.prepare(Original(hr, 4))(sr)
    assert np.mean(found) == pytest.approx(expected, abs=0.01)


def test_consistency_is_the_psnr_of_the_lr_image_made_again(pair):
    sr, hr = pair
    lr, again = imresize(hr, 1 / 4), imresize(sr, 1 / 4)
    expected = peak_signal_noise_ratio(lr, again, data_range=255)
    assert srbench.score(sr, hr, scale=4, metrics=["lr_psnr"]) == {
        "lr_psnr": pytest.approx(expected, abs=1e-9)
    }


def test_consistency_with_matlabs_lr_file(shared: Path):
    hr = read_image(shared / "data/Set5/HR/baby.png")
    lr = read_image(next((shared / "data/Set5/LR_matlab_replicate/x4").glob("baby*")))
    sr = imresize(lr, 4, border="replicate")
    (metric,) = find_metrics(["lr_psnr"])
    found = metric.prepare(Original(hr, 4, lr, "replicate"))(sr)
    again = imresize(sr, 1 / 4, border="replicate")
    assert found == pytest.approx(peak_signal_noise_ratio(lr, again, data_range=255), abs=1e-9)


def test_niqe_reads_what_basicsr_quotes_from_matlab(shared: Path):
    baboon = read_image(shared / "data/Set14/HR/baboon.png")
    assert srbench.score(baboon, baboon, scale=4, metrics=["niqe"]) == {
        "niqe": pytest.approx(5.7296, abs=5e-4)
    }
    unrounded = niqe(studio_luma(to_rgb(baboon), rounded=False))
    assert unrounded == pytest.approx(5.636, abs=1e-3)


def test_niqe_looks_at_no_original(pair):
    sr, hr = np.tile(pair[0], (2, 2, 1)), np.tile(pair[1], (2, 2, 1))
    other = np.zeros_like(hr)
    one, two = (srbench.score(sr, o, scale=4, metrics=["niqe"])["niqe"] for o in (hr, other))
    assert one == two
    assert one > srbench.score(hr, hr, scale=4, metrics=["niqe"])["niqe"]


@pytest.mark.filterwarnings("error")
def test_niqe_of_what_has_no_statistics_is_no_number(pair):
    assert math.isnan(niqe(np.full((300, 300), 128.0)))
    assert math.isnan(niqe(studio_luma(pair[1], rounded=True)))  # 128x128: a single block


def test_grey_counts_as_rgb():
    hr = data.camera()[:256, :256]
    sr = imresize(imresize(hr, 1 / 4), 4)
    words = ["psnr_rgb", "ssim_rgb", "lr_psnr", "niqe"]
    grey, rgb = (
        srbench.score(*images, scale=4, metrics=words)
        for images in ((sr, hr), (np.stack([sr] * 3, 2), np.stack([hr] * 3, 2)))
    )
    assert grey == pytest.approx(rgb, abs=1e-9)


def test_words_select_and_the_nearest_is_offered():
    keys = [f.key for m in find_metrics(["NIQE", "psnr"], protocols=["basicsr", "matlab"])
            for f in m.facts]  # fmt: skip
    assert keys == [("matlab", "psnr_y"), ("basicsr", "psnr_y"), ("niqe-basicsr", "niqe")]
    with pytest.raises(srbench.SrbenchError, match="did you mean 'niqe'"):
        find_metrics(["nique"])
    with pytest.raises(srbench.SrbenchError, match="lpips_vgg"):
        srbench.score(np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8), scale=4,
                      metrics=["lpips_vgg"], weights="/nowhere")  # fmt: skip


def test_the_facts_of_the_metrics_import_neither_torch_nor_scipy():
    import subprocess
    import sys

    code = "import sys, srbench.metrics; print(*{'torch', 'scipy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == [], "import them in the function that uses them"
