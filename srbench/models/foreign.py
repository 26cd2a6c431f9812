"""SRResNets of other projects, recognised by their tensors.

| layout | project | network |
|---|---|---|
| ``head.0``, ``blocks.0.conv1``, ``tail`` | ours | our network |
| ``conv1.0`` or ``conv_block1.0``, ``trunk.0.rcb.0`` | Lornatang's SRGAN-PyTorch | our network |
| ``conv_first``, ``body.0.conv1`` | BasicSR's MSRResNet | :class:`MSRResNet` |
| ``conv_first``, ``recon_trunk.0.conv1``, ``HRconv`` | KAIR's MSRResNet1, mmsr | the same |
| ``conv_first``, ``trunk_net.0.conv1`` | mmagic's MSRResNet | the same |
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .cards import Architecture
from .state_dicts import State


@dataclass(frozen=True)
class Recognised:
    """A recognised network: from RGB (N, 3, H, W) in [0, 1] to SR with white at 1."""

    network: nn.Module
    scale: int
    kind: str


class MSRResNet(nn.Module):
    """BasicSR's modified SRResNet: without batch normalisation, added to a bilinear enlargement.

    LR in [0, 1] of shape (N, 3, H, W) to SR around [0, 1] of shape (N, 3, sH, sW).

    Source: Wang et al., ESRGAN (ECCVW 2018); BasicSR, ``basicsr/archs/srresnet_arch.py``.
    """

    def __init__(self, scale: int, blocks: int, channels: int) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, channels, 3, padding=1)
        self.body = nn.Sequential(*(_PlainBlock(channels) for _ in range(blocks)))
        stages = [2, 2] if scale == 4 else [scale]
        for number, factor in enumerate(stages, start=1):
            conv = nn.Conv2d(channels, factor**2 * channels, 3, padding=1)
            self.add_module(f"upconv{number}", conv)
        self._stages = stages
        self.conv_hr = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv_last = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, lr: Tensor) -> Tensor:
        x = self.body(F.leaky_relu(self.conv_first(lr), 0.1))
        for number, factor in enumerate(self._stages, start=1):
            conv = self.get_submodule(f"upconv{number}")
            x = F.leaky_relu(F.pixel_shuffle(conv(x), factor), 0.1)
        x = self.conv_last(F.leaky_relu(self.conv_hr(x), 0.1))
        base = F.interpolate(lr, scale_factor=self.scale, mode="bilinear", align_corners=False)
        return x + base


class _PlainBlock(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.relu(self.conv1(x)))


class UnitRange(nn.Module):
    """One of our networks with its output mapped from [-1, 1] to [0, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, lr: Tensor) -> Tensor:
        return self.network(lr).add(1.0).mul(0.5)


def recognise(state: State) -> Recognised | None:
    """The SRResNet of the table above, or our ESPCN, with these tensors.

    None if they belong to none of these, or do not match one of them exactly.
    """
    for build in (_ours, _lornatang, _modified):
        found = build(state)
        if found is not None:
            return found
    return None


