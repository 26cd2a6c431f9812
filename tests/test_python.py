"""The Python interface as on the notebook page, with small real pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image as PillowImage
from skimage import data

import srbench
from srbench.config import Experiment
from srbench.imaging import imresize, write_png
from srbench.observer import Observer

HR = np.ascontiguousarray(data.astronaut()[:96, 160:256])
SR = imresize(imresize(HR, 1 / 4), 4)
EXPECTED = srbench.score(SR, HR, scale=4)


def as_tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)


class Sharper:
    """A method of the user's: bicubic and a little more."""

    def upscale(self, lr):
        sr = imresize(lr, 4).astype(int)
        return np.clip(sr + (sr - sr.mean()) // 10, 0, 255).astype(np.uint8)


def brightness(sr, hr):
    return abs(float(sr.mean()) - float(hr.mean()))


brightness.direction = "lower"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, image in {"eye": data.chelsea()[60:160, 100:180], "face": HR}.items():
        write_png(tmp_path / "data/Mini/HR" / f"{name}.png", np.ascontiguousarray(image))
    monkeypatch.setenv("SRBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path


def test_paths_pil_images_arrays_and_tensors_give_one_score(tmp_path):
    write_png(tmp_path / "sr.png", SR)
    write_png(tmp_path / "hr.png", HR)
    pairs = [
        (str(tmp_path / "sr.png"), str(tmp_path / "hr.png")),
        (tmp_path / "sr.png", HR),
        (PillowImage.fromarray(SR), PillowImage.fromarray(HR)),
        (as_tensor(SR), as_tensor(HR)),
    ]
    for pair in pairs:
        assert srbench.score(*pair, scale=4) == EXPECTED
    grey = SR[..., 0].copy(), HR[..., 0].copy()
    expected = srbench.score(*grey, scale=4)
    assert srbench.score(*(torch.from_numpy(g)[None] for g in grey), scale=4) == expected
    assert srbench.score(*map(PillowImage.fromarray, grey), scale=4) == expected


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_turned_pil_image_is_turned_as_its_file_is(tmp_path, ending):
    exif = PillowImage.Exif()
    exif[0x0112] = 6
    PillowImage.fromarray(HR).save(tmp_path / f"turned.{ending}", exif=exif)
    path = tmp_path / f"turned.{ending}"
    opened = PillowImage.open(path)
    for image in (opened, opened.convert("RGB")):
        assert srbench.score(image, path, scale=4)["psnr_y"] == np.inf


def test_batches_and_protocols_give_a_table(tmp_path):
    table = srbench.score(
        torch.stack([as_tensor(SR), as_tensor(HR)]), as_tensor(HR), scale=4,
        metrics=["psnr", brightness], protocol=["matlab", "basicsr"],
    )  # fmt: skip
    assert list(table.columns) == ["image", "protocol", "metric", "value"]
    assert len(table) == 2 * 3
    wide = table.pivot(index="image", columns=["metric", "protocol"], values="value")
    assert wide.loc[0, ("psnr_y", "matlab")] == EXPECTED["psnr_y"]
    assert wide.loc[0, ("brightness", "user")] == brightness(SR, HR)
    assert np.isinf(wide.loc[1, ("psnr_y", "basicsr")])
    files = [tmp_path / "a.png", tmp_path / "b.png"]
    for file in files:
        write_png(file, SR)
    assert set(srbench.score(files, HR, scale=4)["image"]) == {"a", "b"}
    assert len(srbench.score(np.stack([SR, SR]), np.stack([HR, HR]), scale=4)) == 4


@pytest.mark.parametrize(
    ("sr", "hr", "message"),
    [
        (
            "ba",
            "ab",
            "SR image b is at the position of the original a, but its name",
        ),
        (("b_x4", "a_x4"), "ab", "SR image b_x4 is at the position of the original a"),
        ("ab", "bc", "SR image b is at the position of the original c"),
    ],
)
def test_lists_of_files_in_different_orders_are_refused(tmp_path, sr, hr, message):
    for name in (*sr, *hr):
        write_png(tmp_path / f"{name}.png", SR)
    lists = [[tmp_path / f"{name}.png" for name in names] for names in (sr, hr)]
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.score(*lists, scale=4)
    in_order = srbench.score(sorted(lists[0]), sorted(lists[0]), scale=4)
    assert in_order["image"].to_list() == sorted(2 * [*sr])
    unrelated = srbench.score([SR, SR], lists[1], scale=4)
    assert len(unrelated) == 4


def test_a_grey_image_is_not_scored_against_colours():
    luma = np.ascontiguousarray(SR[..., 1])
    with pytest.raises(srbench.SrbenchError, match="has 1 channel, expected 3"):
        srbench.score(luma, HR, scale=4)
    grey = np.stack([luma] * 3, axis=2)  # an RGB file of a grey image
    expected = srbench.score(grey, grey, scale=4)
    assert srbench.score(luma, grey, scale=4) == srbench.score(grey, luma, scale=4) == expected


@pytest.mark.parametrize(
    ("sr", "message"),
    [
        (SR / 255, "float64, expected uint8"),
        (torch.rand(3, 96, 96), "expected uint8"),
        (torch.from_numpy(SR), r"channels come first in tensors: image.permute\(2, 0, 1\)"),
        (np.moveaxis(SR, 2, 0), r"channels come last in arrays: np.moveaxis\(image, 0, 2\)"),
        (np.dstack([SR, SR[..., 0]]), "leave alpha out"),
        ([], "an empty list"),
        ("nowhere.png", "nowhere.png"),
        (7, "is a int; expected a path"),
        ([SR, SR[:, :90]], "image 1: the SR image is 90x96"),
    ],
)
def test_what_is_no_image_is_told_and_how_to_mend_it(sr, message):
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.score(sr, HR, scale=4)


def test_old_handlers_still_catch():
    with pytest.raises(TypeError):
        srbench.score(SR / 255, HR, scale=4)
    with pytest.raises(ValueError, match="scale"):
        srbench.score(SR, HR, scale=0)
    with pytest.raises(srbench.SrbenchError, match="2 SR images, but 3 originals"):
        srbench.score([SR] * 2, [HR] * 3, scale=4)


def test_imresize_takes_tensors():
    found = srbench.imresize(as_tensor(HR), 1 / 4)
    assert isinstance(found, torch.Tensor)
    assert np.array_equal(found.permute(1, 2, 0).numpy(), imresize(HR, 1 / 4))


def test_a_run_and_its_results(root):
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    run = srbench.run_all(
        methods=["bicubic", Sharper()], datasets=["Mini"], metrics=["psnr", brightness],
        out=root / "out",
    )  # fmt: skip
    assert set(run.scores["method"]) == {"bicubic", "Sharper"}
    assert set(run.scores["metric"]) == {"psnr_y", "brightness"}
    by_hand = srbench.score(SR, HR, scale=4, metrics=[brightness])["brightness"]
    theirs = run.scores[run.scores["metric"] == "brightness"].set_index(["image", "method"])
    assert theirs.loc[("face", "bicubic"), "value"] == pytest.approx(by_hand, abs=1e-6)
    assert list(run.summary["method"]) == ["bicubic", "Sharper"]
    assert run.summary["psnr_y:matlab"].notna().all()
    assert set(run.timings["method"]) == {"bicubic", "Sharper"}
    assert list(run.images("Mini", "face")) == ["HR", "bicubic", "Sharper"]
    assert np.array_equal(run.images("Mini", "face")["bicubic"], SR)
    recorded = json.loads((root / "out/run.json").read_text())
    assert recorded["last_run"]["experiment"]["methods"] == ["bicubic", "Sharper"]

    results = srbench.read_results(str(root / "out"))
    figure = results.plane(scale=4, y="brightness")
    assert isinstance(figure, Figure)
    own = Figure().subplots()
    assert isinstance(own, Axes)
    assert results.plane(ax=own) is own
    assert own.get_ylabel() == "← better, brightness"
    assert results.distributions("Mini", metrics=["psnr"], ax=Figure().subplots())
    assert results.speed(ax=Figure().subplots())
    assert "Mini" in repr(results)
    assert "<table" in results._repr_html_()
    # Nothing is computed again, by the object's and the function's source.
    before = (root / "out/scores.csv").read_bytes()
    again = srbench.run_all(["bicubic", Sharper()], "Mini", ["psnr", brightness], root / "out")
    assert (root / "out/scores.csv").read_bytes() == before
    assert len(again.scores) == len(run.scores)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"methods": ["bicubicc"]}, "did you mean 'bicubic'"),
        ({"methods": [Sharper]}, "is a class; give an instance"),
        ({"methods": [4]}, "4 is not a name"),
        ({"datasets": []}, "datasets is empty"),
        ({"scale": 5}, "scale is 5"),
        ({"border": "mirror"}, "border"),
        ({"metrics": ["psn"]}, "did you mean 'psnr'"),
        ({"datasets": ["Nowhere"]}, "Nowhere"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused_by_our_own_errors(root, changed, message):
    given = {"methods": ["bicubic"], "datasets": ["Mini"], "metrics": ["psnr"], "out": root / "out"}
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.run_all(**given | changed)
    assert not (root / "out/scores.csv").exists()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"trained_on_metric": ["lpips_alex"]}, r"trained_on_metric is \['lpips_alex'\], expected"),
        ({"trained_on_metric": "lpips"}, "expected the name of one metric as in scores.csv, such"),
        ({"name": "mine "}, "cannot name a method"),
        ({"name": "mine."}, "cannot name a method"),
        ({"scale": 2}, "enlarges x2, but the run is x4"),
    ],
)
def test_wrong_facts_of_a_method_are_refused_before_the_run(root, attributes, message):
    method = Sharper()
    vars(method).update(attributes)
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.run_all([method], ["Mini"], ["psnr"], root / "out")
    assert not (root / "out").exists()


