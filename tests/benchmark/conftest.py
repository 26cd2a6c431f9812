"""A small real data set of photographs from scikit-image."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from skimage import data

from srbench.imaging import write_png


@pytest.fixture(scope="session")
def mini_set(tmp_path_factory) -> Path:
    """A data root with the set Mini: two RGB photographs and a grey one, about 100x80."""
    root = tmp_path_factory.mktemp("mini") / "data"
    for name, image in {
        "eye": data.chelsea()[60:163, 100:181],
        "face": data.astronaut()[60:160, 170:270],
        "man": data.camera()[60:140, 180:300],
    }.items():
        write_png(root / "Mini" / "HR" / f"{name}.png", np.ascontiguousarray(image))
    return root


@pytest.fixture
def root(mini_set, tmp_path, monkeypatch) -> Path:
    """A data root for this test, which srbench uses."""
    root = tmp_path / "data"
    shutil.copytree(mini_set, root)
    monkeypatch.setenv("SRBENCH_DATA", str(root))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return root


@pytest.fixture
def mini(root, tmp_path):
    """Options that run nearest and bicubic on Mini into a results folder."""
    return (
        "run-all",
        "--datasets",
        "Mini",
        "--methods",
        "nearest,bicubic",
        "--out",
        tmp_path / "results",
    )
