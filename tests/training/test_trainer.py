"""The trainer: it learns, resumes exactly, and stops with a reason."""

import itertools
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from skimage import data

from srbench.data.training import TrainingSet, read_training_images
from srbench.errors import CheckpointError, ConfigError, MissingWeights, TrainingError, UnknownName
from srbench.imaging import write_png
from srbench.methods.resolve import NETWORKS
from srbench.models.cards import Architecture
from srbench.models.checkpoints import load_checkpoint
from srbench.models.discriminator import Discriminator, PatchDiscriminator
from srbench.models.torchvision_import import import_torchvision
from srbench.models.vgg import VggFeatures
from srbench.models.weights_catalogue import weights_path
from srbench.training import PRESETS, losses, recipe_for
from srbench.training.content import (
    FACTORS,
    NORMALISED,
    calibrated_factor,
    content_losses,
    require_weights,
    vgg_features,
)
from srbench.training.processes import TrainingProcess
from srbench.training.recipe import Recipe, Stage
from srbench.training.trainer import Trainer

CPU = torch.device("cpu")
TINY = Architecture(blocks=1, channels=8)


@pytest.fixture(scope="module")
def photos():
    return TrainingSet([data.astronaut(), data.chelsea(), data.coffee()], 4, CPU)


def recipe(steps=6, *, adversarial=0.0, crop=24, rate=1e-3, **changes):
    return Recipe(
        name="srresnet-mse",
        architecture=TINY,
        precision="fp32",
        adversarial=adversarial,
        stages=[
            Stage(steps=steps // 2, crop=crop, batch=2, rate=rate, final_rate=1e-4),
            Stage(steps=steps - steps // 2, crop=crop, batch=3, rate=1e-4, final_rate=0),
        ],
        **changes,
    )


def trainer(photos, plan):
    torch.manual_seed(plan.seed)
    return Trainer(
        plan, plan.architecture.build(), photos, {"mse": losses.mse}, TrainingProcess(CPU)
    )


def weights(made):
    return torch.cat([t.flatten().float() for t in made.state_dict().values()])


@pytest.mark.parametrize(
    ("adversarial", "optimiser"), [(0.0, "adam"), (1e-3, "adam"), (0.0, "muon")]
)
@pytest.mark.slow
def test_a_resumed_run_ends_in_the_weights_of_an_uninterrupted_one(
    photos, tmp_path, adversarial, optimiser
):
    crop = 64 if adversarial else 24
    plan = recipe(4, adversarial=adversarial, crop=crop, optimiser=optimiser)
    whole = trainer(photos, plan)
    for _ in range(4):
        whole.train_step()
    first = trainer(photos, plan)
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "state.pt")
    second = trainer(photos, plan)
    second.resume(tmp_path / "state.pt")
    second.train_step()
    assert torch.equal(weights(whole.generator), weights(second.generator))
    assert torch.equal(weights(whole.average), weights(second.average))


def test_every_step_draws_a_batch_of_its_own_also_after_resuming(photos, tmp_path, monkeypatch):
    drawn = []
    real = TrainingSet.cut

    def cut(self, *arguments):
        drawn.append(real(self, *arguments))
        return drawn[-1]

    monkeypatch.setattr(TrainingSet, "cut", cut)
    first = trainer(photos, recipe())
    for _ in range(3):
        first.train_step()
    first.save(tmp_path / "state.pt")
    second = trainer(photos, recipe())
    second.resume(tmp_path / "state.pt")
    for _ in range(3):
        second.train_step()
    assert len(drawn) == 6
    for (_, a), (_, b) in itertools.combinations(drawn, 2):
        assert not torch.equal(a, b)


KILLED = """
import os, signal, sys, torch
sys.path.insert(0, sys.argv[2])
torch.set_num_threads(1)
from pathlib import Path
from test_trainer import recipe, trainer, TrainingSet, CPU, data
photos = TrainingSet([data.astronaut(), data.chelsea(), data.coffee()], 4, CPU)
made = trainer(photos, recipe())
def report(progress):
    if progress.step == 4:
        os.kill(os.getpid(), signal.SIGKILL)
made.run(Path(sys.argv[1]), validate=lambda n, s: {}, validate_every=3, log_every=1, report=report)
"""


def test_the_discriminator_sees_originals_and_reconstructions_in_one_batch(photos):
    made = trainer(photos, recipe(adversarial=1e-3, crop=64))
    calls = []
    made.discriminator.register_forward_pre_hook(
        lambda network, inputs: calls.append((network.training, inputs[0].detach().clone()))
    )
    made.train_step()
    (learning, both), (judging, fake) = calls
    assert (learning, judging, made.discriminator.training) == (True, False, True)
    assert len(both) == 2 * len(fake) == 4
    # What the generator is judged by is what the discriminator has just learnt from.
    assert torch.equal(both[2:], fake)
    assert not torch.equal(both[:2], fake)


@pytest.mark.slow
def test_a_run_killed_in_the_middle_goes_on_to_the_same_weights(photos, tmp_path):
    here = str(Path(__file__).parent)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), here], check=False)
    assert killed.returncode == -9
    plan = recipe()
    resumed = trainer(photos, plan)
    resumed.resume(tmp_path / "state.pt")
    assert resumed.step == 3
    resumed.run(tmp_path, validate=lambda n, s: {}, validate_every=100)
    whole = trainer(photos, plan)
    for _ in range(6):
        whole.train_step()
    assert torch.equal(weights(whole.generator), weights(resumed.generator))


