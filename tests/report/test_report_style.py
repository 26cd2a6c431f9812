"""The common style: names, colours and saving of figures."""

from __future__ import annotations

import itertools
import math

import matplotlib
import pytest

from srbench.files import safe_stem
from srbench.report.kit import style

METHODS = [
    "nearest", "bicubic", "srcnn", "espcn", "srresnet-mse", "srresnet-vgg22", "srresnet-vgg54",
    "srgan-mse", "srgan-vgg22", "srgan-vgg54", "srgan-lpips", "srgan-tv", "HR",
]  # fmt: skip


def test_every_method_of_the_project_looks_different():
    looks = [style.method_style(name) for name in METHODS]
    assert len(set(looks)) == len(METHODS)
    for a, b in itertools.combinations(looks, 2):
        assert (a.colour, a.marker) != (b.colour, b.marker)


def test_the_original_is_black_and_baselines_are_grey():
    assert style.method_style("HR").colour == "#000000"
    for name in ("nearest", "bicubic"):
        red, green, blue = matplotlib.colors.to_rgb(style.method_style(name).colour)
        assert red == green == blue


def test_a_users_own_methods_have_a_colour_that_no_other_has():
    own = [style.method_style(f"mine{i}") for i in range(40)]
    assert {look.colour for look in own} == {style.ACCENT}
    assert style.ACCENT not in {style.method_style(name).colour for name in METHODS}
    assert len(set(own)) > 8


def test_a_self_ensemble_looks_as_its_network_turned_inside_out():
    looks = [style.method_style(name + end) for name in METHODS[:-1] for end in ("", "+")]
    assert len({(look.colour, look.marker, look.filled) for look in looks}) == len(looks)
    assert style.method_style("srgan-mse+").colour == style.method_style("srgan-mse").colour


def test_names_match_without_regard_to_case():
    assert style.method_style("SRGAN-MSE") == style.method_style("srgan-mse")
    assert style.canonical("SRResNet-MSE") == "srresnet-mse"
    assert style.display_name("srresnet-mse") == "SRResNet-MSE"
    assert style.display_name("hr") == "HR"


def test_another_method_keeps_its_look_and_name():
    assert style.method_style("IMDN") == style.method_style("IMDN")
    assert style.display_name("IMDN") == "IMDN"
    assert style.display_name("two\nlines\x07") == "two lines"
    assert len(style.display_name("x" * 500)) == 28
    assert style.display_name("a-method-with-a-long-name-07", limit=18) == "a-method-wi…ame-07"
    assert style.display_name("") == "(no name)"


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (28.4177, 2, "28.42"),
        (float("inf"), 2, "∞"),
        (None, 2, "—"),
        (math.nan, 4, "—"),
        (-2.168, 2, "−2.17"),
        (-0.0001, 2, "0.00"),
    ],
)
def test_numbers_are_written_as_tables_show_them(value, decimals, shown):
    assert style.format_value(value, decimals) == shown


def test_methods_are_listed_as_the_paper_lists_them():
    given = ["HR", "zz", "srgan-mse", "bicubic", "SRResNet-MSE", "nearest"]
    assert sorted(given, key=style.method_order) == [
        "nearest", "bicubic", "SRResNet-MSE", "srgan-mse", "zz", "HR",
    ]  # fmt: skip


def test_a_figure_saves_to_the_same_bytes_with_embedded_fonts(tmp_path):
    def draw(folder):
        with style.figure_style():
            figure = style.new_figure(style.COLUMN_WIDTH, 2)
            figure.add_subplot().set_title("$not maths$ ∞")
        return [path.read_bytes() for path in style.save_figure(figure, folder, "a")]

    first, second = draw(tmp_path / "one"), draw(tmp_path / "two")
    assert first == second
    assert b"/FontFile2" in first[1]
    assert b"CreationDate" not in first[1]
    assert int.from_bytes(first[0][16:20], "big") == 700  # 3.5 in at 200 dpi


def test_the_users_own_settings_change_nothing():
    with matplotlib.rc_context({"font.size": 33, "axes.grid": False}), style.figure_style():
        assert matplotlib.rcParams["font.size"] == 8
        assert matplotlib.rcParams["axes.grid"]


def test_file_stems_are_safe_and_distinct():
    assert safe_stem("crops_Set5_x4_baby") == "crops_Set5_x4_baby"
    made = {safe_stem(text) for text in ("a/b", "a\\b", "../a b", "a_b")}
    assert len(made) == 4
    assert not any("/" in stem or "\\" in stem or stem.startswith(".") for stem in made)
