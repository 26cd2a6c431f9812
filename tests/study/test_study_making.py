"""Making a study from a results folder: the result, and refusals with reasons."""

from __future__ import annotations

import json
import re
import shutil
import stat

import numpy as np
import pytest
from filelock import FileLock

from srbench.errors import StudyError, UnknownName
from srbench.imaging import crop_to_multiple, imresize, read_image, write_png
from srbench.study.keys import CODES_FILE, KEY_FILE, read_codes
from srbench.study.making import new_study
from srbench.study.manifest import (
    REFERENCE,
    Manifest,
    load_manifest,
    save_manifest,
    stimulus_path,
)
from srbench.study.presets import minutes, preset
from srbench.study.store import open_study


@pytest.fixture
def own_results(results, tmp_path):
    shutil.copytree(results, tmp_path / "results")
    return tmp_path / "results"


@pytest.fixture
def make(own_results, calibration, tmp_path):
    def make(out="made", **options):
        options = {"calibration": "Practice", "data_root": calibration, "raters": 3, **options}
        return new_study(own_results, tmp_path / out, **options)

    return make


def test_every_stimulus_is_the_results_picture_to_the_pixel_under_a_name_that_says_nothing(
    make, own_results
):
    made = make()
    manifest = load_manifest(made.folder)
    assert made.stimuli == len(manifest.main) == 8 * 4
    for stimulus in (manifest.by_id[s] for s in manifest.main):
        source = f"images/{stimulus.dataset}/x4/{stimulus.method}/{stimulus.image}.png"
        shown = read_image(stimulus_path(made.folder, stimulus.id))
        assert np.array_equal(shown, read_image(own_results / source))
        assert re.fullmatch(r"[0-9a-f]{32}", stimulus.id)
    names = sorted(p.name for p in (made.folder / "stimuli").iterdir())
    assert names == sorted(f"{s.id}.png" for s in manifest.stimuli)


def test_the_report_says_what_was_made(make):
    made = make(raters=7)
    assert made.methods == ("bicubic", "nearest", "srgan-mse", REFERENCE)
    assert (made.contents, made.trials_per_rater, made.practice_trials) == (8, 32 + 4, 6)
    assert made.votes_per_stimulus == (7, 7)
    assert made.minutes_per_rater == pytest.approx(minutes(6, 36, 60))
    assert "7 raters on 8 images each, a MOS difference of 0.3 would be found in" in made.power
    assert list(made.codes) == read_codes(made.folder)
    assert len(set(made.codes)) == 7
    assert made.window == (64, 48 + 32 + 84)
    assert made.notes == (
        "practice shows 3 images, not 4: Practice has no more (name a larger set with "
        "--calibration)",
    )
    told = make(out="open", open_access=True).notes[0]
    assert told.startswith(
        "raters do not see who runs the study; 'srbench study serve --public' needs"
    )


def test_the_same_call_makes_the_same_study_and_another_seed_another(make):
    first, second, third = make("a"), make("b"), make("c", seed=1)
    assert first.study_id == second.study_id != third.study_id
    ids = [{s.id for s in load_manifest(made.folder).stimuli} for made in (first, third)]
    assert not ids[0] & ids[1]


def test_practice_shows_nearest_as_one_and_the_original_as_five(make, calibration):
    made = make()
    manifest = load_manifest(made.folder)
    for anchor in manifest.calibration:
        stimulus = manifest.by_id[anchor.stimulus]
        original = crop_to_multiple(
            read_image(calibration / f"Practice/HR/{stimulus.image}.png"), 4
        )
        coarse = np.kron(imresize(original, 0.25), np.ones((4, 4, 1), np.uint8))
        expected = {1: coarse, 5: original}[anchor.expected]
        assert np.array_equal(read_image(stimulus_path(made.folder, stimulus.id)), expected)
    assert [a.expected for a in manifest.calibration] == [1, 5] * 3


def test_the_built_in_sample_set_serves_for_practice(own_results, tmp_path):
    made = new_study(own_results, tmp_path / "out", max_height=520)
    manifest = load_manifest(made.folder)
    assert {manifest.by_id[a.stimulus].dataset for a in manifest.calibration} == {"sample"}