def test_what_is_minimised_is_the_recipes_sum(photos):
    plan = recipe(
        crop=64, content={"mse": 0.5, "luma": 0.25}, adversarial=0.3, total_variation=1e-3
    )
    torch.manual_seed(0)
    content = {"mse": losses.mse, "luma": losses.luma_mse}
    made = Trainer(plan, plan.architecture.build(), photos, content, TrainingProcess(CPU))
    values = {name: float(value.detach()) for name, value in made.train_step().items()}
    parts = {"mse": 0.5, "luma": 0.25, "adversarial": 0.3, "tv": 1e-3}
    assert values["loss"] == pytest.approx(sum(w * values[n] for n, w in parts.items()), rel=1e-5)
    assert all(values[name] > 0.01 for name in parts)


def test_the_rate_warms_up_and_falls_along_a_half_cosine(photos):
    stage = Stage(steps=110, crop=24, rate=1e-3, final_rate=1e-4, warmup=10)
    assert [stage.rate_at(k) for k in (0, 4, 9)] == pytest.approx([1e-4, 5e-4, 1e-3])
    assert [stage.rate_at(k) for k in (10, 60, 110)] == pytest.approx([1e-3, 5.5e-4, 1e-4])
    plan = recipe(6)
    rates = []
    made = trainer(photos, plan)
    set_rate = made.optimiser.set_rate
    made.optimiser.set_rate = lambda rate: rates.append(rate) or set_rate(rate)
    for _ in range(6):
        made.train_step()
    assert rates == [s.rate_at(k) for s in plan.stages for k in range(3)]


def test_training_beats_where_it_started(photos):
    plan = Recipe(
        name="espcn",
        architecture=Architecture(network="espcn"),
        content={"luma": 1.0},
        precision="fp32",
        ema=0.9,
        stages=[Stage(steps=150, crop=48, batch=8, rate=2e-3, final_rate=1e-5)],
    )
    torch.manual_seed(0)
    network = plan.architecture.build()
    made = Trainer(plan, network, photos, {"luma": losses.luma_mse}, TrainingProcess(CPU))
    lr, hr = photos.batch(48, 16, torch.Generator().manual_seed(99))

    def loss():
        with torch.no_grad():
            return float(losses.luma_mse(made.average(lr), hr))

    before = loss()
    for _ in range(150):
        made.train_step()
    assert loss() < 0.5 * before


