"""Paper B's matrix: the trainings, the table compared with the paper's, and continuing."""

import csv

import numpy as np
import pytest
from scipy import stats
from skimage import data

import srbench.training.matrix
from srbench.errors import TrainingError
from srbench.imaging import write_png
from srbench.models.cards import Architecture
from srbench.models.checkpoints import load_checkpoint
from srbench.models.weights_catalogue import weights_path
from srbench.training import recipe_for
from srbench.training.content import NORMALISED
from srbench.training.guard import Stopped
from srbench.training.matrix import Row, contrasts
from srbench.training.recipes import MATRICES, TV_CROPS, tv_laptop_recipe, tv_recipe


def small(scale, crop, *, total_variation):
    """The real recipe with a network that is small enough for a test."""
    recipe = tv_recipe(scale, crop, total_variation=total_variation)
    stage = recipe.stages[0].model_copy(update={"steps": 1, "batch": 2})
    small = Architecture(scale=scale, blocks=1, channels=8)
    return recipe.model_copy(update={"architecture": small, "stages": [stage]})


@pytest.fixture
def train_tv(tmp_path, monkeypatch, save_photographs, save_backbone):
    """The arguments of the command, in a world that has all it needs."""
    save_photographs(tmp_path / "photos", 180, 200)
    write_png(tmp_path / "data/Set5/HR/bird.png", data.chelsea()[:96, :96].copy())
    save_backbone(NORMALISED, weights_path(NORMALISED, tmp_path / "weights"))
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setitem(MATRICES, "tv-div2k", small)
    return ("train", "srgan-tv", "--config", "tv-div2k", "--data", tmp_path / "photos",
            "--out", tmp_path / "matrix")  # fmt: skip


@pytest.mark.slow
def test_one_command_trains_the_matrix_and_prints_it_beside_the_papers(
    run_cli, train_tv, tmp_path, monkeypatch
):
    real, begun = srbench.training.matrix.train, []

    def train(recipe, *arguments, **named):
        begun.append(recipe.name)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return real(recipe, *arguments, **named)

    monkeypatch.setattr(srbench.training.matrix, "train", train)
    assert run_cli(*train_tv, "--scale", 2).code == 130
    ran = run_cli(*train_tv, "--scale", 2)
    assert ran.code == 0, ran.err
    names = [f"srgan-crop{crop}{tv}" for tv in ("-tv", "") for crop in TV_CROPS]
    assert begun == [*names[:3], *names[2:]]  # the two that were finished are not trained again
    for published in ("28.37 / 0.8877", "29.01 / 0.8949", "28.92 / 0.8901"):
        assert published in ran.out
    assert "bicubic" in ran.out
    assert "Set5" in ran.out
    assert "total variation - none" in ran.out
    choices = list(csv.DictReader((tmp_path / "matrix/contrasts.csv").open()))
    assert [row["run_pairs"] for row in choices] == ["3", "2", "2", "2"]
    assert {(row["dataset"], row["images"], row["ci_low"]) for row in choices} == {
        ("Set5", "1", "")
    }
    rows = list(csv.DictReader((tmp_path / "matrix/tv-div2k.csv").open()))
    assert [row["crop"] for row in rows] == ["", "88", "128", "168", "88", "128", "168"]
    assert all(float(row["psnr_db"]) > 0 for row in rows)
    assert float(rows[3]["published_psnr_db"]) == 29.0124
    with_tv = load_checkpoint(tmp_path / "matrix/srgan-crop168-tv_x2.safetensors")[1]
    without = load_checkpoint(tmp_path / "matrix/srgan-crop168_x2.safetensors")[1]
    assert (with_tv.recipe["total_variation"], without.recipe["total_variation"]) == (2e-8, 0)


