"""``srbench.run_all``: run a benchmark from Python and return its results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...benchmark import run_all as run_experiment
from ...config import listed, parse_experiment
from ...data.folder import data_root
from ...errors import WrongType
from ...files import expanded
from ...metrics.table import refuse_unused
from ...models.weights_catalogue import weights_folder
from ...observer import NotesLogged, Observer
from .results import Results, read_results


def run_all(
    methods: Sequence[object] = ("shipped",),
    datasets: Sequence[str] = ("auto",),
    metrics: Sequence[object] = ("psnr", "ssim", "lpips"),
    out: Path | str = "results",
    *,
    scale: int = 4,
    border: str = "symmetric",
    lr: str = "made",
    protocols: Sequence[str] | None = None,
    lpips: Sequence[str] | None = None,
    device: str = "auto",
    patterns: Sequence[str] = (),
    as_is: bool = False,
    data: Path | str | None = None,
    weights: Path | str | None = None,
    force: bool = False,
    report: bool = False,
    dask: str | None = None,
    observer: Observer | None = None,
) -> Results:
    """Run methods on data sets, as ``srbench run-all``, and write images and scores to a folder.

    Results of an earlier run in the same folder are reused.

    Args:
        methods: names, ``NAME=FOLDER``, ``NAME=FILE``, objects with ``upscale(lr)``, functions of
            ``lr``: uint8 arrays in and out.
        datasets: names of data sets under ``data``; ``auto``: the benchmark, else the sample.
        metrics: as :func:`srbench.score` takes them.
        out: the results folder; its other files are kept.
        scale: the magnification: 2, 3, 4 or 8.
        border: MATLAB's border rule: ``symmetric`` or ``replicate``.
        lr: ``made``: LR images are computed from the originals; ``given``: they come with each data
            set, ``LR/x4/*`` next to ``HR``; or the name of their folder (``LR_bicubic``).
        protocols: the protocols for ``psnr`` and ``ssim``: by default ``matlab``, ``basicsr`` and
            ``ledig2017``.
        lpips: the networks for ``lpips``: by default ``alex``.
        device: where networks run.
        patterns: the file names in the folders of ``NAME=FOLDER``, such as ``{}_x4_SR``.
        as_is: accept a known data set whose images differ from the recorded ones, under the name
            ``<Name>-as-is``.
        data, weights: the folders of data sets and of weights; by default ``SRBENCH_DATA`` and
            ``SRBENCH_WEIGHTS``.
        force: recompute everything.
        report: also write tables, figures and report.html.
        dask: address of a Dask scheduler for the computation.
        observer: is notified of progress and gets the notes about what was taken, ignored or looks
            wrong. By default, notes go to the logger ``srbench``: Python prints them on standard
            error.

    Returns:
        The results of the whole folder: ``.scores``, ``.summary``, ``.timings``, ``.images(...)``.

    Raises:
        SrbenchError: the input is wrong; one line says how to correct it.

    >>> import tempfile, srbench
    >>> def mine(lr):  # a method of your own: uint8 in, uint8 of `scale` times the size out
    ...     return srbench.imresize(lr, 4, border="replicate")
    >>> folder = tempfile.TemporaryDirectory()
    >>> run = srbench.run_all(["nearest", mine], ["sample"], ["psnr_rgb"], folder.name)
    >>> run.scores.columns.to_list()
    ['dataset', 'image', 'method', 'scale', 'protocol', 'metric', 'value']
    >>> run.summary.set_index("method")["psnr_rgb:rgb"].idxmax()
    'mine'
    >>> folder.cleanup()
    """
    given = {
        "methods": listed(methods),
        "datasets": listed(datasets),
        "metrics": listed(metrics),
        "scale": scale,
        "border": border,
        "lr": lr,
        "device": device,
        "patterns": listed(patterns),
        "as_is": as_is,
    }
    if protocols is not None:
        given["protocols"] = listed(protocols)
    if lpips is not None:
        given["lpips"] = listed(lpips)
    for name, value, kind in (
        ("force", force, bool),
        ("report", report, bool),
        ("dask", dask, str | None),
        ("observer", observer, Observer | None),
    ):
        if not isinstance(value, kind):
            expected = getattr(kind, "__name__", str(kind).rpartition(".")[2])
            raise WrongType(f"run_all: {name} is {value!r:.60}, expected {expected}")
    experiment = parse_experiment(given, "run_all")
    refuse_unused(
        experiment.metrics,
        protocols=experiment.protocols if protocols is not None else None,
        nets=experiment.lpips if lpips else None,
    )
    folder = expanded(out)
    run_experiment(
        experiment,
        folder,
        root=data_root(data),
        weights=weights_folder(weights),
        force=force,
        report=report,
        dask=dask,
        observer=observer or NotesLogged(),
    )
    return read_results(folder)
