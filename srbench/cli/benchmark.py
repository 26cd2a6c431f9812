"""Benchmark commands, from ``srbench run-all`` to ``doctor``: parse, call, print."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConfigError, ResultsError
from ..files import require_replaceable
from ..wording import counted
from .options import (
    CompareOption,
    DataOption,
    DeviceOption,
    MetricsOption,
    ProcedureOption,
    WeightsOption,
    a_csv,
    a_folder,
    chosen_metrics,
    names_in,
    names_of,
    require_one_of,
)


def run_all(
    config: Annotated[
        str | None, typer.Option(help="A preset (paper, quick) or a TOML file.")
    ] = None,
    data: DataOption = None,
    weights: WeightsOption = None,
    datasets: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated names (default: auto, which is Set5, Set14 and BSD100 if "
            "installed, else the sample)."
        ),
    ] = None,
    as_is: Annotated[
        bool,
        typer.Option("--as-is", help="Accept a known set whose images differ, as NAME-as-is."),
    ] = False,
    methods: Annotated[
        str | None,
        typer.Option(
            help="Comma-separated: names, NAME=FOLDER, NAME=FILE (default: shipped, which is all "
            "of ours). NAME+ is a network's mean over flips and rotations."
        ),
    ] = None,
    pattern: Annotated[
        list[str] | None,
        typer.Option(
            help="Pattern of the file names in the folders of NAME=FOLDER, with {} for the "
            "original's name: {}_x4_SR, or NAME={}_x4_SR for one folder. Can be repeated."
        ),
    ] = None,
    scale: Annotated[int | None, typer.Option(help="Magnification (default: 4).")] = None,
    border: Annotated[
        str | None,
        typer.Option(help="MATLAB's border rule: symmetric (default) or replicate."),
    ] = None,
    lr: Annotated[
        str | None,
        typer.Option(
            metavar="made|given",
            help="made: LR images are computed from the originals; given: they come with each data "
            "set, LR/x4 next to HR; or the name of their folder, such as LR_bicubic.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Results folder.", callback=a_folder)] = Path("results"),
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:1, mps or xpu.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Compute everything again.")] = False,
    no_lpips: Annotated[bool, typer.Option("--no-lpips", help="Leave LPIPS out.")] = False,
    metrics: MetricsOption = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Compute on the workers of this Dask scheduler."),
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(metavar="simulated", help="Also make a study with simulated raters."),
    ] = None,
    procedure: ProcedureOption = "acr",
    compare: CompareOption = "",
) -> None:
    """Run methods on data sets: images, scores, tables, figures and a page."""
    from ..benchmark import run_all as run
    from ..config import parse_experiment, read_experiment
    from ..data.folder import data_root
    from ..errors import unknown_name
    from ..metrics.table import refuse_unused
    from ..models.weights_catalogue import weights_folder
    from .console import ConsoleObserver, make_console

    if study not in (None, "simulated"):
        raise unknown_name("kind of study", study, ["simulated"])
    if study is None and (compare or procedure != "acr"):
        raise ConfigError("--procedure and --compare need a study; add --study simulated")
    given = {
        "datasets": names_of(datasets),
        "methods": names_of(methods),
        "patterns": tuple(pattern) if pattern else None,
        "as_is": True if as_is else None,
        "scale": scale,
        "border": border,
        "lr": lr,
        "device": device,
        "lpips": () if no_lpips else None,
        "metrics": chosen_metrics(metrics, without="lpips" if no_lpips else None),
    }
    options = {key: value for key, value in given.items() if value is not None}
    planned = read_experiment(config)
    refuse_unused(
        planned.metrics,
        protocols=planned.protocols if "protocols" in planned.model_fields_set else None,
        nets=planned.lpips if "lpips" in planned.model_fields_set and planned.lpips else None,
    )
    values = planned.model_dump() | options
    experiment = parse_experiment(values, "the command line" if options else "the experiment")
    console = make_console()
    with ConsoleObserver(console, unit="SR image") as observer:
        summary = run(
            experiment,
            out,
            root=data_root(data),
            weights=weights_folder(weights),
            force=force,
            dask=dask,
            observer=observer,
        )
    _print_summary(out, summary.datasets, experiment.scale)
    console.print(
        f"{counted(summary.images, 'image')}, {counted(summary.pairs, 'SR image')}, "
        f"{summary.computed:,} of them computed now, in {summary.seconds:.1f} s; "
        f"results in {out}, the page is {out / 'report.html'}",
        markup=False,
    )
    if study:
        _simulated_study(out, experiment.scale, data_root(data), procedure, compare)


def _simulated_study(
    results: Path, scale: int, root: Path, procedure: ProcedureOption, compare: str
) -> None:
    from ..experiments.simulated import simulate_study
    from .console import ConsoleObserver, make_console

    console = make_console()
    with ConsoleObserver(console) as observer:
        done = simulate_study(results, scale, root, observer, procedure=procedure, compare=compare)
    console.print(
        f"SIMULATED, no real ratings: {done.votes:,} votes of {done.raters} simulated "
        f"raters on {done.stimuli} stimuli{'' if done.made else ' (existed already)'}; study in "
        f"{done.folder}, the page is {done.page}",
        markup=False,
    )


def _print_summary(out: Path, datasets: tuple[str, ...], scale: int) -> None:
    from ..benchmark.results import ResultsFolder
    from ..metrics.protocols import PROTOCOLS
    from ..report.benchmark.terminal import scores_table
    from .console import table_console

    folder = ResultsFolder(out)
    here = [row for row in folder.read_scores() if row.scale == scale and row.dataset in datasets]
    # One protocol fits into a normal terminal; the tables and the page have all.
    first = next((p for p in PROTOCOLS if any(row.protocol == p for row in here)), None)
    shown = [row for row in here if row.protocol == first or row.protocol not in PROTOCOLS]
    title = f"x{scale}, means over images"
    table_console().print(scores_table(shown, folder.read_run(), title=title))


def score(
    hr: Annotated[Path, typer.Option(help="Folder of original images, or one image.")],
    sr: Annotated[Path, typer.Option(help="Folder of SR images of the same names, or one image.")],
    scale: Annotated[int, typer.Option(help="Magnification.", min=1)],
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="matlab, basicsr, ledig2017; comma-separated or repeated."),
    ] = None,
    lpips: Annotated[
        list[str] | None,
        typer.Option(help="LPIPS backbone: alex, squeeze, vgg; comma-separated or repeated."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The method's name in the table (default: of --sr).")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="The data set's name in the table (default: of --hr).")
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option(
            help="Pattern of the SR file names, with {} for the original's name: {}_x4_SR."
        ),
    ] = None,
    metrics: MetricsOption = None,
    lr: Annotated[
        Path | None,
        typer.Option(
            help="Folder of LR images, or one image, for lr_psnr (default: made from --hr)."
        ),
    ] = None,
    as_is: Annotated[
        bool,
        typer.Option("--as-is", help="Accept a known set whose images differ, as NAME-as-is."),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="CSV file for the scores per image.", callback=a_csv)
    ] = None,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Score SR images, a folder or one file, against their originals."""
    from ..benchmark.results import write_scores
    from ..benchmark.scoring import score_folders
    from ..metrics import find_metrics
    from ..metrics.base import Score
    from ..metrics.table import refuse_unused
    from ..models.weights_catalogue import weights_folder
    from ..report.benchmark.terminal import scores_table
    from .console import ConsoleObserver, make_console, table_console

    usual = ("psnr", "ssim", "lpips") if lpips else ("psnr", "ssim")
    words = chosen_metrics(metrics) or usual
    protocols, nets = names_in(protocol), names_in(lpips)
    refuse_unused(words, protocols=protocols or None, nets=nets or None)
    chosen = find_metrics(words, protocols=protocols or ["matlab"], nets=nets or ["alex"])
    numbers = [facts for metric in chosen for facts in metric.facts]
    if out:
        require_replaceable(out, ",".join(Score._fields), "a table of scores")
    with ConsoleObserver(make_console(), unit="SR image") as observer:
        rows = score_folders(
            hr,
            sr,
            scale=scale,
            metrics=chosen,
            name=name,
            dataset=dataset,
            weights=weights_folder(weights),
            device=device,
            pattern=pattern,
            as_is=as_is,
            lr=lr,
            observer=observer,
        )
    if out:
        write_scores(out, rows)
    table_console().print(scores_table(rows, {"metrics": [f.record() for f in numbers]}))