@pytest.mark.slow
def test_a_run_that_collapses_is_told_and_left_out(run_cli, train_tv, tmp_path, monkeypatch):
    real = srbench.training.matrix.train

    def train(recipe, *arguments, **named):
        if recipe.name == "srgan-crop128-tv":
            raise Stopped("stopped at step 9: the discriminator has won")
        return real(recipe, *arguments, **named)

    monkeypatch.setattr(srbench.training.matrix, "train", train)
    ran = run_cli(*train_tv, "--scale", 4)
    assert ran.code == 0, ran.err
    assert "srgan-crop128-tv x4 is left out: stopped at step 9" in ran.err
    rows = list(csv.DictReader((tmp_path / "matrix/tv-div2k.csv").open()))
    assert [row["psnr_db"] != "" for row in rows] == [True, True, False, True, True, True, True]


def test_the_matrix_refuses_what_it_cannot_do(refused, train_tv, tmp_path):
    assert "srbench train srgan-tv --config tv-div2k" in refused(
        "train", "srgan-mse", *train_tv[2:]
    )
    weights_path(NORMALISED, tmp_path / "weights").unlink()
    assert "srbench weights fetch vgg19-features" in refused(*train_tv)


def test_a_network_of_another_recipe_or_other_photographs_is_not_passed_off(
    refused, train_tv, tmp_path, monkeypatch
):
    def stop(recipe, *arguments, **named):
        raise TrainingError("enough")

    real = srbench.training.matrix.train
    calls = []

    def once(recipe, *arguments, **named):
        calls.append(recipe)
        return (real if len(calls) == 1 else stop)(recipe, *arguments, **named)

    monkeypatch.setattr(srbench.training.matrix, "train", once)
    assert "enough" in refused(*train_tv)
    write_png(tmp_path / "photos/one-more.png", data.astronaut()[-200:, -200:].copy())
    assert "was trained on other photographs (" in refused(*train_tv)
    monkeypatch.setitem(MATRICES, "tv-div2k", tv_recipe)
    assert "another recipe" in refused(*train_tv)


def test_the_recipes_are_paper_bs():
    for crop in TV_CROPS:
        recipe = tv_recipe(2, crop, total_variation=True)
        assert dict(recipe.content) == {"mse": 1.0, "vgg22": 1.0}
        assert (recipe.adversarial, recipe.betas) == (1e-3, (0.9, 0.999))
        assert (recipe.stages[0].rate, recipe.stages[0].crop) == (1e-3, crop)
    assert recipe_for("srgan-tv", 4, "paper").stages[0].crop == 128
    assert recipe_for("srgan-tv", 4, "paper").name == "srgan-tv"


def test_contrasts_are_paired_over_images_with_students_interval():
    rng = np.random.default_rng(3)
    psnr = {(crop, tv): rng.normal(27, 2, 9) for crop in TV_CROPS for tv in (True, False)}
    rows = [
        Row(4, crop, tv, [(value, 0.8) for value in values], (25.0, 0.75))
        for (crop, tv), values in psnr.items()
        if (crop, tv) != (88, False)
    ]
    rows.append(Row(4, 88, False, [], (25.0, 0.75)))  # a run that was left out
    found = {row.what: row for row in contrasts(rows)}
    each = np.mean([psnr[c, True] - psnr[c, False] for c in (128, 168)], axis=0)
    low, high = stats.t.interval(0.95, 8, each.mean(), stats.sem(each))
    row = found["total variation - none"]
    assert (row.runs, row.images) == (2, 9)
    assert (row.mean, row.low, row.high) == pytest.approx((each.mean(), low, high))
    each = psnr[168, True] - psnr[88, True]
    assert found["crop 168 - 88"].mean == pytest.approx(each.mean())
    assert found["crop 168 - 88"].runs == 1


def test_the_laptops_matrix_has_the_papers_losses_from_one_start():
    for crop in TV_CROPS:
        for varied in (True, False):
            ours = tv_laptop_recipe(4, crop, total_variation=varied)
            papers = tv_recipe(4, crop, total_variation=varied)
            assert (ours.content, ours.adversarial) == (papers.content, papers.adversarial)
            assert ours.total_variation == papers.total_variation
            assert (ours.start_from, ours.steps, ours.seed) == ("srresnet-mse", 1500, papers.seed)
