"""``srbench.run_all``: a run from a notebook, and its results in hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...benchmark import run_all as run_experiment
from ...config import listed, parse_experiment
from ...data.folder import data_root
from ...errors import WrongType
from ...files import expanded
from ...models.weights_catalogue import weights_folder
from ...observer import Observer
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
    protocols: Sequence[str] = ("matlab", "basicsr", "ledig2017"),
    lpips: Sequence[str] = ("alex",),
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
    """Methods on data sets, as ``srbench run-all``: images and scores in a results folder.

    What an earlier run into the folder computed is not computed again.

    Args:
        methods: names, ``NAME=FOLDER``, ``NAME=FILE``, objects with ``upscale(lr)``, functions of
            ``lr``: uint8 arrays in and out.
        datasets: names of data sets under ``data``; ``auto``: the benchmark, else the sample.
        metrics: as :func:`srbench.score` takes them.
        out: the results folder; what else is in it is kept.
        scale: the magnification: 2, 3, 4 or 8.
        border: MATLAB's border rule: ``symmetric`` or ``replicate``.
        lr: ``made``: LR images are shrunk from the originals; ``given``: those that each data set
            brings, ``LR/x4/*`` beside ``HR``; or the name of their folder (``LR_bicubic``).
        protocols: what ``psnr`` and ``ssim`` are computed under.
        lpips: which networks ``lpips`` means.
        device: where networks run.
        patterns: how files in the folders of ``NAME=FOLDER`` are named: ``{}_x4_SR``.
        as_is: take a known set that is not the recorded one, under the name ``<Name>-as-is``.
        data, weights: the folders of data sets and of weights; by default ``SRBENCH_DATA`` and
            ``SRBENCH_WEIGHTS``.
        force: compute everything again.
        report: also write tables, figures and page.
        dask: address of a Dask scheduler whose workers do the computing.
        observer: is told about progress.

    Returns:
        The whole folder's results: ``.scores``, ``.summary``, ``.timings``, ``.images(...)``.

    Raises:
        SrbenchError: the input is wrong, in one line that says how to correct it.

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
        "protocols": listed(protocols),
        "lpips": listed(lpips),
        "device": device,
        "patterns": listed(patterns),
        "as_is": as_is,
    }
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
    folder = expanded(out)
    run_experiment(
        experiment,
        folder,
        root=data_root(data),
        weights=weights_folder(weights),
        force=force,
        report=report,
        dask=dask,
        observer=observer,
    )
    return read_results(folder)