def test_an_experiment_is_refused_by_our_own_errors_too():
    with pytest.raises(srbench.SrbenchError, match="scale"):
        Experiment(scale=7)
    with pytest.raises(srbench.SrbenchError, match="did you mean 'methods'"):
        Experiment(method=["bicubic"])
    assert Experiment(methods=(Sharper(),)).methods[0].upscale(SR[:8, :8]).shape == (32, 32, 3)


def wrong_size(lr):
    return lr


def floats(lr):
    return imresize(lr, 4) / 255


def raising(lr):
    raise RuntimeError("no\nluck")


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (wrong_size, r"Mini/eye, wrong_size: .*returned an image of shape \(25, 20, 3\), expected"),
        (floats, "the result of floats is float64"),
        (raising, "raising raised RuntimeError: no luck"),
    ],
)
def test_a_method_that_fails_is_told_with_its_picture(root, method, message):
    with pytest.raises(srbench.SrbenchError, match=message):
        srbench.run_all([method], ["Mini"], ["psnr"], root / "out")


def test_an_analysis_says_the_answer():
    rng = np.random.default_rng(0)
    rows = [
        (f"r{r}", "Mini", f"i{i}", method, int(np.clip(rng.normal(mean, 1), 1, 5)))
        for r in range(12) for i in range(6) for method, mean in (("HR", 5), ("a", 4), ("b", 2))
    ]  # fmt: skip
    votes = pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])
    found = srbench.analyze(votes)
    assert set(found.methods["method"]) == {"HR", "a", "b"}
    assert not found.methods.duplicated(["dataset", "method"]).any()
    assert set(found.pairs["test"]) == {"crossed-t"}
    assert set(found.pairs["test"]) < set(found.all_pairs["test"])
    assert len(found.stimuli) == 18
    assert len(found.raters) == 12
    assert 0 < found.reliability["icc_a1"] <= 1
    assert found.conclusions[0].startswith("On Mini, a is rated best")
    assert not any("Over all" in text for text in found.conclusions)
    assert found.conclusions[0] in repr(found)
    assert "<li>On Mini" in found._repr_html_()
    assert found["mos"] is found.tables["mos"]
    with pytest.raises(AttributeError):
        found.tables = {}


