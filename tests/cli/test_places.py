"""A folder where a file is written, and a file where a folder is: told before any work is done."""

import pytest

TO_A_FILE = {
    "score": ("score", "--hr", "hr", "--sr", "sr", "--scale", 4, "--out"),
    "train": ("train", "espcn", "--data", "photographs", "--out"),
    "study plan": ("study", "plan", "--out"),
    "study export": ("study", "export", "study", "--out"),
    "study export, answers": ("study", "export", "study", "--out", "v.csv", "--answers"),
    "study import": ("study", "import", "study"),
    "study new, texts": ("study", "new", "--from", "results", "--out", "s", "--texts"),
    "study analyze, ratings": ("study", "analyze", "--ratings"),
    "study analyze, scores": ("study", "analyze", "study", "--scores"),
}
TO_A_FOLDER = {
    "run-all": ("run-all", "--out"),
    "run-all, data": ("run-all", "--data"),
    "run-all, weights": ("run-all", "--weights"),
    "report": ("report", "--out"),
    "upscale": ("upscale", "lr", "--method", "bicubic", "--out"),
    "train": ("train", "srgan-tv", "--config", "tv-div2k", "--data", "photographs", "--out"),
    "evolution": ("evolution", "net.safetensors", "--out"),
    "depth-study": ("depth-study", "--data", "photographs", "--out"),
    "study new": ("study", "new", "--from", "results", "--out"),
    "study new, from": ("study", "new", "--out", "s", "--from"),
    "study analyze": ("study", "analyze", "study", "--out"),
    "study status": ("study", "status"),
    "data list": ("data", "list", "--data"),
    "data fetch": ("data", "fetch", "Set5", "--data"),
    "data verify": ("data", "verify", "Set5", "--data"),
    "data import": ("data", "import", "mine", "photographs", "--data"),
    "weights list": ("weights", "list", "--weights"),
    "weights fetch": ("weights", "fetch", "vgg16-features", "--weights"),
    "weights import": ("weights", "import", "vgg16-features", "file.pth", "--weights"),
    "doctor": ("doctor", "--data"),
}


@pytest.mark.parametrize("command", TO_A_FILE)
def test_a_folder_is_no_file(refused, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "here.png"
    folder.mkdir()
    line = refused(*TO_A_FILE[command], folder)
    assert f"{folder} is a folder, expected the name of a file" in line
    assert [*tmp_path.rglob("*")] == [folder]


@pytest.mark.parametrize("command", TO_A_FOLDER)
def test_a_file_is_no_folder(refused, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "here"
    file.write_text("mine")
    line = refused(*TO_A_FOLDER[command], file)
    assert f"{file} is a file, expected the name of a folder" in line
    assert [*tmp_path.rglob("*")] == [file]
    assert file.read_text() == "mine"


def test_a_file_among_the_folders_above_is_named(refused, tmp_path):
    (tmp_path / "file").touch()
    line = refused("study", "plan", "--images", 2, "--raters", 2, "--out", tmp_path / "file/x.png")
    assert f"{tmp_path / 'file'} is a file, not a folder" in line
