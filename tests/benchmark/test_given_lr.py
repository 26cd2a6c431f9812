"""LR images that come with a data set, used instead of made ones, also without originals."""

import csv
import json
import re
import shutil

import numpy as np
import pytest

import srbench
from srbench.benchmark import run_all
from srbench.benchmark.plan import MethodOnImage, score_key
from srbench.config import Experiment
from srbench.errors import ConfigError, MetricError, SrbenchError
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png
from srbench.methods import ImageId
from srbench.metrics import Facts, Metric, find_metrics
from srbench.observer import Observer

IMAGES = ("eye", "face", "man")


class Notes(Observer):
    def __init__(self):
        self.lines = []

    def note(self, line):
        self.lines.append(line)


def run(root, out, **changes):
    experiment = Experiment(
        **{
            "datasets": ("Mini",), "methods": ("nearest", "bicubic"), "device": "cpu",
            "metrics": ("psnr", "lr_psnr"), "lr": "given", **changes,
        }
    )  # fmt: skip
    notes = Notes()
    summary = run_all(
        experiment, out, root=root, weights=root / "none", report=False, observer=notes
    )
    return summary, notes.lines


def scores(out):
    with (out / "scores.csv").open(newline="") as file:
        return {tuple(row.values())[:6]: float(row["value"]) for row in csv.DictReader(file)}


def add_lr(root, folder="LR/x4", *, border="replicate", name="{}.png"):
    """LR images as another program may have made them."""
    for image in IMAGES:
        hr = crop_to_multiple(read_image(root / "Mini" / "HR" / f"{image}.png"), 4)
        lr = imresize(hr, 0.25, border=border)
        write_png(root / "Mini" / folder / name.format(image), np.ascontiguousarray(lr))


def brighten(path):
    write_png(path, np.clip(read_image(path).astype(int) + 6, 0, 255).astype(np.uint8))


@pytest.mark.parametrize(
    ("folder", "name", "told"),
    [
        ("LR/x4", "{}.png", "Mini: LR images as given in LR/x4"),
        (
            "LR_bicubic/X4",
            "{}x4.png",
            'Mini: LR images as given in LR_bicubic/X4 (names end in "x4")',
        ),
    ],
)
def test_they_take_the_place_of_made_ones(root, tmp_path, folder, name, told):
    """MATLAB's other border rule represents another program, which made only the LR images."""
    add_lr(root, folder, name=name)
    _, notes = run(root, tmp_path / "given", border="replicate")
    run(root, tmp_path / "made", border="replicate", lr="made")
    assert scores(tmp_path / "given") == scores(tmp_path / "made")
    assert told in notes

    _, _ = run(root, tmp_path / "symmetric")
    lr = read_image(root / "Mini" / folder / name.format("eye"))
    sr = read_image(tmp_path / "symmetric/images/Mini/x4/bicubic/eye.png")
    assert (sr == imresize(lr, 4)).all()
    recorded = json.loads((tmp_path / "symmetric/run.json").read_text())
    assert recorded["datasets"]["x4"]["Mini"]["lr"] == folder
    assert recorded["last_run"]["experiment"]["lr"] == "given"


def test_a_changed_lr_image_is_computed_anew_and_nothing_else(root, tmp_path):
    add_lr(root)
    out = tmp_path / "out"
    assert run(root, out)[0].computed == 6
    before = scores(out)
    assert run(root, out)[0].computed == 0
    brighten(root / "Mini/LR/x4/eye.png")
    assert run(root, out)[0].computed == 2
    changed = {key for key, value in scores(out).items() if value != before[key]}
    assert {key[1] for key in changed} == {"eye"}


