"""Fixtures for the whole suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared research data; skips where it is missing."""
    checkout = Path(__file__).resolve().parents[1]
    given = os.environ.get("SRBENCH_SHARED")
    candidates = [Path(given)] if given else []
    candidates += [checkout.parent / "shared", checkout.parent.parent / "shared"]
    for folder in candidates:
        if folder.is_dir():
            return folder
    pytest.skip("shared data is neither beside the checkout nor at $SRBENCH_SHARED")
