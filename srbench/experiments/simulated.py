"""A study with simulated raters: ``srbench run-all --study simulated``.

No person rates anything here, and votes, tables, figures and page are marked as simulated.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ..benchmark.cache import Cache, content_key
from ..benchmark.frames import scores_frame
from ..benchmark.results import ResultsFolder
from ..errors import StudyError
from ..observer import Observer
from ..report.analysis import write_study_analysis
from ..study import export_ratings, new_study, open_study, simulate, study_status
from ..study.presets import preset
from ..study.procedure import Name
from ..study.ratings import ratings_rows
from ..study.store import utc_now

RATERS = 26  # Ledig et al. 2017
SEED = 0
TITLE = "Simulated: no person rated anything"
_PRESET = "paper"
_PAIRS_PER_RATER = 300
_CACHED = "simulated study"


@dataclass(frozen=True)
class SimulatedStudy:
    """A study whose raters are all simulated."""

    folder: Path
    page: Path
    raters: int
    stimuli: int
    votes: int
    made: bool
    """Whether it was made by this call; an existing one is kept while the scores do not change."""


def simulate_study(
    results: Path,
    scale: int,
    root: Path,
    observer: Observer | None = None,
    *,
    procedure: Name = "acr",
    compare: str = "",
) -> SimulatedStudy:
    """Make a study of a results folder, let 26 simulated raters take part, analyse their votes.

    The design is that of the SRGAN paper with its methods that are in the results; with fewer than
    two of them, all methods are used. ``procedure``: grades, pairs (including the original, at most
    300 pairs per rater), or degradation. ``compare`` declares the comparisons (default: all). The
    study, ``ratings.csv`` and ``analysis`` are written to ``<results>/study``; an existing
    simulated study is replaced.

    Raises:
        StudyError: the existing study has real raters, or there are too few images for a study.
    """
    observer = observer or Observer()
    folder = ResultsFolder(results)
    out = results / "study"
    page = out / "analysis" / "analysis.html"
    with folder.locked():
        cache = Cache(folder.cache)
        scores = (results / "scores.csv").read_text("utf-8")
        key = content_key(_CACHED, scores, scale, procedure, compare)
        stands = out.exists()
        if stands:
            _refuse_people(out)
        made = not (stands and page.is_file() and cache.get(_CACHED) == key)
        if made:
            _remove(out)
            _make(folder, out, scale, root, observer, procedure, compare)
            cache.put(_CACHED, key)
    study = open_study(out)
    return SimulatedStudy(
        out, page, RATERS, len(study.manifest.main), len(ratings_rows(study.store)), made
    )


def _remove(out: Path) -> None:
    """Remove the folder atomically, because the next run would refuse half a study."""
    old = out.with_name(".study-replaced")
    shutil.rmtree(old, ignore_errors=True)
    if out.exists():
        out.rename(old)
    shutil.rmtree(old, ignore_errors=True)


def _make(
    folder: ResultsFolder,
    out: Path,
    scale: int,
    root: Path,
    observer: Observer,
    procedure: Name,
    compare: str,
) -> None:
    pair = procedure == "pair"
    observer.begin("making a study of the results", 0)
    new = new_study(
        folder.root,
        out,
        preset_name=_PRESET,
        procedure_name=procedure,
        no_difference=pair,
        pairs="hr" if pair else None,
        per_rater=_PAIRS_PER_RATER if pair else None,
        compare=compare,
        scale=scale,
        methods=_methods(folder, scale),
        data_root=root,
        open_access=True,
        raters=RATERS,
        seed=SEED,
        title=TITLE,
    )
    observer.end()
    for note in new.notes:
        observer.note(f"study: {note}")
    observer.begin(f"simulating {RATERS} raters of {new.stimuli} stimuli", 0)
    store = open_study(out).store
    simulate(store, RATERS, SEED)
    export_ratings(store, out / "ratings.csv")
    observer.begin("statistics, figures and page of the simulated study", 0)
    scores = scores_frame(folder.root / "scores.csv", scale)
    write_study_analysis(
        pd.DataFrame(ratings_rows(store)), out / "analysis", scores, compare=compare, seed=SEED,
        observer=observer,
    )  # fmt: skip
    observer.end()


def _methods(folder: ResultsFolder, scale: int) -> list[str] | None:
    """None if the results have methods of the paper's design; otherwise all methods."""
    here = {(row.dataset, row.method) for row in folder.read_scores() if row.scale == scale}
    methods = sorted({method for _, method in here})
    for dataset in {dataset for dataset, _ in here}:
        wanted = {name.lower() for name in preset(_PRESET).methods_of(dataset, methods)}
        if sum(d == dataset and method.lower() in wanted for d, method in here) < 2:
            return methods
    return None


def _refuse_people(out: Path) -> None:
    study = open_study(out)
    raters = study_status(study.store, utc_now()).raters
    # A study with our title and no raters is from a run that stopped before the first rater.
    ours = all(rater.simulated for rater in raters) if raters else study.manifest.title == TITLE
    if not ours:
        raise StudyError(
            f"{out} holds a study with real raters; it was not changed: move it elsewhere, or "
            "choose another --out"
        )
