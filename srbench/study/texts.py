"""The texts for raters by language, and the questionnaire.

The catalogue is texts.toml, which also explains how to change texts for a study.
"""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from ..errors import StudyError, unknown_name
from ..files import expanded, read_toml
from .manifest import Manifest, Question

Texts = Mapping[str, str]
FALLBACK = "en"
_LANGUAGE = re.compile(r"[a-z]{2,3}")
_LONGEST_TEXT = 20_000
_SPECIAL = re.compile(r"(.+?)_(?:pair|dcr)(?:_side|_place)?")
# Languages in the right-to-left Arabic, Hebrew, Syriac or Thaana script.
_RIGHT_TO_LEFT = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "ps", "sd", "syr", "ug", "ur", "yi"}


@dataclass(frozen=True)
class Wording:
    """The texts of a study by language, all complete, the default one first; and its questions."""

    words: Mapping[str, Texts]
    questions: tuple[Question, ...]


def catalogue_source() -> str:
    """The catalogue that comes with srbench, as TOML."""
    return files("srbench.study").joinpath("texts.toml").read_text("utf-8")


@cache
def catalogue() -> Wording:
    """The catalogue that comes with srbench."""
    content = tomllib.loads(catalogue_source())
    questions = _questions(content.pop("questions"), "texts.toml")
    return Wording(content, questions)


def read_wording(path: Path | None) -> Wording:
    """The catalogue with the changes of a researcher's file; without a file, the catalogue.

    Raises:
        StudyError: the file is not such a catalogue; the message says where.
    """
    ours = catalogue()
    if path is None:
        return ours
    path = expanded(path)
    try:
        content = read_toml(path)
    except FileNotFoundError:
        raise StudyError(f"{path} does not exist; begin one with: srbench study texts") from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read as TOML in UTF-8 ({error})") from error
    if not content:
        raise StudyError(f"{path} holds no text to change; begin one with: srbench study texts")
    offered = content.pop("languages", None)
    questions = content.pop("questions", None)
    words = dict(ours.words)
    for language, changed in content.items():
        checked = _checked(language, changed, path)
        words[language] = {
            **ours.words[FALLBACK],
            **ours.words.get(language, {}),
            # A change applies to every procedure unless the file changes it for one of them.
            **{special: checked[name] for special, name in _specials().items() if name in checked},
            **checked,
        }
    if offered is not None:
        words = _only(words, offered, path)
    return Wording(words, ours.questions if questions is None else _questions(questions, path))


def texts_of(manifest: Manifest) -> dict[str, Texts]:
    """A study's texts by language, the default one first. Each language is complete, even if an
    older srbench with fewer texts made the study. Texts of the study's procedure (and mode) replace
    the usual ones: `instructions_pair_side` replaces `instructions`.
    """
    ours, asks = catalogue().words, manifest.asks
    endings = [f"_{asks.name}", f"_{asks.name}_{asks.mode}"]
    return {
        language: _with_own({**ours[FALLBACK], **ours.get(language, {}), **words}, endings)
        for language, words in manifest.texts.items()
    }


@cache
def _specials() -> Mapping[str, str]:
    """Names of texts for one procedure or mode, with the names of the texts that they replace."""
    english = catalogue().words[FALLBACK]
    found = {name: _SPECIAL.fullmatch(name) for name in english}
    return {name: m[1] for name, m in found.items() if m and m[1] in english}


def _with_own(words: Texts, endings: Sequence[str]) -> Texts:
    own = {
        name.removesuffix(ending): text
        for ending in endings
        for name, text in words.items()
        if name.endswith(ending)
    }
    return {**words, **own}


def direction(language: str) -> Literal["ltr", "rtl"]:
    """The writing direction of a language, for a page's ``dir``."""
    return "rtl" if language in _RIGHT_TO_LEFT else "ltr"


def _checked(language: str, changed: object, path: Path) -> Texts:
    english = catalogue().words[FALLBACK]
    if not _LANGUAGE.fullmatch(language):
        raise StudyError(
            f"{path}: '{language}' is neither 'languages', 'questions' nor a language's code "
            "such as en, ko or de"
        )
    if not isinstance(changed, dict):
        raise StudyError(f"{path}: '{language}' must be a table: [{language}]")
    for name, text in changed.items():
        if name not in english:
            raise unknown_name(f"text in {path}, [{language}]", name, english)
        where = f"{path}: '{name}' of [{language}]"
        if not isinstance(text, str) or not text.strip() or len(text) > _LONGEST_TEXT:
            raise StudyError(f"{where} must be a text of 1 to {_LONGEST_TEXT} letters")
        if blanks(text) != blanks(english[name]):
            wanted = ", ".join(f"{{{blank}}}" for blank in blanks(english[name])) or "none"
            raise StudyError(f"{where} must have the blanks of the English text: {wanted}")
    if language not in catalogue().words and "language" not in changed:
        raise StudyError(f'{path}: [{language}] needs the language\'s own name: language = "..."')
    return changed


def blanks(text: str) -> list[str]:
    """The placeholders of a text: the names in braces, sorted."""
    try:
        return sorted(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    except ValueError:
        return ["a brace that is not closed"]


def _only(words: Mapping[str, Texts], offered: object, path: Path) -> dict[str, Texts]:
    if not isinstance(offered, list) or not offered:
        raise StudyError(f'{path}: languages must be a list such as ["ko", "en"]')
    for language in offered:
        if not isinstance(language, str) or language not in words:
            raise unknown_name(f"language in {path}", str(language), words)
    return {language: words[language] for language in offered}


def _questions(content: Sequence[Any], path: Path | str) -> tuple[Question, ...]:
    if not isinstance(content, list):
        raise StudyError(f"{path}: questions must be [[questions]] tables, or questions = []")
    questions: list[Question] = []
    for number, one in enumerate(content, start=1):
        try:
            questions.append(Question.model_validate(one))
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(map(str, problem["loc"]))
            message = problem["msg"].removeprefix("Value error, ")
            raise StudyError(f"{path}: question {number}: {place} {message}".strip()) from error
    names = [question.id for question in questions]
    if len(set(names)) < len(names):
        raise StudyError(f"{path}: two questions have the same id")
    return tuple(questions)
