"""Networks as methods: folding, the rewritten tail, tiles, grey, and files without a network."""

import json
import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data
from torch import nn

import srbench
from srbench.errors import CheckpointError, MissingWeights, SrbenchError, UnknownName
from srbench.imaging import imresize
from srbench.methods import inference
from srbench.methods.inference import Inference, fold
from srbench.methods.network import NetworkMethod
from srbench.models.cards import Architecture, Card
from srbench.models.checkpoints import load_checkpoint, save_checkpoint
from srbench.models.layers import WideTail
from srbench.models.srresnet import SRResNet
from srbench.models.torchvision_import import import_torchvision

LR = imresize(data.astronaut(), 0.125)


def trained_like(network: nn.Module, seed: int = 0) -> nn.Module:
    """The network with batch statistics and gains that are not the initial ones."""
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return network.eval()


def plain_forward(network: SRResNet, lr: torch.Tensor) -> torch.Tensor:
    """The network as every public implementation runs it."""
    first = network.head(lr)
    features = network.upsample(first + network.merge(network.blocks(first)))
    return nn.functional.conv2d(features, network.tail.weight, network.tail.bias, padding=4)


def need_spandrel() -> ModuleType:
    """Import spandrel (an extra), after the torchvision workaround that it needs."""
    import_torchvision()
    return pytest.importorskip("spandrel")


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 255


def test_the_tail_is_the_convolution_that_it_replaces():
    torch.manual_seed(1)
    tail = WideTail(16, 3, 9)
    x = torch.randn(2, 16, 13, 21)
    expected = nn.functional.conv2d(x, tail.weight, tail.bias, padding=4)
    assert torch.allclose(tail(x), expected, atol=1e-5)


