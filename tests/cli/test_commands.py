"""The commands around a run: help, score, upscale, report, data, weights, doctor."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image as PillowImage
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from srbench.benchmark.results import Score, read_scores, write_scores
from srbench.imaging import crop_to_multiple, imresize, read_image, studio_luma, write_png
from srbench.methods.resolve import checkpoint_file


def test_help_imports_nothing_heavy():
    program = (
        "import sys; sys.argv = ['srbench', '--help']\n"
        "from srbench.cli import main\n"
        "try: main()\n"
        "except SystemExit as e: assert e.code == 0, e.code\n"
        "heavy = {'torch', 'matplotlib', 'scipy', 'streamlit', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    for command in ("run-all", "data", "weights", "train", "upscale", "score", "report", "doctor"):
        assert command in ran.stdout


def test_a_command_does_not_search_its_libraries_for_garbage():
    program = (
        "import atexit, gc, sys; sys.argv = ['srbench', '--version']\n"
        "atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000))\n"
        "from srbench.cli import main\n"
        "main()\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.endswith("\n10000 True\n"), ran


@pytest.mark.parametrize(("given", "used"), [(None, "1"), ("3", "3")])
def test_in_a_container_torch_gets_the_allowed_threads_unless_the_user_says_more(
    tmp_path, given, used
):
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    program = (
        "import os, pathlib, sys; sys.argv = ['srbench', '--version']\n"
        "import srbench.cores; os.cpu_count = lambda: 64\n"
        f"srbench.cores._CPU_LIMIT = pathlib.Path({str(tmp_path / 'cpu.max')!r})\n"
        "from srbench.cli import main\n"
        "try: main()\n"
        "finally: print(os.environ['OMP_NUM_THREADS'])\n"
    )
    environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": given} if given else {}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    assert ran.stdout.endswith(f"\n{used}\n"), ran


@pytest.mark.slow
def test_a_run_that_finds_everything_done_imports_nothing_heavy(tmp_path, shared):
    write_png(tmp_path / "data/Mini/HR/a.png", data.astronaut()[:64, :64].copy())
    shipped = checkpoint_file("espcn", 4, tmp_path)
    for ending in (".safetensors", ".json"):
        shutil.copy(shipped.with_suffix(ending), tmp_path / f"own{ending}")
    command = [
        "run-all", "--data", str(tmp_path / "data"), "--datasets", "Mini",
        "--weights", str(shared / "weights"), "--out", str(tmp_path / "r"),
        "--methods", f"bicubic,espcn,own={tmp_path / 'own.safetensors'}",
    ]  # fmt: skip
    program = (
        f"import sys; sys.argv = ['srbench', *{command!r}]\n"
        "from srbench.cli import main\n"
        "try: main()\n"
        "except SystemExit as e: assert e.code == 0, e.code\n"
        "heavy = {'torch', 'torchvision', 'lpips', 'matplotlib', 'scipy', 'pandas'}\n"
        "print(heavy & set(sys.modules) or 'nothing heavy')\n"
    )
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        for _ in range(2)
    ]
    assert runs[1].returncode == 0, runs[1].stderr
    assert "0 of them computed now" in runs[1].stderr
    assert runs[1].stdout.splitlines()[-1] == "nothing heavy"
    assert "lpips_alex" in (tmp_path / "r/scores.csv").read_text()


@pytest.fixture
def pair(tmp_path):
    """Folders hr and sr: two originals and their bicubic results."""
    for name, image in {
        "cat": data.chelsea()[:93, :121],
        "rocket": data.rocket()[:80, :64],
    }.items():
        write_png(tmp_path / "hr" / f"{name}.png", image.copy())
        hr = crop_to_multiple(image, 4)
        write_png(tmp_path / "sr" / f"{name}.png", imresize(imresize(hr, 0.25), 4))
    return tmp_path / "hr", tmp_path / "sr"


@pytest.fixture
def make_results(tmp_path):
    """A results folder called mine: one score."""
    folder = tmp_path / "mine"
    write_scores(folder / "scores.csv", [Score("Set5", "a", "bicubic", 4, "matlab", "psnr_y", 28)])
    return folder


def test_score_agrees_with_scikit_image(run_cli, pair, tmp_path):
    hr, sr = pair
    ran = run_cli("score", "--hr", hr, "--sr", sr, "--scale", 4, "--out", tmp_path / "s.csv")
    assert ran.code == 0, ran.err
    rows = [line.split(",") for line in (tmp_path / "s.csv").read_text().splitlines()]
    assert rows[0] == ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
    found = {(row[1], row[5]): float(row[6]) for row in rows[1:]}
    for name in ("cat", "rocket"):
        a = studio_luma(crop_to_multiple(read_image(hr / f"{name}.png"), 4), rounded=True)[
            4:-4, 4:-4
        ]
        b = studio_luma(read_image(sr / f"{name}.png"), rounded=True)[4:-4, 4:-4]
        _, each = structural_similarity(
            a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            full=True,
        )  # fmt: skip
        assert found[name, "ssim_y"] == pytest.approx(each[5:-5, 5:-5].mean(), abs=1e-6)
        assert found[name, "psnr_y"] == pytest.approx(10 * np.log10(255**2 / np.mean((a - b) ** 2)))


def test_two_single_files_of_any_names_are_scored(run_cli, refused, pair, tmp_path):
    hr, sr = pair
    original = next(iter(sorted(hr.iterdir())))
    result = (sr / original.name).rename(tmp_path / "mine_v2.png")
    table = tmp_path / "s.csv"
    ran = run_cli("score", "--hr", original, "--sr", result, "--scale", 4, "--out", table)
    assert ran.code == 0, ran.err
    (psnr,) = [row for row in read_scores(table) if row.metric == "psnr_y"]
    assert (psnr.dataset, psnr.image, psnr.method) == (hr.name, original.stem, "mine_v2")
    images = crop_to_multiple(read_image(original), 4), read_image(result)
    luma = [studio_luma(image, rounded=True)[4:-4, 4:-4] for image in images]
    assert psnr.value == pytest.approx(peak_signal_noise_ratio(*luma, data_range=255), abs=1e-5)
    for one, other in ((original, sr), (hr, result)):
        line = refused("score", "--hr", one, "--sr", other, "--scale", 4)
        assert "give two images or two folders" in line


def test_score_takes_lists_and_names_the_rows_as_told(run_cli, refused, pair, tmp_path):
    hr, sr = pair
    score = ("score", "--hr", hr, "--sr", sr, "--scale", 4, "--out", tmp_path / "s.csv")
    ran = run_cli(*score, "--protocol", "matlab,basicsr", "--name", "Ours v2", "--dataset", "Faces")
    assert ran.code == 0, ran.err
    rows = read_scores(tmp_path / "s.csv")
    assert {row.protocol for row in rows} == {"matlab", "basicsr"}
    assert {(row.dataset, row.method) for row in rows} == {("Faces", "Ours v2")}
    assert "--name is empty" in refused(*score, "--name", " ")
    assert "cannot name a data set" in refused(*score, "--dataset", "all")


def test_protocols_and_networks_that_change_no_metric_are_refused(refused, pair, tmp_path):
    hr, sr = pair
    score = ("score", "--hr", hr, "--sr", sr, "--scale", 4, "--metrics")
    line = refused(*score, "psnr_rgb", "--protocol", "basicsr")
    assert "a protocol is for psnr and ssim" in line
    assert "an LPIPS network is for lpips" in refused(*score, "lpips_vgg", "--lpips", "alex")
    plan = tmp_path / "plan.toml"
    plan.write_text('metrics = ["niqe"]\nprotocols = ["matlab"]\n')
    assert "a protocol is for psnr and ssim" in refused("run-all", "--config", plan)
    line = refused("run-all", "--metrics", "psnr,LPIPS_alex", "--no-lpips")
    assert "--metrics asks for LPIPS_alex, --no-lpips leaves it out" in line


def test_score_refuses_what_does_not_fit(refused, pair, tmp_path):
    hr, sr = pair
    score = ("score", "--hr", hr, "--sr", sr, "--scale", 4)
    assert "did you mean 'matlab'" in refused(*score, "--protocol", "mathlab")
    assert "did you mean 'alex'" in refused(*score, "--lpips", "alexx")
    assert "srbench weights fetch alexnet-features" in refused(
        *score, "--lpips", "alex", "--weights", tmp_path
    )
    assert "does not exist" in refused(*score[:4], tmp_path / "none", *score[5:])
    assert "scale" in refused(*score[:5], "--scale", "0")
    small = read_image(sr / "cat.png")[:-1]
    write_png(sr / "cat.png", small)
    assert "120x91, expected 120x92" in refused(*score)
    (sr / "cat.png").unlink()
    assert "lacks 1 of 2 images" in refused(*score)


def test_upscale_takes_a_file_or_a_folder(run_cli, refused, pair, tmp_path):
    hr, _ = pair
    ran = run_cli("upscale", hr, "--method", "bicubic", "--out", tmp_path / "up")
    assert ran.code == 0, ran.err
    expected = imresize(read_image(hr / "cat.png"), 4)
    assert np.array_equal(read_image(tmp_path / "up/cat.png"), expected)
    one = run_cli("upscale", hr / "cat.png", "--method", "nearest", "--out", tmp_path / "one")
    assert one.code == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["cat.png"]
    assert "does not exist" in refused(
        "upscale", tmp_path / "no", "--method", "bicubic", "--out", hr
    )


def test_upscale_refuses_what_makes_no_sense(refused, pair, tmp_path):
    hr, _ = pair
    up = ("upscale", hr, "--out", tmp_path / "up", "--method")
    assert "unknown border rule 'mirror'" in refused(*up, "bicubic", "--border", "mirror")
    assert "--scale" in refused(*up, "nearest", "--scale", "0")
    assert "is a folder, which only run-all accepts" in refused(*up, f"peer={hr}")


def test_upscale_never_overwrites_its_originals(refused, pair, tmp_path):
    hr, _ = pair
    before = (hr / "cat.png").read_bytes()
    for source in (hr, hr / "cat.png"):
        line = refused("upscale", source, "--method", "bicubic", "--out", hr / ".." / "hr")
        assert "cat.png would be overwritten by its result" in line
    assert (hr / "cat.png").read_bytes() == before


def test_folders_given_as_a_dot_keep_their_names(run_cli, pair, tmp_path, monkeypatch):
    monkeypatch.chdir(pair[0])
    ran = run_cli("score", "--hr", ".", "--sr", "../sr", "--scale", 4, "--out", tmp_path / "s.csv")
    assert ran.code == 0, ran.err
    assert (tmp_path / "s.csv").read_text().splitlines()[1].startswith("hr,cat,sr,4,matlab,")


def test_a_result_that_cannot_be_written_is_one_line(refused, pair, tmp_path):
    hr, sr = pair
    line = refused("score", "--hr", hr, "--sr", sr, "--scale", 4, "--out", tmp_path)
    assert f"{tmp_path} is a folder, expected the name of a file" in line


def test_a_damaged_original_is_not_blamed_on_the_result(refused, pair):
    hr, sr = pair
    (hr / "cat.png").write_bytes((hr / "cat.png").read_bytes()[:300])
    line = refused("score", "--hr", hr, "--sr", sr, "--scale", 4)
    assert str(hr / "cat.png") in line
    assert str(sr) not in line


def test_what_the_system_refuses_is_no_fault_of_ours(refused, monkeypatch, tmp_path):
    def deny(folder):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("srbench.data.listing.datasets_under", deny)
    assert f"{tmp_path}: Permission denied" in refused("data", "list", "--data", tmp_path)


def test_names_in_brackets_are_shown_as_they_are(run_cli, tmp_path):
    write_png(tmp_path / "My[bold]set/HR/a.png", data.camera()[:64, :64].copy())
    assert "My[bold]set" in run_cli("data", "list", "--data", tmp_path).out
    ran = run_cli(
        "run-all", "--data", tmp_path, "--datasets", "My[bold]set", "--methods", "nearest",
        "--no-lpips", "--device", "cpu", "--out", tmp_path / "r",
    )  # fmt: skip
    assert "My[bold]set" in ran.out


@pytest.mark.parametrize(
    ("mistake", "command"),
    [
        (["nonsense"], "srbench"),
        (["report", "results"], "srbench report"),
        (["study", "new", "--mine"], "srbench study new"),
        (["run-all", "--scale", "four"], "srbench run-all"),
    ],
)
def test_a_mistyped_command_names_the_help_that_says_more(refused, mistake, command):
    assert refused(*mistake).endswith(f"(see: {command} --help)")


def test_an_interruption_is_told_in_one_line(run_cli, pair, tmp_path, monkeypatch):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("srbench.methods.batch.write_png", interrupt)
    ran = run_cli("upscale", pair[0], "--method", "nearest", "--out", tmp_path / "up")
    assert ran.code == 130
    assert "srbench: interrupted; finished results are kept" in ran.err
    assert "Traceback" not in ran.err


def test_report_needs_a_results_folder(refused, tmp_path):
    assert "srbench run-all" in refused("report", "--out", tmp_path)


def test_the_report_of_the_folder_one_is_in_has_its_name(run_cli, make_results, monkeypatch):
    monkeypatch.chdir(make_results)
    assert run_cli("report", "--out", ".").code == 0
    assert "<title>srbench: mine</title>" in (make_results / "report.html").read_text()


def test_data_import_list_and_verify(run_cli, refused, pair, tmp_path):
    root = tmp_path / "root"
    ran = run_cli("data", "import", "Mine", pair[0], "--data", root)
    assert ran.code == 0, ran.err
    assert "imported Mine: 2 images" in ran.out
    assert "2 of 2 images" in ran.err
    assert "Mine" in run_cli("data", "list", "--data", root).out
    verified = run_cli("data", "verify", "Mine", "sample", "--data", root)
    assert verified.code == 0
    assert "verifying Mine: 2 originals" in verified.err
    assert "sample: 5 images, all equal to the recorded pixels" in verified.out
    assert "did you mean 'Set5'" in refused("data", "verify", "Set6", "--data", root)


def test_verify_tells_a_wrong_image_with_exit_code_2(run_cli, tmp_path):
    write_png(tmp_path / "root/Set5/HR/baby.png", data.astronaut())
    ran = run_cli("data", "verify", "Set5", "--data", tmp_path / "root")
    assert ran.code == 2
    assert "Set5/baby: " in ran.out
    assert "Set5/bird: missing" in ran.out


def test_weights_list_and_import(run_cli, refused, tmp_path):
    ran = run_cli("weights", "list", "--weights", tmp_path)
    assert ran.code == 0
    assert "srbench weights fetch vgg19-features" in ran.out
    (tmp_path / "x.pth").write_bytes(b"nothing")
    refused("weights", "import", "alexnet-features", tmp_path / "x.pth", "--weights", tmp_path)
    assert "did you mean 'alexnet-features'" in refused("weights", "fetch", "alexnet-feature")


def test_doctor_finds_a_sound_installation_and_a_damaged_weight(run_cli, tmp_path):
    ran = run_cli("doctor", "--data", tmp_path, "--weights", tmp_path)
    assert ran.code == 0, ran.out
    assert "bicubic x4 on sample/astronaut, matlab: expected 26.8347 dB / 0.8417, found" in ran.out
    assert "no problems found" in ran.out
    (tmp_path / "alexnet-features.safetensors").write_bytes(b"damaged")
    bad = run_cli("doctor", "--data", tmp_path, "--weights", tmp_path)
    assert bad.code == 2
    assert "WRONG" in bad.out


def test_doctor_reads_the_literature_on_set5(run_cli, shared):
    ran = run_cli("doctor", "--data", shared / "data", "--weights", shared / "weights")
    assert ran.code == 0, ran.out
    assert "bicubic x4 on Set5, ledig2017: expected 28.4261 dB / 0.8211, found 28.4261" in ran.out


def test_unfit_originals_are_all_told_before_any_work(run_cli, tmp_path):
    folder = tmp_path / "sets" / "Own" / "HR"
    folder.mkdir(parents=True)
    pixels = np.full((40, 40, 4), 200, np.uint8)
    PillowImage.fromarray(pixels[..., :3]).save(folder / "a-good.png")
    PillowImage.fromarray(pixels[:15, :15, :3]).save(folder / "small.png")
    PillowImage.fromarray(pixels).save(folder / "veiled.png")
    ran = run_cli(
        "run-all", "--data", tmp_path / "sets", "--datasets", "Own", "--methods", "bicubic",
        "--out", tmp_path / "out", "--no-lpips",
    )  # fmt: skip
    assert ran.code == 2
    assert "2 of the originals" in ran.err
    assert "15x15, expected at least 20x20" in ran.err
    assert "transparent pixels" in ran.err
    assert not (tmp_path / "out" / "images").exists()


def test_upscale_meets_an_unfit_image_before_the_first_is_begun(run_cli, tmp_path):
    folder = tmp_path / "lr"
    folder.mkdir()
    pixels = np.full((8, 8, 4), 200, np.uint8)
    PillowImage.fromarray(pixels[..., :3]).save(folder / "a-good.png")
    PillowImage.fromarray(pixels).save(folder / "veiled.png")
    ran = run_cli("upscale", folder, "--method", "bicubic", "--out", tmp_path / "out")
    assert ran.code == 2
    assert "transparent pixels" in ran.err
    assert not (tmp_path / "out").exists()


def test_a_scale_without_networks_is_told(run_cli, tmp_path):
    folder = tmp_path / "sets" / "Own" / "HR"
    folder.mkdir(parents=True)
    PillowImage.fromarray(np.zeros((15, 15, 3), np.uint8)).save(folder / "small.png")
    ran = run_cli(
        "run-all", "--data", tmp_path / "sets", "--datasets", "Own", "--scale", 3,
        "--weights", tmp_path, "--out", tmp_path / "out", "--no-lpips",
    )  # fmt: skip
    assert "no network is shipped for x3; give one by NAME=FILE" in ran.err
