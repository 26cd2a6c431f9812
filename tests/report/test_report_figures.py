"""Crops at exact pixels, and charts of what there is."""

from __future__ import annotations

import resource

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image
from printed import require_printable

from srbench.errors import ImageError, ResultsError, UnknownName
from srbench.imaging import write_png
from srbench.report.benchmark.charts import plane, speed
from srbench.report.benchmark.crop_figure import CROP_SIDE, _comparing, crop_box, draw_crops
from srbench.report.benchmark.crops import Box, View, box_around, busiest_box, enlarge, views
from srbench.report.benchmark.figures import draw_figures
from srbench.report.benchmark.results import read_results
from srbench.report.benchmark.significance import bootstrap_interval
from srbench.report.kit.style import figure_svg, new_figure, save_figure

COLUMNS = ["dataset", "image", "method", "scale", "protocol", "metric", "value"]
METHODS = (
    "nearest", "bicubic", "srcnn", "srresnet-mse", "srresnet-vgg22", "srresnet-vgg54", "srgan-mse",
    "srgan-vgg22", "srgan-vgg54", "srgan-lpips", "srgan-tv", "mine",
)  # fmt: skip


def view_of(pixels: dict[str, np.ndarray]) -> View:
    return View("Set5", 4, "baby", pixels)


def test_the_region_is_where_methods_disagree_most(photographs):
    hr = photographs["astronaut"]
    changed = hr.copy()
    changed[70:90, 30:50] = 255 - changed[70:90, 30:50]
    far = np.zeros_like(hr)  # nearest differs everywhere and must not choose
    box = busiest_box(view_of({"HR": hr, "nearest": far, "a": hr, "b": changed}), 20)
    assert box == Box(30, 70, 20, 20)


def test_one_method_disagrees_with_the_original(photographs):
    hr = photographs["coffee"]
    changed = hr.copy()
    changed[40:50, 100:110] = 255 - changed[40:50, 100:110]
    assert busiest_box(view_of({"HR": hr, "a": changed}), 10) == Box(100, 40, 10, 10)


def test_a_region_never_leaves_a_small_image():
    tiny = np.zeros((12, 30, 3), dtype=np.uint8)
    assert busiest_box(view_of({"HR": tiny, "a": tiny}), 56) == Box(0, 0, 30, 12)
    assert box_around(Box(25, 8, 4, 4), (10, 10), 12, 30) == Box(20, 2, 10, 10)


def find(picture: np.ndarray, tile: np.ndarray) -> bool:
    height, width = tile.shape[:2]
    corner = (picture[: -height + 1, : -width + 1] == tile[0, 0]).all(-1)
    return any(
        np.array_equal(picture[y : y + height, x : x + width], tile) for y, x in np.argwhere(corner)
    )


def test_the_png_holds_every_methods_pixels_exactly(make_folder, tmp_path):
    results = read_results(make_folder())
    view = views(results)[0]
    figure = draw_crops(results, view, results.numbers())
    png, _ = save_figure(figure, tmp_path, "crops")
    picture = np.asarray(Image.open(png).convert("RGB"))
    box = crop_box(view)
    assert (box.width, box.height) == (CROP_SIDE, CROP_SIDE)
    assert list(view.pixels) == ["HR", "nearest", "bicubic", "srgan-lpips"]
    for image in view.pixels.values():
        assert find(picture, enlarge(box.cut(image), 4))


def test_a_chosen_region_is_shown(make_folder):
    run = {"crops": [{"dataset": "Photos", "image": "coffee", "box": [8, 16, 40, 20]}]}
    results = read_results(make_folder(run=run))
    first = views(results)[0]
    assert (first.image, crop_box(first)) == ("coffee", Box(8, 16, 40, 20))
    assert [v.image for v in views(results)] == ["coffee", "astronaut"]


