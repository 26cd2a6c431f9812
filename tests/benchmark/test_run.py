"""run-all: the results folder, reuse of results, and refused input."""

import csv
import json
import multiprocessing
import re
import shutil
import time

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.benchmark import run_all
from srbench.benchmark.results import ResultsFolder
from srbench.config import Experiment
from srbench.errors import CheckpointError, ResultsError
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png
from srbench.methods.resolve import checkpoint_file
from srbench.metrics.protocols import get_protocol
from srbench.models.cards import Architecture, Card
from srbench.models.checkpoints import save_checkpoint
from srbench.observer import Observer

SCORES = b"dataset,image,method,scale,protocol,metric,value\n"


class Counter(Observer):
    """Counts the images and keeps the notes."""

    def __init__(self, stop_after=None):
        self.images, self.notes, self.stop_after = [], [], stop_after

    def note(self, line):
        self.notes.append(line)

    def step_done(self, name, images=1, pixels=0):
        self.images += images * [name]
        if self.stop_after and len(self.images) >= self.stop_after:
            raise KeyboardInterrupt


def run(root, out, *, observer=None, report=False, **changes):
    experiment = Experiment(
        **{"datasets": ("Mini",), "methods": ("nearest", "bicubic"), "device": "cpu", **changes}
    )
    return run_all(
        experiment, out, root=root, weights=root / "none", report=report, observer=observer
    )


