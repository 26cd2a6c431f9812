"""SR files are matched with the right originals, or refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from srbench.data.matching import MatchedNames, match_names
from srbench.errors import ConfigError, DatasetError

SET5 = ("baby", "bird", "butterfly", "head", "woman")
URBAN = tuple(f"img_{n:03d}" for n in range(1, 101))


def pair(originals, files, *, spare=False, pattern=None) -> MatchedNames:
    return match_names(
        {name: Path("hr") / f"{name}.png" for name in originals},
        {name: Path("sr") / f"{name}.png" for name in files},
        Path("sr"),
        "hr",
        spare=spare,
        pattern=pattern,
    )


@pytest.mark.parametrize(
    ("originals", "rule", "taken"),
    [
        (SET5, "{}_x4_SRResNet", 'names end in "_x4_SRResNet"'),
        (SET5, "{}x4", 'names end in "x4"'),
        (SET5, "{}_SR", 'names end in "_SR"'),
        (SET5, "SR_{}", 'names begin with "SR_"'),
        (SET5, "out-{}-4", 'names begin with "out-" and end in "-4"'),
        (("0801", "0802", "0810"), "{}x4", 'names end in "x4"'),
        (("0801",), "{}x4", 'names end in "x4"'),
        (URBAN, "{}_SRF_4_SR", 'names end in "_SRF_4_SR"'),
        (URBAN, "{}x4", 'names end in "x4"'),
        (("1", "01", "001"), "{}_x4", 'names end in "_x4"'),
        (("1", "01", "10"), "x{}", 'names begin with "x"'),
        (("a", "ab", "b"), "b_{}_a", 'names begin with "b_" and end in "_a"'),
        (("caf\u00e9", "tree"), "{}_SR", 'names end in "_SR"'),
    ],
)
@pytest.mark.parametrize("spare", [False, True])
def test_one_prefix_and_one_suffix_are_found_and_told(originals, rule, taken, spare):
    expected = {name: Path("sr") / (rule.replace("{}", name) + ".png") for name in originals}
    files = [path.stem for path in expected.values()]
    assert pair(originals, files, spare=spare) == MatchedNames(expected, taken)
    assert pair(originals, files, spare=spare, pattern=rule).files == expected
    assert pair(originals, files, spare=spare, pattern=rule + ".png").files == expected


def test_the_originals_may_have_a_suffix_of_their_own():
    originals = [f"img_{n:03d}_SRF_4_HR" for n in range(1, 6)]
    found = pair(originals, [name.replace("_HR", "_SR") for name in originals])
    assert all(path.stem == name.replace("_HR", "_SR") for name, path in found.files.items())
    assert found.taken == 'names end in "SR" where the originals end in "HR"'
    plain = pair(originals, [f"{n:03d}" for n in range(1, 6)])
    assert [path.stem for path in plain.files.values()] == ["001", "002", "003", "004", "005"]
    assert 'do not begin with "img_"' in plain.taken
    assert 'do not end in "_SRF_4_HR"' in plain.taken
    one = pair(["baby_HR"], ["baby_SR"])
    assert one.files["baby_HR"].stem == "baby_SR"


def test_names_that_agree_are_taken_without_a_word():
    assert pair(SET5, SET5).taken == ""
    # Additional files do not matter if they are allowed.
    more = pair(SET5, (*SET5, *(f"{name}_x4" for name in SET5)), spare=True)
    assert (more.taken, more.files["baby"].stem) == ("", "baby")


def test_case_does_not_matter_and_is_told():
    found = pair(SET5, [name.capitalize() for name in SET5])
    assert found.files["baby"].name == "Baby.png"
    assert found.taken == "names differ in case only"
    assert pair(SET5, [f"{n.upper()}_X4" for n in SET5]).taken == 'names end in "_X4"'


def test_the_file_names_of_a_known_set_count_beside_its_ids():
    numbered = [f"img_{n:03d}_SRF_4_HR" for n in range(1, 6)]
    originals = {i: Path("hr") / f"{n}.png" for i, n in zip(SET5, numbered, strict=True)}
    for rule in ("{}", "{}_x4"):
        names = [rule.replace("{}", n) for n in numbered]
        files = {name: Path("sr") / f"{name}.png" for name in names}
        found = match_names(originals, files, Path("sr"), "Set5", spare=True)
        assert found.files["bird"].stem == rule.replace("{}", numbered[1])


@pytest.mark.parametrize(
    ("originals", "files", "spare", "words"),
    [
        # two suffixes fit
        (SET5, [f"{n}_x{k}" for n in SET5 for k in (2, 4)], True, "more than one way"),
        (["a"], ["a_x2", "a_x4"], True, 'end in "_x2"'),
        # a file with exactly the name of another original
        (["a", "a_x4"], ["a_x4", "a_x4_x4"], False, "lacks 1 of 2 images"),
        (["1", "01"], ["01", "001"], False, "lacks 1 of 2 images"),
        # digits are numbers, not letters
        ([f"img_{n}" for n in range(1, 10)], [f"1{n}" for n in range(1, 10)], False, "'11'"),
        (["baby1", "baby2"], ["baby14", "baby24"], False, "'baby14'"),
        # two suffixes at once, one missing, one too many
        (SET5, [*(f"{n}_x4" for n in SET5[:4]), "woman_SR"], False, "'woman_x4'"),
        (SET5, [f"{n}_x4" for n in SET5[:4]], True, "lacks 1 of 5 images of hr ('woman_x4')"),
        (SET5, [*(f"{n}_x4" for n in SET5), "lenna_x4"], False, "6 images"),
        (SET5, [*SET5, "lenna"], False, "'lenna'"),
        (SET5, [f"result{n}" for n in range(5)], False, "'result0'"),
        (SET5, [f"result{n}" for n in range(5)], True, "--pattern"),
    ],
)
def test_what_is_ambiguous_or_incomplete_is_refused_with_both_sides(originals, files, spare, words):
    with pytest.raises(DatasetError) as told:
        pair(originals, files, spare=spare)
    message = str(told.value)
    assert words in message
    assert "\n" not in message
    assert any(f"'{name}" in message for name in files)
    assert any(name in message for name in originals)


def test_a_pattern_decides_and_is_checked():
    files = [f"{n}_x{k}" for n in SET5 for k in (2, 4)]
    assert pair(SET5, files, pattern="{}_x4").files["baby"].stem == "baby_x4"
    assert pair(["a", "a_x4"], ["a_x4", "a_x4_x4"], pattern="{}_x4").files["a"].stem == "a_x4"
    with pytest.raises(DatasetError, match=r"lacks 5 of 5 images of hr \('baby_x3'"):
        pair(SET5, files, pattern="{}_x3")
    with pytest.raises(DatasetError, match="without an original in hr \\('woman_x4'\\)"):
        pair(SET5[:4], files, pattern="{}_x4")
    for wrong in ("x4", "{}{}", "a/{}", ""):
        with pytest.raises(ConfigError, match="for the original's name"):
            pair(SET5, files, pattern=wrong)


def test_score_takes_published_images_under_other_names(shared, tmp_path, run_cli):
    hr, sr = shared / "data/Set5/HR", shared / "peers/IMDN/Set5"
    tables = []
    for rule in ("{}", "{}_x4_IMDN", "IMDN_{}", "{}x4"):
        folder = tmp_path / rule / "IMDN"
        folder.mkdir(parents=True)
        for path in sr.iterdir():
            shutil.copy(path, folder / (rule.replace("{}", path.stem) + path.suffix))
        out = tmp_path / f"{rule}.csv"
        ran = run_cli("score", "--hr", hr, "--sr", folder, "--scale", 4, "--out", out)
        assert ran.code == 0, ran
        assert ("IMDN: names " in ran.out + ran.err) == (rule != "{}")
        tables.append(out.read_text())
    assert len(set(tables)) == 1


def test_score_takes_two_unicode_forms_of_a_name_for_one(tmp_path, run_cli):
    from srbench.data import open_dataset
    from srbench.imaging import write_png

    coffee = open_dataset("sample", None).read("coffee")[:96, :96].copy()
    write_png(tmp_path / "hr" / "caf\u00e9.png", coffee)
    write_png(tmp_path / "sr" / "cafe\u0301.png", coffee)
    ran = run_cli("score", "--hr", tmp_path / "hr", "--sr", tmp_path / "sr", "--scale", 4)
    assert ran.code == 0, ran


def test_srbench_scores_what_it_upscaled(tmp_path, run_cli):
    from fractions import Fraction

    from srbench.data import open_dataset
    from srbench.imaging import imresize, write_png

    for number, name in enumerate(("coffee", "chelsea"), 801):
        hr = open_dataset("sample", None).read(name)[:128, :128].copy()
        write_png(tmp_path / f"HR/{number:04d}.png", hr)
        write_png(tmp_path / f"LR/{number:04d}x4.png", imresize(hr, Fraction(1, 4)))
    out = tmp_path / "SR"
    assert run_cli("upscale", tmp_path / "LR", "--method", "bicubic", "--out", out).code == 0
    ran = run_cli("score", "--hr", tmp_path / "HR", "--sr", out, "--scale", 4)
    assert ran.code == 0, ran
    assert 'names end in "x4"' in ran.out + ran.err
