"""Third-party checkpoints: each layout compared with a small implementation."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from skimage import data
from torch import nn
from torch.nn import functional as F

import srbench
from srbench.errors import CheckpointError
from srbench.imaging import imresize
from srbench.methods.resolve import checkpoint_file
from srbench.models.cards import Architecture, Card
from srbench.models.checkpoints import load_checkpoint, save_checkpoint
from srbench.models.torchvision_import import import_torchvision

LR = imresize(data.astronaut(), 0.0625)
ON_FILE = Path("no weights here")


def lively(network: nn.Module) -> nn.Module:
    """The network with batch statistics, slopes and gains that are not the initial ones."""
    torch.manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
        if isinstance(module, nn.PReLU):
            nn.init.uniform_(module.weight, 0.05, 0.4)
    return network.eval()


def expected(network: nn.Module, scale: int) -> np.ndarray:
    """The image that ``network`` gives, computed plainly; it must fill the range."""
    x = torch.from_numpy(LR.copy()).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        y = network(x)[0].permute(1, 2, 0).mul(255).round().clamp(0, 255).byte().numpy()
    assert y.shape == (LR.shape[0] * scale, LR.shape[1] * scale, 3)
    assert y.std() > 5
    return y


def assert_scores_as(path: Path, network: nn.Module, scale: int) -> None:
    made = srbench.load_method(f"mine={path}", scale=scale).upscale(LR)
    difference = np.abs(made.astype(int) - expected(network, scale))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002


# BasicSR's MSRResNet, as its paper and code describe it: written for this test.
class Modified(nn.Module):
    def __init__(self, scale: int, n: int = 12, blocks: int = 3) -> None:
        super().__init__()
        self.scale = scale
        self.conv_first = nn.Conv2d(3, n, 3, 1, 1)
        self.body = nn.ModuleList()
        for _ in range(blocks):
            block = nn.Module()
            block.conv1, block.conv2 = nn.Conv2d(n, n, 3, 1, 1), nn.Conv2d(n, n, 3, 1, 1)
            self.body.append(block)
        r = 2 if scale == 4 else scale
        self.upconv1 = nn.Conv2d(n, n * r * r, 3, 1, 1)
        if scale == 4:
            self.upconv2 = nn.Conv2d(n, n * 4, 3, 1, 1)
        self.conv_hr, self.conv_last = nn.Conv2d(n, n, 3, 1, 1), nn.Conv2d(n, 3, 3, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def leaky(t: torch.Tensor) -> torch.Tensor:
            return torch.where(t > 0, t, 0.1 * t)

        y = leaky(self.conv_first(x))
        blocks: Any = self.body
        for block in blocks:
            y = y + block.conv2(torch.clamp(block.conv1(y), min=0))
        y = leaky(nn.PixelShuffle(3 if self.scale == 3 else 2)(self.upconv1(y)))
        if self.scale == 4:
            y = leaky(nn.PixelShuffle(2)(self.upconv2(y)))
        y = self.conv_last(leaky(self.conv_hr(y)))
        size = (x.shape[2] * self.scale, x.shape[3] * self.scale)
        return y + F.interpolate(x, size, mode="bilinear", align_corners=False)


NAMINGS = {
    "basicsr": {},
    "kair": {"body.": "recon_trunk.", "conv_hr.": "HRconv."},
    "mmagic": {
        "body.": "trunk_net.", "upconv1.": "upsample1.upsample_conv.",
        "upconv2.": "upsample2.upsample_conv.",
    },
}  # fmt: skip


@pytest.mark.parametrize("naming", NAMINGS)
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_msrresnets_give_the_pixels_of_their_own_code(tmp_path, naming, scale):
    torch.manual_seed(scale)
    network = Modified(scale).eval()
    state = network.state_dict()
    for ours, theirs in NAMINGS[naming].items():
        state = {
            theirs + k.removeprefix(ours) if k.startswith(ours) else k: t for k, t in state.items()
        }
    path = tmp_path / "net.pth"
    torch.save({"params": state}, path)
    assert_scores_as(path, network, scale)


# Lornatang's SRGAN-PyTorch generator, written for this test.
class Block(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.rcb = nn.Sequential(
            nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n), nn.PReLU(),
            nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n),
        )  # fmt: skip


class Up(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.upsample_block = nn.Sequential(
            nn.Conv2d(n, 4 * n, 3, 1, 1), nn.PixelShuffle(2), nn.PReLU()
        )


class Generator(nn.Module):
    def __init__(self, scale: int, first: str, n: int = 12, blocks: int = 3) -> None:
        super().__init__()
        self.first = first
        parts = {
            "1": nn.Sequential(nn.Conv2d(3, n, 9, 1, 4), nn.PReLU()),
            "2": nn.Sequential(nn.Conv2d(n, n, 3, 1, 1, bias=False), nn.BatchNorm2d(n)),
            "3": nn.Conv2d(n, 3, 9, 1, 4),
        }
        for number, part in parts.items():
            self.add_module(first + number, part)
        self.trunk = nn.Sequential(*(Block(n) for _ in range(blocks)))
        self.upsampling = nn.Sequential(*(Up(n) for _ in range(int(math.log2(scale)))))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, two, three = (self.get_submodule(self.first + n) for n in "123")
        y = first = one(x)
        blocks: Any = self.trunk
        for block in blocks:
            y = y + block.rcb(y)
        y = first + two(y)
        stages: Any = self.upsampling
        for stage in stages:
            y = stage.upsample_block(y)
        return torch.clamp(three(y) * 1.0, 0, 1)


@pytest.mark.parametrize("first", ["conv", "conv_block"])
@pytest.mark.parametrize("scale", [2, 4])
def test_lornatangs_srresnet_gives_the_pixels_of_its_own_code(tmp_path, first, scale):
    network = lively(Generator(scale, first))
    with torch.no_grad():  # outputs that fill the range
        network.get_submodule(first + "3").bias.fill_(0.5)  # pyright: ignore
    path = tmp_path / "SRResNet_x4-ImageNet.pth.tar"
    state = {"module." + name: tensor for name, tensor in network.state_dict().items()}
    extra = {"epoch": 3, "psnr": np.float64(30.1), "optimizer": {"state": {}}}
    torch.save({"state_dict": state, "ema_state_dict": state, **extra}, path)
    assert_scores_as(path, network, scale)


@pytest.mark.parametrize("scale", [2, 4])
@pytest.mark.parametrize("kind", ["srresnet", "espcn"])
def test_ours_without_its_card_gives_the_same_pixels(tmp_path, kind, scale):
    architecture = Architecture(network=kind, scale=scale, blocks=2, channels=8)
    network = lively(architecture.build())
    card = Card(name="x", architecture=architecture, steps=1, recipe={}, data="none")
    path = tmp_path / "ours.safetensors"
    save_checkpoint(path, network, card)
    with_card = srbench.load_method(f"mine={path}", scale=scale).upscale(LR)
    path.with_suffix(".json").unlink()
    for copy in (path, tmp_path / "bare.safetensors", tmp_path / "ours.pth"):
        if copy.name == "bare.safetensors":  # without the architecture in its header
            save_file(load_file(path), copy)
        elif copy.suffix == ".pth":
            torch.save({"generator": load_file(path)}, copy)
        made = srbench.load_method(f"mine={copy}", scale=scale).upscale(LR)
        assert np.array_equal(made, with_card), copy


@pytest.mark.parametrize(
    ("one", "other", "taken", "wrapped"),
    [
        ("model", "model_best", None, True),
        ("net_g", "net", None, False),
        ("params", "params_ema", "params_ema", True),
        ("generator", "ema", "ema", False),
    ],
)
def test_of_two_copies_of_a_network_none_is_guessed(tmp_path, one, other, taken, wrapped):
    """With other values: the averaged one is taken, without one the file is refused."""
    architecture = Architecture(blocks=2, channels=8)
    states = {name: lively(architecture.build()).state_dict() for name in (one, other)}
    states[other] = {k: t * 0.9 if t.is_floating_point() else t for k, t in states[other].items()}
    flat = {f"{name}.{key}": t for name, state in states.items() for key, t in state.items()}
    path, alone, same = (tmp_path / name for name in ("two.pth", "one.pth", "same.pth"))
    torch.save(states if wrapped else flat, path)
    if taken is None:
        with pytest.raises(CheckpointError, match=rf"holds several networks \({one}, {other}\)"):
            srbench.load_method(f"mine={path}")
    else:
        torch.save(states[taken], alone)
        made = srbench.load_method(f"mine={path}").upscale(LR)
        assert np.array_equal(made, srbench.load_method(f"mine={alone}").upscale(LR))
    torch.save({one: states[one], other: states[one]}, same)
    assert srbench.load_method(f"mine={same}").upscale(LR).any()


def test_a_network_that_gives_no_numbers_makes_no_black_image(tmp_path):
    network = lively(Architecture(blocks=2, channels=8).build())
    torch.save(network.state_dict() | {"tail.bias": torch.full((3,), math.nan)}, tmp_path / "n.pth")
    with pytest.raises(srbench.SrbenchError, match=r"mine on a tile of \d+x\d+ gives NaN"):
        srbench.load_method(f"mine={tmp_path / 'n.pth'}").upscale(LR)


def test_ours_whose_tensors_do_not_tell_it_says_that_the_card_is_missing(tmp_path):
    source = checkpoint_file("srcnn", 4, ON_FILE)
    path = tmp_path / "srcnn.safetensors"
    save_file(load_file(source), path)
    with pytest.raises(CheckpointError, match=r"needs its card \(.json, same folder\)"):
        srbench.load_method(f"mine={path}", scale=4)
    network, card = load_checkpoint(source)
    save_checkpoint(path, network, card)  # the header tells the scale
    path.with_suffix(".json").unlink()
    made = srbench.load_method(f"mine={path}", scale=4).upscale(LR)
    assert np.array_equal(made, srbench.load_method("srcnn", weights=ON_FILE).upscale(LR))


def test_a_network_without_the_long_skip_is_not_taken_for_one_with_it(tmp_path):
    architecture = Architecture(blocks=2, channels=8, long_skip=False)
    card = Card(name="x", architecture=architecture, steps=1, recipe={}, data="none")
    path = tmp_path / "ours.safetensors"
    save_checkpoint(path, lively(architecture.build()), card)
    with_card = srbench.load_method(f"mine={path}").upscale(LR)
    path.with_suffix(".json").unlink()
    assert np.array_equal(srbench.load_method(f"mine={path}").upscale(LR), with_card)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ({"features.0.weight": torch.ones(8, 3, 3, 3), "fc.weight": torch.ones(1, 9)},
         "perhaps a discriminator"),
        ({"model.0.weight": torch.ones(8, 3, 3, 3),
          "model.1.sub.0.res.0.weight": torch.ones(8, 8, 3, 3)}, "KAIR's MSRResNet0"),
        ({"stem.weight": torch.ones(8, 3, 3, 3), "x.weight": torch.ones(3, 8, 3, 3)},
         "perhaps a convolutional network"),
    ],
)  # fmt: skip
def test_an_unknown_network_is_described_with_the_way_out(tmp_path, state, told):
    import_torchvision()
    pytest.importorskip("spandrel")
    path = tmp_path / "unknown.pth"
    torch.save({"state_dict": state}, path)
    with pytest.raises(CheckpointError) as caught:
        srbench.load_method(f"mine={path}")
    message = str(caught.value)
    assert told in message
    assert f"{next(iter(state))} (8, 3, 3, 3)" in message
    assert "mine=FOLDER" in message
    assert "\n" not in message


def test_a_layout_that_nearly_fits_is_not_forced(tmp_path):
    state = dict(Modified(4).state_dict())
    del state["conv_hr.bias"]
    path = tmp_path / "nearly.pth"
    torch.save(state, path)
    with pytest.raises(CheckpointError, match=r"of no architecture|extra"):
        srbench.load_method(f"mine={path}")


def test_tensors_that_claim_an_enormous_network_do_not_make_it(tmp_path):
    path = tmp_path / "thin.pth"
    torch.save(
        {
            "conv_first.weight": torch.ones(60_000, 3, 3, 3),
            "upconv1.weight": torch.ones(240_000, 1, 1, 1),
            "body.0.conv1.weight": torch.ones(1, 1, 1, 1),
        },
        path,
    )
    with pytest.raises(CheckpointError, match=r"of no architecture|extra"):
        srbench.load_method(f"mine={path}")


def test_a_small_file_does_not_make_a_network_that_fills_the_memory(tmp_path):
    """180 KB that spandrel recognises as a Compact network with 9000 channels (50 GB)."""
    import_torchvision()
    pytest.importorskip("spandrel")
    path = tmp_path / "thin.pth"
    state = {"body.0.weight": torch.ones(9000, 3, 1, 1), "body.1.weight": torch.ones(9000)}
    torch.save({**state, "body.40.bias": torch.ones(48)}, path)
    with pytest.raises(CheckpointError, match="many times as large as the file's tensors"):
        srbench.load_method(f"mine={path}")


def test_our_srresnet_is_an_architecture_of_spandrel(tmp_path):
    import_torchvision()
    spandrel = pytest.importorskip("spandrel")
    from srbench.models.spandrel_architecture import SRResNetArch

    registry = spandrel.MAIN_REGISTRY.copy()
    registry.add(spandrel.ArchSupport.from_architecture(SRResNetArch()))
    path = tmp_path / "copy.safetensors"
    shutil.copy(checkpoint_file("srresnet-mse", 4, ON_FILE), path)
    model = spandrel.ModelLoader(registry=registry).load_from_file(path)
    assert (model.architecture.id, model.scale, model.input_channels) == ("srbench-SRResNet", 4, 3)
    x = torch.from_numpy(LR.copy()).permute(2, 0, 1)[None].float() / 255
    made = (model(x)[0].permute(1, 2, 0) * 255).round().byte().numpy().astype(int)
    ours = srbench.load_method("srresnet-mse", weights=ON_FILE).upscale(LR)
    assert np.abs(made - ours).max() <= 1
    for support in spandrel.MAIN_REGISTRY:  # no other detector recognises it
        assert not support.detect(load_file(path))


def test_a_file_of_any_name_is_read_by_its_content(tmp_path, monkeypatch):
    network = Modified(4).eval()
    for name in ("a.PTH", "a.bin", "a.ckpt", "a.pth.tar", "a"):
        torch.save(network.state_dict(), tmp_path / name)
        assert_scores_as(tmp_path / name, network, 4)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert srbench.load_method("mine=~/a.bin").name == "mine"
