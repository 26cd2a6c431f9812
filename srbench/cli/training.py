"""``srbench train``: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .options import DeviceOption, WeightsOption, a_file, a_folder


def train(
    method: Annotated[str, typer.Argument(help="One of our networks, such as srresnet-mse.")],
    config: Annotated[
        str,
        typer.Option(
            help="A preset (paper, laptop, quick), a TOML recipe, or tv-div2k: srgan-tv at both "
            "scales, three crops, with and without total variation; tv-laptop: the same in 1,500 "
            "steps each, from srresnet-mse."
        ),
    ] = "laptop",
    data: Annotated[
        str | None,
        typer.Option(
            "--data", help="Training photographs: comma-separated folders, tar files, data sets."
        ),
    ] = None,
    scale: Annotated[
        int | None, typer.Option(help="Magnification: 2 or 4 (default: 4; tv-...: both).")
    ] = None,
    steps: Annotated[int | None, typer.Option(help="Number of steps.", min=1)] = None,
    validate_every: Annotated[
        int | None,
        typer.Option(
            help="Steps between two validations (default: 1000); the best weights are kept.", min=1
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Checkpoint to write (tv-...: folder; default: in the weights folder)"),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Continue an interrupted run, or extend a finished one with more --steps.",
        ),
    ] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write a log for TensorBoard.")
    ] = False,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Train one of our networks."""
    from ..data.folder import benchmark_datasets, data_root
    from ..errors import ConfigError
    from ..models.weights_catalogue import weights_folder
    from ..training import (
        MATRICES,
        PRESETS,
        find_photographs,
        planned_steps,
        read_recipe,
        recipe_for,
        training_process,
    )
    from ..training import train as run
    from .console import TrainingDisplay, make_console

    if data is None:
        raise ConfigError(
            "no training photographs; give folders, tar files or data sets with --data"
        )
    if scale not in (2, 4, None):
        raise ConfigError(f"the scale is {scale}, expected 2 or 4")
    _ = a_folder(out) if config in MATRICES else a_file(out)
    root, folder = data_root(), weights_folder(weights)
    photographs = find_photographs(data, root)
    if config in MATRICES:
        if tensorboard or validate_every is not None:
            raise ConfigError(
                f"--tensorboard and --validate-every are for single networks, not for {config}"
            )
        scales = (2, 4) if scale is None else (scale,)
        out = out or folder / config
        _train_matrix(method, config, photographs, out, scales, steps, root, folder, device)
        return
    if config in PRESETS:
        recipe = recipe_for(method.lower(), scale or 4, config)
    else:
        recipe = read_recipe(Path(config), method.lower(), scale)
    out = out or folder / f"{recipe.name}_x{recipe.architecture.scale}.safetensors"
    _refuse_other_checkpoint(out, recipe.name)
    if steps is not None:
        recipe = recipe.lasting(steps)
    elif resume and (planned := planned_steps(out, recipe)) not in (None, recipe.steps):
        raise ConfigError(
            f"the run was planned for {planned} steps, but the recipe lasts {recipe.steps}; "
            f"add --steps {planned} to finish it, or --steps {recipe.steps} to extend it"
        )
    guarded = benchmark_datasets(root)
    console = make_console()
    with training_process(device) as place, TrainingDisplay(console) as display:
        trained = run(
            recipe,
            photographs,
            out,
            weights=folder,
            guarded=guarded,
            place=place,
            resume=resume,
            tensorboard=tensorboard,
            validate_every=validate_every or 1000,
            observer=display,
            report=display.show,
        )
    if place.writes:
        reached = ", ".join(f"{name} {value:.4f}" for name, value in trained.card.metrics.items())
        console.print(f"{trained.checkpoint} written; {reached}", markup=False)


def _refuse_other_checkpoint(out: Path, name: str) -> None:
    """Refuse to write over a checkpoint or a card that is not of the same network."""
    from ..errors import ConfigError, SrbenchError
    from ..models.cards import read_card

    there = [path for path in (out, out.with_suffix(".json")) if path.exists()]
    try:
        same = not there or read_card(out).name == name
    except SrbenchError:
        same = False
    if not same:
        raise ConfigError(
            f"{there[0]} exists and is not a checkpoint of {name} with its card, so it is not "
            "replaced; choose another --out, or remove it"
        )


def _train_matrix(
    method: str,
    config: str,
    photographs: list[Path],
    out: Path,
    scales: tuple[int, ...],
    steps: int | None,
    root: Path,
    weights: Path,
    device: str,
) -> None:
    from ..data.folder import benchmark_datasets, dataset_folder, open_dataset
    from ..errors import ConfigError
    from ..training import (
        MATRICES,
        contrasts,
        contrasts_table,
        matrix_table,
        train_matrix,
        training_process,
    )
    from .console import TrainingDisplay, make_console, table_console

    if method.lower() != "srgan-tv":
        raise ConfigError(
            f"{config} is the matrix of srgan-tv, not of {method}; run: "
            f"srbench train srgan-tv --config {config}"
        )
    guarded = benchmark_datasets(root)
    # The paper's validation set if installed; otherwise a set with enough images for intervals.
    there = [name for name in ("DIV2K-valid", "Set14") if dataset_folder(name, root)]
    validation = open_dataset(there[0], root) if there else guarded[0]
    console = make_console()
    with training_process(device) as place, TrainingDisplay(console) as display:
        rows = train_matrix(
            photographs,
            out,
            recipe_of=MATRICES[config],
            scales=scales,
            steps=steps,
            weights=weights,
            validation=validation,
            guarded=guarded,
            place=place,
            observer=display,
            report=display.show,
        )
    if place.writes:
        tables = table_console()
        tables.print(matrix_table(rows, validation.name))
        tables.print(contrasts_table(contrasts(rows)))
        console.print(
            "Each network was trained once: the intervals do not say how much another seed "
            f"would change. Networks and tables are in {out}",
            markup=False,
        )
