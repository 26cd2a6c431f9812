"""The factors on the losses of VGG19's features: how the numbers in the code were obtained.

    python -m benchmarks.content_factor WEIGHTS TRAINING_SET...

Rule (``srbench.training.content.calibrated_factor``): on random 96x96 crops of the training
photographs the VGG loss of the bicubic x4 enlargement equals its mean squared error, because the
paper rescales its VGG features so that the loss is "of a scale that is comparable to the MSE loss"
(section 3.2), and gives both the same adversarial weight. Prints the factors and, as a check, those
for equal gradients.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from srbench.data.training import TrainingSet, read_training_images, survey
from srbench.models.weights_catalogue import weights_path
from srbench.training import losses
from srbench.training.content import (
    NORMALISED,
    calibrated_factor,
    enlarged_crops,
    vgg_features,
)

CPU = torch.device("cpu")
FILES = [(NORMALISED, "vgg22"), ("vgg19-features", "vgg22"), ("vgg19-features", "vgg54")]


def main(weights: Path, sources: list[Path]) -> None:
    """Measure on 512 crops in batches of 16, for the VGG19 sources that are in ``weights``."""
    data = TrainingSet((), 4, CPU, room=sum(h * w for s in sources for _, (h, w) in survey(s)))
    for source in sources:
        for _, image in read_training_images(source, print):
            data.add(image)
    print(f"{len(data)} photographs, {data.megapixels:.0f} megapixels")
    for name, layer in FILES:
        if weights_path(name, weights).is_file():
            features = vgg_features(layer, name, weights, CPU)
            by_losses = calibrated_factor(features, data, batches=32)
            by_gradients = _by_gradients(features, data)
            print(f"{name} {layer}: by losses {by_losses:.4g}, by gradients {by_gradients:.4g}")


def _by_gradients(features: nn.Module, data: TrainingSet) -> float:
    norms = {"mse": 0.0, "vgg": 0.0}
    for sr, hr in enlarged_crops(data, batches=4):
        target = features(hr)
        for name in norms:
            image = sr.clone().requires_grad_(True)
            loss = losses.mse(image, hr)
            if name == "vgg":
                loss = losses.feature_mse(features(image), target)
            norms[name] += float(torch.autograd.grad(loss, image)[0].norm())
    return norms["mse"] / norms["vgg"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), [Path(source) for source in sys.argv[2:]])
