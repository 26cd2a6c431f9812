"""A small real results folder: two photographs, three ways of enlarging them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srbench.imaging import imresize, write_png
from srbench.report import write_report

COLUMNS = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]


@pytest.fixture(scope="session")
def photographs() -> dict[str, np.ndarray]:
    return {"astronaut": data.astronaut()[:128, 160:288], "coffee": data.coffee()[100:220, 200:340]}


@pytest.fixture(scope="session")
def small_scores(photographs) -> tuple[pd.DataFrame, dict[tuple[str, int, str, str], np.ndarray]]:
    """Scores by scikit-image and the pictures behind them, at scales 2 and 4."""
    rows, pictures = [], {}
    for scale in (2, 4):
        for image, hr in photographs.items():
            lr = imresize(hr, 1 / scale)
            made = {
                "nearest": lr.repeat(scale, 0).repeat(scale, 1),
                "bicubic": imresize(lr, scale),
                "HR": hr,
            }
            half = (made["bicubic"].astype(float) + hr) / 2
            made["srgan-lpips"] = half.astype(np.uint8)
            for method, sr in made.items():
                pictures["Photos", scale, method, image] = sr
                if method == "HR":
                    continue
                grey_sr, grey_hr = sr.mean(-1), hr.mean(-1)
                psnr = peak_signal_noise_ratio(grey_hr, grey_sr, data_range=255)
                ssim = structural_similarity(grey_hr, grey_sr, data_range=255)
                for protocol in ("matlab", "ledig2017"):
                    rows.append(("Photos", image, method, scale, protocol, "psnr_y", psnr))
                    rows.append(("Photos", image, method, scale, protocol, "ssim_y", ssim))
                rows.append(
                    ("Photos", image, method, scale, "lpips-v0.1", "lpips_alex", 1 - float(ssim))
                )
    return pd.DataFrame(rows, columns=COLUMNS).round(6), pictures


def build_folder(
    folder: Path,
    small_scores: tuple[pd.DataFrame, dict[tuple[str, int, str, str], np.ndarray]],
    *,
    scores: pd.DataFrame | None = None,
    methods: tuple[str, ...] = ("nearest", "bicubic", "srgan-lpips"),
    images: tuple[str, ...] = ("astronaut", "coffee"),
    scales: tuple[int, ...] = (4,),
    rename: dict[str, str] | None = None,
    run: dict[str, object] | None = None,
    timed: bool = True,
    pictures: bool = True,
) -> Path:
    """Write a results folder: all of the small one, or what the arguments change of it."""
    rename = rename or {}
    table, drawn = small_scores
    if scores is None:
        keep = table["method"].isin(methods) & table["image"].isin(images)
        scores = table[keep & table["scale"].isin(scales)].copy()
        scores["method"] = scores["method"].replace(rename)
    folder.mkdir(parents=True, exist_ok=True)
    scores.to_csv(folder / "scores.csv", index=False, lineterminator="\n")
    if timed:
        timings = scores[["dataset", "image", "method", "scale"]].drop_duplicates()
        timings = timings.assign(device="cpu", seconds=0.5, megapixels_per_second=2.0)
        timings.to_csv(folder / "timings.csv", index=False, lineterminator="\n")
    (folder / "run.json").write_text(json.dumps(run or {}), encoding="utf-8")
    for (dataset, scale, method, image), sr in drawn.items() if pictures else ():
        name = rename.get(method, method)
        wanted = scale in scales and image in images and method in (*methods, "HR")
        if wanted and "/" not in name:
            write_png(folder / "images" / dataset / f"x{scale}" / name / f"{image}.png", sr)
    return folder


@pytest.fixture
def make_folder(tmp_path, small_scores) -> Callable[..., Path]:
    """:func:`build_folder` in this test's own folder."""
    return lambda **changes: build_folder(tmp_path / "results", small_scores, **changes)


@pytest.fixture(scope="session")
def reported_folder(tmp_path_factory, small_scores) -> Path:
    """A results folder of two scales and a missing method, with its report and every image.

    Not to be changed."""
    run: dict[str, object] = {
        "source": "https://example.org/x.png",
        "missing": [{"method": "srgan-vgg54", "reason": "no checkpoint"}],
    }
    folder = build_folder(
        tmp_path_factory.mktemp("reported") / "results", small_scores, scales=(2, 4), run=run
    )
    write_report(folder, images="all")
    return folder
