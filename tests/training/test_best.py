"""The checkpoint holds the weights of the best validation, also over an interruption."""

import numpy as np
import pytest
import torch
from skimage import data

from srbench.data.folder import open_dataset
from srbench.imaging import crop_to_multiple, imresize, write_png
from srbench.metrics.lpips_network import Lpips
from srbench.models.cards import Architecture, Card, read_card
from srbench.models.checkpoints import load_checkpoint, save_checkpoint
from srbench.models.weights_catalogue import weights_path
from srbench.observer import Observer
from srbench.training import Recipe, Stage, train
from srbench.training.best import Best
from srbench.training.processes import TrainingProcess
from srbench.training.run import finished, run_folder
from srbench.training.validation import Validation

CPU = torch.device("cpu")
TINY = Architecture(blocks=1, channels=8)


def recipe(*, adversarial=0.0):
    return Recipe(
        name="srgan-mse" if adversarial else "srresnet-mse",
        architecture=TINY,
        precision="fp32",
        adversarial=adversarial,
        ema=0.0,
        stages=[Stage(steps=4, crop=64, batch=2, rate=1e-3, final_rate=1e-3)],
    )


@pytest.fixture
def run(tmp_path, monkeypatch, save_photographs):
    """Trains into net.safetensors with validations that say what the test wants them to."""
    save_photographs(tmp_path / "photos", 120, 120)
    write_png(tmp_path / "data/Set5/HR/bird.png", data.chelsea()[:64, :64].copy())
    set5 = open_dataset("Set5", tmp_path / "data")
    seen = {}

    def run(plan, says, *, die_at=None, resume=False):
        def validate(self, network, step):
            seen[step] = {name: t.clone() for name, t in network.state_dict().items()}
            return dict(says[step])

        def report(progress):
            if progress.step == die_at:
                raise KeyboardInterrupt

        monkeypatch.setattr(Validation, "__call__", validate)
        return train(
            plan, [tmp_path / "photos"], tmp_path / "net.safetensors", weights=tmp_path / "weights",
            guarded=[set5], place=TrainingProcess(CPU), validate_every=1,
            resume=resume,
            report=report,
        ).card  # fmt: skip

    run.seen = seen
    return run


def psnr(*values):
    return {step: {"set5_psnr_y": value} for step, value in enumerate(values, 1)}


def assert_weights_of(step, run, tmp_path):
    network, card = load_checkpoint(tmp_path / "net.safetensors")
    assert card.steps == step
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            assert torch.equal(tensor, run.seen[step][name].half().float()), name


def test_a_training_starts_from_the_network_that_its_recipe_names(run, tmp_path):
    torch.manual_seed(5)
    start = TINY.build()
    card = Card(name="srresnet-mse", architecture=TINY, steps=1, recipe={}, data="")
    save_checkpoint(tmp_path / "weights/srresnet-mse_x4.safetensors", start, card)
    stage = Stage(steps=1, crop=64, batch=2, rate=1e-9, final_rate=1e-9)
    changes = {"start_from": "srresnet-mse", "frozen_statistics": True, "stages": [stage]}
    run(recipe().model_copy(update=changes), psnr(30))
    for name, tensor in start.state_dict().items():
        assert torch.allclose(run.seen[1][name].float(), tensor.float(), atol=1e-6), name


def test_the_validation_with_the_highest_psnr_is_what_is_written(run, tmp_path):
    card = run(recipe(), psnr(20, 30, 28, 29))
    assert_weights_of(2, run, tmp_path)
    assert card == read_card(tmp_path / "net.safetensors")
    assert card.metrics == {"set5_psnr_y": 30}
    assert "step 2: the best set5_psnr_y of all validations" in card.notes
    assert card.recipe["stages"][0]["steps"] == 4


def test_an_interrupted_run_remembers_its_best(run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), psnr(30, 20, 25), die_at=3)
    assert not (tmp_path / "net.safetensors").exists()
    run(recipe(), psnr(0, 0, 25, 28), resume=True)
    assert_weights_of(1, run, tmp_path)
    # One that is started anew owes nothing to what was there before.
    (run_folder(tmp_path / "net.safetensors") / "state.pt").unlink()
    run(recipe(), psnr(1, 2, 3, 2))
    assert_weights_of(3, run, tmp_path)


