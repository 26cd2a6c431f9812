"""``srbench methods``: parse, call, print."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .options import WeightsOption

if TYPE_CHECKING:
    from ..methods.listing import MethodFacts


def methods(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Show the whole card of this method.")
    ] = None,
    scale: Annotated[int, typer.Option(help="Magnification.", min=1)] = 4,
    weights: WeightsOption = None,
) -> None:
    """List our methods: size, FLOPs, memory, scores, and artefact detector."""
    from ..methods.listing import list_methods, method_facts
    from ..methods.resolve import METHODS
    from ..models.weights_catalogue import weights_folder
    from .console import print_table

    folder = weights_folder(weights)
    if name is not None:
        from ..errors import unknown_name

        key = name.lower()
        if key not in METHODS:
            raise unknown_name("method", name, METHODS)
        _show(method_facts(key, scale, folder))
        return
    rows = [
        (
            facts.name,
            f"{facts.parameters:,}" if facts.card else "—",
            f"{facts.flops / 1e9:.1f}" if facts.card else "—",
            f"{facts.memory / 1e6:.0f}" if facts.card else "—",
            _number(facts.on("set14").get("psnr_y"), 2),
            _number(facts.on("set14").get("lpips_alex"), 3),
            facts.limits or "—",
        )
        for facts in list_methods(scale, folder)
    ]
    heads = ("method", "parameters", "GFLOPs", "MB", "PSNR", "LPIPS", "detector")
    print_table(heads, rows, _explained(scale))


def _explained(scale: int) -> str:
    return (
        f"x{scale}. GFLOPs and MB are for an SR image of 1280x720: a multiply-add counts as two "
        "operations; larger images are processed in tiles. PSNR (ledig2017) and LPIPS (alex) are "
        "for Set14, from the cards. Detector: clean on Set5 and Set14, over a limit on single "
        "images, or shows a grid or a colour shift. To see a card: srbench methods NAME; to run "
        "all: srbench run-all --methods shipped"
    )


def _number(value: float | None, decimals: int) -> str:
    return "—" if value is None else f"{value:.{decimals}f}"


def _show(facts: MethodFacts) -> None:
    from .console import make_console

    console = make_console(stderr=False)

    def line(head: str, text: str) -> None:
        console.print(f"{head:<12}{text}", markup=False)

    if facts.card is None:
        line("name", f"{facts.name}, x{facts.scale}: interpolation; no parameters, no card")
        return
    card = facts.card
    line("name", f"{card.name}, x{facts.scale}")
    line("checkpoint", str(facts.checkpoint))
    line("size", f"{facts.parameters:,} parameters; {card.architecture.network}")
    line("work", f"{facts.flops / 1e9:.1f} GFLOPs and {facts.memory / 1e6:.0f} MB for 1280x720")
    line("trained", f"{card.steps:,} steps on {card.data}")
    if card.held_out:
        line("", f"{len(card.held_out)} photographs held out for validation")
    losses = ", ".join(f"{loss} {weight:g}" for loss, weight in card.recipe["content"].items())
    if adversarial := card.recipe.get("adversarial"):
        losses += f", adversarial {adversarial:g}"
    if variation := card.recipe.get("total_variation"):
        losses += f", total variation {variation:g}"
    line("losses", losses)
    for dataset in dict.fromkeys(key.partition("_")[0] for key in card.metrics):
        found = ", ".join(f"{metric} {value:g}" for metric, value in facts.on(dataset).items())
        line(dataset, found)
    line("detector", facts.limits or "not measured")
    for note in card.notes:
        line("note", note)
    line("licence", card.licence)
