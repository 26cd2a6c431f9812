"""A discriminator of VGG19's features beside the patches, and the grid loss without chance."""

import itertools

import numpy as np
import pytest
import torch
from skimage import data

from srbench.data.training import TrainingSet
from srbench.errors import MissingWeights
from srbench.models.cards import Architecture
from srbench.models.discriminator import make_discriminator
from srbench.models.vgg import VggFeatures
from srbench.models.weights_catalogue import weights_path
from srbench.training import losses
from srbench.training.content import discriminator_maps
from srbench.training.processes import TrainingProcess
from srbench.training.recipe import Recipe, Stage
from srbench.training.trainer import Trainer

CPU = torch.device("cpu")
RECIPE = Recipe(
    name="srgan-vgg54",
    architecture=Architecture(blocks=1, channels=8),
    adversarial=1e-2,
    discriminator="features",
    precision="fp32",
    stages=[Stage(steps=4, crop=64, batch=2, rate=1e-3, final_rate=1e-4)],
)


@pytest.fixture(scope="module")
def photos():
    return TrainingSet([data.astronaut(), data.chelsea(), data.coffee()], 4, CPU)


@pytest.fixture
def maps(tmp_path, save_backbone):
    save_backbone("vgg19-features", weights_path("vgg19-features", tmp_path))
    made, notes = discriminator_maps(RECIPE, tmp_path, CPU)
    assert notes == ["discriminator: features of the VGG19 as torchvision's or your own"]
    return made


def trainer(photos, maps):
    torch.manual_seed(0)
    network = RECIPE.architecture.build()
    place = TrainingProcess(CPU)
    return Trainer(RECIPE, network, photos, {"mse": losses.mse}, place, (), maps)


def test_the_maps_are_those_that_the_content_losses_take(tmp_path, save_backbone, maps):
    from safetensors.torch import load_file

    image = torch.rand(1, 3, 64, 48) * 2 - 1
    found = maps(image)
    assert [tuple(m.shape) for m in found] == [
        (1, 128, 32, 24), (1, 256, 16, 12), (1, 512, 8, 6),
    ]  # fmt: skip
    vgg22 = VggFeatures("vgg22", load_file(weights_path("vgg19-features", tmp_path)))
    torch.testing.assert_close(found[0], vgg22(image))
    assert all(m.min() == 0 < m.max() for m in found)


@pytest.mark.slow
def test_it_learns_and_leaves_vgg19_as_it_is(photos, maps):
    made = trainer(photos, maps)
    before = {name: tensor.clone() for name, tensor in maps.state_dict().items()}
    heads = made.discriminator.heads
    first = heads[2][5].parametrizations.weight.original.clone()
    gaps = []
    for _ in range(4):
        values = made.train_step()
        gaps.append(float((values["d_hr"] - values["d_sr"]).detach()))
        assert torch.isfinite(values["adversarial"])
    assert gaps[-1] > gaps[0]
    assert not torch.equal(first, heads[2][5].parametrizations.weight.original)
    for name, tensor in maps.state_dict().items():
        assert torch.equal(tensor, before[name])
    assert not any(p.requires_grad for p in maps.parameters())


@pytest.mark.slow
def test_a_resumed_run_is_the_same_and_its_state_holds_no_vgg19(photos, maps, tmp_path):
    whole = trainer(photos, maps)
    for _ in range(3):
        whole.train_step()
    whole.save(tmp_path / "state.pt")
    saved = sum(t.numel() for t in whole.discriminator.state_dict().values())
    patches = sum(t.numel() for t in make_discriminator("patches").state_dict().values())
    assert saved - patches < 1e6  # VGG19 to phi_4,4 has 10.6 million
    resumed = trainer(photos, maps)
    resumed.resume(tmp_path / "state.pt")
    for made in (whole, resumed):
        made.train_step()
    for a, b in zip(
        whole.generator.state_dict().values(), resumed.generator.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)


def test_without_vgg19_it_is_refused_with_the_command(tmp_path, save_photographs, refused):
    with pytest.raises(MissingWeights, match="run `srbench weights fetch vgg19-features`"):
        discriminator_maps(RECIPE, tmp_path, CPU)
    assert discriminator_maps(RECIPE.model_copy(update={"adversarial": 0.0}), tmp_path, CPU) == (
        None, [],
    )  # fmt: skip
    with pytest.raises(ValueError, match="needs the network"):
        make_discriminator("features")
    save_photographs(tmp_path / "photos", 110, 120)
    (tmp_path / "recipe.toml").write_text(
        'adversarial = 1e-3\ndiscriminator = "features"\n[[stages]]\n'
        "steps = 2\ncrop = 64\nbatch = 2\nrate = 1e-4\nfinal_rate = 1e-5\n"
    )
    out = tmp_path / "net.safetensors"
    train = ("train", "srgan-mse", "--config", tmp_path / "recipe.toml", "--out", out)
    said = refused(*train, "--data", tmp_path / "photos")
    assert "the discriminator of features needs vgg19-features" in said
    assert not out.exists()


def by_hand(image, side):
    """Each window's mean product of two different periods, pair by pair, for all channels."""
    found = []
    for top in range(0, image.shape[1] - side + 1, side):
        for left in range(0, image.shape[2] - side + 1, side):
            window = image[:, top : top + side, left : left + side]
            blocks = [
                window[:, y : y + 4, x : x + 4]
                for y in range(0, side, 4)
                for x in range(0, side, 4)
            ]
            periods = [block - block.mean((1, 2), keepdims=True) for block in blocks]
            pairs = itertools.permutations(range(len(periods)), 2)
            found.append(np.mean([(periods[i] * periods[j]).mean() for i, j in pairs]))
    return np.array(found)


def test_the_excess_of_a_grid_is_the_mean_product_of_different_periods():
    rng = np.random.default_rng(0)
    sr, hr = rng.normal(size=(2, 3, 32, 64))
    large, small = by_hand(sr - hr, 32), by_hand(sr - hr, 16)
    assert min(small) < 0 < max(small)
    expected = 0.8 * np.maximum(large, 0).mean() + 0.2 * np.maximum(small, 0).mean()
    found = losses.grid_excess(*(torch.tensor(x)[None] for x in (sr, hr)))
    assert float(found) == pytest.approx(expected, rel=1e-9)


def test_the_excess_of_a_grid_hardly_sees_noise():
    torch.manual_seed(0)
    hr = torch.rand(1, 3, 96, 96)
    noise = [hr + 0.1 * torch.randn(1, 3, 96, 96) for _ in range(40)]
    by_chance = np.mean([losses.grid(n, hr).item() for n in noise])
    assert np.mean([losses.grid_excess(n, hr).item() for n in noise]) < 0.15 * by_chance


def test_strong_periods_that_cancel_each_other_are_not_rewarded():
    """Without a limit at 0 a generator makes them without end."""
    hr = torch.zeros(1, 3, 32, 32)
    wave = torch.cos(torch.pi * torch.arange(32)).expand(32, 32).clone()
    wave[::8] *= -1
    wave[1::8] *= -1
    wave[2::8] *= -1
    wave[3::8] *= -1
    sr = wave.expand(1, 3, 32, 32).clone().requires_grad_(True)
    loss = losses.grid_excess(sr, hr)
    loss.backward()
    assert loss.item() == 0
    assert float(sr.grad.abs().max()) == 0