@pytest.fixture(scope="module")
def pair_answers():
    """Answers of raters who prefer a to b to c, and often HR to all."""
    rng = np.random.default_rng(3)
    worth = {"HR": 2.0, "a": 1.0, "b": 0.0, "c": -1.5}
    rows = [
        (f"r{r}", dataset, f"i{i}", one, other,
         "a" if rng.random() < 1 / (1 + np.exp(worth[other] - worth[one])) else "b")
        for r in range(8) for dataset in ("Set5", "Set14") for i in range(3)
        for one in worth for other in worth if one < other
    ]  # fmt: skip
    columns = ["rater", "dataset", "image", "method_a", "method_b", "answer"]
    return pd.DataFrame(rows, columns=columns).assign(simulated=True)


def test_an_analysis_of_pairs_says_the_answer(pair_answers, tmp_path):
    found = srbench.analyze(pair_answers, resamples=100)
    assert list(found.methods.columns[:2]) == ["dataset", "method"]
    said = " ".join(found.conclusions)
    assert "a is preferred to every other reconstruction" in said
    assert found.conclusions[0] in repr(found)
    assert "SIMULATED raters and 4 methods" in repr(found).split("\n")[0]
    page = found._repr_html_()
    assert page.count("<li>") == len(found.conclusions) > 3
    assert "<td>bicubic</td>" not in page
    assert "<td>a</td>" in page
    assert set(found.pairs["test"]) < {*found.all_pairs["test"], ""}
    assert len(found.raters) == 8
    assert found.reliability["agreement_with_majority"] > 0.5
    # From a file, the same.
    path = tmp_path / "answers.csv"
    pair_answers.to_csv(path, index=False)
    again = srbench.analyze(str(path), resamples=100)
    assert again.conclusions == found.conclusions


