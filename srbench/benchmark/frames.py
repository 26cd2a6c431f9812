"""scores.csv as a data frame with the facts of its metrics."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .record import numbers_of
from .results import Score, read_scores
from .run_file import read_run_file

_GIVEN = "give the scores.csv of a results folder"


def scores_frame(path: Path, scale: int | None = None) -> pd.DataFrame:
    """The table, of one scale or of all, with the facts from run.json in the same folder.

    The facts are in ``attrs["metrics"]``, from which :func:`srbench.analyze` reads the better
    direction.

    Raises:
        ResultsError: the table or run.json is missing or damaged.
    """
    rows = [row for row in read_scores(path, _GIVEN) if scale is None or row.scale == scale]
    frame = pd.DataFrame(rows, columns=list(Score._fields))
    run = read_run_file(path.parent / "run.json")
    frame.attrs["metrics"] = [facts.record() for facts in numbers_of(run)]
    return frame
