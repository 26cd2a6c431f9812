"""Fixtures for all training tests."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from srbench.imaging import write_png
from srbench.models.backbones import expected_shapes


@pytest.fixture(autouse=True)
def one_thread():
    """Use one thread: more threads slow down tiny networks, especially on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def save_backbone() -> Callable[[str, Path], None]:
    """Writes a backbone of the right names and shapes with random weights."""

    def save(name: str, path: Path) -> None:
        torch.manual_seed(0)
        # As wide as He et al. draw them, so that the features neither die out nor explode.
        random = {
            key: torch.zeros(shape)
            if len(shape) == 1
            else torch.randn(shape) * (2 / (9 * shape[1])) ** 0.5
            for key, shape in expected_shapes(name).items()
        }
        path.parent.mkdir(exist_ok=True)
        save_file(random, path)

    return save


@pytest.fixture
def save_photographs() -> Callable[[Path, int, int], None]:
    """Writes eight different cut-outs of a photograph, (height, width) each."""

    def save(folder: Path, height: int, width: int) -> None:
        for k in range(8):
            crop = data.coffee()[20 * k : 20 * k + height, 40 * k : 40 * k + width]
            write_png(folder / f"{k}.png", crop.copy())

    return save
