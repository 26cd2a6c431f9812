"""What several tests need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def _shared_folder() -> Path | None:
    checkout = Path(__file__).resolve().parents[1]
    candidates = [checkout.parent / "shared", checkout.parents[1] / "shared"]
    if os.environ.get("SRBENCH_SHARED"):
        candidates.insert(0, Path(os.environ["SRBENCH_SHARED"]))
    return next((folder for folder in candidates if (folder / "data").is_dir()), None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The project's folder of real images, weights and ratings."""
    folder = _shared_folder()
    if folder is None:
        pytest.skip("the folder of real images (../shared or SRBENCH_SHARED) is not here")
    return folder
