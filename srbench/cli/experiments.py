"""``srbench depth-study`` and ``srbench evolution``: parse, call, print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..wording import counted
from .options import DeviceOption, a_folder, numbers_of
from .saying import say


def depth_study(
    data: Annotated[
        str,
        typer.Option(help="Training photographs: folders, tar files, data sets (comma-separated)."),
    ],
    steps: Annotated[int, typer.Option(help="Steps of each training.", min=1)] = 2000,
    blocks: Annotated[str, typer.Option(help="Comma-separated numbers.")] = "2,4,6,8,10,12,14,16",
    config: Annotated[
        str, typer.Option(help="A training preset (paper, laptop, quick) or a TOML recipe.")
    ] = "quick",
    out: Annotated[
        Path, typer.Option(help="Folder for checkpoints, table and figure.", callback=a_folder)
    ] = Path("depth-study"),
    device: DeviceOption = "auto",
) -> None:
    """Plot PSNR and time against depth, with and without the long skip (SRGAN, figure 7)."""
    from ..data.folder import benchmark_datasets, data_root
    from ..experiments.depth import depth_study as run
    from ..models.weights_catalogue import weights_folder
    from ..training import PRESETS, find_photographs, read_recipe, recipe_for, training_process
    from .console import TrainingDisplay, make_console

    counts = numbers_of("blocks", blocks)
    name = "srresnet-mse"
    recipe = (
        recipe_for(name, 4, config) if config in PRESETS else read_recipe(Path(config), name, 4)
    )
    root = data_root()
    guarded = benchmark_datasets(root)
    console = make_console()
    with training_process(device) as place, TrainingDisplay(console) as display:
        rows = run(
            recipe.lasting(steps),
            counts,
            find_photographs(data, root),
            out,
            weights=weights_folder(),
            validation=guarded[0],
            guarded=guarded,
            place=place,
            observer=display,
            report=display.show,
        )
    console.print(
        f"{counted(len(rows), 'network')}; the table is {out / 'depth.csv'}, "
        f"the figure {out / 'depth.png'}",
        markup=False,
    )


def evolution(
    checkpoints: Annotated[
        list[Path],
        typer.Argument(metavar="CHECKPOINT...", help="Checkpoints of srbench train, in order."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the figure.", callback=a_folder)] = Path(
        "."
    ),
    image: Annotated[str | None, typer.Option(help="One of the sampled images.")] = None,
    tiles: Annotated[int, typer.Option(help="Maximum number of samples shown.", min=1)] = 7,
) -> None:
    """Show one image at several training steps (SRGAN, figure 8)."""
    from .console import working

    with working("drawing the figure"):  # reading the libraries included
        from ..experiments.evolution import draw_evolution

        files = draw_evolution(checkpoints, out, image=image, tiles=tiles)
    say(f"the figure is {files[0]}")