def scores(out):
    with (out / "scores.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_folder_holds_what_the_contract_says(run_cli, mini, tmp_path):
    ran = run_cli(*mini)
    out = tmp_path / "results"
    assert ran.code == 0, ran.err
    assert list(scores(out)[0]) == [
        "dataset", "image", "method", "scale", "protocol", "metric", "value",
    ]  # fmt: skip
    assert len(scores(out)) == 3 * 2 * 3 * 2  # images, methods, protocols, metrics
    for method in ("HR", "nearest", "bicubic"):
        names = {path.name for path in (out / "images/Mini/x4" / method).iterdir()}
        assert names == {"eye.png", "face.png", "man.png"}
    assert (out / "report.html").is_file()
    assert (out / "tables/summary.tex").is_file()
    record = json.loads((out / "run.json").read_text())
    assert str(tmp_path) not in (out / "run.json").read_text()
    assert record["border"] == "symmetric"
    assert "lpips_alex is left out" in ran.err
    assert "srbench weights fetch alexnet-features" in ran.err
    assert "report.html" in ran.err
    assert "bicubic" in ran.out


def test_images_and_scores_are_those_of_the_parts(root, tmp_path):
    run(root, tmp_path / "r", border="replicate")
    hr = crop_to_multiple(read_image(root / "Mini/HR/eye.png"), 4)
    sr = imresize(imresize(hr, 0.25, border="replicate"), 4, border="replicate")
    folder = ResultsFolder(tmp_path / "r")
    assert np.array_equal(read_image(folder.image("Mini", 4, "bicubic", "eye")), sr)
    assert np.array_equal(read_image(folder.image("Mini", 4, "HR", "eye")), hr)
    for protocol in ("matlab", "basicsr", "ledig2017"):
        expected = get_protocol(protocol).prepare(hr, 4).score(sr)
        for metric, value in expected.items():
            row = next(
                row
                for row in scores(tmp_path / "r")
                if (row["image"], row["method"]) == ("eye", "bicubic")
                and (row["protocol"], row["metric"]) == (protocol, metric)
            )
            assert row["value"] == f"{value:.6f}"


def test_a_second_run_computes_nothing_and_repeats_every_byte(root, tmp_path):
    first = run(root, tmp_path / "r", report=True)
    before = (tmp_path / "r/scores.csv").read_bytes()
    counter = Counter()
    second = run(root, tmp_path / "r", observer=counter, report=True)
    assert (first.computed, second.computed) == (6, 0)
    assert counter.images == []
    assert any("nothing to compute" in note for note in counter.notes)
    assert first.reported
    assert not second.reported
    assert (tmp_path / "r/scores.csv").read_bytes() == before
    run(root, tmp_path / "elsewhere")
    assert (tmp_path / "elsewhere/scores.csv").read_bytes() == before


def test_where_nothing_was_computed_the_record_keeps_the_device(root, tmp_path):
    run(root, tmp_path / "r", report=True)
    folder = ResultsFolder(tmp_path / "r")
    folder.write_run(folder.read_run() | {"device": "cuda"})
    run(root, tmp_path / "r", device="auto")
    assert folder.read_run()["device"] == "cuda"
    run(root, tmp_path / "r", methods=("nearest", "bicubic", "espcn"))
    assert folder.read_run()["device"] == "cpu"


def test_loading_a_network_does_not_count_as_the_first_images_time(root, tmp_path, monkeypatch):
    from srbench.models import checkpoints

    load = checkpoints.load_checkpoint

    def slowly(path):
        time.sleep(1)
        return load(path)

    monkeypatch.setattr(checkpoints, "load_checkpoint", slowly)
    run(root, tmp_path / "r", methods=("espcn",))
    assert max(row.seconds for row in ResultsFolder(tmp_path / "r").read_timings()) < 0.9


@pytest.mark.slow
def test_force_computes_everything_again(run_cli, mini, tmp_path):
    run_cli(*mini)
    before = (tmp_path / "results/scores.csv").read_bytes()
    ran = run_cli(*mini, "--force")
    assert "6 of them computed now" in ran.err
    assert (tmp_path / "results/scores.csv").read_bytes() == before


def test_a_changed_original_a_lost_and_a_tampered_image_are_noticed(root, tmp_path):
    run(root, tmp_path / "r")
    original = root / "Mini/HR/eye.png"
    write_png(original, read_image(original)[::-1].copy())
    (tmp_path / "r/images/Mini/x4/nearest/face.png").unlink()
    tampered = tmp_path / "r/images/Mini/x4/bicubic/man.png"
    write_png(tampered, read_image(tampered) // 2)
    before = {(r["image"], r["method"], r["metric"]): r["value"] for r in scores(tmp_path / "r")}
    assert run(root, tmp_path / "r").computed == 4
    after = {(r["image"], r["method"], r["metric"]): r["value"] for r in scores(tmp_path / "r")}
    changed = {key[0] for key in before if before[key] != after[key]}
    assert changed == {"eye"}


def test_an_interrupted_run_is_completed_by_the_next(root, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(root, tmp_path / "r", observer=Counter(stop_after=1))
    second = Counter()
    assert run(root, tmp_path / "r", observer=second).computed == 4
    assert second.images == 2 * ["Mini/face"] + 2 * ["Mini/man"], "progress counts SR images"
    run(root, tmp_path / "whole")
    assert (tmp_path / "r/scores.csv").read_bytes() == (tmp_path / "whole/scores.csv").read_bytes()


def test_a_line_of_the_cache_that_was_cut_short_costs_only_itself(root, tmp_path):
    run(root, tmp_path / "r")
    cache = tmp_path / "r/.cache/computed.jsonl"
    cache.write_bytes(cache.read_bytes()[:-7])
    assert run(root, tmp_path / "r").computed <= 1


def test_other_methods_and_scales_add_to_the_folder(root, tmp_path):
    run(root, tmp_path / "r", methods=("nearest",))
    run(root, tmp_path / "r", methods=("bicubic",))
    run(root, tmp_path / "r", methods=("bicubic",), scale=2)
    found = {(row["method"], row["scale"]) for row in scores(tmp_path / "r")}
    assert found == {("nearest", "4"), ("bicubic", "4"), ("bicubic", "2")}
    together = tmp_path / "together"
    run(root, together)
    four = [row for row in scores(tmp_path / "r") if row["scale"] == "4"]
    assert four == scores(together)


def test_a_run_with_fewer_metrics_keeps_those_that_stand(root, tmp_path):
    run(root, tmp_path / "r")
    before = (tmp_path / "r/scores.csv").read_bytes()
    run(root, tmp_path / "r", protocols=("basicsr",))
    assert (tmp_path / "r/scores.csv").read_bytes() == before


def test_another_border_in_the_same_folder_is_refused(run_cli, refused, mini):
    assert run_cli(*mini, "--border", "replicate").code == 0
    assert "made with --border replicate" in refused(*mini, "--border", "symmetric")


def test_identical_images_are_infinitely_good(root, tmp_path, run_cli):
    for image in ("eye", "face", "man"):
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        write_png(tmp_path / "copy/Mini" / f"{image}.png", hr)
    ran = run_cli(
        "run-all", "--datasets", "Mini", "--methods", f"copy={tmp_path / 'copy'},nearest",
        "--out", tmp_path / "r",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "∞" in ran.out
    values = {row["value"] for row in scores(tmp_path / "r") if row["method"] == "copy"}
    assert values == {"inf", "1.000000"}
    assert "∞" in (tmp_path / "r/tables/summary.md").read_text()


def peers(root, folder, *, images=("eye", "face", "man")):
    for image in images:
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        write_png(folder / "Mini" / f"{image}.png", imresize(imresize(hr, 0.25), 4))
    return folder


def test_a_folder_of_results_is_a_method(root, tmp_path):
    folder = peers(root, tmp_path / "peer")
    run(root, tmp_path / "r", methods=("bicubic", f"peer={folder}"))
    by_method = {}
    for row in scores(tmp_path / "r"):
        by_method.setdefault(row["method"], []).append(row["value"])
    assert by_method["peer"] == by_method["bicubic"]
    timed = {row.method for row in ResultsFolder(tmp_path / "r").read_timings()}
    assert timed == {"bicubic"}


@pytest.mark.slow
def test_a_folder_without_a_data_set_is_shown_as_missing(root, tmp_path):
    shutil.copytree(root / "Mini", root / "Other")
    folder = peers(root, tmp_path / "peer")
    summary = run(
        root,
        tmp_path / "r",
        report=True,
        datasets=("Mini", "Other"),
        methods=("bicubic", f"peer={folder}"),
    )
    assert [(gap.method, gap.dataset) for gap in summary.missing] == [("peer", "Other")]
    table = (tmp_path / "r/tables/summary.md").read_text()
    assert "—" in table
    assert "no subfolder Other" in table


def test_a_network_without_a_checkpoint_is_left_out_with_the_command(
    run_cli, mini, tmp_path, monkeypatch
):
    monkeypatch.setattr("srbench.methods.resolve._SHIPPED", tmp_path)
    arguments = [*mini]
    arguments[4] = "nearest,srresnet-vgg54"
    ran = run_cli(*arguments)
    assert ran.code == 0
    assert "srresnet-vgg54 is left out" in ran.err
    assert "srbench train srresnet-vgg54" in ran.err


def hold_the_lock(folder, ready, done):
    with ResultsFolder(folder).locked():
        ready.set()
        done.wait(30)


def test_two_runs_on_one_folder_are_refused(root, tmp_path):
    context = multiprocessing.get_context("spawn")
    ready, done = context.Event(), context.Event()
    other = context.Process(target=hold_the_lock, args=(tmp_path / "r", ready, done))
    other.start()
    assert ready.wait(60)
    try:
        with pytest.raises(ResultsError, match="another run is using"):
            run(root, tmp_path / "r")
    finally:
        done.set()
        other.join()


class TestBadInput:
    """Each mistake: one line that says what was found and what to do, exit code 2."""

    def test_unknown_names_come_with_the_nearest(self, refused, mini):
        arguments = list(mini)
        arguments[4] = "bicubik"
        assert "unknown method 'bicubik'; did you mean 'bicubic'?" in refused(*arguments)
        arguments = list(mini)
        arguments[2] = "Set15"
        assert "Set15" in refused(*arguments)
        assert "border" in refused(*mini, "--border", "mirror")
        assert "--datasts" in refused(*mini, "--datasts", "x")
        assert "scale is 5" in refused(*mini, "--scale", "5")
        assert "cuda:9" in refused(*mini, "--device", "cuda:9")

    def test_a_device_that_cannot_be_is_met_even_where_nothing_is_computed(
        self, refused, run_cli, mini, tmp_path
    ):
        assert run_cli(*mini).code == 0
        for wrong in ("cudaa", "cuda:", "cuda:x", "auto:1", "GPU"):
            assert f"unknown device '{wrong}'" in refused(*mini, "--device", wrong)
        assert "did you mean 'cuda'?" in refused(*mini, "--device", "cudaa")
        file = tmp_path / "e.toml"
        file.write_text('device = "cudaa"')
        assert "unknown device 'cudaa'" in refused(*mini, "--config", file)
        for command in (
            ("score", "--hr", "a", "--sr", "b", "--scale", 4),
            ("upscale", "a.png", "--method", "bicubic", "--out", tmp_path / "u"),
            ("train", "espcn"),
            ("depth-study", "--data", "a"),
        ):
            assert "unknown device 'cudaa'" in refused(*command, "--device", "cudaa")

    def test_mistakes_in_the_experiment_file(self, refused, tmp_path, root):
        file = tmp_path / "e.toml"
        for text, words in {
            'metods = ["bicubic"]': "did you mean 'methods'?",
            'protocols = ["mathlab"]': "did you mean 'matlab'?",
            "scale = ": "not valid TOML",
            'scale = "four"': "scale is 'four'",
            "datasets = []": "datasets is empty",
            '[[crops]]\ndataset = "a"\nfile = "b"': "'file'; known are: box, dataset, image",
            '[[crops]]\ndataset = "a"\nbox = [0, 0, 4, 4]': "an entry of crops lacks image",
        }.items():
            file.write_text(text)
            assert words in refused("run-all", "--config", file, "--out", tmp_path / "r")
        missing = refused("run-all", "--config", tmp_path / "no.toml", "--out", tmp_path / "r")
        assert "does not exist" in missing
        (tmp_path / "folder.toml").mkdir()
        assert "Is a directory" in refused("run-all", "--config", tmp_path / "folder.toml")
        assert "did you mean 'paper'" in refused("run-all", "--config", "papr")
        assert not (tmp_path / "r").exists()

    def test_nothing_to_run(self, refused, mini):
        assert "datasets is empty" in refused(*mini, "--datasets", "")
        assert "methods is empty" in refused(*mini, "--methods", ",")

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("scores.csv", b"", "cannot be read as a CSV table (scores.csv is empty"),
            ("scores.csv", b"dataset,image\n", "lacks the column 'method'"),
            ("scores.csv", SCORES + b"a,b,c,four,d,e,1\n", "four"),
            ("scores.csv", SCORES + b"a,b,c,4,d,e\n", "6 cells in line 2, expected 7"),
            ("scores.csv", SCORES + b"\xff", "not UTF-8 text"),
            ("timings.csv", SCORES, "expected dataset, image, method, scale, device"),
            ("run.json", b"{", "not valid JSON"),
            ("run.json", b"[]", "no JSON object"),
        ],
    )
    def test_a_results_folder_that_somebody_edited(
        self, refused, mini, tmp_path, name, content, words
    ):
        (tmp_path / "results").mkdir()
        (tmp_path / "results" / name).write_bytes(content)
        line = refused(*mini)
        assert f"{tmp_path / 'results' / name} " in line
        assert words in line
        assert "move it away and run again" in line

    def test_a_damaged_original(self, refused, mini, root, tmp_path):
        path = root / "Mini/HR/face.png"
        path.write_bytes(path.read_bytes()[:500])
        line = refused(*mini)
        assert "Mini/HR/face.png" in line
        assert "truncated" in line

    def test_two_files_of_one_id(self, refused, mini, root):
        shutil.copy(root / "Mini/HR/eye.png", root / "Mini/HR/eye.bmp")
        assert "eye" in refused(*mini)

    def test_an_image_smaller_than_the_window(self, refused, mini, root):
        write_png(root / "Mini/HR/tiny.png", np.zeros((16, 16, 3), np.uint8))
        line = refused(*mini)
        assert "Mini/HR/tiny.png" in line
        assert "16x16" in line

    def test_an_empty_data_set(self, refused, mini, root):
        shutil.rmtree(root / "Mini/HR")
        (root / "Mini/HR").mkdir()
        assert "holds no image" in refused(*mini)

    def folder_run(self, mini, folder):
        arguments = list(mini)
        arguments[4] = f"bicubic,peer={folder}"
        return arguments

    def test_a_folder_method_that_lacks_images(self, refused, mini, root, tmp_path):
        folder = peers(root, tmp_path / "peer", images=("eye",))
        line = refused(*self.folder_run(mini, folder))
        assert "lacks 2 of 3 images" in line
        assert "('face', 'man'); it holds 'eye'" in line
        assert not (tmp_path / "results").exists()

    def test_a_folder_method_whose_names_end_alike(self, run_cli, refused, mini, root, tmp_path):
        folder = peers(root, tmp_path / "peer")
        for path in sorted((folder / "Mini").iterdir()):
            path.rename(path.with_stem(f"{path.stem}_x4_peer"))
        ran = run_cli(*self.folder_run(mini, folder), "--no-lpips")
        assert ran.code == 0, ran
        assert 'peer on Mini: names end in "_x4_peer"' in ran.out + ran.err
        write_png(folder / "Mini/eye_x4.png", read_image(folder / "Mini/eye_x4_peer.png"))
        ran = run_cli(*self.folder_run(mini, folder), "--no-lpips", "--pattern", "peer={}_x4_peer")
        assert ran.code == 0, ran
        assert "lacks 2 of 3 images" in refused(
            *self.folder_run(mini, folder), "--pattern", "{}_x4"
        )
        assert "needs a folder of images" in refused(*mini, "--pattern", "{}_x4")
        assert "needs a folder of images" in refused(
            *self.folder_run(mini, folder), "--pattern", "other={}_x4"
        )

    def test_a_folder_method_with_two_subfolders_of_one_name(self, refused, mini, root, tmp_path):
        folder = peers(root, tmp_path / "peer")
        shutil.copytree(folder / "Mini", folder / "mini")
        if len(list(folder.iterdir())) < 2:
            pytest.skip("this file system has no such names")
        assert "names of one data set" in refused(*self.folder_run(mini, folder))

    def test_a_folder_method_of_another_size_or_of_one_channel(self, refused, mini, root, tmp_path):
        folder = peers(root, tmp_path / "peer")
        path = folder / "Mini/face.png"
        right = read_image(path)
        write_png(path, right[:-1])
        line = refused(*self.folder_run(mini, folder))
        assert "100x99, expected 100x100" in line
        write_png(path, right[..., 0].copy())
        assert "1 channel, expected 3 (its original is RGB)" in refused(
            *self.folder_run(mini, folder)
        )
        path.write_bytes(b"no image")
        assert "is a text file; expected PNG" in refused(*self.folder_run(mini, folder))
        PillowImage.fromarray(right[..., 0].astype(np.uint16)).save(path)
        assert "is a 16-bit PNG; expected 8 bits" in refused(*self.folder_run(mini, folder))
        assert not (tmp_path / "results").exists()

    def test_a_method_named_twice_or_like_ours(self, refused, mini, root, tmp_path):
        folder = peers(root, tmp_path / "peer")
        arguments = list(mini)
        arguments[4] = f"bicubic={folder}"
        assert "give yours another name" in refused(*arguments)
        arguments[4] = f"a={folder},A={folder}"
        assert "named twice" in refused(*arguments)
        arguments[4] = f"../a={folder}"
        assert "cannot name a method" in refused(*arguments)

    def test_a_results_folder_that_is_a_file(self, refused, mini, tmp_path):
        (tmp_path / "results").write_text("")
        assert "is a file, expected the name of a folder" in refused(*mini)

    def test_a_checkpoint_that_is_none(self, root, tmp_path):
        path = tmp_path / "net.txt"
        path.write_text("")
        with pytest.raises(CheckpointError, match="is empty, not a checkpoint"):
            run(root, tmp_path / "r", methods=(f"net={path}",))
        with pytest.raises(CheckpointError, match="no such file"):
            run(root, tmp_path / "r", methods=(f"net={tmp_path / 'no.pth'}",))

    def test_a_damaged_checkpoint_is_met_before_anything_is_computed(self, root, tmp_path):
        path = tmp_path / "net.safetensors"
        shipped = checkpoint_file("espcn", 4, tmp_path)
        path.write_bytes(shipped.read_bytes()[:500])
        shutil.copy(shipped.with_suffix(".json"), path.with_suffix(".json"))
        with pytest.raises(CheckpointError, match="not a complete safetensors file"):
            run(root, tmp_path / "r", methods=("nearest", f"net={path}"))
        assert not (tmp_path / "r/images").exists()


def test_a_network_that_its_card_says_was_trained_on_a_metric_is_marked(run_cli, mini, tmp_path):
    architecture = Architecture(network="espcn", scale=4)
    card = Card(
        name="any", architecture=architecture, steps=1, recipe={}, data="none",
        trained_on_metric="ssim_y",
    )  # fmt: skip
    file, out = tmp_path / "any.safetensors", tmp_path / "results"
    save_checkpoint(file, architecture.build(), card)
    ran = run_cli(*mini, "--methods", f"bicubic,mine={file}")
    assert ran.code == 0, ran.err
    (mine,) = [line for line in ran.out.splitlines() if line.split()[:1] == ["mine"]]
    assert [cell.endswith("†") for cell in mine.split()] == [False, False, True]
    table = (out / "tables/summary.md").read_text()
    assert table.count("†") == 3 + 1  # a mark per protocol, and its explanation

    assert run_cli(*mini, "--methods", "nearest").code == 0
    recorded = json.loads((out / "run.json").read_text())["trained_on_metric"]
    assert recorded == {"x4": {"bicubic": None, "mine": "ssim_y", "nearest": None}}
    assert (out / "tables/summary.md").read_text().count("†") == 3 + 1


def test_another_border_in_a_folder_whose_record_is_lost_gives_its_own_scores(root, tmp_path):
    run(root, tmp_path / "r", border="replicate")
    old = (tmp_path / "r/scores.csv").read_bytes()
    (tmp_path / "r/run.json").unlink()  # as an interrupted first run leaves it
    again = run(root, tmp_path / "r", border="symmetric")
    fresh = run(root, tmp_path / "fresh", border="symmetric")
    assert (again.computed, fresh.computed) == (6, 6)
    assert (tmp_path / "r/scores.csv").read_bytes() == (tmp_path / "fresh/scores.csv").read_bytes()
    assert (tmp_path / "r/scores.csv").read_bytes() != old


def test_a_changed_original_gets_new_scores_of_the_same_sr_images(root, tmp_path):
    for image in ("eye", "face", "man"):
        hr = crop_to_multiple(read_image(root / f"Mini/HR/{image}.png"), 4)
        write_png(tmp_path / f"mine/Mini/{image}.png", imresize(imresize(hr, 0.25), 4))
    methods = ("nearest", f"mine={tmp_path / 'mine'}")
    run(root, tmp_path / "r", methods=methods)
    before = scores(tmp_path / "r")
    changed = read_image(root / "Mini/HR/face.png").copy()
    changed[40:60, 40:60] //= 2
    write_png(root / "Mini/HR/face.png", changed)
    run(root, tmp_path / "r", methods=methods)
    run(root, tmp_path / "fresh", methods=methods)
    assert (tmp_path / "r/scores.csv").read_bytes() == (tmp_path / "fresh/scores.csv").read_bytes()
    other = {
        (old["image"], old["method"])
        for old, new in zip(before, scores(tmp_path / "r"), strict=True)
        if old != new
    }
    assert other == {("face", "nearest"), ("face", "mine")}


def test_one_sr_image_of_two_originals_is_scored_against_each(root, tmp_path):
    original = read_image(root / "Mini/HR/face.png")
    sr = imresize(imresize(original, 0.25), 4)
    for image, hr in (("one", original), ("two", original[:, ::-1])):
        write_png(root / f"Twins/HR/{image}.png", np.ascontiguousarray(hr))
        write_png(tmp_path / f"mine/Twins/{image}.png", sr)
    run(root, tmp_path / "r", datasets=("Twins",), methods=(f"mine={tmp_path / 'mine'}",))
    found = {
        row["image"]: float(row["value"])
        for row in scores(tmp_path / "r")
        if (row["protocol"], row["metric"]) == ("matlab", "psnr_y")
    }
    for image, value in found.items():
        prepared = get_protocol("matlab").prepare(read_image(root / f"Twins/HR/{image}.png"), 4)
        assert value == pytest.approx(prepared.score(sr)["psnr_y"], abs=1e-6)
    assert found["one"] > found["two"] + 5


def test_names_that_spreadsheets_would_run_are_guarded_in_tables_and_meant_as_they_are(
    root, tmp_path
):
    """Users choose image names: `=`, `+`, `-` and `@` begin formulas, and `'` escapes them."""
    names = {"eye": "=1+1", "face": "@SUM(A1)", "man": "'-man"}
    for old, new in names.items():
        (root / f"Mini/HR/{old}.png").rename(root / f"Mini/HR/{new}.png")
    (root / "Mini").rename(root / "-Mini")
    out = tmp_path / "out"
    run(root, out, datasets=("-Mini",), metrics=("psnr",), methods=("nearest",))
    for name in ("scores.csv", "timings.csv"):
        cells = {cell for row in csv.reader((out / name).open()) for cell in row}
        assert not [cell for cell in cells if re.match(r"[=+@]|-(?![0-9.])", cell)]
    folder = ResultsFolder(out)
    for rows in (folder.read_scores(), folder.read_timings()):
        assert {row.image for row in rows} == set(names.values())
        assert {row.dataset for row in rows} == {"-Mini"}
    before = (out / "scores.csv").read_bytes()
    # Another run reads and reuses them.
    again = run(root, out, datasets=("-Mini",), metrics=("psnr",), methods=("nearest",))
    assert again.computed == 0
    run(root, out, datasets=("-Mini",), metrics=("psnr",), methods=("bicubic",))
    after = (out / "scores.csv").read_bytes().splitlines()
    assert set(before.splitlines()) < set(after)


def test_what_another_version_kept_in_the_cache_is_computed_anew(run_cli, mini, tmp_path):
    assert run_cli(*mini).code == 0
    out = tmp_path / "results"
    before = (out / "scores.csv").read_bytes()
    cache = out / ".cache/computed.jsonl"
    entries = [json.loads(line) for line in cache.read_text().splitlines() if line]
    for wrong in (["a"], "text", {"key": 1}, None):
        cache.write_text("".join(f"{json.dumps(e | {'value': wrong})}\n" for e in entries))
        ran = run_cli(*mini)
        assert ran.code == 0, ran.err
        assert "6 of them computed now" in ran.err
        assert (out / "scores.csv").read_bytes() == before
