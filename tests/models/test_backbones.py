"""Our backbones against torchvision's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import srbench
from srbench.errors import UnknownName
from srbench.models.backbones import build_features, expected_shapes, load_features
from srbench.models.torchvision_import import import_torchvision


def torchvision_features(name: str) -> nn.Module:
    import_torchvision()
    from torchvision import models

    torch.manual_seed(2)
    return getattr(models, name)(weights=None).features.eval()


@pytest.mark.parametrize("name", ["alexnet", "squeezenet1_1", "vgg16", "vgg19"])
@pytest.mark.slow
def test_the_layers_names_and_outputs_are_torchvisions(name: str) -> None:
    theirs = torchvision_features(name)
    state = {f"features.{key}": weight for key, weight in theirs.state_dict().items()}
    assert expected_shapes(f"{name}-features") == {k: tuple(w.shape) for k, w in state.items()}
    ours = load_features(f"{name}-features", state)
    x = torch.randn(1, 3, 70, 66)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-5)
    assert len(ours) == len(list(theirs.children()))
    assert not any(p.requires_grad for p in ours.parameters())


def test_the_normalised_vgg19_is_the_beginning_of_vgg19() -> None:
    whole = list(build_features("vgg19-features"))
    part = list(build_features("vgg19-normalised-conv1_1-to-conv3_1"))
    assert [str(layer) for layer in part] == [str(layer) for layer in whole[:12]]


def test_an_unknown_backbone_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'vgg19-features'"):
        build_features("vgg19-feature")


@pytest.mark.slow
def test_torchvision_and_lpips_import_in_a_fresh_process() -> None:
    code = (
        "from srbench.models.torchvision_import import import_torchvision as load\n"
        "assert load() is load()\n"
        "import torchvision, torchvision.transforms, lpips\n"
    )
    folder = Path(srbench.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_torchvision_imports_after_an_import_that_failed() -> None:
    code = (
        "try:\n    import torchvision\nexcept RuntimeError:\n    pass\n"
        "from srbench.models.torchvision_import import import_torchvision as load\n"
        "load().models.alexnet\n"
    )
    folder = Path(srbench.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
