"""Scores of other programs, imported into a results folder."""

import json
import shutil

import pandas as pd
import pytest

from srbench.benchmark import run_all
from srbench.config import Experiment
from srbench.imaging import read_image, write_png

HEADER = "dataset,image,method,metric,value,direction\n"
ROWS = [
    f"Mini,{image},{method},human,{value},higher"
    for method, value in (("nearest", 2.5), ("Bicubic", 3.5))
    for image in ("eye", "face.png", "man")
]


@pytest.fixture(scope="module")
def scored(mini_set, tmp_path_factory):
    """Results of nearest and bicubic on Mini; for copying."""
    out = tmp_path_factory.mktemp("scored") / "results"
    given = Experiment(
        datasets=("Mini",), methods=("nearest", "bicubic"), metrics=("psnr",), device="cpu"
    )
    run_all(given, out, root=mini_set, weights=mini_set / "none", report=False)
    return out


@pytest.fixture
def out(scored, tmp_path):
    shutil.copytree(scored, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def table(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "theirs.csv"
        path.write_text(header + "\n".join(rows) + "\n", encoding="utf-8")
        return path

    return write


def test_they_stand_beside_ours_and_stay(run_cli, mini, out, table):
    ran = run_cli("import-scores", table(*ROWS), "--out", out)
    assert ran.code == 0, ran.err
    assert "6 scores of human imported" in ran.err
    assert run_cli("report", "--out", out).code == 0
    assert "human ↑" in (out / "tables/summary.md").read_text("utf-8")
    assert "imported,human,nearest,bicubic" in (out / "tables/significance.csv").read_text("utf-8")
    before = (out / "scores.csv").read_bytes()
    # A later run keeps them, because the pictures are the same.
    assert run_cli(*mini, "--metrics", "ssim").code == 0
    after = pd.read_csv(out / "scores.csv")
    assert set(after["metric"]) == {"psnr_y", "ssim_y", "human"}
    assert b"human,2.500000" in before
    facts = {f["name"]: f for f in json.loads((out / "run.json").read_text())["metrics"]}
    assert facts["human"]["better"] == "higher"


def test_they_go_with_the_picture_they_were_of(run_cli, mini, out, table):
    eye = out / "images/Mini/x4/bicubic/eye.png"
    write_png(eye, 255 - read_image(eye))
    assert run_cli("import-scores", table(*ROWS), "--out", out).code == 0
    assert run_cli(*mini, "--metrics", "psnr").code == 0  # restores the right picture
    rows = pd.read_csv(out / "scores.csv")
    human = rows[(rows["metric"] == "human") & (rows["method"] == "bicubic")]
    assert set(human["image"]) == {"face", "man"}


def test_what_is_lacking_is_told(run_cli, out, table):
    ran = run_cli("import-scores", table(*ROWS[:4]), "--out", out)
    assert ran.code == 0
    assert "human of bicubic on Mini x4 lacks 2 of 3 images" in ran.err


@pytest.mark.parametrize(
    ("rows", "header", "message"),
    [
        (ROWS, "dataset,image,method,metric,score,direction\n", "lacks the column 'value'"),
        ([], HEADER, "no scores below its header"),
        (["Mini,eye,nearest,human,high,higher"], HEADER, "line 2: value is 'high'"),
        (["Mini,eye,nearest,human,1,up"], HEADER, "direction is 'up'"),
        (["Mini,eyes,nearest,human,1,higher"], HEADER, "did you mean 'eye'"),
        (["Mini,eye,nearst,human,1,higher"], HEADER, "did you mean 'nearest'"),
        (["Set5,eye,nearest,human,1,higher"], HEADER, "unknown data set 'Set5'"),
        (["Mini,eye,nearest,psnr,1,higher"], HEADER, "'psnr' is one of our metrics"),
        ([ROWS[0], ROWS[0]], HEADER, "appears twice"),
        ([ROWS[0], ROWS[1].replace("higher", "lower")], HEADER, "a different direction than above"),
        (["Mini,eye"], HEADER, "2 cells in line 2, expected 6"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_taken(
    refused, out, table, rows, header, message
):
    before = (out / "scores.csv").read_bytes()
    assert message in refused("import-scores", table(*rows, header=header), "--out", out)
    assert (out / "scores.csv").read_bytes() == before


def test_a_folder_that_is_no_results_folder(refused, table, tmp_path):
    assert "holds no scores.csv" in refused("import-scores", table(*ROWS), "--out", tmp_path / "x")


@pytest.mark.parametrize(
    ("separator", "encoding", "ends", "above"),
    [
        (";", "utf-8-sig", "\r\n", ""),
        ("\t", "utf-16", "\n", ""),
        (",", "utf-8", "\r", ""),
        (",", "utf-8", "\n", "sep=,\n"),
    ],
)
def test_tables_are_read_as_those_of_ratings_are(
    run_cli, out, tmp_path, separator, encoding, ends, above
):
    text = above + "Dataset,IMAGE,method,metric,value\n" + "Mini,eye,nearest,human,2.5\n,,,,\n"
    file = tmp_path / "s.csv"
    body = text.replace(",", separator).replace("\n", ends)
    file.write_bytes(body.encode(encoding))
    ran = run_cli("import-scores", file, "--out", out)
    assert ran.code == 0, ran.err
    assert b"human,2.500000" in (out / "scores.csv").read_bytes()


@pytest.mark.parametrize("value", ["1_5", "1e400", "\u0661", "2,5", "0x10", ""])
def test_what_only_a_program_takes_for_a_number_is_refused(refused, out, tmp_path, value):
    file = tmp_path / "s.csv"
    file.write_text(f'dataset,image,method,metric,value\nMini,eye,nearest,human,"{value}"\n')
    assert f"line 2: value is '{value}'" in refused("import-scores", file, "--out", out)


def test_a_column_that_is_there_twice_is_refused(refused, out, tmp_path):
    file = tmp_path / "s.csv"
    file.write_text("dataset,image,method,metric,value,value\nMini,eye,nearest,human,1,2\n")
    assert "two columns 'value'" in refused("import-scores", file, "--out", out)


def test_columns_that_are_not_read_are_told_and_misspelt_ones_refused(run_cli, refused, out, table):
    header = HEADER.replace("direction", "protocol")
    ran = run_cli("import-scores", table(*ROWS, header=header), "--out", out)
    assert ran.code == 0, ran.err
    assert "columns that are not read: protocol" in ran.err
    header = HEADER.replace("direction", "directon")
    line = refused("import-scores", table(*ROWS, header=header), "--out", out)
    assert "has a column 'directon', which is not read; is it direction?" in line


def test_one_metric_has_one_spelling(run_cli, refused, out, table):
    rows = "Mini,eye,nearest,human,1,higher", "Mini,man,nearest,Human,1,higher"
    before = (out / "scores.csv").read_bytes()
    said = "Human and human differ in case only"
    assert said in refused("import-scores", table(*rows), "--out", out)
    assert (out / "scores.csv").read_bytes() == before
    assert run_cli("import-scores", table(rows[0]), "--out", out).code == 0
    assert said in refused("import-scores", table(rows[1]), "--out", out)


def test_two_metrics_of_one_name_keep_their_directions(run_cli, out, table, mini, tmp_path):
    """Imported: lower is better; the user's function of that name: higher."""
    lower = [row.replace("higher", "lower") for row in ROWS]
    assert run_cli("import-scores", table(*lower), "--out", out).code == 0
    (tmp_path / "m.py").write_text("def f(sr): return sr.mean()\nf.direction = 'higher'\n")
    ran = run_cli(*mini, "--metrics", f"human={tmp_path / 'm.py'}:f")
    assert ran.code == 0, ran.err
    summary = (out / "tables/summary.md").read_text("utf-8")
    assert "| imported human ↓ | user human ↑ |" in summary
    assert "**2.5000**" in summary  # the lower one
    assert "human ↑" in ran.out


def test_a_score_against_a_changed_original_is_not_kept(run_cli, mini, root, tmp_path, table):
    """The SR images of a folder stay the same."""
    sr, hr = tmp_path / "sr/Mini", root / "Mini/HR"
    for path in hr.iterdir():
        image = read_image(path)
        write_png(sr / path.name, image[: image.shape[0] // 4 * 4, : image.shape[1] // 4 * 4])
    run = ("run-all", "--datasets", "Mini", "--methods", f"mine={sr.parent}", "--metrics",
           "psnr_rgb", "--out", tmp_path / "results")  # fmt: skip
    assert run_cli(*run).code == 0
    rows = [f"Mini,{image},mine,human,3,higher" for image in ("eye", "face", "man")]
    taken = run_cli("import-scores", table(*rows), "--out", tmp_path / "results")
    assert taken.code == 0, taken.err

    def scored():
        assert run_cli(*run).code == 0
        found = pd.read_csv(tmp_path / "results/scores.csv")
        return set(found.loc[found["metric"] == "human", "image"])

    assert scored() == {"eye", "face", "man"}
    write_png(hr / "eye.png", read_image(hr / "eye.png") ^ 1)
    assert scored() == {"face", "man"}


def test_blanks_around_names_do_not_count(run_cli, root, mini, table, tmp_path):
    """Neither in file names nor in the cells of tables."""
    hr = root / "Mini/HR"
    (hr / "eye.png").rename(hr / " eye .png")
    assert run_cli(*mini, "--metrics", "psnr").code == 0
    out = tmp_path / "results"
    assert (out / "images/Mini/x4/bicubic/eye.png").is_file()
    rows = [f'Mini ,"{image}", bicubic\t,human, 3 ,higher' for image in (" eye .png", "eye ")]
    for row in rows:
        ran = run_cli("import-scores", table(row), "--out", out)
        assert ran.code == 0, ran.err
    scores = (out / "scores.csv").read_text("utf-8")
    assert "Mini,eye,bicubic,4,imported,human,3.000000\n" in scores
    before = run_cli("report", "--out", out, "--table", "csv").out
    (out / "scores.csv").write_text(
        scores.replace("bicubic,", "bicubic ,").replace("eye,", "eye ,")
    )
    assert run_cli("report", "--out", out, "--table", "csv").out == before


def test_a_scale_that_contradicts_the_table_is_refused(refused, out, table):
    header, row = HEADER.replace("direction", "scale"), "Mini,eye,nearest,human,1,4"
    line = refused("import-scores", table(row, header=header), "--out", out, "--scale", 2)
    assert "line 2: scale is 4, but --scale is 2" in line