def test_score_takes_the_lr_images_that_a_run_was_made_from(root, tmp_path, run_cli, refused):
    add_lr(root, name="{}x4.png")
    brighten(root / "Mini/LR/x4/eyex4.png")
    run(root, tmp_path / "out")
    expected = {key[1]: value for key, value in scores(tmp_path / "out").items()
                if key[2] == "bicubic" and key[5] == "lr_psnr"}  # fmt: skip
    given = (
        "score", "--hr", root / "Mini/HR", "--sr", tmp_path / "out/images/Mini/x4/bicubic",
        "--scale", "4",
    )  # fmt: skip
    lr = ("--metrics", "lr_psnr", "--lr", root / "Mini/LR/x4", "--out", tmp_path / "scores.csv")
    ran = run_cli(*given, *lr)
    assert ran.code == 0, ran
    assert 'names end in "x4"' in ran.err
    assert {key[1]: value for key, value in scores(tmp_path).items()} == expected
    assert "add lr_psnr or leave out --lr" in refused(*given, "--lr", root / "Mini/LR/x4")
    (root / "Mini/LR/x4/eyex4.png").rename(root / "Mini/LR/x4/eye.png")
    swapped(root)
    for name in ("face", "man"):
        (root / f"Mini/LR/x4/{name}x4.png").rename(root / f"Mini/LR/x4/{name}.png")
    assert "does not show the same picture" in refused(*given, *lr)


def test_a_score_against_the_lr_image_knows_which_it_was(root, tmp_path):
    """Equal SR images of different LR images: the cache must not mix up their scores."""
    add_lr(root)
    theirs = tmp_path / "theirs"
    for image in IMAGES:
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        write_png(theirs / "Mini" / f"{image}.png", imresize(imresize(hr, 0.25), 4))
    out = tmp_path / "out"
    given = {"methods": (f"theirs={theirs}",), "metrics": ("lr_psnr",)}
    run(root, out, **given)
    before = scores(out)
    brighten(root / "Mini/LR/x4/eye.png")
    run(root, out, **given)
    eye = ("Mini", "eye", "theirs", "4", "consistency", "lr_psnr")
    assert scores(out)[eye] < before[eye] - 3
    assert {k: v for k, v in scores(out).items() if k != eye} == {
        k: v for k, v in before.items() if k != eye
    }


def test_keys_of_what_was_computed_before_stay_valid():
    """Keys without given LR images do not change."""
    # Without a method, the key contains only the cell's fingerprint.
    cell = MethodOnImage(None, ImageId("S", "a"), "ab" * 32, "k")  # type: ignore[arg-type]  # see above
    facts = [f for m in find_metrics(["psnr", "lr_psnr", "niqe"]) for f in m.facts]
    found = {f.name: score_key(cell, "cd" * 32, 4, "replicate", f) for f in facts}
    assert found == {
        "psnr_y": "bc81ceef1569a95701ea9112c87fc61fa9d70a94bd9dee3d0d531aeaa0ad67dc",
        "lr_psnr": "574bf2336fc852db5350cadd55d7b82d1e4c688ac4e5b8d690a2f86e819b8e7b",
        "niqe": "9d804365abdf3255aad42686edb8e61895f7d9d481deebdeb24b5e0b49d4ff51",
    }


def test_other_lr_images_in_the_same_folder_are_refused(root, tmp_path):
    add_lr(root)
    run(root, tmp_path / "out", lr="made")
    with pytest.raises(SrbenchError, match=r"made from the originals, this run has them given in"):
        run(root, tmp_path / "out")
    run(root, tmp_path / "out", scale=2, lr="made")
    add_lr(root, "LR_other/x4")
    run(root, tmp_path / "out2")
    with pytest.raises(SrbenchError, match="given in LR/x4, this run has them given in LR_other"):
        run(root, tmp_path / "out2", lr="LR_other")


def without(root):
    (root / "Mini/LR/x4/man.png").unlink()


def other_scale(root):
    (root / "Mini/LR/x4").rename(root / "Mini/LR/x2")


def none(root):
    shutil.rmtree(root / "Mini/LR")


def several(root):
    shutil.copytree(root / "Mini/LR", root / "Mini/LR_unknown")
    (root / "Mini/LR").rename(root / "Mini/LR_bicubic")


def wrong_size(root):
    path = root / "Mini/LR/x4/eye.png"
    write_png(path, np.ascontiguousarray(read_image(path)[:, :-1]))


def grey(root):
    path = root / "Mini/LR/x4/eye.png"
    write_png(path, np.ascontiguousarray(read_image(path)[..., 0]))


def damaged(root):
    path = root / "Mini/LR/x4/eye.png"
    path.write_bytes(path.read_bytes()[:200])


