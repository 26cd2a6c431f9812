"""The convolutional parts of the classification networks for LPIPS and the losses.

Layers and parameter names are those of torchvision (``features.N...``), so that its published
weights fit, but torchvision is not needed. Input: RGB normalised with the ImageNet mean and
deviation.

Sources: AlexNet (Krizhevsky 2014, "one weird trick"), SqueezeNet 1.1 (Iandola et al. 2016),
VGG16 and VGG19 (Simonyan and Zisserman 2015, configurations D and E).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from ..errors import unknown_name


class Fire(nn.Module):
    """SqueezeNet's module: squeeze to few channels, then expand by 1x1 and 3x3 side by side."""

    def __init__(self, channels: int, squeezed: int, expanded: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], dim=1).relu()


def _alexnet() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(3, stride=2),
    )


def _squeezenet() -> nn.Sequential:
    def pool() -> nn.Module:
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        pool(),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        pool(),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        pool(),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )


def _vgg(convolutions_per_stage: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    before = 3
    for width, count in zip((64, 128, 256, 512, 512), convolutions_per_stage, strict=False):
        for _ in range(count):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        layers.append(nn.MaxPool2d(2))
    if len(convolutions_per_stage) < 5:
        layers.pop()  # the last layer, without the pooling that follows it in the network
    return nn.Sequential(*layers)


_BUILDERS: Mapping[str, Callable[[], nn.Sequential]] = MappingProxyType(
    {
        "alexnet-features": _alexnet,
        "squeezenet1_1-features": _squeezenet,
        "vgg16-features": lambda: _vgg((2, 2, 3, 3, 3)),
        "vgg19-features": lambda: _vgg((2, 2, 4, 4, 4)),
        "vgg19-normalised-conv1_1-to-conv3_1": lambda: _vgg((2, 2, 1)),
    }
)


def build_features(name: str) -> nn.Sequential:
    """The layers of a backbone of the catalogue, numbered as in torchvision.

    The parameters are random; ``features.load_state_dict`` takes the result of
    :func:`~srbench.models.weights.load_weights`, without the prefix ``features.``.

    Raises:
        UnknownName: there is no such backbone.
    """
    if name not in _BUILDERS:
        raise unknown_name("backbone weights", name, _BUILDERS)
    return _BUILDERS[name]()


def load_features(
    name: str, weights: Mapping[str, Tensor], device: torch.device | str = "cpu"
) -> nn.Sequential:
    """The backbone with ``weights``, frozen and in evaluation mode.

    The kernels are channels-last, torch's fastest layout for convolutions on CPU and GPU; inputs
    should have the same layout.

    Raises:
        UnknownName: there is no such backbone.
    """
    with torch.device("meta"):  # skip the random initialisation
        features = build_features(name)
    state = {key.removeprefix("features."): w.to(device) for key, w in weights.items()}
    for key, w in state.items():
        if w.ndim == 4:
            state[key] = w.contiguous(memory_format=torch.channels_last)
    features.load_state_dict(state, assign=True)
    return features.eval().requires_grad_(False)


def expected_shapes(name: str) -> dict[str, tuple[int, ...]]:
    """Name (``features.0.weight``) and shape of every parameter of the backbone."""
    with torch.device("meta"):
        features = build_features(name)
    return {f"features.{key}": tuple(w.shape) for key, w in features.state_dict().items()}
