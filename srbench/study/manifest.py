"""The manifest: the stimuli, questions and rules of a study. It is written once, hashed and never
changed.

The rater's browser sees only the opaque id of a stimulus, not its data set, image and method.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from ..errors import StudyError
from ..files import read_json, write_text
from .procedure import REFERENCE as REFERENCE
from .procedure import Item, Mode, Name, Procedure, Unit, procedure

MANIFEST_FILE = "manifest.json"
STIMULI_FOLDER = "stimuli"
# Fields that were added after the first release of the format.
_ADDED = {
    "procedure", "mode", "no_difference", "pairs", "compare", "institution", "contact",
    "participant_typed", "session_parameter", "completion_code",
    "accept", "use", "planned",
}  # fmt: skip


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Stimulus(_Frozen):
    """One picture. ``id`` is also its file name; width and height are in pixels of the file, before
    the magnification of the rules.
    """

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    dataset: str
    image: str
    method: str
    width: int = Field(gt=0)
    height: int = Field(gt=0)

    @property
    def content(self) -> tuple[str, str]:
        """The content (data set and image) of the stimulus."""
        return self.dataset, self.image


class Anchor(_Frozen):
    """A picture with a known right grade: nearest neighbour 1, the original 5."""

    stimulus: str
    expected: int = Field(ge=1, le=5)


class Question(_Frozen):
    """One question of the questionnaire. Texts are given by language code; without ``options`` the
    answer is free text. Answers are optional. Chosen options are stored in the first language.
    """

    id: str = Field(pattern=r"^[a-z][a-z0-9_]{0,29}$")
    label: dict[str, str] = Field(min_length=1)
    options: dict[str, list[str]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Question:
        if self.options and set(self.options) != set(self.label):
            raise ValueError("has labels and options in different languages")
        if len({len(options) for options in self.options.values()}) > 1:
            raise ValueError("has more options in one language than in another")
        if any(len(set(options)) < 2 for options in self.options.values()):
            raise ValueError("needs at least two different options")
        return self


class Rules(_Frozen):
    """The rules of a study, declared before the first vote.

    ``per_rater``: the maximum number of main trials (None: all). ``retests``: trials that are shown
    a second time, at least ``retest_gap`` trials later. ``block_trials``: trials between breaks.
    ``minimum_ms``: the shortest time between display of the picture and the vote.
    ``magnification``: by pixel repetition, the same for all pictures. ``max_height`` (pixels of the
    file) with ``oversize``: larger contents are left out, or cropped to that height about the
    centre. ``participant_parameter`` and ``session_parameter``: the address parameters with a
    recruiting site's ids of the participant and of the submission; ``participant_typed``: raters
    type their id if the address has none. ``return_url``: the address for raters at the end, with
    ``{code}``, ``{participant}`` and ``{session}`` filled in. ``completion_code``: the same for all
    raters (None: a different one for each).
    """

    per_rater: int | None = Field(default=None, gt=0)
    retests: int = Field(default=0, ge=0)
    retest_gap: int = Field(default=10, ge=1)
    block_trials: int = Field(default=150, ge=1)
    minimum_ms: int = Field(default=600, ge=0)
    magnification: int = Field(default=1, ge=1, le=8)
    max_height: int | None = Field(default=None, gt=0)
    oversize: Literal["leave-out", "crop"] = "leave-out"
    access: Literal["code", "open"] = "code"
    participant_parameter: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_]{1,40}$")
    participant_typed: bool = False
    session_parameter: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_]{1,40}$")
    completion_code: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,20}$")
    return_url: str | None = Field(default=None, pattern=r"^https?://[^\s\"'<>]+$", max_length=500)


class Accept(_Frozen):
    """The rules for payment: the session is finished, at least this share of ``gold`` questions was
    answered right, and it took at least ``minutes`` from consent to end.
    """

    gold: float | None = Field(default=None, gt=0, le=1)
    minutes: float | None = Field(default=None, gt=0, le=1440)


class Use(_Frozen):
    """The rules for votes in the analysis.

    The rater answered at least this share of ``gold`` questions right and of ``retest`` questions
    as before. The vote came between ``from_ms`` and ``to_ms`` after the picture appeared. With
    ``focus``, the rater did not leave the page while the picture was shown.
    """

    gold: float | None = Field(default=None, gt=0, le=1)
    retest: float | None = Field(default=None, gt=0, le=1)
    from_ms: int | None = Field(default=None, gt=0)
    to_ms: int | None = Field(default=None, gt=0)
    focus: bool = False

    @model_validator(mode="after")
    def _whole(self) -> Use:
        if self.from_ms and self.to_ms and self.from_ms >= self.to_ms:
            raise ValueError("from_ms is not below to_ms")
        return self


class Planned(_Frozen):
    """How many ``raters`` the study was made for, and the fewest ``votes`` that a stimulus (or
    pair) has when they have all finished."""

    raters: int = Field(gt=0)
    votes: int = Field(ge=0)


class Manifest(_Frozen):
    """A study's design. Equal designs have equal ``fingerprint``.

    ``procedure``, ``mode`` and ``no_difference`` define the question (`srbench.study.procedure`);
    ``method`` is its name in ITU-T P.910. ``main``: the rated stimuli; ``pairs``: pairs of them,
    for the procedure ``pair``. ``compare``: the declared comparisons (`srbench.stats.declared`).
    ``institution`` and ``contact``: who runs the study and where to write to, for the consent.
    ``texts``: all texts for raters, including the consent, by language; the first language is the
    default. ``accept`` and ``use``: which sessions are paid and which votes are analysed
    (`srbench.study.decisions`). ``planned``: None in studies made before this was recorded.
    """

    format: Literal[1] = 1
    title: str
    procedure: Name = "acr"
    mode: Mode | None = None
    no_difference: bool = False
    pairs: tuple[Annotated[tuple[str, str], Field(strict=False)], ...] = Field(
        default=(), strict=False
    )
    compare: str = ""
    method: Literal["ACR-HR", "DCR", "PC"] = "ACR-HR"
    preset: str
    scale: int = Field(ge=1)
    seed: int = Field(ge=0)
    rules: Rules
    accept: Accept = Accept()
    use: Use = Use()
    planned: Planned | None = None
    stimuli: tuple[Stimulus, ...] = Field(strict=False)
    main: tuple[str, ...] = Field(strict=False)
    calibration: tuple[Anchor, ...] = Field(strict=False)
    gold: tuple[Anchor, ...] = Field(strict=False)
    questionnaire: tuple[Question, ...] = Field(strict=False)
    institution: str | None = Field(default=None, min_length=1, max_length=200)
    contact: str | None = Field(default=None, min_length=1, max_length=200)
    texts: dict[str, dict[str, str]] = Field(min_length=1)

    @model_validator(mode="after")
    def _whole(self) -> Manifest:
        if self.method != self.asks.standard:
            raise ValueError(f"{self.procedure} is called {self.asks.standard} by P.910")
        asked = {"gold": bool(self.gold), "retest": self.rules.retests > 0}
        for name, rule in (("gold", self.accept.gold), *vars(self.use).items()):
            if rule and not asked.get(name, True):
                raise ValueError(f"a rule about {name} needs a study with {name} questions")
        if bool(self.pairs) != (self.procedure == "pair"):
            raise ValueError("pairs are for the procedure pair")
        return self

    def content(self) -> dict[str, Any]:
        """The manifest as JSON values. Later fields are left out if they have no effect, so that
        older studies keep their fingerprint.
        """
        found = self.model_dump(mode="json")
        for model, values in ((self, found), (self.rules, found["rules"])):
            for name in _ADDED & set(values):
                if getattr(model, name) == type(model).model_fields[name].default:
                    del values[name]
        return found

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the whole content, in hexadecimal."""
        return hashlib.sha256(_canonical(self.content()).encode()).hexdigest()

    @cached_property
    def asks(self) -> Procedure:
        """The procedure of the study."""
        return procedure(self.procedure, self.mode, no_difference=self.no_difference)

    @cached_property
    def units(self) -> Mapping[Unit, tuple[Item, ...]]:
        """All questions of the main part, in units that one rater gets completely."""
        return self.asks.units(self)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All questions of the main part."""
        return tuple(item for items in self.units.values() for item in items)

    def item_of(self, shown: Item) -> Item:
        """The question of a trial's pictures, in any order."""
        return self._by_pictures.get(frozenset(shown), shown)

    @cached_property
    def _by_pictures(self) -> Mapping[frozenset[str], Item]:
        asked = self.asks.anchored(self, [a.stimulus for a in (*self.calibration, *self.gold)])
        return {frozenset(item): item for item in (*asked, *self.items)}

    def original_of(self, stimulus: str) -> str:
        """The id of the original of a stimulus."""
        return self._originals[self.by_id[stimulus].content]

    @cached_property
    def _originals(self) -> Mapping[tuple[str, str], str]:
        return {s.content: s.id for s in self.stimuli if s.method == REFERENCE}

    @property
    def study_id(self) -> str:
        """A short name from the fingerprint: 12 hexadecimal digits."""
        return self.fingerprint[:12]

    @cached_property
    def by_id(self) -> Mapping[str, Stimulus]:
        """Every stimulus by its id."""
        return {stimulus.id: stimulus for stimulus in self.stimuli}

    @cached_property
    def contents(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        """The main stimuli's ids by content, in the manifest's order."""
        found: dict[tuple[str, str], list[str]] = {}
        for stimulus in self.main:
            found.setdefault(self.by_id[stimulus].content, []).append(stimulus)
        return {content: tuple(ids) for content, ids in found.items()}


def stimulus_id(seed: int, dataset: str, image: str, method: str, pixels: NDArray[np.uint8]) -> str:
    """The opaque id of a stimulus: 32 hexadecimal digits that depend on its pixels.

    Two versions with the same pixels still have different ids, so their votes stay separate. The
    seed prevents guessing the ids from another study.
    """
    what = json.dumps([seed, dataset, image, method, list(pixels.shape)])
    return hashlib.sha256(what.encode() + pixels.tobytes()).hexdigest()[:32]


def save_manifest(manifest: Manifest, folder: Path) -> None:
    """Write ``manifest.json`` with its fingerprint.

    Raises:
        StudyError: the folder already contains a manifest.
    """
    path = folder / MANIFEST_FILE
    if path.exists():
        raise StudyError(f"{path} exists; a study is never changed, make a new one")
    content = {"fingerprint": manifest.fingerprint, **manifest.content()}
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def load_manifest(folder: Path) -> Manifest:
    """Read a study's manifest and check that it is complete.

    Raises:
        StudyError: there is none, it was edited, or a stimulus file is missing.
    """
    path = folder / MANIFEST_FILE
    try:
        content = read_json(path)
    except FileNotFoundError:
        raise StudyError(
            f"{folder} holds no study ({MANIFEST_FILE} is missing); "
            "make one with: srbench study new --from results --out DIR"
        ) from None
    except (OSError, ValueError) as error:
        raise StudyError(f"{path} cannot be read ({error}); restore it from a copy") from error
    try:
        written = content.pop("fingerprint")
        manifest = Manifest.model_validate(content)
    except (AttributeError, KeyError, TypeError, ValidationError) as error:
        raise StudyError(f"{path} is not a study's manifest; restore it from a copy") from error
    if manifest.fingerprint != written:
        raise StudyError(
            f"{path} was changed after the study was made; restore it, or make a new study"
        )
    for stimulus in manifest.stimuli:
        if not stimulus_path(folder, stimulus.id).is_file():
            raise StudyError(f"{folder} lacks the stimulus file {stimulus.id}.png")
    return manifest


def stimulus_path(folder: Path, stimulus: str) -> Path:
    """The path of a stimulus' PNG."""
    return folder / STIMULI_FOLDER / f"{stimulus}.png"


def _canonical(content: object) -> str:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