def test_the_state_of_another_recipe_or_a_damaged_one_is_refused(photos, tmp_path):
    made = trainer(photos, recipe())
    made.save(tmp_path / "state.pt")
    other = recipe().model_copy(update={"seed": 9})
    with pytest.raises(CheckpointError, match="another recipe"):
        trainer(photos, other).resume(tmp_path / "state.pt")
    whole = (tmp_path / "state.pt").read_bytes()
    (tmp_path / "state.pt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match="not a complete training state"):
        trainer(photos, recipe()).resume(tmp_path / "state.pt")
    with pytest.raises(CheckpointError, match="nothing to resume"):
        trainer(photos, recipe()).resume(tmp_path / "none.pt")


def test_crops_that_do_not_fit_are_refused_before_anything_runs(photos):
    for crop, adversarial, words in [
        (26, 0.0, "multiple of the scale"),
        (4000, 0.0, "no training image is that large"),
        (32, 1e-3, "multiples of 8 from 64"),
    ]:
        with pytest.raises(TrainingError, match=words):
            trainer(photos, recipe(crop=crop, adversarial=adversarial))


@pytest.mark.parametrize("crop", [64, 88, 96, 128, 168])
def test_the_discriminator_takes_every_crop(crop):
    (logits,) = Discriminator().eval()(torch.zeros(1, 3, crop, crop))
    assert logits.shape == (1, 1)
    of_patches = PatchDiscriminator().eval()(torch.zeros(2, 3, crop, crop))
    assert [len(part) for part in of_patches] == [2, 2, 2]
    assert of_patches[0].shape[-1] > of_patches[1].shape[-1] > of_patches[2].shape[-1] > 1


def test_the_discriminator_has_the_papers_parameters_and_refuses_other_crops():
    network = Discriminator()
    plan = [(64, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    expected = 27 * 64 + 64 + sum(9 * i * o + 2 * o for i, o in plan)
    expected += 512 * 36 * 1024 + 1024 + 1024 + 1
    assert sum(p.numel() for p in network.parameters()) == expected
    with pytest.raises(ValueError, match="60x60"):
        network(torch.zeros(1, 3, 60, 60))


def test_the_losses_are_what_the_papers_write():
    torch.manual_seed(0)
    sr, hr = torch.randn(2, 3, 5, 7), torch.randn(2, 3, 5, 7)
    logits = torch.tensor([[-2.0], [3.0]])
    assert losses.mse(sr, hr) == pytest.approx(((sr - hr) ** 2).mean().item())
    assert losses.adversarial([logits]).item() == pytest.approx(
        -torch.log(torch.sigmoid(logits)).mean().item(), rel=1e-6
    )
    assert torch.isfinite(losses.adversarial([torch.tensor([[-1e4]])]))
    assert losses.discriminator([logits], [-logits]).item() == pytest.approx(
        torch.nn.functional.binary_cross_entropy(torch.sigmoid(logits), torch.ones(2, 1)).item()
        + torch.nn.functional.binary_cross_entropy(
            torch.sigmoid(-logits), torch.zeros(2, 1)
        ).item(),
        rel=1e-5,
    )
    several = [logits, torch.tensor([[[[1.0]]]])]
    assert losses.adversarial(several).item() == pytest.approx(
        sum(losses.adversarial([part]).item() for part in several)
    )
    by_hand = sum(
        float((sr[n, c, y + dy, x + dx] - sr[n, c, y, x]) ** 2)
        for n in range(2)
        for c in range(3)
        for y in range(5)
        for x in range(7)
        for dy, dx in ((1, 0), (0, 1))
        if y + dy < 5 and x + dx < 7
    )
    assert losses.total_variation(sr).item() == pytest.approx(by_hand / 2, rel=1e-5)


def vgg19_like():
    torch.manual_seed(3)
    channels = [64, 64, 0, 128, 128, 0, *[256] * 4, 0, *[512] * 4, 0, *[512] * 4]
    state, inputs, index = {}, 3, 0
    for entry in channels:
        if entry == 0:  # max-pool
            index += 1
            continue
        outputs = entry
        state[f"features.{index}.weight"] = torch.randn(outputs, inputs, 3, 3) * 0.05
        state[f"features.{index}.bias"] = torch.zeros(outputs)
        inputs, index = outputs, index + 2
    return state


@pytest.mark.parametrize(
    ("layer", "shape"), [("vgg22", (1, 128, 16, 16)), ("vgg54", (1, 512, 2, 2))]
)
def test_vgg_features_are_taken_after_relu_before_the_pool(layer, shape):
    features = VggFeatures(layer, vgg19_like())(torch.rand(1, 3, 32, 32) * 2 - 1)
    assert features.shape == shape
    assert features.min() == 0
    assert features.max() > 0


def test_the_colour_loss_sees_shifts_and_no_texture():
    hr = torch.zeros(1, 3, 16, 16)
    assert losses.colour(hr + 0.1, hr).item() == pytest.approx(0.01)
    texture = torch.tensor([0.5, -0.5]).repeat(8).expand(1, 3, 16, 16)
    assert losses.colour(hr + texture, hr).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("loss", [losses.grid, losses.grid_excess])
def test_the_losses_against_grids_are_the_power_of_what_repeats(loss):
    torch.manual_seed(0)
    hr = torch.rand(1, 3, 96, 96)
    for period in (2, 4):
        wave = 0.1 * torch.cos(2 * torch.pi * torch.arange(96) / period)
        energy = float(wave.square().mean())
        for lines in (wave.expand(1, 3, 96, 96), wave[:, None].expand(1, 3, 96, 96)):
            assert loss(hr + lines, hr).item() == pytest.approx(energy, rel=1e-4)
    assert loss(hr + 0.3, hr).item() == pytest.approx(0.0, abs=1e-12)
    assert loss(hr[..., :40, :40], hr[..., :40, :40]).item() == 0  # crops below a window


def test_the_grid_loss_sees_noise_by_chance_only():
    torch.manual_seed(0)
    hr = torch.rand(1, 3, 96, 96)
    noise = 0.1 * torch.randn(1, 3, 96, 96)
    # Noise of a window's 1024 or 256 pixels falls on 16 places, 64 or 16 each.
    by_chance = 0.01 * (0.8 / 64 + 0.2 / 16)
    assert losses.grid(hr + noise, hr).item() == pytest.approx(by_chance, rel=0.3)
    of_period_3 = 0.1 * torch.cos(2 * torch.pi * torch.arange(96) / 3).expand(1, 3, 96, 96)
    assert losses.grid(hr + of_period_3, hr).item() < 0.03 * 0.005


@pytest.mark.parametrize("kind", ["paper", "patches"])
def test_the_recipe_says_which_discriminator_is_trained_and_how_fast(photos, kind):
    plan = recipe(crop=64, adversarial=1e-2).model_copy(
        update={"discriminator": kind, "discriminator_rate": 3.0}
    )
    made = trainer(photos, plan)
    assert isinstance(made.discriminator, Discriminator if kind == "paper" else PatchDiscriminator)
    rates = []
    set_rate = made.discriminator_optimiser.set_rate
    made.discriminator_optimiser.set_rate = lambda rate: rates.append(rate) or set_rate(rate)
    values = made.train_step()
    assert rates == [3.0 * plan.stages[0].rate_at(0)]
    assert 0 < values["d_hr"] < 1
    assert torch.isfinite(values["adversarial"])


@pytest.mark.parametrize(("layer", "depth"), [("vgg22", 9), ("vgg54", 36)])
@pytest.mark.slow
def test_the_vgg_loss_is_the_papers_up_to_the_factor_in_the_notes(
    photos, tmp_path, save_backbone, layer, depth
):
    save_backbone("vgg19-features", weights_path("vgg19-features", tmp_path))
    made, notes = content_losses([layer], tmp_path, photos, CPU)
    assert "as torchvision's or your own" in notes[0]
    vgg19 = import_torchvision().models.vgg19(weights=None).features[:depth].eval()
    state = load_file(weights_path("vgg19-features", tmp_path))
    own = {f"features.{name}" for name in vgg19.state_dict()}
    vgg19.load_state_dict({k.removeprefix("features."): v for k, v in state.items() if k in own})
    mean, std = (
        torch.tensor(v).reshape(1, 3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    images = [
        torch.from_numpy(photo[:48, :64].copy()).permute(2, 0, 1)[None] / 255
        for photo in (data.astronaut(), data.coffee())
    ]
    with torch.no_grad():
        phi = [vgg19((image - mean) / std) for image in images]
        expected = ((phi[0] - phi[1]) ** 2).sum() / (phi[0].shape[-1] * phi[0].shape[-2])
        ours = made[layer](*(2 * image - 1 for image in images))
    factor = calibrated_factor(VggFeatures(layer, state), photos, batches=4)
    assert float(ours) == pytest.approx(factor * float(expected), rel=1e-4)
    assert f"factor {factor:.2g} in place" in notes[0]


def test_vgg_losses_without_weights_fail_at_once_with_the_command(tmp_path):
    with pytest.raises(MissingWeights, match="srbench weights fetch vgg19-features"):
        require_weights(["mse", "vgg54"], tmp_path)
    with pytest.raises(MissingWeights, match="srbench weights fetch alexnet-features"):
        require_weights(["lpips"], tmp_path)
    require_weights(["mse", "colour", "grid", "luma"], tmp_path)
    with pytest.raises(CheckpointError, match=r"lack features\.5"):
        VggFeatures("vgg22", {k: v for k, v in vgg19_like().items() if "5" not in k})


def test_vgg22_works_with_the_normalised_file_and_says_so(shared, photos, tmp_path):
    normalised = weights_path(NORMALISED, shared / "weights")
    (tmp_path / normalised.name).symlink_to(normalised)
    made, notes = content_losses(["vgg22"], tmp_path, photos, CPU)
    sr = torch.rand(1, 3, 32, 32) * 2 - 1
    sr.requires_grad_(True)
    made["vgg22"](sr, torch.zeros(1, 3, 32, 32)).backward()
    assert sr.grad is not None
    assert float(sr.grad.abs().max()) > 0
    assert "normalised" in notes[0]
    assert "4e-05" in notes[0]
    with pytest.raises(MissingWeights, match="vgg54 needs vgg19-features"):
        require_weights(["vgg54"], tmp_path)


def test_both_layers_of_the_caffe_file_are_known_and_their_source_is_told(shared, photos):
    for layer, factor in (("vgg22", "4.4e-09"), ("vgg54", "1.2e-06")):
        _, notes = content_losses([layer], shared / "weights", photos, CPU)
        assert f"{layer} of the VGG19 of the original Caffe release" in notes[0]
        assert f"factor {factor} in place of the paper's" in notes[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer", "source"),
    [
        (NORMALISED, "vgg22", "normalised"),
        ("vgg19-features", "vgg22", "caffe"),
        ("vgg19-features", "vgg54", "caffe"),
    ],
)
def test_known_factors_give_the_magnitude_of_the_squared_error(shared, name, layer, source):
    archive = read_training_images(shared / "data/train/A_mixed.tar", print)
    data = TrainingSet((image for _, image in itertools.islice(archive, 40)), 4, CPU)
    features = vgg_features(layer, name, shared / "weights", CPU)
    factor = calibrated_factor(features, data, batches=6)
    assert factor == pytest.approx(FACTORS[source, layer], rel=0.25)


def test_the_lpips_loss_is_the_lpips_metric(shared, photos, recwarn):
    from srbench.metrics.lpips_network import Lpips

    made, _ = content_losses(["lpips"], shared / "weights", photos, CPU)
    assert [str(w.message) for w in recwarn if w.category is UserWarning] == []
    hr, sr = data.astronaut()[:64, :64], data.astronaut()[2:66, 1:65]
    metric = Lpips("alex", shared / "weights")
    expected = metric.distance(metric.prepare(hr.copy()), sr.copy())
    a, b = (torch.from_numpy(i.copy()).permute(2, 0, 1)[None] / 127.5 - 1 for i in (sr, hr))
    assert float(made["lpips"](a, b)) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("lengths", "steps"), [((1, 1, 100, 100), 4), ((1, 3, 3), 5), ((7, 7), 3), ((9, 1), 20)]
)
def test_a_shortened_recipe_keeps_every_stage(lengths, steps):
    stages = [Stage(steps=n, crop=24, rate=1e-3, final_rate=0) for n in lengths]
    made = Recipe(name="x", stages=stages).lasting(steps)
    assert made.steps == steps
    assert min(stage.steps for stage in made.stages) >= 1
    assert len(made.stages) == len(lengths)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_has_a_recipe(name, preset):
    made = recipe_for(name, 4, preset)
    assert (made.adversarial > 0) == name.startswith("srgan")
    assert made.lasting(10).steps == 10
    with pytest.raises(ConfigError):
        made.lasting(0)


@pytest.mark.parametrize("name", [n for n in NETWORKS if n.startswith("srgan")])
def test_the_laptops_gans_are_held_against_grid_and_colour_shift(name):
    made = recipe_for(name, 4, "laptop")
    own = recipe_for(name, 4, "paper")
    assert made.content["grid"] > 0
    assert made.content["colour"] > 0
    assert made.discriminator == "patches"
    assert made.frozen_statistics
    assert set(own.content) <= set(made.content), "the named content loss is part of it"
    assert (made.total_variation > 0) == (name == "srgan-tv")


def test_the_papers_recipes_are_the_papers():
    generator, gan = recipe_for("srresnet-mse", 4, "paper"), recipe_for("srgan-vgg54", 4, "paper")
    assert (generator.steps, generator.stages[0].rate, generator.stages[0].crop) == (
        10**6,
        1e-4,
        96,
    )
    assert [(s.steps, s.rate) for s in gan.stages] == [(10**5, 1e-4), (10**5, 1e-5)]
    assert (gan.adversarial, gan.start_from, dict(gan.content)) == (
        1e-3,
        "srresnet-mse",
        {"vgg54": 1},
    )
    with pytest.raises(UnknownName, match="did you mean 'srgan-vgg54'"):
        recipe_for("srgan-vgg55", 4, "paper")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for k in range(10):
        image = photos[k % 4]
        y, x = rng.integers(0, [image.shape[0] - 120, image.shape[1] - 120])
        write_png(tmp_path / f"photos/{k}.png", image[y : y + 120, x : x + 120].copy())
    for name in ("immunohistochemistry", "retina"):
        image = (
            getattr(data, name)()[:64, :64]
            if name != "retina"
            else data.colorwheel()[100:164, 100:164]
        )
        write_png(tmp_path / f"data/Set5/HR/{name}.png", image.copy())
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


@pytest.mark.slow
def test_the_command_trains_and_the_method_runs(run_cli, refused, folder):
    ran = run_cli("train", "espcn", "--config", "quick", "--steps", 12, "--data", folder / "photos")
    assert ran.code == 0, ran.err
    network, card = load_checkpoint(folder / "weights/espcn_x4.safetensors")
    assert card.steps == 12
    assert card.metrics["validation_psnr_y"] > 10
    assert not network.training
    assert (folder / "weights/espcn_x4.run/log.csv").is_file()
    assert list((folder / "weights/espcn_x4.run/samples").rglob("*.png"))
    used = run_cli("run-all", "--datasets", "Set5", "--as-is", "--methods", "espcn",
                   "--out", folder / "r", "--no-lpips")  # fmt: skip
    assert used.code == 0, used.err
    again = ("train", "espcn", "--config", "quick", "--steps", 12, "--data", folder / "photos")
    assert "add --resume" in refused(*again)
    assert run_cli(*again, "--resume").code == 0


def test_the_commands_mistakes(refused, folder, monkeypatch):
    train = ("train", "espcn", "--config", "quick", "--steps", 12, "--data", folder / "photos")
    assert "give folders, tar files" in refused("train", "espcn")
    assert "did you mean 'espcn'" in refused("train", "espcm", *train[2:])
    assert "expected 2 or 4" in refused(*train, "--scale", 3)
    assert "does not exist" in refused(*train[:7], folder / "no")
    with monkeypatch.context() as nothing_ships:
        nothing_ships.setattr("srbench.methods.resolve._SHIPPED", folder)
        start = refused("train", "srgan-mse", *train[2:], "--scale", 2)
        assert "srbench train srresnet-mse --scale 2" in start
    assert "srbench weights fetch vgg19-features" in refused("train", "srgan-vgg54", *train[2:])
    (folder / "r.toml").write_text("stagess = []")
    assert "did you mean 'stages'" in refused(*train[:3], folder / "r.toml", *train[4:])
    write_png(folder / "few/a.png", data.chelsea())
    assert "holds 1 usable photograph," in refused(*train[:7], folder / "few")
    write_png(folder / "data/Set5/HR/rocket.png", data.rocket())
    assert "showing benchmark images" in refused(*train)


def test_networks_that_judge_see_the_crop_from_every_phase_and_pixel_losses_all_of_it(photos):
    seen = []

    def feature_loss(sr, hr):
        seen.append(hr)
        return losses.mse(sr, hr)

    whole = []

    def pixel_loss(sr, hr):
        whole.append(hr)
        return losses.mse(sr, hr)

    plan = recipe(40, crop=40, content={"vgg22": 1.0, "mse": 1.0})
    made = Trainer(
        plan, plan.architecture.build(), photos, {"vgg22": feature_loss, "mse": pixel_loss},
        TrainingProcess(CPU),
    )  # fmt: skip
    phases = set()
    for _ in range(40):
        made.train_step()
        part, crop = seen[-1], whole[-1]
        assert part.shape[-2:] == (32, 32)
        assert crop.shape[-2:] == (40, 40)
        offsets = [
            (y, x)
            for y in range(9)
            for x in range(9)
            if torch.equal(crop[0, :, y : y + 32, x : x + 32], part[0])
        ]
        assert len(offsets) == 1
        phases.add((offsets[0][0] % 4, offsets[0][1] % 4))
    assert len(phases) > 10


def test_frozen_statistics_stay_those_of_the_network_it_started_from(photos):
    plan = recipe(4, start_from="srresnet-mse", frozen_statistics=True)
    made = trainer(photos, plan)
    before = {k: v.clone() for k, v in made.generator.state_dict().items()}
    for _ in range(4):
        made.train_step()
    after = made.generator.state_dict()
    assert any("running_mean" in key for key in after)
    for key, value in after.items():
        assert torch.equal(value, before[key]) is ("running_" in key or "num_batches" in key), key
    with pytest.raises(ValueError, match="frozen_statistics needs start_from"):
        recipe(frozen_statistics=True)


def test_crops_too_small_for_deep_features_are_refused(photos):
    plan = recipe(crop=24, content={"vgg22": 1.0})
    with pytest.raises(TrainingError, match="24 pixels; losses of deep features take 40 or more"):
        Trainer(
            plan, plan.architecture.build(), photos, {"vgg22": losses.mse}, TrainingProcess(CPU)
        )