def test_inference_differs_from_the_plain_network_by_one_level_in_few_values():
    torch.manual_seed(2)
    network = trained_like(SRResNet(4, blocks=4))
    with torch.inference_mode():
        raw = plain_forward(network, tensor(LR))
        network.tail.weight.div_(raw.std() * 2)  # outputs that fill the range
        plain = plain_forward(network, tensor(LR))
    expected = ((plain[0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
    made = NetworkMethod("n", 4, "", lambda: network, "cpu").upscale(LR)
    difference = np.abs(made.astype(int) - expected)
    assert len(np.unique(made)) > 100
    assert difference.max() <= 1
    assert np.mean(difference > 0) <= 0.0005


def test_folding_leaves_no_batch_normalisation_and_the_original_untouched():
    network = trained_like(SRResNet(2, blocks=2))
    folded = fold(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_tiles_show_no_seam_and_bound_the_memory(monkeypatch):
    network = trained_like(SRResNet(4, blocks=2, channels=16))
    sizes = []
    whole = Inference._whole

    def spy(self, lr):
        sizes.append(lr.shape[:2])
        return whole(self, lr)

    monkeypatch.setattr(Inference, "_whole", spy)
    lr = imresize(data.astronaut(), 0.3)
    method = NetworkMethod("n", 4, "", lambda: network, "cpu")
    expected = method.upscale(lr)
    monkeypatch.setattr(inference, "TILE", 48)
    monkeypatch.setattr(inference, "OVERLAP", 24)
    sizes.clear()
    tiled = method.upscale(lr)
    assert len(sizes) == 16
    assert max(max(size) for size in sizes) <= 48 + 2 * 24
    assert tiled.shape == expected.shape
    assert np.abs(tiled.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("kind", ["srresnet", "srcnn", "espcn"])
@pytest.mark.parametrize("scale", [2, 4])
def test_sizes_and_channels_are_kept(kind, scale):
    network = Architecture(network=kind, scale=scale, blocks=1, channels=8).build().eval()
    method = NetworkMethod("n", scale, "", lambda: network, "cpu")
    assert method.upscale(LR[:7, :9]).shape == (7 * scale, 9 * scale, 3)
    assert method.upscale(LR[:7, :9, 0]).shape == (7 * scale, 9 * scale)


def checkpoint(folder, name="srresnet-mse", scale=4, **changes):
    architecture = Architecture(scale=scale, blocks=1, channels=8, **changes)
    torch.manual_seed(5)
    network = trained_like(architecture.build())
    path = folder / f"{name}_x{scale}.safetensors"
    card = Card(name=name, architecture=architecture, steps=1, recipe={}, data="none")
    save_checkpoint(path, network, card)
    return path


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path):
    path = checkpoint(tmp_path)
    network, card = load_checkpoint(path)
    again, _ = load_checkpoint(checkpoint(tmp_path / "again"))
    assert card.architecture.blocks == 1
    with torch.inference_mode():
        assert torch.equal(network(tensor(LR)), again(tensor(LR)))


def test_the_users_own_checkpoint_is_found_and_its_change_noticed(tmp_path):
    path = checkpoint(tmp_path)
    method = srbench.load_method("SRResNet-MSE", scale=4, weights=tmp_path)
    before = method.fingerprint(("Set5", "baby"))
    assert method.upscale(LR).shape == (LR.shape[0] * 4, LR.shape[1] * 4, 3)
    state = {name: value + 0.001 for name, value in load_checkpoint(path)[0].state_dict().items()
             if not name.endswith("tracked")}  # fmt: skip
    save_file(state, path)
    again = srbench.load_method("srresnet-mse", scale=4, weights=tmp_path)
    assert again.fingerprint(("Set5", "baby")) != before
    named = srbench.load_method(f"mine={path}", scale=4)
    assert named.name == "mine"


def test_checkpoints_that_do_not_fit_are_refused(tmp_path):
    path = checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="upscales x4, but the run is x2"):
        srbench.load_method(f"mine={path}", scale=2)
    card = json.loads(path.with_suffix(".json").read_text())
    card["architecture"]["channels"] = 16
    path.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(CheckpointError, match=r"does not fit its card .* expected \(16"):
        load_checkpoint(path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="not a complete safetensors file"):
        load_checkpoint(path)
    path.with_suffix(".json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a model card"):
        load_checkpoint(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(CheckpointError, match="card in the same folder"):
        load_checkpoint(path)


def test_names_without_a_method_or_a_checkpoint(tmp_path):
    with pytest.raises(UnknownName, match="did you mean 'srgan-vgg22'"):
        srbench.load_method("srgan-vgg2")
    with pytest.raises(MissingWeights, match="srbench train srresnet-vgg54 --scale 2"):
        srbench.load_method("srresnet-vgg54", scale=2, weights=tmp_path)


class Evil:
    def __reduce__(self):
        return (open, ("evil-was-here", "w"))


def test_a_pickle_that_runs_code_is_refused_and_does_not_run(tmp_path, monkeypatch):
    need_spandrel()
    monkeypatch.chdir(tmp_path)
    for name, write in {"old.pth": pickle.dump, "new.pth": torch.save}.items():
        with (tmp_path / name).open("wb") as file:
            write({"params": Evil()}, file)
        with pytest.raises(CheckpointError, match="could run code and was not opened"):
            srbench.load_method(f"mine={name}")
    assert not (tmp_path / "evil-was-here").exists()


def test_a_published_architecture_runs_through_spandrel(tmp_path):
    spandrel = need_spandrel()
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    state = Compact(num_feat=16, num_conv=2, upscale=4).state_dict()
    torch.save({"params": state}, tmp_path / "c.pth")
    method = srbench.load_method(f"compact={tmp_path / 'c.pth'}", scale=4)
    made = method.upscale(LR[:30, :41])
    direct = spandrel.ModelLoader("cpu").load_from_file(tmp_path / "c.pth")
    with torch.inference_mode():
        expected = direct(tensor(LR[:30, :41]))
    levels = (expected[0].permute(1, 2, 0) * 255).round().clamp(0, 255).byte().numpy()
    assert np.abs(made.astype(int) - levels).max() <= 1
    with pytest.raises(CheckpointError, match="upscales x4, but the run is x2"):
        srbench.load_method(f"compact={tmp_path / 'c.pth'}", scale=2)
    save_file({"a.weight": torch.zeros(3)}, tmp_path / "what.safetensors")
    with pytest.raises(CheckpointError, match="of no architecture that srbench or spandrel knows"):
        srbench.load_method(f"what={tmp_path / 'what.safetensors'}")


def test_memory_running_out_is_one_clear_line(monkeypatch):
    method = NetworkMethod("n", 4, "", lambda: SRResNet(4, blocks=1, channels=8).eval(), "cpu")
    method.upscale(LR[:8, :8])

    def full(self, x):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(SRResNet, "forward", full)
    with pytest.raises(SrbenchError, match="needs more memory than cpu has free"):
        method.upscale(LR[:8, :8])


@pytest.mark.parametrize("long_skip", [True, False])
def test_the_long_skip_leads_past_all_blocks_and_can_be_left_out(long_skip):
    made = Architecture(blocks=2, channels=8, long_skip=long_skip).build().eval()
    nn.init.zeros_(made.merge[1].weight)  # nothing comes through the blocks
    one, two = (made(torch.full((1, 3, 16, 16), level)) for level in (0.1, 0.9))
    assert torch.equal(one, two) is not long_skip


def test_parameter_counts_are_those_of_the_papers():
    def count(network):
        return sum(parameter.numel() for parameter in network.parameters())

    # Convolutions by hand; batch normalisation has two and PReLU one parameter.
    head, tail = 9 * 9 * 3 * 64 + 64 + 1, 9 * 9 * 64 * 3 + 3
    block = 2 * (9 * 64 * 64 + 2 * 64) + 1
    merge = 9 * 64 * 64 + 2 * 64
    stage = 9 * 64 * 256 + 256 + 1
    assert count(SRResNet(4)) == head + 16 * block + merge + 2 * stage + tail
    assert count(SRResNet(2)) == head + 16 * block + merge + stage + tail
    assert (
        count(SRResNet(4, blocks=2, long_skip=False)) == head + 2 * block + merge + 2 * stage + tail
    )
    srcnn = Architecture(network="srcnn").build()
    assert count(srcnn) == 81 * 64 + 64 + 25 * 64 * 32 + 32 + 25 * 32 + 1
    espcn = Architecture(network="espcn").build()
    assert count(espcn) == 25 * 64 + 64 + 9 * 64 * 32 + 32 + 9 * 32 * 16 + 16


def test_every_network_may_be_the_first_that_a_process_loads():
    """Modules that are first imported while a network is built must not use its meta device."""
    code = """
import numpy as np, srbench
for name in ("espcn", "srresnet-mse", "srcnn"):
    srbench.load_method(name).upscale(np.zeros((8, 8, 3), np.uint8))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
