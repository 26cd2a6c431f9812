"""Known data sets must have the recorded images, or are refused, or are marked everywhere."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from srbench.data import open_dataset
from srbench.data.catalogue import MULTIPLES, PixelRecord
from srbench.data.pixels import pixel_sha256, thumbnail
from srbench.data.verify import judge
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png


@pytest.fixture
def copied(shared, tmp_path):
    """Copies a real set's originals, changed in some way, under other names."""

    def copy(dataset, folder, *, change=lambda image: image, name="{}"):
        source = open_dataset(dataset, shared / "data")
        for number, image_id in enumerate(source.ids, 1):
            stem = name.format(image_id, n=number)
            write_png(folder / f"{stem}.png", np.ascontiguousarray(change(source.read(image_id))))
        return folder

    return copy


def small(k):
    return lambda image: imresize(crop_to_multiple(image, k), Fraction(1, k))


def grey(image):
    return np.asarray(PillowImage.fromarray(image).convert("L"))


def run(*more, root, out):
    return (
        "run-all", "--data", root, "--out", out, "--methods", "bicubic", "--no-lpips", *more
    )  # fmt: skip


def test_lr_among_hr_is_refused_and_nothing_is_made(copied, refused, tmp_path):
    folder = copied("Set5", tmp_path / "images", name="img_{n:03d}_SRF_4_HR")
    copied("Set5", folder, change=small(4), name="img_{n:03d}_SRF_4_LR")
    line = refused("data", "import", "Set5", folder, "--data", tmp_path / "root")
    assert "5 of 10 images differ (5 extra): img_001_SRF_4_LR (extra) shows baby" in line
    assert "at 1/4 of its size, as LR images are" in line
    assert "--as-is" in line
    assert not (tmp_path / "root").exists()


