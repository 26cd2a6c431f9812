"""The SRGAN paper's published tables, which ship with the package."""

from __future__ import annotations

from importlib import resources

import pandas as pd

from .style import canonical

PAPER_NAME = "Ledig et al. 2017"


def published(name: str) -> pd.DataFrame:
    """A published table that ships with the package, methods in the project's spelling."""
    with resources.files("srbench.reference").joinpath(name).open(encoding="utf-8") as file:
        frame = pd.read_csv(file)
    frame["method"] = frame["method"].map(canonical)
    return frame
