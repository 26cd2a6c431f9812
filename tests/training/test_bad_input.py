"""User errors in ``srbench train``: a helpful line and exit code 2."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.torch import save_file
from skimage import data

import srbench.training.trainer
from srbench.data.folder import sample_dataset
from srbench.imaging import read_image, write_png
from srbench.models.cards import read_card
from srbench.models.weights_catalogue import weights_path
from srbench.training.content import NORMALISED
from srbench.training.recipe import Recipe
from srbench.training.recipes import read_recipe

TOML = """
optimiser = "{optimiser}"
[content]
mse = 1.0
[architecture]
blocks = 1
channels = 8
[[stages]]
steps = 4
crop = {crop}
batch = {batch}
rate = 1e-3
final_rate = 1e-4
"""


@pytest.fixture
def world(tmp_path, monkeypatch):
    """Ten photographs, a tiny Set5, empty weights, and recipe files on demand."""
    rng = np.random.default_rng(0)
    photos = [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]
    for k in range(10):
        image = photos[k % 4]
        y, x = rng.integers(0, [image.shape[0] - 120, image.shape[1] - 120])
        write_png(tmp_path / f"photos/{k}.png", image[y : y + 120, x : x + 120].copy())
    write_png(tmp_path / "data/Set5/HR/bird.png", data.colorwheel()[100:164, 100:164].copy())
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


def command(world, *more, crop=48, batch=2, optimiser="adam", photos="photos"):
    file = world / "recipe.toml"
    file.write_text(TOML.format(crop=crop, batch=batch, optimiser=optimiser))
    return ("train", "srresnet-mse", "--config", file, "--data", world / photos, *more)


def test_a_crop_that_the_scale_does_not_divide(refused, world):
    assert "the crop is 50 pixels, expected a multiple of the scale 4" in refused(
        *command(world, crop=50)
    )


def test_a_crop_larger_than_every_image(refused, world):
    assert "no training image is that large; use a smaller crop" in refused(
        *command(world, crop=160)
    )


def test_images_too_small_are_left_out_with_a_count(run_cli, refused, world):
    for k in range(3):
        write_png(world / f"photos/tiny{k}.png", data.coffee()[:6, :20].copy())
    ran = run_cli(*command(world))
    assert ran.code == 0, ran.err
    assert "3 image files ignored, first: tiny0.png is only 20x6" in ran.err
    for k in range(8):
        write_png(world / f"small/{k}.png", data.coffee()[:7, 9 * k : 9 * k + 9].copy())
    assert "holds 0 usable photographs (8 ignored: 0.png is only 9x7)" in refused(
        *command(world, "--out", world / "other.safetensors", photos="small")
    )


def test_an_empty_or_missing_or_unreadable_training_set(run_cli, refused, world):
    (world / "empty").mkdir()
    assert "empty holds 0 usable photographs, expected at least 8" in refused(
        *command(world, photos="empty")
    )
    assert "nowhere does not exist" in refused(*command(world, photos="nowhere"))
    (world / "photos.zip").write_bytes(b"PK")
    assert "neither a folder nor a tar" in refused(*command(world, photos="photos.zip"))
    for k in range(9):
        (world / "broken").mkdir(exist_ok=True)
        (world / f"broken/{k}.png").write_bytes(b"not a picture")
    message = refused(*command(world, photos="broken"))
    assert "holds 0 usable photographs (9 ignored: " in message
    assert "0.png" in message
    (world / "photos/bad.jpg").write_bytes(b"not a picture")
    ran = run_cli(*command(world))
    assert ran.code == 0, ran.err
    assert "1 image file ignored" in ran.err
    assert "bad.jpg" in ran.err


def test_a_truncated_tar(refused, world):
    with tarfile.open(world / "whole.tar", "w") as archive:
        archive.add(world / "photos", "photos")
    whole = (world / "whole.tar").read_bytes()
    (world / "cut.tar").write_bytes(whole[: len(whole) // 2 + 100])
    assert "cut.tar is damaged or not complete" in refused(*command(world, photos="cut.tar"))


def test_a_data_set_by_its_name(run_cli, refused, world):
    (world / "data/DIV2K-train/HR").mkdir(parents=True)
    for path in (world / "photos").iterdir():
        path.rename(world / "data/DIV2K-train/HR" / path.name)
    ran = run_cli(*command(world)[:5], "div2k-train")
    assert ran.code == 0, ran.err
    message = refused(*command(world)[:5], "DIV2K-valid")
    assert "srbench data fetch DIV2K-valid" in message


def test_resuming_with_another_configuration(run_cli, refused, world, monkeypatch):
    interrupt_after(monkeypatch, 2)
    assert run_cli(*command(world)).code == 130
    assert "add --resume to continue" in refused(*command(world))
    for other in ({"batch": 3}, {"crop": 32}, {"optimiser": "muon"}):
        assert "written with another recipe" in refused(*command(world, "--resume", **other))
    monkeypatch.undo()
    monkeypatch.setenv("SRBENCH_DATA", str(world / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(world / "weights"))
    assert run_cli(*command(world, "--resume")).code == 0


def test_resuming_with_other_photographs(run_cli, refused, world, monkeypatch):
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, 2)
        ran = run_cli(*command(world))
    assert ran.code == 130
    assert "--resume" in ran.err
    write_png(world / "photos/one-more.png", data.coffee()[:100, :100].copy())
    message = refused(*command(world, "--resume"))
    assert "was started with other data (9 photographs" in message
    assert "now 10 photographs" in message
    (world / "photos/one-more.png").unlink()
    assert run_cli(*command(world, "--resume")).code == 0


def test_resuming_with_other_weights_of_a_loss(run_cli, refused, world, monkeypatch, save_backbone):
    save_backbone(NORMALISED, weights_path(NORMALISED, world / "weights"))
    arguments = command(world)
    recipe = world / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("mse = 1.0", "vgg22 = 1.0"))
    with monkeypatch.context() as interrupted:
        interrupt_after(interrupted, 2)
        assert run_cli(*arguments).code == 130
    save_backbone("vgg19-features", weights_path("vgg19-features", world / "weights"))
    message = refused(*arguments, "--resume")
    assert "normalised to unit mean activation" in message
    assert "now content loss: vgg22 of the VGG19 as torchvision's or your own" in message


def interrupt_after(monkeypatch, steps):
    """Every run saves after each step and is interrupted after some."""
    real = srbench.training.trainer.Trainer.run

    def run(self, folder, **named):
        def report(progress):
            if progress.step > steps:
                raise KeyboardInterrupt

        named |= {"report": report, "log_every": 1, "save_every": 0.0}
        real(self, folder, **named)

    monkeypatch.setattr(srbench.training.trainer.Trainer, "run", run)


def test_a_state_truncated_by_a_crash(run_cli, refused, world, monkeypatch):
    interrupt_after(monkeypatch, 2)
    assert run_cli(*command(world)).code == 130
    state = world / "weights/srresnet-mse_x4.run/state.pt"
    whole = state.read_bytes()
    for size in (0, 100, len(whole) // 2, len(whole) - 1):
        state.write_bytes(whole[:size])
        assert "not a complete training state" in refused(*command(world, "--resume"))
    assert "delete it to start again" in refused(*command(world, "--resume"))


def test_a_state_of_something_else(refused, world):
    state = world / "weights/srresnet-mse_x4.run/state.pt"
    state.parent.mkdir(parents=True)
    for content in ({"step": 3}, [1, 2], {"recipe": 5, "step": 1}):
        torch.save(content, state)
        assert "srresnet-mse_x4.run" in refused(*command(world, "--resume"))


def test_a_start_truncated_by_a_crash(refused, world):
    (world / "weights").mkdir()
    start = world / "weights/srresnet-mse_x4.safetensors"
    shipped = Path(srbench.training.trainer.__file__).parents[1] / "checkpoints" / start.name
    start.write_bytes(shipped.read_bytes()[:10_000])
    start.with_suffix(".json").write_text(shipped.with_suffix(".json").read_text())
    arguments = ("train", "srgan-mse", "--config", "quick", "--data", world / "photos")
    assert "not a complete safetensors file" in refused(*arguments)


def test_nothing_to_resume(refused, world):
    assert "does not exist; there is nothing to resume" in refused(*command(world, "--resume"))


def test_memory_that_runs_out(refused, world, monkeypatch):
    def full(self):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    # More than any address space: the processor's own allocator refuses at once.
    message = refused(*command(world, batch=10**15))
    assert "not enough memory for the photographs and batches of 1000000000000000" in message
    assert "smaller batch or crop" in message
    monkeypatch.setattr(srbench.training.trainer.Trainer, "train_step", full)
    assert "not enough memory" in refused(*command(world))


def test_a_fault_of_ours_is_not_taken_for_lack_of_memory(run_cli, world, monkeypatch):
    def wrong(self):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(srbench.training.trainer.Trainer, "train_step", wrong)
    ran = run_cli(*command(world))
    assert ran.code == 1
    assert "mat1 and mat2" in ran.err


def test_a_photograph_that_shows_a_benchmark_image_is_refused(refused, world):
    street = sample_dataset().read("motorcycle_left")
    write_png(world / "data/Set5/HR/bird.png", street[60:260, 100:360].copy())
    write_png(world / "photos/street.png", street)
    message = refused(*command(world))
    assert "street.png contains Set5/bird" in message
    assert "remove them" in message


def test_a_training_photograph_cut_from_an_image_of_the_sample_set_is_refused(
    refused, world, monkeypatch
):
    monkeypatch.setenv("SRBENCH_DATA", str(world / "nothing"))  # the sample set is guarded then
    part = sample_dataset().read("motorcycle_left")[60:300, 100:400]
    write_png(world / "street/part.png", np.ascontiguousarray(part[:, ::-1]))
    for k in range(8):
        write_png(world / f"street/{k}.png", np.full((64, 64, 3), 20 * k, np.uint8))
    message = refused(*command(world, photos="street"))
    assert "part.png is part of sample/motorcycle_left (mirrored" in message


@pytest.mark.slow
def test_set5_woman_in_the_training_folder_is_refused(refused, world, shared, monkeypatch):
    monkeypatch.setenv("SRBENCH_DATA", str(shared / "data"))
    woman = read_image(shared / "data/Set5/HR/woman.png")
    # As BSDS 302003 has it: the picture around her is larger.
    wide = np.pad(woman, ((40, 20), (30, 70), (0, 0)), mode="reflect")
    write_png(world / "photos/302003.png", wide)
    assert "302003.png contains Set5/woman" in refused(*command(world))


def test_weights_of_another_network_as_vgg19(refused, world):
    save_file({"features.0.weight": torch.zeros(1)}, world / "wrong.safetensors")
    arguments = ("weights", "import", "vgg19-features", world / "wrong.safetensors")
    assert "vgg19-features" in refused(*arguments)


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("content = {}", "content"),
        ("content = { mse = 0.0 }", "content.mse"),
        ("content = { mse = nan }", "content.mse"),
        ("adversarial = -1e-3", "adversarial"),
        ("total_variation = nan", "total_variation"),
        ("betas = [1.5, 2.0]", "betas.0"),
        ("seed = 999999999999999999", "seed"),
        ("architecture = 3", "architecture"),
        ("architecture = { channels = -8 }", "architecture.channels"),
        ("architecture = { blocks = 0 }", "architecture.blocks"),
    ],
)
def test_settings_that_make_no_sense(refused, world, line, where):
    arguments = command(world)
    stages = (world / "recipe.toml").read_text().partition("[[stages]]")
    (world / "recipe.toml").write_text(line + "\n" + "".join(stages[1:]))
    assert f"recipe.toml: {where} is " in refused(*arguments)


@pytest.mark.parametrize(
    ("method", "line", "words"),
    [
        (
            "espcn",
            "network = 'srresnet'",
            "architecture.network is 'srresnet', but the command trains 'espcn'",
        ),
        (
            "srresnet-mse",
            "network = 'srcnn'",
            "architecture.network is 'srcnn', but the command trains 'srresnet'",
        ),
        ("srresnet-mse", "scale = 4", "architecture.scale is 4, but the command trains 2"),
    ],
)
def test_a_recipe_for_another_network_or_scale(refused, world, method, line, words):
    arguments = command(world, "--scale", 2)
    recipe = world / "recipe.toml"
    recipe.write_text(recipe.read_text().replace("blocks = 1", line))
    assert words in refused(arguments[0], method, *arguments[2:])


def test_the_method_says_which_network_and_the_file_may_say_the_scale(world):
    command(world)
    recipe = world / "recipe.toml"
    made = read_recipe(recipe, "espcn", None).architecture
    assert (made.network, made.scale) == ("espcn", 4)
    recipe.write_text(recipe.read_text().replace("blocks = 1", "scale = 2"))
    assert read_recipe(recipe, "srgan-mse", None).architecture.scale == 2


def test_a_recipe_of_another_name(refused, world):
    arguments = command(world)
    recipe = world / "recipe.toml"
    recipe.write_text("name = '../elsewhere'\n" + recipe.read_text())
    assert "name is '../elsewhere', but the command trains 'srresnet-mse'" in refused(*arguments)


@pytest.mark.parametrize("name", ["net.json", "net.pt", "net"])
def test_a_checkpoint_whose_name_would_be_another_file(refused, world, name):
    message = refused(*command(world, "--out", world / name))
    assert f"{name}, expected a name that ends in .safetensors" in message
    assert not list(world.glob("net*"))


def test_a_disk_that_is_full_while_the_state_is_written(world, monkeypatch, refused):
    resource = pytest.importorskip("resource", reason="only Unix limits the size of files")
    _, before = resource.getrlimit(resource.RLIMIT_FSIZE)
    real = srbench.training.trainer.Trainer.save

    def save(self, path):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before))  # torch's writer meets its end
        try:
            real(self, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (before, before))

    monkeypatch.setattr(srbench.training.trainer.Trainer, "save", save)
    assert "state.pt: File too large" in refused(*command(world))
    assert not list((world / "weights").rglob("*.tmp"))


def test_the_sample_set_is_not_for_training(refused, world):
    assert "sample does not exist" in refused(*command(world)[:5], "sample")


@pytest.mark.parametrize(
    "field", ["steps = 0", "crop = -4", "rate = 0", "rate = inf", "batch = 1.5"]
)
def test_numbers_that_make_no_sense(refused, world, field):
    name = field.split()[0]
    arguments = command(world)
    text = (world / "recipe.toml").read_text().splitlines()
    changed = [field if line.startswith(f"{name} =") else line for line in text]
    (world / "recipe.toml").write_text("\n".join(changed))
    assert f"stages.0.{name}" in refused(*arguments)


def test_statistics_kept_of_nothing(refused, world):
    arguments = command(world)
    recipe = world / "recipe.toml"
    recipe.write_text("frozen_statistics = true\n" + recipe.read_text())
    message = refused(*arguments)
    assert "recipe.toml: frozen_statistics needs start_from" in message


def test_the_preset_that_does_not_exist(refused, world):
    message = refused("train", "espcn", "--config", "papre", "--data", world / "photos")
    assert "expected a preset (paper, laptop, quick, tv-div2k, tv-laptop) or a TOML file" in message
    assert "'espcn'" in refused("train", "espcm", *command(world)[2:])


@pytest.mark.slow
def test_a_kill_while_the_state_is_written_leaves_the_one_before(run_cli, world):
    code = """
