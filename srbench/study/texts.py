"""The words that raters read, by language; see texts.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path

from ..errors import StudyError

Texts = Mapping[str, str]
FALLBACK = "en"
TEXTS_FILE = "texts.toml"


def load_texts(folder: Path | None = None) -> dict[str, Texts]:
    """The catalogue, with the words of the study in ``folder`` over it. A language that lacks a
    word has the English one.

    Raises:
        StudyError: the study's own file is not such a catalogue.
    """
    catalogue = tomllib.loads(files("srbench.study").joinpath(TEXTS_FILE).read_text("utf-8"))
    own = folder / TEXTS_FILE if folder else None
    if own is not None and own.is_file():
        for language, words in _own(own).items():
            catalogue[language] = {**catalogue.get(language, {}), **words}
    english = catalogue[FALLBACK]
    return {language: {**english, **words} for language, words in catalogue.items()}


def _own(path: Path) -> dict[str, dict[str, str]]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read ({error})") from error
    for language, words in content.items():
        if not isinstance(words, dict) or not all(isinstance(w, str) for w in words.values()):
            raise StudyError(f"{path}: [{language}] must hold texts only")
    return content