def test_gold_contents_are_extra_ones(make):
    manifest = load_manifest(make(gold=2).folder)
    gold = {manifest.by_id[a.stimulus].image for a in manifest.gold}
    practice = {manifest.by_id[a.stimulus].image for a in manifest.calibration}
    assert len(gold) == 2
    assert not gold & practice


def test_the_papers_design_is_its_methods_with_fewer_on_bsd100(own_results, make):
    images = own_results / "images"
    shutil.copytree(images / "Five/x4/bicubic", images / "Five/x4/srresnet-vgg54")
    shutil.copytree(images / "Five", images / "BSD100-as-is")
    made = make(preset_name="paper")
    manifest = load_manifest(made.folder)

    def shown(dataset):
        return {
            manifest.by_id[s].method for s in manifest.main if manifest.by_id[s].dataset == dataset
        }

    assert shown("Five") == {"nearest", "bicubic", "srgan-mse", "HR"}
    # SRGAN-VGG54 is not there: the next best GAN is shown on every data set.
    assert shown("BSD100-as-is") == {"nearest", "bicubic", "srgan-mse", "HR"}
    assert "SRGAN-MSE replaces SRGAN-VGG54 on BSD100-as-is" in made.notes
    missing = "SRCNN, SelfExSR, DRCN, ESPCN, SRResNet-MSE, SRGAN-VGG54 (not in the results)"
    assert f"left out of BSD100-as-is: {missing}" in made.notes
    unusual = "srresnet-vgg54 (not in the preset paper; to show them: --methods)"
    assert f"left out of BSD100-as-is, Five: {unusual}" in made.notes
    assert manifest.rules.retests == 10


def test_a_short_study_has_ten_contents_at_most_and_fifteen_minutes():
    short = preset("short")
    assert short.contents_shown([5], 4) == 10
    for versions in (13, 20, 40):
        contents = short.contents_shown([versions], 4)
        assert minutes(8, contents * versions + 4, 60) <= 15
        assert minutes(8, (contents + 1) * versions + 4, 60) > 15 or contents == 10


def test_sub_sampling_reports_what_a_rater_sees_and_a_stimulus_gets(make):
    made = make(per_rater=12, raters=6, retests=0)
    assert made.trials_per_rater == 12
    assert made.votes_per_stimulus == (2, 3)
    planned = load_manifest(made.folder).planned
    assert planned is not None
    assert (planned.raters, planned.votes) == (6, 2)


def test_a_study_of_before_the_plan_was_recorded_keeps_its_fingerprint(make):
    manifest = load_manifest(make().folder)
    assert "planned" in manifest.content()
    assert (
        "planned" not in Manifest.model_validate({**manifest.content(), "planned": None}).content()
    )


def test_high_contents_are_left_out_or_cut_all_versions_alike(own_results, make):
    for method in ("HR", "nearest", "bicubic", "srgan-mse"):
        path = next((own_results / f"images/Five/x4/{method}").glob("a*.png"))
        tall = np.vstack([read_image(path)] * 2)
        write_png(path, tall)
    left_out = load_manifest(make("a", max_height=60).folder)
    assert all(s.height == 48 for s in left_out.stimuli)
    assert len(left_out.contents) == 7
    made = make("b", max_height=60, crop_too_high=True)
    cut = load_manifest(made.folder)
    assert sorted({s.height for s in cut.stimuli}) == [48, 60]
    assert len(cut.contents) == 8
    assert any(
        re.fullmatch(r"cut to the centre: Five/a\S* \(higher than 60 pixels\)", note)
        for note in made.notes
    )
    (stimulus,) = [s for s in cut.stimuli if s.height == 60 and s.method == "HR"]
    original = read_image(own_results / f"images/Five/x4/HR/{stimulus.image}.png")
    assert np.array_equal(read_image(stimulus_path(made.folder, stimulus.id)), original[18:78])


def test_secrets_are_for_the_owner_only(make):
    folder = make().folder
    for name in (KEY_FILE, CODES_FILE):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


def test_a_new_study_opens_and_its_codes_let_raters_in(make):
    made = make()
    study = open_study(made.folder)
    assert study.store.enter(code=made.codes[0])[0].rater.startswith("r-")