def swapped(root):
    path = root / "Mini/LR/x4/eye.png"
    write_png(path, np.ascontiguousarray(read_image(path)[::-1]))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without, r"LR/x4 lacks 1 of 3 images of Mini \('man'\)"),
        (other_scale, r"Mini has no LR images at x4, only LR/x2; put them into .*/LR/x4"),
        (none, r"Mini has no LR images at x4; put them into .*/LR/x4, or leave out --lr"),
        (several, r"in LR_bicubic/x4, LR_unknown/x4; name the folder that is meant: --lr LR_bic"),
        (wrong_size, r"eye.png is 19x25, expected 20x25: eye.png \(81x103\) cropped to a multip"),
        (grey, r"eye.png has 1 channel, expected 3"),
        (damaged, r"eye.png cannot be read: a PNG"),
        (swapped, r"LR/x4/eye.png does not show the same picture as .*/HR/eye.png"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(root, tmp_path, refused, spoil, message):
    add_lr(root)
    spoil(root)
    line = refused(
        "run-all", "--datasets", "Mini", "--methods", "nearest", "--metrics", "psnr",
        "--lr", "given", "--out", tmp_path / "out",
    )  # fmt: skip
    assert re.search(message, line), line
    assert not (tmp_path / "out" / "scores.csv").exists()


def test_more_than_is_needed_is_told_and_not_used(root, tmp_path):
    add_lr(root)
    write_png(root / "Mini/LR/x4/more.png", np.zeros((20, 20), np.uint8))
    (root / "Mini/LR/x4/notes.txt").write_text("")
    _, notes = run(root, tmp_path / "out")
    assert "Mini: 1 LR image without an original ignored (more.png)" in notes
    assert "Mini: ignored 1 other file (.txt) in LR/x4" in notes


def test_a_folder_of_several_is_chosen_by_its_name(root, tmp_path, refused):
    for folder in ("LR_bicubic/X4", "LR_unknown/X4"):
        add_lr(root, folder)
    run(root, tmp_path / "out", lr="lr_unknown")
    recorded = json.loads((tmp_path / "out/run.json").read_text())
    assert recorded["datasets"]["x4"]["Mini"]["lr"] == "LR_unknown/X4"
    assert "did you mean" in refused(
        "run-all", "--datasets", "Mini", "--lr", "LR_unknow", "--out", tmp_path / "no"
    )
    assert "has no LR images; name a data set with" in refused(
        "run-all", "--datasets", "sample", "--lr", "given", "--out", tmp_path / "no"
    )


# Without originals


@pytest.fixture
def bare(root):
    """The set Mini without its originals, its LR images large enough for NIQE."""
    from skimage import data

    shutil.rmtree(root / "Mini")
    for name, image in {"cat": data.chelsea(), "man": data.camera()}.items():
        write_png(
            root / "Mini/LR/X4" / f"{name}x4.png", np.ascontiguousarray(image[100:150, 100:160])
        )
    return root


@pytest.mark.slow
def test_a_set_without_originals_runs_and_makes_a_study(bare, tmp_path, run_cli):
    """Images, the metrics that need no original, report and study."""
    out = tmp_path / "out"
    given = ("run-all", "--datasets", "Mini", "--methods", "nearest,bicubic", "--lr", "given")
    ran = run_cli(*given, "--out", out)
    assert ran.code == 0, ran.err
    assert "Mini: scored by lr_psnr and niqe, as there are no originals" in ran.err
    found = scores(out)
    assert {key[5] for key in found} == {"lr_psnr", "niqe"}
    assert {key[1] for key in found} == {"catx4", "manx4"}
    assert not (out / "images/Mini/x4/HR").exists()
    page = (out / "report.html").read_text()
    assert "PSNR on Mini: there are no originals" in page
    assert "LR images as given in LR/X4, not made; there are no originals" in page

    # The numbers are those of the parts.
    lr = read_image(bare / "Mini/LR/X4/catx4.png")
    sr = imresize(lr, 4)
    error = imresize(sr, 0.25).astype(float) - lr
    by_hand = 10 * np.log10(255**2 / np.mean(error**2))
    assert found["Mini", "catx4", "bicubic", "4", "consistency", "lr_psnr"] == pytest.approx(
        by_hand, abs=1e-6
    )

    again = run_cli(*given, "--out", out)
    assert "nothing to compute" in again.err

    made = run_cli("study", "new", "--from", out, "--out", tmp_path / "study")
    assert made.code == 0, made.err
    assert "Mini is shown without originals" in made.out + made.err
    manifest = json.loads((tmp_path / "study/manifest.json").read_text())
    main = [s for s in manifest["stimuli"] if s["id"] in manifest["main"]]
    assert {s["method"] for s in main} == {"nearest", "bicubic"}

    # A missing HR folder without --lr is still an error.
    record = json.loads((out / "run.json").read_text())
    record["datasets"]["x4"]["Mini"].pop("originals")
    (out / "run.json").write_text(json.dumps(record))
    lost = run_cli("study", "new", "--from", out, "--out", tmp_path / "other")
    assert lost.code == 2
    assert "needs the originals" in lost.err


def test_what_needs_an_original_is_left_out_or_refused(bare, root, tmp_path):
    def brightness(sr):
        return float(sr.mean())

    class Both(Metric):
        """Uses an original although its facts say that it needs none."""

        facts = (Facts("both", "user", needs="nothing"),)

        def prepare(self, original):
            mean = original.hr.mean()
            return lambda sr: float(sr.mean() - mean)

    methods = ("nearest",)
    run(bare, tmp_path / "own", metrics=("psnr", brightness), methods=methods)
    assert {key[5] for key in scores(tmp_path / "own")} == {"brightness"}
    with pytest.raises(ConfigError, match=r"Mini has no originals, which psnr_y need; choose metr"):
        run(bare, tmp_path / "no", metrics=("psnr",), methods=methods)
    with pytest.raises(MetricError, match=r"Mini/catx4, nearest: a metric needs the original"):
        run(bare, tmp_path / "no", metrics=(Both(),), methods=methods)
    with pytest.raises(SrbenchError, match=r"has LR images, but no originals .* add --lr given"):
        run(bare, tmp_path / "no", lr="made")
    (bare / "Mini").rename(bare / "Set14")
    with pytest.raises(SrbenchError, match="Set14 is a known set: put its originals into"):
        run(bare, tmp_path / "no", datasets=("Set14",))


def test_images_of_others_are_taken_by_the_names_of_the_lr_images(bare, tmp_path):
    for name in ("cat", "man"):
        lr = read_image(bare / f"Mini/LR/X4/{name}x4.png")
        write_png(tmp_path / "theirs/Mini" / f"{name}x4_SR.png", imresize(lr, 4))
    given = {"methods": (f"theirs={tmp_path / 'theirs'}",), "metrics": ("lr_psnr",)}
    run(bare, tmp_path / "out", **given)
    assert min(scores(tmp_path / "out").values()) > 30
    write_png(tmp_path / "theirs/Mini/catx4_SR.png", np.zeros((100, 120, 3), np.uint8))
    with pytest.raises(SrbenchError, match="is 120x100, expected 240x200"):
        run(bare, tmp_path / "out", **given)


def test_in_python(bare, tmp_path):
    results = srbench.run_all(
        ["nearest"], ["Mini"], ["niqe"], tmp_path / "out", lr="given", data=bare, device="cpu"
    )
    assert set(results.scores["metric"]) == {"niqe"}
    assert list(results.images("Mini", "catx4")) == ["nearest"]


def test_matlabs_own_files_give_the_scores_of_the_border_rule_replicate(shared, tmp_path):
    """The LR images of real MATLAB, on two of Set5's images."""
    source = shared / "data" / "Set5"
    for image in ("bird", "butterfly"):
        for sub, where in (("HR", "HR"), ("LR_matlab_replicate/x4", "LR/x4")):
            target = tmp_path / "data/Five" / where / f"{image}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / sub / f"{image}.png", target)
    common = {
        "datasets": ("Five",), "border": "replicate", "methods": ("bicubic",),
        "metrics": ("psnr", "ssim", "lr_psnr", "niqe"),
    }  # fmt: skip
    run(tmp_path / "data", tmp_path / "given", **common)
    run(tmp_path / "data", tmp_path / "made", lr="made", **common)
    given, made = scores(tmp_path / "given"), scores(tmp_path / "made")
    assert given == made
    # What the daala tools print: reference/ledig2017_golden.csv.
    place = ("Five", "butterfly", "bicubic", "4", "ledig2017", "psnr_y")
    assert given[place] == pytest.approx(22.0622, abs=1e-4)
