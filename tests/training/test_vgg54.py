"""The paper's phi_5,4 variants, from weights to benchmark, with random weights in VGG19's shape."""

import numpy as np
import pytest
import torch
from skimage import data

import srbench
from srbench.imaging import write_png
from srbench.models.checkpoints import load_checkpoint
from srbench.training import recipe_for

# The recipes of both but for their length: a step on few and small crops shows as much.
RECIPE = """
start_from = "srresnet-mse"
adversarial = {adversarial}
content = {{ vgg54 = 1.0 }}
[[stages]]
steps = 2
crop = 64
batch = 2
rate = 1e-4
final_rate = 1e-5
"""


@pytest.fixture
def world(tmp_path, monkeypatch, save_photographs, save_backbone):
    save_photographs(tmp_path / "photos", 110, 120)
    write_png(tmp_path / "data/Set5/HR/bird.png", data.chelsea()[:64, :64].copy())
    save_backbone("vgg19-features", tmp_path / "vgg19.safetensors")
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


@pytest.mark.slow
def test_vgg54_networks_are_trained_and_used_once_vgg19_is_there(run_cli, refused, world):
    methods = {"srresnet-vgg54": 0.0, "srgan-vgg54": 1e-3}
    benchmark = ("run-all", "--datasets", "Set5", "--as-is", "--no-lpips", "--methods",
                 "nearest," + ",".join(methods), "--out", world / "results")  # fmt: skip
    for method in methods:
        assert "run `srbench weights fetch vgg19-features`" in refused(
            "train", method, "--config", "paper", "--data", world / "photos"
        )
    assert run_cli("weights", "import", "vgg19-features", world / "vgg19.safetensors").code == 0
    for method, adversarial in methods.items():
        real = recipe_for(method, 4, "paper")
        assert (real.content, real.adversarial) == ({"vgg54": 1.0}, adversarial)
        assert real.start_from == "srresnet-mse"
        (world / "recipe.toml").write_text(RECIPE.format(adversarial=adversarial))
        train = ("train", method, "--config", world / "recipe.toml", "--data", world / "photos")
        ran = run_cli(*train)
        assert ran.code == 0, ran.err
        card = load_checkpoint(world / f"weights/{method}_x4.safetensors")[1]
        assert card.notes[0].startswith("content loss: vgg54 of the VGG19 as torchvision")
        assert card.recipe["content"] == {"vgg54": 1.0}
        network = srbench.load_method(method, scale=4)
        assert network.upscale(data.coffee()[:16, :20].copy()).shape == (64, 80, 3)
    ran = run_cli(*benchmark)
    assert ran.code == 0, ran.err
    scores = (world / "results/scores.csv").read_text()
    values = [
        line.split(",") for line in scores.splitlines() if line.startswith("Set5-as-is,bird,sr")
    ]
    assert {row[2] for row in values} == set(methods)
    assert np.isfinite([float(row[-1]) for row in values]).all()


@pytest.mark.slow
def test_the_laptops_srgan_vgg54_trains_with_the_real_vgg19(
    run_cli, shared, tmp_path, monkeypatch, save_photographs
):
    save_photographs(tmp_path / "photos", 110, 120)
    monkeypatch.setenv("SRBENCH_DATA", str(shared / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(shared / "weights"))
    out = tmp_path / "net.safetensors"
    ran = run_cli("train", "srgan-vgg54", "--data", tmp_path / "photos", "--steps", 2, "--out", out)
    assert ran.code == 0, ran.err
    network, card = load_checkpoint(out)
    assert "vgg54 of the VGG19 of the original Caffe release" in card.notes[0]
    assert "factor 1.2e-06 in place of the paper's" in card.notes[0]
    assert card.recipe["discriminator"] == "patches"
    assert len(card.held_out) == 1
    assert all(torch.isfinite(tensor).all() for tensor in network.state_dict().values())