def test_a_kill_between_the_weights_and_their_card_is_survived(run, tmp_path):
    out = tmp_path / "net.safetensors"
    with pytest.raises(KeyboardInterrupt):
        run(recipe(), psnr(20, 25, 30), die_at=3)
    (run_folder(out) / "best.json").unlink()
    run(recipe(), psnr(0, 0, 0, 28), resume=True)
    assert_weights_of(4, run, tmp_path)
    # The same while the checkpoint itself was written.
    assert finished(out, recipe()) is not None
    out.with_suffix(".json").unlink()
    assert finished(out, recipe()) is None
    run(recipe(), {}, resume=True)
    assert_weights_of(4, run, tmp_path)


@pytest.mark.slow
def test_against_a_discriminator_the_lowest_lpips_decides(run, tmp_path):
    says = {
        step: {"set5_psnr_y": value, "set5_lpips_alex": distance}
        for step, value, distance in ((1, 30, 0.3), (2, 29, 0.2), (3, 28, 0.1), (4, 27, 0.15))
    }
    run(recipe(adversarial=1e-3), says)
    assert_weights_of(3, run, tmp_path)


@pytest.mark.slow
def test_against_a_discriminator_without_lpips_the_last_weights_are_taken(
    run, tmp_path, monkeypatch
):
    told = []
    monkeypatch.setattr(Observer, "note", lambda self, text: told.append(text))
    card = run(recipe(adversarial=1e-3), psnr(30, 29, 28, 27))
    assert_weights_of(4, run, tmp_path)
    assert any("run `srbench weights fetch alexnet-features`" in text for text in told), told
    assert not any("best" in note for note in card.notes)


def artefacts(step, *, lines, lpips):
    return {step: {"validation_grid": lines, "validation_lpips_alex": lpips}}


def test_a_validation_that_shows_a_grid_is_never_the_best(run, tmp_path):
    says = (
        artefacts(1, lines=40.0, lpips=0.1)
        | artefacts(2, lines=2.0, lpips=0.3)
        | artefacts(3, lines=5.1, lpips=0.05)
        | artefacts(4, lines=4.9, lpips=0.2)
    )
    card = run(recipe(adversarial=1e-3), says)
    assert_weights_of(4, run, tmp_path)
    assert "step 4: the best validation_lpips_alex of all validations" in card.notes


def test_where_every_validation_shows_one_the_last_is_kept_and_the_card_says_so(run, tmp_path):
    says = {}
    for step, lines in ((1, 40.0), (2, 20.0), (3, 30.0), (4, 50.0)):
        says |= artefacts(step, lines=lines, lpips=0.1 * step)
    card = run(recipe(adversarial=1e-3), says)
    assert_weights_of(4, run, tmp_path)
    assert (
        "step 4: no validation is clean; this one has validation_grid 50.00 (limit 5)" in card.notes
    )


def test_a_shift_of_the_colours_counts_as_a_grid_does(run, tmp_path):
    says = psnr(30, 20, 10, 10)
    says[1]["set5_colour_max"] = 1.1
    run(recipe(), says)
    assert_weights_of(2, run, tmp_path)


def test_equal_scores_keep_the_earlier_weights(tmp_path):
    best = Best(tmp_path / "best.safetensors", adversarial=False)
    for step in (1, 2):
        card = Card(name="x", architecture=TINY, steps=step, recipe={}, data="",
                    metrics={"set5_psnr_y": 30.0})  # fmt: skip
        best.offer(TINY.build(), card)
    assert read_card(tmp_path / "best.safetensors").steps == 1


def test_the_lpips_of_a_validation_is_that_of_the_benchmark(tmp_path, save_backbone):
    save_backbone("alexnet-features", weights_path("alexnet-features", tmp_path / "weights"))
    hr = data.chelsea()[:96, :100].copy()
    lpips = Lpips("alex", tmp_path / "weights")

    class Repeats(torch.nn.Module):
        def forward(self, lr):
            return lr.repeat_interleave(4, 2).repeat_interleave(4, 3) * 2 - 1

    scores = Validation("set5", [("bird", hr)], 4, CPU, lpips=lpips)(Repeats(), 1)
    hr = crop_to_multiple(hr, 4)
    sr = imresize(hr, 0.25, border="replicate").repeat(4, 0).repeat(4, 1)
    expected = lpips.distance(lpips.prepare(hr), np.ascontiguousarray(sr))
    assert scores["set5_lpips_alex"] == pytest.approx(expected)
    assert "set5_lpips_alex" in scores