@pytest.mark.parametrize(
    ("image", "box", "message"),
    [
        ("coffee", [100, 0, 100, 10], "leaves Photos/coffee, which is 140x120"),
        ("coffee", [0, 0, 0, 10], "leaves"),
        ("coffe", [0, 0, 10, 10], "the crop names Photos/coffe"),
    ],
)
def test_a_region_that_does_not_exist_is_refused(make_folder, image, box, message):
    run = {"crops": [{"dataset": "Photos", "image": image, "box": box}]}
    with pytest.raises(ResultsError, match=message):
        views(read_results(make_folder(run=run)))


def test_images_of_different_sizes_are_named(make_folder, photographs):
    folder = make_folder()
    path = folder / "images" / "Photos" / "x4" / "bicubic" / "coffee.png"
    write_png(path, photographs["coffee"][:-4])
    with pytest.raises(
        ImageError, match=r"coffee\.png is 140x116 by 'bicubic' but 140x120 by 'HR'"
    ):
        views(read_results(folder))


def test_names_cannot_lead_out_of_the_folder(make_folder):
    folder = make_folder()
    results = read_results(folder)
    write_png(folder / "secret.png", np.zeros((8, 8), dtype=np.uint8))
    for dataset, method, image in (
        ("..", "..", "secret"), ("Photos", "bicubic", "../../../../secret"), ("Photos", "", "x"),
        ("a\0b", "bicubic", "x"),
    ):  # fmt: skip
        assert results.image_path(dataset, 4, method, image) is None


def test_every_figure_is_drawn_and_captioned(make_folder):
    results = read_results(make_folder(scales=(2, 4)))
    drawn = {d.stem: d for d in draw_figures(results, views(results))}
    assert set(drawn) >= {
        "plane_x2", "plane_x4", "distributions_Photos_x2", "distributions_Photos_x4",
        "speed_cpu_x2", "speed_cpu_x4", "crops_Photos_x4_coffee", "crops_Photos_x2_coffee",
    }  # fmt: skip
    for figure in drawn.values():
        require_printable(figure.figure)
        told = ("bootstrap", "Scores are of the whole image", "Intervals of PSNR are in the tables")
        assert any(words in figure.caption for words in told)
        assert "†" in figure.caption or figure.stem.startswith("speed")


def many(datasets=("Set5", "Set14", "BSD100"), methods=METHODS, images=8) -> pd.DataFrame:
    """PSNR and LPIPS of methods that differ by what differs between images, too."""
    draw = np.random.default_rng(1)
    rows = []
    for dataset in datasets:
        base = draw.normal(28, 3, images)
        for i, method in enumerate(methods):
            own = base + 0.2 * i + draw.normal(0, 0.1, images)
            for image, psnr in enumerate(own):
                start = (dataset, f"{image:02}", method, 4)
                rows.append((*start, "matlab", "psnr_y", psnr))
                rows.append((*start, "lpips-v0.1", "lpips_alex", 0.5 - 0.01 * psnr))
    return pd.DataFrame(rows, columns=COLUMNS)


def test_the_plane_shows_every_data_set_with_the_same_labels(make_folder):
    results = read_results(make_folder(scores=many(), timed=False, pictures=False))
    figure = plane(results, 4)
    assert figure is not None
    require_printable(figure)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Set5 ×4", "Set14 ×4", "BSD100 ×4",
    ]  # fmt: skip
    tops = {axes.get_position().y0 for axes in figure.axes}
    assert len(tops) == 1  # side by side
    beside = [sorted(text.get_text() for text in axes.texts) for axes in figure.axes]
    assert beside[0] == beside[1] == beside[2]
    names = [text.get_text() for text in figure.texts] or beside[0]
    assert {"SRResNet-MSE", "SRGAN-VGG54", "mine"} <= {name.rstrip("†") for name in names}


def test_sixty_methods_with_long_names_are_told_apart(make_folder):
    methods = [f"method-with-a-long-name-{i:02}" for i in range(60)]
    results = read_results(make_folder(scores=many(("Set5", "Set14"), methods, 3), pictures=False))
    for figure in (plane(results, 4), speed(results, 4, "cpu")):
        assert figure is not None
        require_printable(figure)
        assert len({text.get_text() for text in figure.texts}) == 60


