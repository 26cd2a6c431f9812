"""The content factor of phi_2,2 from the normalised VGG19: how the number in the code was obtained.

    python benchmarks/content_factor.py TRAINING_SET WEIGHTS

Rule (``srbench.training.content.calibrated_factor``): on random 96x96 crops of the training
photographs the VGG loss of the bicubic x4 enlargement equals its mean squared error, since the
paper rescales its VGG features so that the loss is "of a scale that is comparable to the MSE
loss" (section 3.2), and gives both the same adversarial weight. Prints the factor, and as a check
the factor that equal gradients would ask for.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from srbench.data.training import TrainingSet, read_training_images
from srbench.training import losses
from srbench.training.content import calibrated_factor, enlarged_crops, normalised_vgg22


def main(source: Path, weights: Path) -> None:
    """Measure on 512 crops in batches of 16."""
    cpu = torch.device("cpu")
    data = TrainingSet((image for _, image in read_training_images(source, print)), 4, cpu)
    features = normalised_vgg22(weights, cpu)
    print(f"{len(data)} photographs, {data.megapixels:.0f} megapixels")
    print(f"factor by equal losses    {calibrated_factor(features, data, batches=32):.4g}")
    norms = {"mse": 0.0, "vgg22": 0.0}
    for sr, hr in enlarged_crops(data, batches=4):
        target = features(hr)
        for name in norms:
            image = sr.clone().requires_grad_(True)
            loss = losses.mse(image, hr)
            if name == "vgg22":
                loss = losses.feature_mse(features(image), target)
            norms[name] += float(torch.autograd.grad(loss, image)[0].norm())
    print(f"factor by equal gradients {norms['mse'] / norms['vgg22']:.4g}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
