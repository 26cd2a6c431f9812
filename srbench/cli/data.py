"""``srbench data`` and ``srbench weights``: parse, call, print."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..wording import counted
from .options import DataOption, WeightsOption
from .saying import say

if TYPE_CHECKING:
    from ..data import Finding

data_app = typer.Typer(help="Data sets: list, fetch, verify, import.", no_args_is_help=True)
weights_app = typer.Typer(help="Backbone weights: list, fetch, import.", no_args_is_help=True)


@data_app.command("list")
def data_list(data: DataOption = None) -> None:
    """List known data sets and which of them are installed."""
    from ..data import data_root, list_datasets
    from .console import print_table

    root = data_root(data)
    rows: list[tuple[str, str, str, str]] = []
    for entry in list_datasets(root):
        missing = f"srbench data {'fetch' if entry.can_fetch else 'import'} {entry.name}"
        state = entry.problem or ("installed" if entry.folder else missing)
        count = f"{entry.images} of {entry.expected or entry.images}"
        rows.append((entry.name, count, state, entry.licence or ""))
    print_table(("data set", "images", "state", "licence"), rows, f"data root: {root}")


@data_app.command("fetch")
def data_fetch(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names of data sets of the catalogue.")
    ],
    data: DataOption = None,
) -> None:
    """Download data sets of the catalogue and verify them."""
    from ..data import data_root, fetch
    from .console import DownloadDisplay, make_console

    console = make_console()
    bad = False
    for name in names:
        with DownloadDisplay(console, name) as display:
            fetched = fetch(name, data_root(data), progress=display)
        bad |= not _print_findings(fetched.dataset.name, fetched.findings)
    if bad:
        raise typer.Exit(2)


@data_app.command("verify")
def data_verify(
    names: Annotated[
        list[str], typer.Argument(metavar="NAME...", help="Names of installed data sets.")
    ],
    data: DataOption = None,
) -> None:
    """Compare images with the recorded pixels of a known data set, in any file format."""
    from ..data import data_root, open_dataset, verify
    from .console import ConsoleObserver, make_console

    bad = False
    for name in names:
        dataset = open_dataset(name, data_root(data))
        with ConsoleObserver(make_console()) as observer:
            findings = verify(dataset, observer)
        bad |= not _print_findings(dataset.name, findings)
    if bad:
        raise typer.Exit(2)


@data_app.command("import")
def data_import(
    name: Annotated[str, typer.Argument(help="Name of the data set.")],
    folder: Annotated[Path, typer.Argument(help="Folder of its images.")],
    data: DataOption = None,
    as_is: Annotated[
        bool,
        typer.Option(
            "--as-is",
            help="Accept images that differ from the known set; the set is then called NAME-as-is.",
        ),
    ] = False,
) -> None:
    """Import a folder of images as a data set."""
    from ..data import data_root, import_folder
    from .console import ConsoleObserver, make_console

    with ConsoleObserver(make_console()) as observer:
        made = import_folder(name, folder, data_root(data), observer, as_is=as_is)
    images = counted(len(made.dataset.ids), "image")
    say(f"imported {made.dataset.name}: {images}")
    if made.findings:
        _print_findings(made.dataset.name, made.findings)


def _print_findings(name: str, findings: Sequence[Finding]) -> bool:
    """Print what differs from the recorded pixels; return whether all images are good."""
    images = counted(len(findings), "image")
    bad = [finding for finding in findings if not finding.good]
    for finding in bad:
        say(f"{name}/{finding.image}: {finding.status}: {finding.detail}")
    unrecorded = sum(finding.status == "unrecorded" for finding in findings)
    if bad:
        say(f"{name}: {len(bad)} of {images} differ from the recorded pixels")
    elif unrecorded:
        say(f"{name}: {images} readable; there are no recorded pixels to compare with")
    else:
        say(f"{name}: {images}, all equal to the recorded pixels")
    return not bad


@weights_app.command("list")
def weights_list(weights: WeightsOption = None) -> None:
    """List backbone weights and which of them are installed."""
    from ..models.weights_catalogue import list_weights, mending_command, weights_folder
    from .console import print_table

    folder = weights_folder(weights)
    rows = [
        (w.entry.name, w.entry.purpose, "installed" if w.present else mending_command(w.entry.name))
        for w in list_weights(folder)
    ]
    print_table(("weights", "for", "state"), rows, f"weights folder: {folder}")


@weights_app.command("fetch")
def weights_fetch(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="Names of weights, such as alexnet-features."),
    ],
    weights: WeightsOption = None,
) -> None:
    """Download the weights published by torchvision and keep the convolutional layers."""
    from ..models.weights import fetch_weights
    from ..models.weights_catalogue import weights_folder
    from .console import DownloadDisplay, make_console

    console = make_console()
    for name in names:
        with DownloadDisplay(console, name) as display:
            path = fetch_weights(name, weights_folder(weights), progress=display)
        say(f"{name}: {path}")


@weights_app.command("import")
def weights_import(
    name: Annotated[str, typer.Argument(help="Name of the weights, such as alexnet-features.")],
    file: Annotated[Path, typer.Argument(help="File of the weights.")],
    weights: WeightsOption = None,
) -> None:
    """Import backbone weights from a file: safetensors, or torchvision's .pth."""
    from ..models.weights import import_weights, unproven
    from ..models.weights_catalogue import weights_folder

    folder = weights_folder(weights)
    say(f"{name}: {import_weights(name, file, folder)}")
    if note := unproven(name, file, folder):
        say(note, error=True)
