"""The content losses of a recipe as functions with their weights."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import nn

from ..data.training import TrainingSet
from ..errors import MissingWeights
from ..models.layers import enlarge, to_device
from ..models.vgg import VggFeatures, VggMaps
from ..models.weights import load_weights, other_source
from ..models.weights_catalogue import mending_command, weights_path
from . import losses
from .recipe import PIXEL_LOSSES, Content, Recipe
from .trainer import ContentLoss

NORMALISED = "vgg19-normalised-conv1_1-to-conv3_1"
_USUAL = "as torchvision's or your own"

FACTORS: dict[tuple[str, Content], float] = {
    ("normalised", "vgg22"): 4.0e-5,
    ("caffe", "vgg22"): 4.4e-9,
    ("caffe", "vgg54"): 1.2e-6,
}
"""Factors on the losses of VGG19's features, by the source of its weights and the layer.

They give the loss of bicubic enlargements the magnitude of their mean squared error, as
:func:`calibrated_factor` measures it on the training photographs (``benchmarks/content_factor.py``)
for sources that are not listed here. The paper's own factor, 1/12.75 squared or about
0.006, has the same purpose, but only together with that implementation's scale of the features:
on the features of the Caffe release, summed over the channels, it gives a loss of 1400.
"""


def content_losses(
    names: Iterable[Content], weights: Path, data: TrainingSet, device: torch.device
) -> tuple[dict[Content, ContentLoss], list[str]]:
    """The losses by name on ``device``, and notes for the model card.

    Unknown factors are measured on ``data``.

    Raises:
        MissingWeights: as :func:`require_weights`.
    """
    made: dict[Content, ContentLoss] = {}
    notes: list[str] = []
    for name in names:
        if name in PIXEL_LOSSES:
            made[name] = _PIXEL_LOSSES[name]
        elif name == "lpips":
            made[name] = _lpips(weights, device)
            notes.append("content loss: LPIPS 0.1 with AlexNet")
        else:
            made[name], note = _vgg(name, weights, data, device)
            notes.append(note)
    return made, notes


_PIXEL_LOSSES: dict[Content, ContentLoss] = {
    "mse": losses.mse,
    "luma": losses.luma_mse,
    "colour": losses.colour,
    "grid": losses.grid,
    "grid_excess": losses.grid_excess,
}


def require_weights(names: Iterable[Content], weights: Path) -> None:
    """Check that the weights of the losses exist.

    Raises:
        MissingWeights: with the command that supplies them. Nothing is substituted, except phi_2,2
            by that of the normalised VGG19 file, which the notes state.
    """
    for name in names:
        if name == "lpips":
            load_weights("alexnet-features", weights)
        elif name not in PIXEL_LOSSES:
            _vgg_weights(name, weights)


def discriminator_maps(
    recipe: Recipe, weights: Path, device: torch.device
) -> tuple[VggMaps | None, list[str]]:
    """VGG19's maps for a discriminator of features on ``device``, and notes for the model card.

    Raises:
        MissingWeights: with the command that supplies them.
    """
    if not (recipe.adversarial > 0 and recipe.discriminator == "features"):
        return None, []
    name = "vgg19-features"
    if not weights_path(name, weights).is_file():
        raise MissingWeights(
            f"the discriminator of features needs {name}, which is not in {weights}; run "
            f"`{mending_command(name)}`"
        )
    state = load_weights(name, weights)
    found = other_source(name, state)
    maps = VggMaps(state)
    to_device(maps, device)
    return maps, [f"discriminator: features of the VGG19 {found.note if found else _USUAL}"]


def _vgg_weights(layer: Content, weights: Path) -> str:
    """The catalogue's name of the VGG19 weights to use."""
    if weights_path("vgg19-features", weights).is_file():
        return "vgg19-features"
    if layer == "vgg22" and weights_path(NORMALISED, weights).is_file():
        return NORMALISED
    raise MissingWeights(
        f"the content loss {layer} needs vgg19-features, which is not in {weights}; run "
        f"`{mending_command('vgg19-features')}`"
    )


def _vgg(
    layer: Content, weights: Path, data: TrainingSet, device: torch.device
) -> tuple[ContentLoss, str]:
    name = _vgg_weights(layer, weights)
    state = load_weights(name, weights)
    features = to_device(VggFeatures(layer, state), device)
    if name == NORMALISED:
        source, what = "normalised", "whose filters are normalised to unit mean activation"
    else:
        found = other_source(name, state)
        source, what = (found.name, found.note) if found else ("", _USUAL)
    factor = FACTORS.get((source, layer)) or calibrated_factor(features, data, batches=4)
    note = (
        f"content loss: {layer} of the VGG19 {what}; factor {factor:.2g} in place of the paper's "
        "1/12.75 squared: with it the loss of bicubic enlargements of training crops equals their "
        "mean squared error, the paper's 'scale that is comparable to the MSE loss'"
    )

    def loss(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            target = features(hr)
        return factor * losses.feature_mse(features(sr).float(), target.float())

    return loss, note


def vgg_features(layer: str, name: str, weights: Path, device: torch.device) -> nn.Module:
    """phi_2,2 or phi_5,4 of this VGG19 on ``device``, without a factor."""
    return to_device(VggFeatures(layer, load_weights(name, weights)), device)


def calibrated_factor(features: nn.Module, data: TrainingSet, *, batches: int) -> float:
    """The factor that gives a feature loss the magnitude of the pixels' mean squared error.

    The quotient of the two losses of bicubic enlargements, each a mean over ``batches`` batches.
    The paper requires a loss "of a scale that is comparable to the MSE loss" (section 3.2), because
    both have the same weight relative to the adversarial loss.
    """
    squared_error = feature_loss = 0.0
    with torch.no_grad():
        for sr, hr in enlarged_crops(data, batches=batches):
            squared_error += float(losses.mse(sr, hr))
            feature_loss += float(losses.feature_mse(features(sr), features(hr)))
    return squared_error / feature_loss


def enlarged_crops(
    data: TrainingSet, *, batches: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of 16 random 96x96 crops: bicubic enlargement and original, both in [-1, 1]."""
    draw = torch.Generator().manual_seed(0)
    for _ in range(batches):
        lr, hr = data.batch(96, 16, draw)
        yield (2.0 * enlarge(lr, data.scale) - 1.0).clamp(-1.0, 1.0), hr


def _lpips(weights: Path, device: torch.device) -> ContentLoss:
    state = load_weights("alexnet-features", weights)
    from ..models.torchvision_import import import_torchvision

    import_torchvision()
    import lpips

    with warnings.catch_warnings():  # torchvision's, of how lpips calls it
        warnings.simplefilter("ignore", UserWarning)
        metric = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    slices: nn.Module = metric.net
    # The package keeps torchvision's layers, cut into slices: slice1.0 is features.0 and so on.
    own = {name: name.split(".", 1)[1] for name in slices.state_dict()}
    slices.load_state_dict({name: state[f"features.{layer}"] for name, layer in own.items()})
    metric.requires_grad_(False).eval().to(device)

    def loss(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        return metric(sr, hr).mean()

    return loss