def test_sizes_that_differ_within_a_content_are_refused(own_results, make, tmp_path):
    path = next((own_results / "images/Fourteen/x4/bicubic").iterdir())
    write_png(path, read_image(path)[:, :60])
    with pytest.raises(
        StudyError, match=rf"Fourteen/{path.stem} by bicubic is 60x48, its HR is 64x48"
    ):
        make()
    assert not (tmp_path / "made").exists()
    assert list(tmp_path.glob(".made*")) == []


def test_a_missing_version_is_refused(own_results, make):
    path = next((own_results / "images/Fourteen/x4/nearest").iterdir())
    path.unlink()
    with pytest.raises(StudyError, match=f"Fourteen/{path.stem} has no version by nearest"):
        make()


def test_a_version_without_an_original_is_refused(own_results, make):
    path = next((own_results / "images/Fourteen/x4/HR").iterdir())
    path.unlink()
    with pytest.raises(StudyError, match=f"Fourteen/{path.stem} by bicubic has no HR original"):
        make()


def test_no_originals_and_fewer_than_two_methods_are_refused(own_results, make):
    with pytest.raises(StudyError, match=r"has 1 of the methods to be compared \(bicubic\)"):
        make(methods=["bicubic", "HR"])
    shutil.rmtree(own_results / "images/Five/x4/HR")
    with pytest.raises(StudyError, match="has no HR folder"):
        make()


def test_wrong_names_and_numbers_are_refused_with_the_nearest_right_one(make, own_results):
    with pytest.raises(UnknownName, match="did you mean 'bicubic'"):
        make(methods=["bicubik", "nearest", "srgan-mse"])
    with pytest.raises(UnknownName, match="did you mean 'short'"):
        make(preset_name="shirt")
    with pytest.raises(UnknownName, match="data set in the results 'Set6'"):
        make(datasets=["Set6"])
    with pytest.raises(StudyError, match="no images at scale 2; there are"):
        make(scale=2)
    with pytest.raises(StudyError, match="--per-rater 3 is less than the versions of one image"):
        make(per_rater=3)
    with pytest.raises(StudyError, match="12 retests cannot be kept 10 trials apart"):
        make(datasets=["Five"], methods=["nearest", "bicubic"], retests=12)
    with pytest.raises(StudyError, match="1000 retests asked for, but a rater has only"):
        make(retests=1000)
    with pytest.raises(StudyError, match="9 gold contents asked for, but Practice has 3"):
        make(gold=9)
    with pytest.raises(StudyError, match="magnification is '0'"):
        make(magnification=0)
    with pytest.raises(StudyError, match="no content is left"):
        make(max_height=10)
    shutil.rmtree(own_results / "images")
    with pytest.raises(StudyError, match="srbench run-all"):
        make()


def test_several_scales_need_a_choice(own_results, make):
    shutil.copytree(own_results / "images/Five/x4", own_results / "images/Five/x2")
    with pytest.raises(StudyError, match=r"scales x2, x4; choose one with --scale"):
        make()
    assert load_manifest(make(scale=4).folder).scale == 4


def test_an_existing_study_is_never_overwritten(make):
    folder = make().folder
    with pytest.raises(StudyError, match="never changed"):
        make()
    with pytest.raises(StudyError, match="never changed"):
        save_manifest(load_manifest(folder), folder)


def test_a_changed_or_broken_manifest_is_noticed(folder):
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["rules"]["minimum_ms"] = 0
    path.write_text(json.dumps(content))
    with pytest.raises(StudyError, match="was changed after the study was made"):
        load_manifest(folder)
    path.write_text(json.dumps({**content, "surprise": 1}))
    with pytest.raises(StudyError, match="is not a study's manifest"):
        load_manifest(folder)
    path.write_text("[1, 2]")
    with pytest.raises(StudyError, match="is not a study's manifest"):
        load_manifest(folder)
    path.write_text("{")
    with pytest.raises(StudyError, match="cannot be read"):
        load_manifest(folder)
    path.unlink()
    with pytest.raises(StudyError, match="holds no study"):
        load_manifest(folder)


