"""The words that raters read."""

import string

import pytest

from srbench.errors import StudyError
from srbench.study.texts import load_texts


def test_english_and_korean_have_the_same_words_and_the_same_blanks():
    texts = load_texts()
    assert {"en", "ko"} <= set(texts)

    def blanks(text):
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name)

    import tomllib
    from importlib.resources import files

    raw = tomllib.loads(files("srbench.study").joinpath("texts.toml").read_text("utf-8"))
    assert set(raw["en"]) == set(raw["ko"])
    for key in raw["en"]:
        assert raw["en"][key].strip()
        assert blanks(raw["en"][key]) == blanks(raw["ko"][key])


def test_a_study_may_change_words_and_add_a_language(tmp_path):
    (tmp_path / "texts.toml").write_text('[en]\nundo = "Back"\n[de]\nundo = "Zurück"\n', "utf-8")
    texts = load_texts(tmp_path)
    assert texts["en"]["undo"] == "Back"
    assert texts["de"]["undo"] == "Zurück"
    assert texts["de"]["grade_1"] == "Bad"


def test_a_catalogue_that_is_none_is_refused(tmp_path):
    (tmp_path / "texts.toml").write_text("[en]\nundo = 3\n")
    with pytest.raises(StudyError, match="texts only"):
        load_texts(tmp_path)
    (tmp_path / "texts.toml").write_text("[en")
    with pytest.raises(StudyError, match="cannot be read"):
        load_texts(tmp_path)
