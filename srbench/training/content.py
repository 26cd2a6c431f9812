"""The content losses of a recipe as functions, with the weights that they need."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn

from ..errors import MissingWeights
from ..models.layers import to_device
from ..models.vgg import VggFeatures
from ..models.weights import load_weights
from ..models.weights_catalogue import mending_command, weights_path
from . import losses
from .recipe import Content
from .trainer import ContentLoss

NORMALISED = "vgg19-normalised-conv1_1-to-conv3_1"


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
        state, factor = load_weights("vgg19-features", weights), losses.VGG_RESCALING**2
        note = f"content loss: {layer} of VGG19, features rescaled by 1/12.75"
    elif layer == "vgg22" and weights_path(NORMALISED, weights).is_file():
        # Filters of unit mean activation: features of order one over 128 channels. Their mean
        # over channels has the magnitude that 1/12.75 gives the original's features.
        state, factor = load_weights(NORMALISED, weights), 1.0 / 128.0
        note = (
            "content loss: vgg22 of the VGG19 whose filters are normalised to unit mean "
            f"activation, content factor {factor:.6f} instead of the paper's 1/12.75 squared"
        )
    else:
        raise MissingWeights(
            f"the content loss {layer} needs vgg19-features, which is not in {weights}; run "
            f"`{mending_command('vgg19-features')}`"
        )
    features = to_device(VggFeatures(layer, state), device)

    def loss(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            target = features(hr)
        return factor * losses.feature_mse(features(sr).float(), target.float())

    return loss, note


def _lpips(weights: Path, device: torch.device) -> ContentLoss:
    state = load_weights("alexnet-features", weights)
    from ..models.torchvision_import import import_torchvision

    import_torchvision()
    import lpips

    metric = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    slices: nn.Module = metric.net
    # The package keeps torchvision's layers, cut into slices: slice1.0 is features.0 and so on.
    own = {name: name.split(".", 1)[1] for name in slices.state_dict()}
    slices.load_state_dict({name: state[f"features.{layer}"] for name, layer in own.items()})
    metric.requires_grad_(False).eval().to(device)

    def loss(sr: torch.Tensor, hr: torch.Tensor) -> torch.Tensor:
        return metric(sr, hr).mean()

    return loss