def test_a_missing_stimulus_file_is_noticed(folder):
    next((folder / "stimuli").iterdir()).unlink()
    with pytest.raises(StudyError, match="lacks the stimulus file"):
        load_manifest(folder)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"per_rater": 0}, "per rater is '0'; it should be greater than 0"),
        ({"retests": -1}, "retests is '-1'; it should be greater than or equal to 0"),
        ({"max_height": 0}, "max height is '0'"),
        ({"magnification": 9}, "magnification is '9'; it should be less than or equal to 8"),
        ({"participant_parameter": "a b"}, "participant parameter is 'a b'; it should match"),
        ({"participant_parameter": "R"}, "is 'R', which means something else"),
        ({"session_parameter": "embed"}, "is 'embed', which means something else"),
        ({"participant_parameter": "PID", "session_parameter": "pid"}, "is the participant's"),
        ({"ask_participant": True, "session_parameter": "participant"}, "is the participant's"),
        ({"crop_too_high": True}, "--crop-too-high needs --max-height"),
        ({"return_url": "javascript:alert(1)"}, "return url is 'javascript:alert"),
        ({"return_url": "https://a.org/?c={CODE}"}, "return url contains '{CODE}', which is not"),
        ({"return_url": "https://a.org/?c={code}&p={pid}"}, "return url contains '{pid}'"),
        ({"return_url": "https://a.org/?c=%7Bcode%7D"}, "return url contains '%7B'"),
        ({"return_url": "https://a.org/?c={code"}, "return url contains '{'"),
        ({"return_url": "https://a.org/{session}"}, "which needs --session-parameter"),
        ({"completion_code": "no code"}, "completion code is 'no code'; it should match"),
        ({"institution": "Lab"}, "--institution and --contact are shown in one sentence"),
        ({"contact": "a@b.org"}, "--institution and --contact are shown in one sentence"),
        ({"institution": " "}, "institution is ' '; expected 1 to 200 letters"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named_in_one_line(make, tmp_path, option, message):
    with pytest.raises(StudyError, match=re.escape(message)) as caught:
        make(**option)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_a_folder_that_cannot_be_made_is_named(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="cannot write the study to"):
        make("file/study")


def test_what_a_killed_process_left_of_a_study_goes(make, tmp_path):
    abandoned, busy = tmp_path / ".made-abandoned", tmp_path / ".made-busy"
    for folder in (abandoned, busy):
        (folder / "stimuli").mkdir(parents=True)
        (folder / ".making").touch()
    with FileLock(busy / ".making"):
        make()
    assert not abandoned.exists()
    assert busy.exists()
    assert (tmp_path / "made/manifest.json").is_file()
    assert not (tmp_path / "made/.making").exists()


def test_a_study_stands_only_when_all_is_known_of_it(make, tmp_path, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("srbench.study.planning.planned_power", interrupt)
    with pytest.raises(KeyboardInterrupt):
        make()
    assert list(tmp_path.glob("*made*")) == []
    monkeypatch.undo()
    make()


def test_folders_of_other_programs_are_no_data_sets_methods_or_studies(
    results, calibration, tmp_path
):
    copy, out = tmp_path / "results", tmp_path / "study"
    shutil.copytree(results, copy)
    for name in ("Five/x4/.ipynb_checkpoints", ".cache/x4/HR", "@eaDir/x4/HR", "__MACOSX"):
        (copy / "images" / name).mkdir(parents=True)
    out.mkdir()
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (out / name).write_bytes(b"a file manager's")
    made = new_study(copy, out, calibration="Practice", data_root=calibration, raters=2, retests=0)
    assert set(made.methods) == {"nearest", "bicubic", "srgan-mse", "HR"}
    assert not any("left out" in note for note in made.notes)
    assert not (out / "Thumbs.db").exists()
    (tmp_path / "used").mkdir()
    for name in (".DS_Store", "notes.txt"):
        (tmp_path / "used" / name).write_text("mine")
    with pytest.raises(StudyError, match="is not empty"):
        new_study(copy, tmp_path / "used")
    assert len(list((tmp_path / "used").iterdir())) == 2
