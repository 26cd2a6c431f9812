"""The self-ensemble ``NAME+``: its values, its name, and refused methods."""

import json

import numpy as np
import pytest
import torch
from skimage import data

import srbench
from srbench.errors import UnknownName
from srbench.imaging import imresize, write_png
from srbench.methods.inference import Inference
from srbench.models.cards import Architecture, Card
from srbench.models.checkpoints import load_checkpoint, save_checkpoint
from srbench.report.kit.style import display_name, method_order

LR = imresize(data.astronaut(), 0.125)[:40, :52]


def by_hand(network, lr, *, signed=True):
    """The mean over NumPy's flips and turns, in double precision, rounded at the end."""
    total = np.zeros((4 * lr.shape[0], 4 * lr.shape[1], 3))
    for flip in (False, True):
        for turns in range(4):
            seen = np.rot90(lr[:, ::-1] if flip else lr, turns)
            pixels = torch.from_numpy(seen.copy()).permute(2, 0, 1)[None].float() / 255
            with torch.no_grad():
                sr = network(pixels)[0].permute(1, 2, 0).double().numpy()
            sr = np.rot90(sr, -turns)
            total += sr[:, ::-1] if flip else sr
    mean = total / 8
    levels = (mean + 1) * 127.5 if signed else mean * 255
    return np.rint(levels).clip(0, 255).astype(np.uint8)


@pytest.fixture
def tiny(tmp_path):
    """A checkpoint of ours with random weights."""
    torch.manual_seed(3)
    architecture = Architecture(blocks=1, channels=8)
    card = Card(name="mine", architecture=architecture, steps=1, recipe={}, data="")
    save_checkpoint(tmp_path / "mine.safetensors", architecture.build().eval(), card)
    return tmp_path / "mine.safetensors"


@pytest.mark.parametrize("grey", [False, True])
def test_it_is_the_mean_over_eight_flips_and_turns_before_rounding(tiny, grey):
    network, _ = load_checkpoint(tiny)
    lr = LR[..., 0] if grey else LR
    plain = srbench.load_method(f"mine={tiny}")
    both = srbench.load_method(f"mine+={tiny}")
    assert (plain.name, both.name) == ("mine", "mine+")
    expected = by_hand(network, np.repeat(LR[..., :1], 3, axis=2) if grey else LR)
    if grey:
        expected = np.floor(expected.mean(axis=2) + 0.5).astype(np.uint8)
    found = both.upscale(lr)
    assert found.shape == expected.shape
    # Double and single precision round a value at the edge of two levels differently.
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001
    assert (found != plain.upscale(lr)).mean() > 0.05


def test_networks_of_others_are_taken_alike():
    class Foreign(torch.nn.Module):
        """A network with output in [0, 1] that depends on the orientation."""

        def forward(self, lr):
            ramp = torch.linspace(0, 0.2, lr.shape[3])
            return (0.7 * lr + ramp).repeat_interleave(4, 2).repeat_interleave(4, 3)

    made = Inference("theirs+", Foreign(), 4, "cpu", signed=False, ensemble=True)
    difference = made.upscale(LR).astype(int) - by_hand(Foreign(), LR, signed=False)
    assert np.abs(difference).max() <= 1


def test_large_images_are_tiled_alike(tiny, monkeypatch):
    both = srbench.load_method(f"mine+={tiny}")
    whole = both.upscale(LR)
    monkeypatch.setattr("srbench.methods.inference.TILE", 16)
    monkeypatch.setattr("srbench.methods.inference.OVERLAP", 12)  # wider than the receptive field
    assert np.abs(both.upscale(LR).astype(int) - whole).max() <= 1


def test_it_raises_psnr_of_a_trained_network():
    scores = []
    hr = data.astronaut()[:256, 100:356].copy()
    lr = imresize(hr, 0.25, border="replicate")
    for name in ("srresnet-mse", "srresnet-mse+"):
        method = srbench.load_method(name)
        assert method.name == name
        scores.append(srbench.score(method.upscale(lr), hr, protocol="basicsr", scale=4)["psnr_y"])
    assert 0.02 < scores[1] - scores[0] < 0.5


def test_the_run_tells_and_names_it_everywhere(run_cli, refused, tmp_path, tiny):
    write_png(tmp_path / "data/Mini/HR/bird.png", data.astronaut()[:96, :96].copy())
    arguments = ("run-all", "--datasets", "Mini", "--no-lpips", "--data", tmp_path / "data",
                 "--out", tmp_path / "r", "--methods")  # fmt: skip
    ran = run_cli(*arguments, f"srcnn,SRCNN+,mine+={tiny}")
    assert ran.code == 0, ran.err
    assert "srcnn+ is the mean over the eight flips and rotations" in ran.err
    assert "mine+ is the mean over the eight flips and rotations" in ran.err
    rows = [line.split(",") for line in (tmp_path / "r/scores.csv").read_text().splitlines()]
    assert {row[2] for row in rows[1:]} == {"srcnn", "srcnn+", "mine+"}
    values = {tuple(row[:-1]): row[-1] for row in rows[1:]}
    pairs = [(v, values[(*k[:2], "srcnn+", *k[3:])]) for k, v in values.items() if k[2] == "srcnn"]
    assert all(plain != both for plain, both in pairs)
    assert "srcnn+" in json.dumps(json.loads((tmp_path / "r/run.json").read_text()))
    assert "which changes only networks" in refused(*arguments, "bicubic+")
    assert "one of our methods" in refused(*arguments, f"srcnn+={tiny}")
    missing = run_cli(*arguments, "nearest,srresnet-vgg54+", "--scale", 2)
    assert missing.code == 0, missing.err
    assert "srbench train srresnet-vgg54 --scale 2" in missing.err


def test_names_that_are_none_stay_unknown():
    for name in ("+", "srresnet-mse++", "srresnet+"):
        with pytest.raises(UnknownName):
            srbench.load_method(name)


def test_it_is_listed_after_its_network():
    assert display_name("srresnet-mse+") == "SRResNet-MSE+"
    names = ["mine+", "srgan-mse", "srresnet-mse+", "srresnet-mse"]
    assert sorted(names, key=method_order) == [
        "srresnet-mse", "srresnet-mse+", "srgan-mse", "mine+",
    ]  # fmt: skip
