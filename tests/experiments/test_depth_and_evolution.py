"""The commands that draw the SRGAN paper's Fig. 7 and Fig. 8 from small trainings."""

import csv
import json

import numpy as np
import pytest
from PIL import Image
from skimage import data

from srbench.imaging import write_png


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A data root with a small Set5, and a folder of other photographs."""
    for name, image in {
        "cat": data.chelsea()[60:124, 100:164],
        "face": data.astronaut()[60:124, 170:234],
    }.items():
        write_png(tmp_path / f"data/Set5/HR/{name}.png", np.ascontiguousarray(image))
    for number, left in enumerate(range(0, 500, 60)):
        write_png(
            tmp_path / f"photos/{number}.png", np.ascontiguousarray(data.coffee()[:, left:][:, :96])
        )
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(
        'precision = "fp32"\n[architecture]\nchannels = 8\n'
        "[[stages]]\nsteps = 4\ncrop = 24\nbatch = 2\nrate = 1e-3\nfinal_rate = 1e-4\n"
    )
    return tmp_path


def test_depth_study_trains_every_depth_once(run_cli, refused, places):
    command = (
        "depth-study", "--data", places / "photos", "--config", places / "tiny.toml",
        "--steps", 2, "--blocks", "2,1", "--out", places / "depth",
    )  # fmt: skip
    ran = run_cli(*command)
    assert ran.code == 0, ran.err
    with (places / "depth/depth.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["blocks"], row["long_skip"]) for row in rows] == [
        ("1", "True"), ("2", "True"), ("1", "False"), ("2", "False"),
    ]  # fmt: skip
    assert {row["steps"] for row in rows} == {"2"}
    assert {row["dataset"] for row in rows} == {"Set5"}
    assert all(5 < float(row["psnr_y"]) < 50 and float(row["seconds"]) > 0 for row in rows)
    card = json.loads((places / "depth/srresnet-mse-2-blocks-no-long-skip.json").read_text())
    assert card["architecture"]["blocks"] == 2
    assert card["architecture"]["long_skip"] is False
    with Image.open(places / "depth/depth.png") as figure:
        assert figure.width == 700
    assert (places / "depth/depth.pdf").is_file()

    again = run_cli(*command)
    assert again.code == 0
    assert "training srresnet" not in again.err
    assert "4 networks of an earlier call, trained on" in again.err
    photograph = places / "photos/0.png"
    write_png(photograph, 255 - np.asarray(Image.open(photograph)))  # of the same size
    more = [*command[:-3], "2,1,3", *command[-2:]]
    assert "was trained on other photographs (" in refused(*more)
    assert "another recipe" in refused(*command[:6], 3, *command[7:])
    for wrong in ("0", "2,257", "1000000"):  # of which the last would fill the memory
        assert "expected numbers from 1 to 256" in refused(*command[:7], "--blocks", wrong)
    assert "expected whole numbers" in refused(*command[:7], "--blocks", "few")


def test_evolution_shows_the_samples_of_a_training(run_cli, refused, places):
    net = places / "net_x4.safetensors"
    train = (
        "train", "srresnet-mse", "--data", places / "photos", "--config", places / "tiny.toml",
        "--steps", 2, "--validate-every", 1, "--out", net,
    )  # fmt: skip
    assert run_cli(*train).code == 0
    samples = places / "net_x4.run/samples"
    (held_out,) = (path.name for path in samples.iterdir())
    kept = sorted(path.name for path in (samples / held_out).iterdir())
    assert kept == ["0000001.png", "0000002.png", "HR.png"]
    ran = run_cli("evolution", net, "--image", held_out, "--tiles", 1, "--out", places / "figures")
    assert ran.code == 0, ran.err
    with Image.open(places / "figures/evolution.png") as figure:
        assert figure.width == 2 * (320 + 10) + 10  # one sample and the original
        shown = np.asarray(figure.convert("RGB"))
    # The figure contains the original's crop exactly, enlarged five times.
    crop = data.coffee()[120:280, 60 * int(held_out) :][:, :96]
    enlarged = crop.repeat(2, axis=0).repeat(2, axis=1)
    assert np.array_equal(shown[40:360, 340 : 340 + 192], enlarged)
    assert held_out in refused("evolution", net, "--image", "dog", "--out", places)
    assert "srbench train" in refused("evolution", places / "no.safetensors", "--out", places)