def upscale(
    source: Annotated[Path, typer.Argument(metavar="FILE_OR_FOLDER", help="LR image or folder.")],
    method: Annotated[str, typer.Option(help="A method's name, or NAME=FILE.")],
    out: Annotated[Path, typer.Option(help="Folder for the SR images (PNG).", callback=a_folder)],
    scale: Annotated[int, typer.Option(help="Magnification.", min=1)] = 4,
    border: Annotated[
        str | None, typer.Option(help="Border rule of bicubic: symmetric (default) or replicate.")
    ] = None,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Super-resolve an image, or every image of a folder."""
    from ..imaging import get_border
    from ..methods.batch import upscale_files
    from ..models.weights_catalogue import weights_folder
    from .console import ConsoleObserver, make_console

    console = make_console()
    with ConsoleObserver(console) as observer:
        written = upscale_files(
            source,
            method,
            out,
            scale=scale,
            border=None if border is None else get_border(border),
            weights=weights_folder(weights),
            device=device,
            observer=observer,
        )
    console.print(f"{counted(len(written), 'image')} written to {out}", markup=False)


def report(
    out: Annotated[
        Path, typer.Option(help="Results folder of an earlier run.", callback=a_folder)
    ] = Path("results"),
    images: Annotated[
        str, typer.Option(help="all: also write images.html, a page with every image; few: do not.")
    ] = "few",
    compare: Annotated[
        str, typer.Option(help="Test only these: A:B, A:* for A with all others, comma-separated.")
    ] = "",
    latex: Annotated[
        str, typer.Option(help="LaTeX: paper, the tables that a paper prints; all: every test too.")
    ] = "paper",
    table: Annotated[
        str | None, typer.Option(help="Print a short table instead: tex, md or csv.")
    ] = None,
    protocol: Annotated[
        str | None, typer.Option(help="Protocol of the short table (default: matlab).")
    ] = None,
    methods: Annotated[str | None, typer.Option(help="Rows of the short table: A,B.")] = None,
    datasets: Annotated[str | None, typer.Option(help="Data sets of the short table: A,B.")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Columns of the short table: psnr,lpips_alex,...")
    ] = None,
) -> None:
    """Write the tables, figures and page of a results folder again, or print a short table."""
    from ..benchmark.results import ResultsFolder
    from ..report import short_table_text, write_report
    from .console import make_console, working

    if not (out / "scores.csv").is_file():
        raise ResultsError(f"{out} holds no scores.csv; make one with: srbench run-all --out {out}")
    chosen = {
        "protocol": protocol,
        "methods": names_of(methods),
        "datasets": names_of(datasets),
        "metrics": names_of(metrics),
    }
    given = [f"--{name}" for name, value in chosen.items() if value is not None]
    if table is None and given:
        raise ConfigError(
            f"{given[0]} chooses what a short table shows; add --table tex, md or csv"
        )
    if table is not None:
        require_one_of("--table", table, ("tex", "md", "csv"))
        usual = {
            "--images": (images, "few"),
            "--compare": (compare, ""),
            "--latex": (latex, "paper"),
        }
        for option, (value, default) in usual.items():
            if value != default:
                raise ConfigError(
                    f"{option} is for the page, which --table leaves out; give one of the two"
                )
        for name, value in chosen.items():
            if value == ():
                raise ConfigError(f"--{name} contains no name; give some names, or leave it out")
        sys.stdout.write(short_table_text(out, table, **chosen))
        return
    require_one_of("--images", images, ("few", "all"))
    require_one_of("--latex", latex, ("paper", "all"))
    with working("tables, figures and page") as observer, ResultsFolder(out).locked():
        files = write_report(out, observer=observer, images=images, compare=compare, latex=latex)
    made = f"{counted(len(files), 'file')} made; the page is {out / 'report.html'}"
    if images == "all":
        made += f", every image is in {out / 'images.html'}"
    make_console().print(made, markup=False)


def import_scores(
    file: Annotated[
        Path, typer.Argument(help="CSV: dataset,image,method,metric,value[,direction][,scale].")
    ],
    out: Annotated[
        Path, typer.Option(help="Results folder of the images.", callback=a_folder)
    ] = Path("results"),
    scale: Annotated[
        int | None, typer.Option(help="Magnification, if the folder has several.")
    ] = None,
) -> None:
    """Import scores of another program into a results folder."""
    from ..benchmark.importing import import_scores as take
    from .console import make_console

    taken = take(file, out, scale=scale)
    console = make_console()
    for note in taken.notes:
        console.print(note, markup=False)
    console.print(
        f"{counted(taken.rows, 'score')} of {', '.join(taken.metrics)} imported; to show them: "
        f"srbench report --out {out}",
        markup=False,
    )


def doctor(data: DataOption = None, weights: WeightsOption = None) -> None:
    """Check the installation: versions, devices, weights, data sets, known scores."""
    from ..data.folder import data_root
    from ..models.weights_catalogue import weights_folder
    from .console import make_console
    from .doctor import examine

    console = make_console(stderr=False)
    good = True
    for finding in examine(data_root(data), weights_folder(weights)):
        good &= finding.good
        mark = {"ok": "[green]ok     [/]", "absent": "[yellow]absent [/]", "bad": "[red]WRONG  [/]"}
        console.print(mark[finding.state], end="")
        console.print(finding.text, markup=False)
    console.print("no problems found" if good else "problems found: see the lines marked WRONG")
    if not good:
        raise typer.Exit(2)