def of_grades():
    rng = np.random.default_rng(0)
    rows = [
        (f"r{r}", dataset, f"i{i}", method, int(np.clip(rng.normal(mean, 1), 1, 5)))
        for r in range(8) for dataset in ("Set5", "Set14") for i in range(3)
        for method, mean in (("HR", 5), ("a", 4), ("b", 2))
    ]  # fmt: skip
    votes = pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])
    values = [
        (dataset, f"i{i}", method, 4, "matlab", "psnr_y", value + i)
        for dataset in ("Set5", "Set14") for i in range(3)
        for method, value in (("a", 30), ("b", 25))
    ]  # fmt: skip
    columns = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
    return srbench.analyze(votes, pd.DataFrame(values, columns=columns), resamples=100)


def drawn_on(axes) -> int:
    """How many things stand in the axes, those inside of them counted."""
    inner = [child for child in axes.child_axes if child.images]
    return len([*axes.lines, *axes.patches, *axes.texts, *axes.images, *inner])


def test_every_figure_of_a_study_goes_into_the_callers_axes(pair_answers):
    from matplotlib.figure import Figure

    grades, pairs = of_grades(), srbench.analyze(pair_answers, resamples=100)
    kinds = [
        *((grades, kind, "Set5") for kind in ("mos", "votes", "ranks", "differences")),
        *((grades, kind, None) for kind in ("raters", "sos", "metric")),
        *((pairs, kind, "Set14") for kind in ("scale", "wins", "preferences")),
    ]
    for study, kind, dataset in kinds:
        left, right = Figure(figsize=(9, 4)).subplots(1, 2)
        assert study.figure(kind, dataset, ax=left) is left
        assert drawn_on(left) > 3, kind
        assert left.get_title(loc="left"), kind
        assert drawn_on(right) == 0
        alone = study.figure(kind, dataset)
        assert isinstance(alone, Figure)
        for shown in (alone.texts, left.texts):
            told = any(text.get_text() == "simulated raters" for text in shown)
            assert told == (study is pairs)
        left.figure.canvas.draw()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("most", "Set5"), "did you mean 'mos'"),
        (("scale", "Set5"), "unknown figure 'scale'"),
        (("mos",), r"there are several data sets \(Set5, Set14, all\); name one"),
        (("mos", "set5x"), "unknown data set 'set5x'"),
        (("votes", "all"), "unknown data set 'all'"),
    ],
)
def test_a_figure_that_there_is_not_is_refused(asked, message):
    with pytest.raises(srbench.SrbenchError, match=message):
        of_grades().figure(*asked)


