"""The texts for raters, and changes of texts for a study."""

import pytest

from srbench.errors import SrbenchError
from srbench.study.making import new_study
from srbench.study.manifest import load_manifest
from srbench.study.texts import blanks, catalogue, catalogue_source, read_wording, texts_of

GERMAN = """
languages = ["de", "en"]
questions = []

[de]
language = "Deutsch"
consent = "Machen Sie mit?"
undo = "Zurück"
"""


@pytest.fixture
def own(tmp_path):
    def write(text):
        path = tmp_path / "own.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def test_english_and_korean_have_the_same_words_the_same_blanks_and_the_same_questions():
    words = catalogue().words
    assert set(words) == {"en", "ko"}
    assert set(words["en"]) == set(words["ko"])
    for name, text in words["en"].items():
        assert text.strip()
        assert words["ko"][name].strip()
        assert blanks(text) == blanks(words["ko"][name])
    for question in catalogue().questions:
        assert set(question.label) == set(question.options) == {"en", "ko"}


def test_a_study_may_change_words_add_a_language_and_ask_nothing(own):
    wording = read_wording(own(GERMAN))
    assert list(wording.words) == ["de", "en"]
    assert wording.words["de"]["undo"] == "Zurück"
    assert wording.words["de"]["grade_1"] == "Bad"
    assert wording.questions == ()


def test_the_catalogue_itself_is_a_valid_file_of_ones_own(own):
    assert read_wording(own(catalogue_source())) == catalogue()


def test_questions_of_ones_own_replace_ours_and_may_be_free_text(own):
    wording = read_wording(
        own(
            '[[questions]]\nid = "city"\nlabel.en = "Where do you live?"\n'
            '[[questions]]\nid = "glasses"\nlabel.en = "Glasses?"\noptions.en = ["Yes", "No"]\n'
        )
    )
    assert [question.id for question in wording.questions] == ["city", "glasses"]
    assert wording.questions[0].options == {}
    assert wording.words == catalogue().words


def test_a_consent_of_ones_own_holds_for_every_procedure_unless_it_is_changed_for_one(own):
    words = read_wording(own('[en]\nconsent = "Mine."\nconsent_dcr = "Mine of DCR."\n')).words["en"]
    assert (words["consent_pair"], words["consent_dcr"]) == ("Mine.", "Mine of DCR.")
    assert words["instructions_pair_side"] == catalogue().words["en"]["instructions_pair_side"]


def test_the_manifest_keeps_every_word(results, calibration, own, tmp_path):
    new_study(
        results, tmp_path / "study", calibration="Practice", data_root=calibration,
        texts=own(GERMAN),
    )  # fmt: skip
    manifest = load_manifest(tmp_path / "study")
    assert texts_of(manifest)["de"]["consent"] == "Machen Sie mit?"
    assert list(manifest.texts) == ["de", "en"]
    assert manifest.questionnaire == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[en]\nundo = 3\n", "must be a text"),
        ('[en]\nundo = ""\n', "must be a text"),
        ('[en]\nundu = "x"\n', "did you mean 'undo'"),
        ('[en]\npractice = "Practice"\n', "must have the blanks of the English text: {done}"),
        ('[en]\nundo = "{oops"\n', "must have the blanks"),
        ('[de]\nundo = "x"\n', "needs the language's own name"),
        ('[English]\nundo = "x"\n', "language's code"),
        ('en = "x"\n', "must be a table"),
        ('languages = [["en"]]\n', "unknown language"),
        ('languages = ["fr"]\n', "unknown language"),
        ("languages = []\n", "must be a list"),
        ("questions = 3\n", "questions must be"),
        ('[[questions]]\nid = "a"\n', "question 1: label Field required"),
        ('[[questions]]\nid = "A b"\nlabel.en = "x"\n', "question 1: id"),
        ('[[questions]]\nid = "a"\nlabel.en = "x"\noptions.en = ["y"]\n', "at least two"),
        ('[[questions]]\nid = "a"\nlabel.en = "x"\noptions.ko = ["y", "z"]\n', "languages"),
        ('[[questions]]\nid = "a"\nlabel.en = "x"\n' * 2, "the same id"),
        ("[en", "cannot be read"),
        ("", "holds no text to change"),
        ("# [en]\n# undo = 'x'\n", "holds no text to change"),
    ],
)
def test_a_file_that_is_no_catalogue_is_refused_in_one_line(own, text, says):
    with pytest.raises(SrbenchError) as error:
        read_wording(own(text))
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SrbenchError, match=r"none\.toml does not exist"):
        read_wording(tmp_path / "none.toml")
