"""The content losses of a recipe as functions, with the weights that they need."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import nn

from ..data.training import TrainingSet
from ..errors import MissingWeights
from ..models.layers import enlarge, to_device
from ..models.vgg import VggFeatures
from ..models.weights import load_weights
from ..models.weights_catalogue import mending_command, weights_path
from . import losses
from .recipe import Content
from .trainer import ContentLoss

NORMALISED = "vgg19-normalised-conv1_1-to-conv3_1"

NORMALISED_FACTOR = 4.1e-5
"""Factor on the loss of the normalised VGG19's features, in place of the paper's 1/12.75 squared.

Every filter of that file is rescaled to unit mean activation, so the paper's factor does not fit.
Measured by :func:`calibrated_factor` on all 590 photographs of the training set A_mixed
(``benchmarks/content_factor.py``: 4.089e-5 over 512 crops; equal gradients would ask for 3.93e-5).
"""


def content_losses(
    names: Iterable[Content], weights: Path, device: torch.device
) -> tuple[dict[Content, ContentLoss], list[str]]:
    """The losses by name on ``device``, and notes for the model card.

    Raises:
        MissingWeights: naming the command that supplies them. Nothing is ever substituted, but
            for phi_2,2 of the normalised VGG19 file, which is said in the notes.
    """
    made: dict[Content, ContentLoss] = {}
    notes: list[str] = []
    for name in names:
        if name == "mse":
            made[name] = losses.mse
        elif name == "luma":
            made[name] = losses.luma_mse
        elif name == "lpips":
            made[name] = _lpips(weights, device)
            notes.append("content loss: LPIPS 0.1 with AlexNet")
        else:
            made[name], note = _vgg(name, weights, device)
            notes.append(note)
    return made, notes


def _vgg(layer: str, weights: Path, device: torch.device) -> tuple[ContentLoss, str]:
    if weights_path("vgg19-features", weights).is_file():
        state = load_weights("vgg19-features", weights)
        features = to_device(VggFeatures(layer, state), device)
        factor = losses.VGG_RESCALING**2
        note = f"content loss: {layer} of VGG19, features rescaled by 1/12.75"
    elif layer == "vgg22" and weights_path(NORMALISED, weights).is_file():
        features, factor = normalised_vgg22(weights, device), NORMALISED_FACTOR
        note = (
            "content loss: vgg22 of the VGG19 whose filters are normalised to unit mean "
            f"activation, with the content factor {factor:.2g} in place of the paper's 1/12.75 "
            "squared: with it the loss of bicubic enlargements of training crops equals their "
            "mean squared error, the paper's 'scale that is comparable to the MSE loss'"
        )
    else:
        raise MissingWeights(
            f"the content loss {layer} needs vgg19-features, which is not in {weights}; run "
            f"`{mending_command('vgg19-features')}`"
        )

    def loss(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            target = features(hr)
        return factor * losses.feature_mse(features(sr).float(), target.float())

    return loss, note


def normalised_vgg22(weights: Path, device: torch.device) -> nn.Module:
    """phi_2,2 of the normalised VGG19 on ``device``, without any factor."""
    return to_device(VggFeatures("vgg22", load_weights(NORMALISED, weights)), device)


def calibrated_factor(features: nn.Module, data: TrainingSet, *, batches: int) -> float:
    """The factor that gives a feature loss the magnitude of the pixels' mean squared error.

    The quotient of the two losses of bicubic enlargements, each a mean over ``batches`` batches.
    The paper asks for a loss "of a scale that is comparable to the MSE loss" (section 3.2), since
    it weighs both against the same adversarial loss.
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
