"""Crops at exact pixels, and charts of what there is."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from srbench.errors import ImageError, ResultsError
from srbench.imaging import write_png
from srbench.report.benchmark.crop_figure import CROP_SIDE, crop_box, draw_crops
from srbench.report.benchmark.crops import Box, View, box_around, busiest_box, enlarge, views
from srbench.report.benchmark.figures import draw_figures
from srbench.report.benchmark.results import read_results
from srbench.report.kit.style import figure_svg, save_figure


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
        ("coffe", [0, 0, 10, 10], "a crop was asked of Photos/coffe"),
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
        assert "bootstrap" in figure.caption or "Scores are of the whole image" in figure.caption
        assert "†" in figure.caption or figure.stem.startswith("speed")


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
