"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of benchmark images and weights, which is not part of the project."""
    checkout = Path(__file__).resolve().parents[1]
    given = os.environ.get("SRBENCH_SHARED")
    places = [Path(given)] if given else []
    places += [checkout.parent / "shared", checkout.parent.parent / "shared"]
    for place in places:
        if (place / "data").is_dir():
            return place
    pytest.skip("needs ../shared beside the checkout (or SRBENCH_SHARED): it is not there")