def architecture_of(state: State) -> Architecture | None:
    """The architecture of one of our networks from its tensors, else None.

    The tensors of SRCNN do not contain its scale, because it works on an enlargement.
    """
    channels, stages = _count(state, "head.0.weight", 0), _entries(state, "upsample")
    if channels and "merge.1.running_var" in state and len(stages) in (2, 4):
        scale = 2 ** (len(stages) // 2)
        return Architecture(scale=scale, blocks=len(_entries(state, "blocks")), channels=channels)  # pyright: ignore[reportArgumentType]
    if _shape(state, "conv1.weight") == (64, 1, 5, 5):
        scale = {4: 2, 16: 4}.get(_count(state, "conv3.weight", 0))
        return Architecture(network="espcn", scale=scale) if scale else None  # pyright: ignore[reportArgumentType]
    return None


def likely(state: State) -> str:
    """The probable origin of unrecognised tensors, for a message."""
    names = " ".join(state)
    kernels = [tuple(tensor.shape) for tensor in state.values() if tensor.ndim == 4]
    if _shape(state, "conv1.weight") == (64, 1, 9, 9):
        return "an SRCNN; an SRCNN of srbench needs its card (.json, same folder) for its scale"
    if "model.1.sub.0.res.0.weight" in state:
        return "KAIR's MSRResNet0, whose tensors do not determine its activations and upsampling"
    if "head.0.weight" in state and "blocks.0.conv1.weight" in state:
        return "an SRResNet of srbench, not complete or of another scale"
    if any(tensor.ndim == 2 and len(tensor) == 1 for tensor in state.values()):
        return "perhaps a discriminator"
    if "attn" in names or "qkv" in names:
        return "perhaps a transformer"
    if kernels and kernels[0][1:] == (3, 9, 9) and "running_var" in names:
        return "perhaps an SRResNet with a different layout"
    if kernels and kernels[0][1] == 3:
        return "perhaps a convolutional network for RGB images"
    return "of an unknown form"


def _ours(state: State) -> Recognised | None:
    architecture = architecture_of(state)
    if architecture is None:
        return None
    network = filled(architecture.build, state)
    kind = f"{architecture.network} of srbench"
    return network and Recognised(UnitRange(network), architecture.scale, kind)


_LORNATANG = (
    (r"conv(?:_block)?1\.0\.(.+)", r"head.0.\1"),
    (r"conv(?:_block)?1\.1\.weight", r"head.1.weight"),
    (r"trunk\.(\d+)\.rcb\.0\.(.+)", r"blocks.\1.conv1.\2"),
    (r"trunk\.(\d+)\.rcb\.1\.(.+)", r"blocks.\1.bn1.\2"),
    (r"trunk\.(\d+)\.rcb\.2\.(.+)", r"blocks.\1.act.\2"),
    (r"trunk\.(\d+)\.rcb\.3\.(.+)", r"blocks.\1.conv2.\2"),
    (r"trunk\.(\d+)\.rcb\.4\.(.+)", r"blocks.\1.bn2.\2"),
    (r"conv(?:_block)?2\.([01])\.(.+)", r"merge.\1.\2"),
    (r"conv(?:_block)?3\.(.+)", r"tail.\1"),
)


def _lornatang(state: State) -> Recognised | None:
    renamed = _renamed(state, _LORNATANG)
    if renamed is None:
        return None
    stage = re.compile(r"upsampling\.(\d+)\.upsample_block\.([02])\.(.+)")
    for key in list(renamed):
        if match := stage.fullmatch(key):
            index = 3 * int(match[1]) + int(match[2])
            renamed[f"upsample.{index}.{match[3]}"] = renamed.pop(key)
    architecture = architecture_of(renamed)
    if architecture is None:
        return None
    network = filled(architecture.build, renamed)
    return network and Recognised(network, architecture.scale, "SRResNet of SRGAN-PyTorch")


_MODIFIED = (
    (r"(?:recon_trunk|trunk_net)\.(.+)", r"body.\1"),
    (r"HRconv\.(.+)", r"conv_hr.\1"),
    (r"upsample([12])\.upsample_conv\.(.+)", r"upconv\1.\2"),
)


def _modified(state: State) -> Recognised | None:
    if _shape(state, "conv_first.weight")[1:] != (3, 3, 3):
        return None
    renamed = dict(state)
    for pattern, name in _MODIFIED:
        renamed = {re.sub(f"^{pattern}$", name, key): t for key, t in renamed.items()}
    channels = _count(renamed, "conv_first.weight", 0)
    factor = {4: 2, 9: 3}.get(_count(renamed, "upconv1.weight", 0) // channels)
    if factor is None:
        return None
    scale = 4 if "upconv2.weight" in renamed else factor
    blocks = len(_entries(renamed, "body"))
    network = filled(lambda: MSRResNet(scale, blocks, channels), renamed)
    return network and Recognised(network, scale, "MSRResNet of BasicSR")


def _renamed(state: State, rules: tuple[tuple[str, str], ...]) -> State | None:
    """``state`` with our names; None if no rule applies."""
    renamed: State = {}
    met = False
    for key, tensor in state.items():
        new = key
        for pattern, name in rules:
            if match := re.fullmatch(pattern, key):
                new, met = match.expand(name), True
                break
        renamed[new] = tensor
    return renamed if met else None


def filled(build: Callable[[], nn.Module], state: State) -> nn.Module | None:
    """The network with exactly these tensors; None if names or shapes differ."""
    with torch.device("meta"):  # the tensors can claim a network larger than the memory
        network = build()
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in state.items()}
    for name in expected:
        if name.endswith("num_batches_tracked"):  # inference does not use it
            found.setdefault(name, expected[name])
    if found != expected:
        return None
    network = build()
    network.load_state_dict(state, strict=False)
    return network.eval()


def _shape(state: State, name: str) -> tuple[int, ...]:
    return tuple(state[name].shape) if name in state else ()


def _count(state: State, name: str, axis: int) -> int:
    shape = _shape(state, name)
    return shape[axis] if len(shape) > axis else 0


def _entries(state: State, name: str) -> set[str]:
    """The numbers after ``name.`` in the names of parameters."""
    return {key.split(".")[1] for key in state if key.startswith(f"{name}.") and key.count(".")}