def test_the_crops_go_into_the_callers_axes(root):
    from matplotlib.figure import Figure

    run = srbench.run_all(["nearest", "bicubic"], "Mini", ["psnr"], root / "out")
    left, right = Figure(figsize=(8, 4)).subplots(1, 2)
    assert run.comparison("Mini", "eye", ax=left) is left
    assert drawn_on(left) > 8
    assert drawn_on(right) == 0
    left.figure.canvas.draw()
    tiles = [child.images[0].get_array() for child in left.child_axes]
    assert len(tiles) == 4  # where, HR and two methods
    # Each pixel is a square of equal ones: nothing is interpolated.
    shown = np.asarray(tiles[1])
    times = shown.shape[0] // 56
    assert (shown == shown[::times, ::times].repeat(times, 0).repeat(times, 1)).all()
    alone = run.comparison("Mini", "eye", box=(10, 20, 30, 30))
    assert isinstance(alone, Figure)
    for box, message in (((90, 0, 30, 30), "leaves Mini/eye"), ((1, 2), "expected .left, top")):
        with pytest.raises(srbench.SrbenchError, match=message):
            run.comparison("Mini", "eye", box=box)
    with pytest.raises(srbench.SrbenchError, match="Mini/nose"):
        run.comparison("Mini", "nose")


def test_a_metric_of_the_users_is_held_against_mos_with_its_direction(root):
    run = srbench.run_all(["nearest", "bicubic"], "Mini", ["psnr", brightness], root / "out")
    rng = np.random.default_rng(1)
    rows = [
        (f"r{r}", "Mini", i, m, int(rng.integers(1, 6)))
        for r in range(6) for i in ("eye", "face") for m in ("nearest", "bicubic")
    ]  # fmt: skip
    votes = pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"])
    table = srbench.analyze(votes, run.scores)["metric_vs_mos"]
    assert set(table.loc[table["metric"] == "brightness", "better"]) == {"lower"}


@pytest.mark.slow
def test_every_line_of_the_notebook_page_runs(shared, tmp_path, monkeypatch):
    import re
    import warnings

    import matplotlib

    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SRBENCH_DATA", str(shared / "data"))
    page = Path(__file__).parents[1] / "docs/how-to/notebook.md"
    for part, image in (("sr", SR), ("hr", HR)):
        write_png(tmp_path / f"{part}/baby.png", image)
    rows = [
        (f"r{r}", "Set5", i, m, 1 + (r + len(m) + (i == "baby")) % 5)
        for r in range(6) for i in ("baby", "bird") for m in ("HR", "bicubic", "MyMethod")
    ]  # fmt: skip
    there = {
        "sr": SR, "hr": HR, "batch": torch.stack([as_tensor(SR)] * 2),
        "originals": torch.stack([as_tensor(HR)] * 2),
        "ratings": pd.DataFrame(rows, columns=["rater", "dataset", "image", "method", "score"]),
    }  # fmt: skip
    code = re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert len(code) == 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for block in code:
            exec(compile(block, str(page), "exec"), there)
    bicubic = there["run"].summary.set_index("method")["psnr_y:matlab"]["bicubic"]
    assert bicubic == pytest.approx(28.42, abs=0.01)
    assert isinstance(there["a"], srbench.Analysis)


def not_plain():
    return torch.zeros(3, 96, 96, dtype=torch.uint8).to_sparse()


def leaves(sr, hr):
    raise SystemExit(3)


class Leaves:
    def upscale(self, lr):
        raise SystemExit(3)


class Broken:
    @property
    def name(self):
        raise ValueError("boom")

    def upscale(self, lr):
        return lr


def votes_of_nobody():
    columns = ["rater", "dataset", "image", "method", "score"]
    return pd.DataFrame([(None, "Mini", i, m, 3) for i in "ab" for m in "xy"], columns=columns)