def test_lines_of_the_plane_are_intervals_of_the_difference_to_a_chosen_baseline(make_folder):
    scores = many(datasets=("Set5",), methods=("bicubic", "srcnn", "mine"))
    results = read_results(make_folder(scores=scores, timed=False, pictures=False))
    for baseline, others in (("bicubic", ("srcnn", "mine")), ("SRCNN", ("bicubic", "mine"))):
        axes = results.plane(baseline=baseline).axes[0]
        lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
        across = [line for line in lines if line.get_ydata()[0] == line.get_ydata()[1]]
        assert len(across) == 2  # none through the baseline itself
        wide = scores[scores["metric"] == "psnr_y"].pivot(
            index="image", columns="method", values="value"
        )
        for line, method in zip(across, others, strict=True):
            low, high = bootstrap_interval((wide[method] - wide[baseline.lower()]).to_numpy())
            assert np.ptp(line.get_xdata()) == pytest.approx(high - low)
    with pytest.raises(UnknownName, match="did you mean 'srcnn'"):
        results.plane(baseline="srcn")


def test_networks_of_one_architecture_are_one_mark_of_speed(make_folder):
    results = read_results(make_folder(scores=many(), pictures=False))
    figure = speed(results, 4, "cpu")
    assert figure is not None
    require_printable(figure)
    marks = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert len(marks) == 5  # nearest, bicubic, SRCNN, SRResNet, mine
    assert "SRResNet (8 networks)" in {t.get_text() for t in figure.findobj(Text)}
    best = many().query("dataset == 'Set5' and metric == 'psnr_y'").groupby("method")["value"]
    best = best.mean().filter(like="sr").drop("srcnn").max()
    assert max(float(mark.get_ydata()[0]) for mark in marks[:4]) == pytest.approx(best, abs=1e-5)


def test_crops_go_from_the_plainest_to_the_original_each_gan_beside_its_network():
    given = ["HR", *METHODS]
    assert sorted(given, key=_comparing) == [
        "nearest", "bicubic", "srcnn", "srresnet-mse", "srgan-mse", "srresnet-vgg22",
        "srgan-vgg22", "srresnet-vgg54", "srgan-vgg54", "srgan-lpips", "srgan-tv", "mine", "HR",
    ]  # fmt: skip


def test_without_lpips_timings_or_images_the_rest_is_drawn(make_folder, small_scores):
    scores = small_scores[0]
    scores = scores[(scores["scale"] == 4) & (scores["metric"] == "psnr_y")]
    results = read_results(make_folder(scores=scores, timed=False, pictures=False))
    assert views(results) == []
    assert [d.stem for d in draw_figures(results, [])] == ["distributions_Photos_x4"]


def test_infinite_scores_do_not_break_a_chart(make_folder, small_scores, tmp_path):
    scores = small_scores[0][small_scores[0]["scale"] == 4].copy()
    scores.loc[(scores["method"] == "bicubic") & (scores["metric"] == "psnr_y"), "value"] = np.inf
    results = read_results(make_folder(scores=scores, pictures=False))
    for drawn in draw_figures(results, []):
        assert all(path.stat().st_size > 1000 for path in save_figure(drawn.figure, tmp_path, "a"))


def test_the_pages_figures_follow_light_and_dark(make_folder):
    results = read_results(make_folder(pictures=False))
    svg = figure_svg(next(draw_figures(results, [])).figure)
    assert "prefers-color-scheme:dark" in svg
    assert "fill: var(--ink)" in svg
    assert "fill: #1f2328" not in svg


def test_a_figure_that_the_disk_does_not_take_is_one_line_and_leaves_nothing(tmp_path):
    figure = new_figure(2, 2)
    figure.add_subplot().plot([1, 2], [2, 1])
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, usual[1]))
    try:
        for folder in (tmp_path, tmp_path / "new"):
            with pytest.raises(ResultsError, match="cannot write"):
                save_figure(figure, folder, "f")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