import os, signal, sys, torch
torch.set_num_threads(1)
import srbench.training.trainer as trainer
whole, run = torch.save, trainer.Trainer.run
def save(state, file):
    whole(state, file)
    if state["step"] == 3:
        file.truncate(file.tell() // 2)
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
torch.save = save
trainer.Trainer.run = lambda self, f, **n: run(self, f, **{**n, "log_every": 1, "save_every": 0.0})
from srbench.cli import main
main()
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    arguments = [str(argument) for argument in command(world)]
    killed = subprocess.run([sys.executable, "-c", code, *arguments], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    state = world / "weights/srresnet-mse_x4.run/state.pt"
    assert torch.load(state, weights_only=True)["step"] == 2
    ran = run_cli(*command(world, "--resume"))
    assert ran.code == 0, ran.err


def test_a_recipe_is_one_strict_value():
    with pytest.raises(ValueError, match="extra"):
        Recipe.model_validate({"name": "x", "stages": [], "lr": 1})


def test_two_trainings_do_not_write_to_one_place(refused, run_cli, world):
    folder = world / "weights/srresnet-mse_x4.run"
    folder.mkdir(parents=True)
    with FileLock(folder / ".lock"):
        assert "another training is writing to" in refused(*command(world))
    left = folder / f".{'0' * 16}.tmp"  # by a process that was killed
    left.write_bytes(b"half")
    ran = run_cli(*command(world))
    assert ran.code == 0, ran.err
    assert not left.exists()


def test_a_finished_run_is_extended_by_more_steps(run_cli, refused, world):
    assert run_cli(*command(world, "--steps", 2)).code == 0
    ran = run_cli(*command(world, "--steps", 4, "--resume"))
    assert ran.code == 0, ran.err
    card = read_card(world / "weights/srresnet-mse_x4.safetensors")
    assert card.recipe["stages"][0]["steps"] == 4
    note = (
        "planned for 2 steps until step 2, then for 4: the learning rate followed the longer plan"
    )
    assert note in card.notes
    message = refused(*command(world, "--steps", 3, "--resume"))
    assert "has 4 steps behind it, more than the 3 asked for; give more --steps" in message
    ran = run_cli(*command(world, "--steps", 5, "--resume"))
    assert ran.code == 0, ran.err
    assert note in read_card(world / "weights/srresnet-mse_x4.safetensors").notes


def test_going_on_without_steps_is_refused_where_that_would_change_the_plan(
    run_cli, refused, world
):
    assert run_cli(*command(world, "--steps", 2)).code == 0
    message = refused(*command(world, "--resume"))
    assert "was planned for 2 steps, but the recipe lasts 4" in message
    assert "add --steps 2 to finish it, or --steps 4 to extend it" in message


def test_a_training_starts_from_a_file(run_cli, refused, world):
    mine = world / "mine.safetensors"
    assert run_cli(*command(world, "--out", mine)).code == 0
    arguments = command(world, "--out", world / "next.safetensors")
    recipe = world / "recipe.toml"
    text = recipe.read_text()
    recipe.write_text(f"start_from = 'mine.safetensors'\n{text}")  # beside the recipe
    ran = run_cli(*arguments)
    assert ran.code == 0, ran.err
    shutil.rmtree(world / "next.run")
    notes = read_card(world / "next.safetensors").notes
    digest = hashlib.sha256(mine.read_bytes()).hexdigest()
    assert f"generator from mine.safetensors (srresnet-mse, SHA-256 {digest[:16]})" in notes
    recipe.write_text(f"start_from = 'other.safetensors'\n{text}")
    assert "other.safetensors, which does not exist" in refused(*arguments)
    mine.with_suffix(".json").unlink()
    recipe.write_text(f"start_from = 'mine.safetensors'\n{text}")
    assert "needs its card in the same folder" in refused(*arguments)


def test_a_checkpoint_of_something_else_is_not_replaced(refused, world):
    out = world / "net.safetensors"
    arguments = command(world, "--out", out)
    for there in (out, out.with_suffix(".json")):
        there.write_text("{}")
        assert f"{there} exists and is not a checkpoint of" in refused(*arguments)
        assert there.read_text() == "{}"
        there.unlink()