HOSTILE = [
    # images
    ("score", (SR, None), {}, "the original is a NoneType"),
    ("score", (SR, HR), {"scale": "4"}, "scale is '4'"),
    ("score", (SR, HR), {"scale": True}, "scale is True"),
    ("score", (SR, HR), {"scale": 10**400}, "scale is more than 1000"),
    ("score", (not_plain(), HR), {}, "tensor without plain pixels"),
    ("score", (torch.zeros(0, 3, 96, 96, dtype=torch.uint8), HR), {}, "an empty batch"),
    ("score", (np.ma.masked_array(SR), HR), {}, "a masked array"),
    ("score", (PillowImage.new("RGB", (0, 0)), HR), {}, "PIL image without pixels"),
    ("score", ("a\0b.png", HR), {}, "cannot be a path"),
    ("score", ("a" * 5000, HR), {}, "more than 255 bytes"),
    ("score", ("", HR), {}, "'' cannot be a path"),
    ("imresize", ("x.png", 2), {}, "image is str, expected uint8"),
    ("imresize", (HR, "1/4"), {}, "scale is 1/4, expected a positive number"),
    ("imresize", (HR, 1e9), {}, "at most 1048576 are made"),
    ("imresize", (not_plain(), 2), {}, "layout torch.sparse_coo"),
    # words
    (
        "score",
        (SR, HR),
        {"protocol": "basicsr", "metrics": ["psnr_rgb", brightness]},
        "a protocol is for psnr and ssim, and the metrics name neither",
    ),
    ("run_all", (), {"protocols": ["matlab"], "metrics": ["psnr_rgb"]}, "a protocol is for psnr"),
    ("run_all", (), {"lpips": "vgg", "metrics": ["psnr"]}, "an LPIPS network is for lpips"),
    ("score", (SR, HR), {"protocol": 7}, "unknown protocol '7'"),
    ("score", (SR, HR), {"metrics": None}, "a metric is a function"),
    ("score", (SR, HR), {"metrics": ["psnr\nx"]}, "unknown metric 'psnr x'"),
    ("score", (SR, HR), {"metrics": [f"x={__file__}.txt:f"]}, "there is no file"),
    ("score", (SR, HR), {"metrics": [leaves]}, "the metric leaves raised: SystemExit"),
    ("score", (SR, HR), {"metrics": ["lpips"], "device": None}, "unknown device 'None'"),
    ("score", (SR, HR), {"weights": 7}, "7 is a int, expected a path"),
    ("load_method", (None,), {}, "None is a NoneType, expected a name"),
    ("load_method", ("bicubic",), {"border": "x"}, "unknown border rule 'x'"),
    ("load_method", ("bicubic",), {"device": 7}, "unknown device '7'"),
    ("load_method", ("srcnn",), {"weights": [1]}, "expected a path"),
    # runs
    (
        "run_all",
        (["nearest"], "Mini", "psnr"),
        {"out": None},
        "None is a NoneType, expected a path",
    ),
    ("run_all", (["nearest"], "Mini", "psnr"), {"out": ""}, "cannot be a path"),
    ("run_all", (["nearest"], "Mini", "psnr"), {"data": []}, "expected a path"),
    ("run_all", (["nearest"], "Mini", "psnr"), {"force": "no"}, "force is 'no', expected bool"),
    ("run_all", (["nearest"], "Mini", "psnr"), {"dask": 7}, "dask is 7, expected"),
    ("run_all", (["nearest"], "Mini", "psnr"), {"observer": print}, "observer is <built-in"),
    ("run_all", ([Leaves()], "Mini", "psnr"), {}, "Mini/eye, Leaves: Leaves raised SystemExit"),
    ("run_all", ([Broken()], "Mini", "psnr"), {}, "a Broken raised ValueError: boom"),
    ("read_results", (None,), {}, "None is a NoneType, expected a path"),
    ("read_results", ("nowhere",), {}, "scores.csv is missing"),
    # studies
    ("analyze", (None,), {}, "ratings is a NoneType"),
    ("analyze", (votes_of_nobody(),), {}, "rater is empty in 4 of 4 rows"),
    ("analyze", ("nowhere.csv",), {}, "nowhere.csv"),
    ("analyze", (votes_of_nobody(),), {"resamples": 0}, "resamples is 0"),
    ("analyze", (votes_of_nobody(),), {"seed": -1}, "seed is -1"),
    ("analyze", (votes_of_nobody(),), {"alpha": 2}, "alpha is 2, expected"),
    ("analyze", (votes_of_nobody(),), {"equivalent": "x"}, "equivalent is 'x'"),
    ("analyze", (votes_of_nobody(),), {"family": [("x",)]}, "expected pairs of methods"),
    ("analyze", (votes_of_nobody(),), {"family": []}, "family names no comparison"),
    ("analyze", (votes_of_nobody(), "."), {}, "cannot be read"),
]