CHANGES = {
    "flipped": (lambda i: i[:, ::-1], "5 wrong image", "shows Set5/baby, mirrored"),
    "turned": (lambda i: np.rot90(i, 2), "5 wrong image", "Set5/baby, turned by 180 degrees"),
    "half": (small(2), "5 resized", "at 1/2 of its size"),
    "doubled": (lambda i: imresize(i, 2), "5 resized", "another size"),
    "grey": (grey, "5 channels differ", "is 512x512 grey"),
    "mod-cropped": (lambda i: crop_to_multiple(i, 12), "4 mod-cropped", "multiple of 12"),
    "brighter": (lambda i: i + (i < 255).astype(np.uint8), "5 re-compressed", "other pixels"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_images_of_a_known_name_are_refused_with_what_they_are(
    copied, refused, tmp_path, change
):
    how, status, words = CHANGES[change]
    folder = copied("Set5", tmp_path / "Set-5" / "HR", change=how)
    out = tmp_path / "out"
    for command in (
        ("data", "import", "set5", folder, "--data", tmp_path / "other"),
        run("--datasets", "Set5", root=tmp_path, out=out),
        run(root=tmp_path, out=out),
        ("score", "--hr", folder, "--sr", folder, "--scale", 2),
    ):
        line = refused(*command)
        assert f"differs from the recorded Set5: {status[0]} of 5 images differ ({status})" in line
        assert words in line
    assert not out.exists()
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("multiple", [2, 3, 4])
def test_mod_cropped_images_are_told_with_their_multiple(copied, refused, tmp_path, multiple):
    folder = copied("Set14", tmp_path / "s", change=lambda i: crop_to_multiple(i, multiple))
    line = refused("data", "import", "Set14", folder, "--data", tmp_path / "root")
    assert "mod-cropped" in line
    assert f"multiple of {multiple}" in line or f"or {multiple}" in line


def test_another_set_and_another_image_under_a_known_name(copied, refused, tmp_path, shared):
    folder = copied("Set14", tmp_path / "other")
    line = refused("data", "import", "Set5", folder, "--data", tmp_path / "root")
    # face is the same photograph as head of Set5.
    assert "18 of 18 images differ (13 extra, 4 missing, 1 " in line
    assert "Set5 has no such image: it shows Set14/baboon" in line
    folder = copied("Set5", tmp_path / "mixed")
    shutil.copy(shared / "data/Set14/HR/face.png", folder / "bird.png")
    line = refused("data", "import", "Set5", folder, "--data", tmp_path / "root")
    assert "1 of 5 images differ (1 wrong image): bird (wrong image)" in line
    (folder / "bird.png").unlink()
    line = refused("data", "import", "Set5", folder, "--data", tmp_path / "root")
    assert "1 of 5 images differ (1 missing): bird (missing)" in line


def test_grey_set14_is_refused_and_colour_taken(copied, refused, run_cli, tmp_path):
    folder = copied("Set14", tmp_path / "grey", change=grey_if_colour)
    line = refused("data", "import", "Set14", folder, "--data", tmp_path / "root")
    assert "channels differ" in line
    folder = copied("Set14", tmp_path / "colour")
    ran = run_cli("data", "import", "Set-14", folder, "--data", tmp_path / "root")
    assert ran.code == 0, ran
    assert "Set14: 14 images, all equal to the recorded pixels" in ran.out


def grey_if_colour(image):
    return grey(image) if image.ndim == 3 else image


def test_files_of_other_names_are_told_by_their_pixels(copied, run_cli, tmp_path, shared):
    folder = copied("Set5", tmp_path / "SRF" / "HR", name="img_{n:03d}_SRF_4_HR")
    ran = run_cli("data", "import", "Set5", folder, "--data", tmp_path / "root")
    assert ran.code == 0, ran
    assert "img_001_SRF_4_HR is baby, img_002_SRF_4_HR is bird" in ran.out + ran.err
    made = open_dataset("Set5", tmp_path / "root")
    assert made.ids == ("baby", "bird", "butterfly", "head", "woman")
    real = open_dataset("Set5", shared / "data")
    assert all((made.read(i) == real.read(i)).all() for i in made.ids)
    assert run_cli("data", "verify", "Set5", "--data", tmp_path / "root").code == 0

    # The same without an import, with a method's images named like the originals' files.
    (tmp_path / "SRF").rename(tmp_path / "Set5")
    for path in (shared / "peers/IMDN/Set5").iterdir():
        number = real.ids.index(path.stem) + 1
        (tmp_path / "peer/set_5").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / f"peer/set_5/img_{number:03d}_SRF_4_SR{path.suffix}")
    out = tmp_path / "out"
    arguments = [*run("--datasets", "Set5", root=tmp_path, out=out)]
    arguments[6] = f"bicubic,imdn={tmp_path / 'peer'}"
    ran = run_cli(*arguments)
    assert ran.code == 0, ran
    rows = [row.split(",") for row in (out / "scores.csv").read_text().splitlines()[1:]]
    assert {row[1] for row in rows} == set(real.ids)
    psnr = {
        method: np.mean([float(r[6]) for r in rows if r[2:6] == [method, "4", "matlab", "psnr_y"]])
        for method in ("bicubic", "imdn")
    }
    assert psnr["bicubic"] == pytest.approx(28.42, abs=0.01)
    assert psnr["imdn"] > 32


@pytest.mark.slow
def test_the_container_does_not_matter(copied, run_cli, tmp_path):
    folder = copied("BSD100", tmp_path / "png")
    ran = run_cli("data", "import", "B100", folder, "--data", tmp_path / "root")
    assert ran.code == 0, ran
    assert "BSD100: 100 images, all equal to the recorded pixels" in ran.out


def test_what_is_taken_as_it_is_is_marked_everywhere(copied, run_cli, refused, tmp_path):
    folder = copied("Set5", tmp_path / "images", name="{}_HR")
    copied("Set5", folder, change=small(4), name="{}_LR")
    root, out = tmp_path / "root", tmp_path / "out"
    ran = run_cli("data", "import", "Set5", folder, "--data", root, "--as-is")
    assert ran.code == 0, ran
    assert [path.name for path in root.iterdir()] == ["Set5-as-is"]
    refused("data", "import", "Set5", folder, "--data", root, "--as-is")
    ran = run_cli(*run("--datasets", "Set5-as-is", root=root, out=out))
    assert ran.code == 0, ran
    marked(out)
    # A folder that was made by hand has the same rules.
    (root / "Set5-as-is").rename(root / "Set5")
    assert "add --as-is" in refused(*run("--datasets", "Set5", root=root, out=tmp_path / "no"))
    ran = run_cli(*run("--datasets", "Set5", "--as-is", root=root, out=tmp_path / "again"))
    assert ran.code == 0, ran
    marked(tmp_path / "again")


def marked(out: Path) -> None:
    table = (out / "scores.csv").read_text()
    assert {row.split(",")[0] for row in table.splitlines()[1:]} == {"Set5-as-is"}
    facts = json.loads((out / "run.json").read_text())["datasets"]["x4"]
    assert facts["Set5-as-is"]["as_is"] == "5 of 10 images differ (5 extra)"
    for file in ("tables/summary.md", "tables/significance.md", "report.html"):
        text = (out / file).read_text()
        assert "not the recorded set" in text, file
        assert "5 of 10 images differ" in text, file
    assert not [path for path in out.rglob("*") if path.name == "Set5"]


def test_a_whole_set_is_not_asked_for_where_one_image_is_scored(copied, run_cli, refused, tmp_path):
    folder = copied("Set5", tmp_path / "Set5" / "HR")
    one = folder / "bird.png"
    assert run_cli("score", "--hr", one, "--sr", one, "--scale", 4).code == 0
    write_png(one, read_image(folder / "head.png"))
    line = refused("score", "--hr", one, "--sr", one, "--scale", 4)
    assert "bird (wrong image)" in line
    assert run_cli("score", "--hr", one, "--sr", one, "--scale", 4, "--as-is").code == 0


def test_practice_images_of_a_known_name_are_checked(copied, run_cli, refused, tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    copied("Set5", root / "Mine" / "HR", change=lambda i: i[:96, :96], name="{}_a")
    copied("Set14", root / "Set14" / "HR", change=grey_if_colour)
    arguments = [*run("--datasets", "Mine", root=root, out=out)]
    arguments[6] = "nearest,bicubic"
    assert run_cli(*arguments).code == 0
    line = refused(
        "study", "new", "--from", out, "--out", tmp_path / "study", "--calibration", "Set14",
        "--data", root,
    )  # fmt: skip
    assert "differs from the recorded Set14" in line
    assert not (tmp_path / "study").exists()


def test_own_sets_with_lr_copies_among_their_originals_are_refused(
    copied, refused, run_cli, tmp_path
):
    root = tmp_path / "root"
    folder = copied("Set5", root / "Mine" / "HR")
    copied("Set5", folder, change=small(2), name="{}x2")
    out = tmp_path / "out"
    for command in (
        ("data", "import", "Other", folder, "--data", root),
        run("--datasets", "Mine", root=root, out=out),
    ):
        assert "LR copies of others, first babyx2 of baby" in refused(*command)
    assert not out.exists()
    assert run_cli("data", "import", "Other", folder, "--data", root, "--as-is").code == 0
    assert len(open_dataset("Other", root).ids) == 10


def test_a_larger_file_of_a_set_recorded_cropped_is_the_same_image():
    image = open_dataset("sample", None).read("rocket")[:203, :301]
    cut = crop_to_multiple(image, 4)
    record = PixelRecord(300, 200, 3, pixel_sha256(cut), thumbnail(cut), frozenset())
    assert judge(image, record, cropped=4) == ("ok", "")
    assert judge(cut, record, cropped=4) == ("ok", "")
    assert judge(image, record)[0] != "ok"
    assert judge(image[1:], record, cropped=4)[0] != "ok"
    assert 4 in MULTIPLES


def test_a_study_of_results_that_hold_other_images_under_a_known_name_is_refused(
    copied, refused, run_cli, tmp_path, shared
):
    out = tmp_path / "out"
    arguments = [*run("--datasets", "Set5", root=shared / "data", out=out)]
    arguments[6] = "nearest,bicubic"
    assert run_cli(*arguments).code == 0
    new = ("study", "new", "--from", out, "--data", shared / "data", "--out")
    ran = run_cli(*new, tmp_path / "study")
    assert ran.code == 0, ran
    for method in ("HR", "nearest", "bicubic"):
        path = out / f"images/Set5/x4/{method}/baby.png"
        write_png(path, read_image(path)[:, ::-1].copy())
    line = refused(*new, tmp_path / "other")
    assert "differs from the recorded Set5: 1 of 5 images differ (1 wrong image): baby" in line
    assert not (tmp_path / "other").exists()


def test_a_set_without_recorded_pixels_must_have_its_images_by_name(tmp_path, refused, run_cli):
    picture = open_dataset("sample", None).read("coffee")[:64, :64].copy()
    for number in (801, 802):
        write_png(tmp_path / f"DIV2K_valid_HR/HR/{number:04d}.png", picture)
    out = tmp_path / "out"
    line = refused(*run("--datasets", "DIV2K-valid", root=tmp_path, out=out))
    assert "98 of 100 images differ (98 missing): 0803 (missing)" in line
    ran = run_cli(*run("--datasets", "DIV2K-valid", "--as-is", root=tmp_path, out=out))
    assert ran.code == 0, ran
    assert (out / "images/DIV2K-valid-as-is").is_dir()
