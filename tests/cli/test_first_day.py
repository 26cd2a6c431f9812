"""What a newcomer does on the first day, with the installed package and outside the checkout: own
images, metric, method, checkpoint and a pair study, in a folder whose name is unusual.

The commands and the lines of the files are what the newcomer types; `pytest -s` prints the times.
"""

from __future__ import annotations

import csv
import importlib
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

CHECKOUT = Path(__file__).resolve().parents[2]

METRIC = '''
import numpy as np
def sharpness(sr):
    """Mean absolute horizontal gradient."""
    return np.abs(np.diff(sr.astype(float), axis=1)).mean()
sharpness.direction = "higher"
'''

METHOD = """
import srbench
class Twice:
    def upscale(self, lr):
        return srbench.imresize(srbench.imresize(lr, 2), 2)
if __name__ == "__main__":
    run = srbench.run_all(methods=[Twice()], datasets=["Mine"], metrics=["psnr"],
                          out="my results")
    print(run.summary)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """The newcomer's folder, with photographs of several kinds."""
    place = tmp_path_factory.mktemp("walk") / ".새 폴더 [x4] (mine)"
    photos = place / "photos of mine [2026]"
    photos.mkdir(parents=True)
    colour = data.astronaut()[40:139, 170:283]
    Image.fromarray(data.camera()[100:197, 200:283]).save(photos / "회색 grey.png")
    Image.fromarray(colour).save(photos / "a photo (1).JPG", quality=95)
    opaque = np.dstack([data.coffee()[100:201, 200:307], np.full((101, 107), 255, np.uint8)])
    Image.fromarray(opaque).save(photos / "opaque #2.png")
    Image.fromarray(colour).save(photos / ".hidden.png")
    Image.fromarray(data.camera()[:96, :96].astype(np.uint16) * 257).save(photos / "deep.png")
    (place / "my metric.py").write_text(METRIC, encoding="utf-8")
    (place / "my method.py").write_text(METHOD, encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def python(place, tmp_path_factory) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs Python in the newcomer's folder, with what a wheel of this checkout installs."""
    pytest.importorskip("hatchling", reason="hatchling is not installed")
    folder = tmp_path_factory.mktemp("installed")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    with zipfile.ZipFile(*folder.glob("*.whl")) as wheel:
        wheel.extractall(folder / "site")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("SRBENCH_")
    } | {"PYTHONPATH": str(folder / "site"), "PYTHONSAFEPATH": "1", "SRBENCH_DATA": "my data"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        begun, before = time.perf_counter(), os.times()
        ran = subprocess.run(
            [sys.executable, *arguments],
            cwd=place, env=environment, capture_output=True, text=True, encoding="utf-8",
        )  # fmt: skip
        seconds, after = time.perf_counter() - begun, os.times()
        cpu = sum(after[2:4]) - sum(before[2:4])  # of the processes that were waited for
        print(f"{seconds:5.1f} s, {cpu:4.1f} s of CPU: {' '.join(arguments)}")
        return ran

    return run


@pytest.fixture(scope="module")
def srbench(python) -> Callable[..., str]:
    """Runs a command that must end with ``code``, and gives what it says."""

    def run(*arguments: str, code: int = 0) -> str:
        ran = python("-m", "srbench", *arguments)
        assert ran.returncode == code, ran.stderr
        return ran.stderr

    return run


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_first_day(place, python, srbench):
    where = python("-c", "import srbench, study_app; print(srbench.__file__, study_app.__file__)")
    assert str(CHECKOUT) not in where.stdout

    # Own images: what cannot be scored is refused in one line before anything is written.
    photos = "photos of mine [2026]"
    refused = srbench("data", "import", "Mine", photos, code=2)
    assert "deep.png" in refused
    assert "16-bit" in refused
    assert not (place / "my data").exists()
    (place / photos / "deep.png").unlink()
    assert "ignored 1 hidden image" in srbench("data", "import", "Mine", photos)

    # Own metric, and a checkpoint of an architecture that only spandrel has.
    checkpoint(place / "their net.pth")
    srbench(
        "run-all", "--datasets", "Mine", "--methods", "nearest,bicubic,theirs=their net.pth",
        "--metrics", "psnr,ssim,sharpness=my metric.py:sharpness", "--out", "my results",
    )  # fmt: skip

    # Own method object, into the same results.
    ran = python("my method.py")
    assert ran.returncode == 0, ran.stderr
    scores = rows(place / "my results/scores.csv")
    assert {row["method"] for row in scores} == {"nearest", "bicubic", "theirs", "Twice"}
    assert {row["image"] for row in scores} == {"회색 grey", "a photo (1)", "opaque #2"}
    assert {row["metric"] for row in scores} >= {"psnr_y", "ssim_y", "sharpness"}

    # A pair study, two raters, a package, and the same analysis from the package.
    srbench("study", "new", "--from", "my results", "--out", "my study", "--procedure", "pair",
            "--raters", "2")  # fmt: skip
    srbench("study", "simulate", "my study", "--raters", "2", "--seed", "1")
    srbench("study", "analyze", "my study", "--out", "an analysis")
    srbench("study", "package", "my study", "--out", "a package.zip", "--licence", "CC-BY-4.0",
            "--citation", "Me 2026", "--creator", "김 아무개")  # fmt: skip
    srbench("study", "analyze", "--ratings", "a package.zip", "--out", "again")
    first, again = (rows(place / folder / "scale.csv") for folder in ("an analysis", "again"))
    assert first
    assert first == again


def checkpoint(path: Path) -> None:
    """A small network as its authors would publish it, with random weights."""
    import torch

    from srbench.models.torchvision_import import import_torchvision

    import_torchvision()
    pytest.importorskip("spandrel", reason="spandrel is not installed")
    module = importlib.import_module("spandrel.architectures.Compact.__arch.SRVGG")
    torch.manual_seed(1)
    network = module.SRVGGNetCompact(num_in_ch=3, num_out_ch=3, num_feat=16, num_conv=2, upscale=4)
    torch.save({"params": network.state_dict()}, path)