@pytest.mark.parametrize(("call", "given", "options", "message"), HOSTILE)
def test_whatever_a_caller_gets_wrong_is_one_line_of_ours(
    root, monkeypatch, call, given, options, message
):
    monkeypatch.chdir(root)
    needed = {"score": {"scale": 4}, "run_all": {"out": "out"}}.get(call, {})
    with pytest.raises(srbench.SrbenchError) as refused:
        getattr(srbench, call)(*given, **{**needed, **options})
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_notes_of_a_run_are_logged_unless_an_observer_gets_them(root, caplog):
    def exchanged(lr):
        return imresize(lr, 4)[..., ::-1].copy()

    class Notes(Observer):
        def __init__(self):
            self.lines = []

        def note(self, line):
            self.lines.append(line)

    (root / "data/Mini/HR/raw.jp2").write_bytes(b"not read")
    observer = Notes()
    srbench.run_all([exchanged], "Mini", ["psnr_rgb"], root / "own", observer=observer)
    assert not caplog.messages
    srbench.run_all([exchanged], "Mini", ["psnr_rgb"], root / "out")
    assert caplog.messages == observer.lines
    assert {record.name for record in caplog.records} == {"srbench"}
    said = " ".join(caplog.messages)
    assert "red and blue seem to be exchanged in 2 images" in said
    assert "Mini: ignored 1" in said


def test_results_stay_readable_if_the_program_changes_folder(root, monkeypatch):
    monkeypatch.chdir(root)
    run = srbench.run_all(["bicubic"], "Mini", ["psnr_rgb"], "out")
    monkeypatch.chdir("/")
    assert list(run.images("Mini", "face")) == ["HR", "bicubic"]


def test_wrong_arguments_of_figures_are_told(root):
    from matplotlib.figure import Figure

    run = srbench.run_all(["nearest", "bicubic"], "Mini", ["psnr", "ssim"], root / "out")
    two = Figure().subplots(1, 2)
    for draw, message in (
        (lambda: run.plane(x="psnr", y="ssim", ax=two), "ax is a ndarray, expected one pair of"),
        (lambda: run.comparison("Mini", "eye", ax=7), "ax is a int"),
        (lambda: run.distributions("Mini", metrics=[None]), "unknown metric of these results: 'No"),
        (lambda: run.distributions("Mini", metrics=[]), "metrics is empty"),
        (lambda: run.images(None, 7), "unknown picture 'None/7'"),
        (lambda: of_grades().figure([]), "unknown figure '\\[\\]'"),
        (lambda: of_grades().figure("mos", ax="x"), "ax is a str"),
    ):
        with pytest.raises(srbench.SrbenchError, match=message):
            draw()


@pytest.mark.parametrize(
    "module",
    [
        "srbench.benchmark.arrays",
        "srbench.imaging.resize",
        "srbench.methods.resolve",
        "srbench.metrics.base",
        "srbench.metrics.own",
        "srbench.report.analyzing",
        "srbench.report.benchmark.results",
        "srbench.report.benchmark.running",
    ],
)
def test_the_examples_in_docstrings_give_what_they_say(module, monkeypatch):
    import doctest
    from importlib import import_module

    monkeypatch.delenv("SRBENCH_DATA", raising=False)
    ran = doctest.testmod(import_module(module))
    assert ran.attempted >= 2
    assert ran.failed == 0


def test_every_public_function_has_an_example():
    from srbench.metrics.own import FunctionMetric

    plain = {"SrbenchError", "Analysis", "Results"}
    things = [getattr(srbench, name) for name in srbench.__all__ if name not in plain]
    for thing in (*things, FunctionMetric):
        assert ">>> " in (thing.__doc__ or ""), thing
