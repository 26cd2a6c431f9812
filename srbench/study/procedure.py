"""The procedure of a study: a grade of one picture (acr), the better of two (pair), or the
degradation of a version from its original (dcr).

Each study has one procedure, named in its manifest; ``manifest.asks`` returns it. Code reads the
facts of a `Procedure` and does not check which one it is. The rating screen uses:

- ``store.screen(session)`` gives a `Screen`; of kind ``trial``, ``screen.trial.stimuli`` are the
  ids of the pictures in display order: from left to right (mode ``side``) or from first to second
  (mode ``place``). There is one picture for acr and two for pair; dcr shows the original, always
  labelled as such, and then the version. Both pictures of a trial have the same size and may be
  identical (dcr practice compares an original with itself).
- ``procedure.mode`` is None, ``side`` or ``place``; ``question`` is the key of the question's text.
  ``answers`` maps the stored integer (`Submission.score`) to the key of its text: grades 1 to 5;
  for a pair 1 for the left or first picture, 2 for the other, and 3 for no difference if the study
  offers it. ``feedback`` maps the right answer of a practice trial (``trial.expected``) to the key
  of the feedback text.
- `srbench.study.texts.texts_of` has already replaced texts by those of the procedure and mode, if
  the catalogue has one (``instructions`` by ``instructions_pair_side``).
- ``store.vote(session, submission)`` takes the answers of all procedures; undo, resume, repeated
  and stale submissions work as for grades. For a trial of two pictures, a `Submission` also needs
  ``second`` (the id of the second picture), ``toggles`` (mode ``place``: the number of switches
  between the pictures, at least 1 because both must be seen; mode ``side``: 0) and ``second_ms``
  (the part of ``response_ms`` in which the second picture was visible; equal to it in mode
  ``side``). Natural and drawn size apply to both pictures; the screen sends no answer while they
  differ. All procedures report ``pinch`` (``visualViewport.scale``, must be 1), ``forced_colors``
  and ``focus_lost`` (how often the page lost the focus or was hidden while the picture was shown).
- `srbench.study.session.window_needed` includes both pictures and the `GAP` in mode ``side``.
- ``seconds``: the expected time of one answer, for the minutes left.
- ``keys``: the keyboard key of each answer, in the order of the buttons. ``names``: the text keys
  of the pictures' names. ``named``: whether the screen shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from ..csv_cells import number
from ..errors import StudyError

if TYPE_CHECKING:
    from .manifest import Manifest

Name = Literal["acr", "pair", "dcr"]
Mode = Literal["side", "place"]
Item = tuple[str, ...]
"""The ids of the stimuli that one question is about, in this or another order."""
Unit = tuple[str, ...]
"""What one rater gets as a whole: data set and image, for pairs also the two stimuli."""

REFERENCE = "HR"
GAP = 16  # device pixels between two pictures side by side
FIRST, SECOND, SAME = 1, 2, 3  # stored values of answers to a pair
MINE = "mine:"
FAR = 2  # grades: an answer that is at least this far from the right one is a miss
_BARELY = 0.25  # grades: a simulated rater sees no smaller difference

_GRADES = {grade: f"grade_{grade}" for grade in range(1, 6)}
_IMPAIRMENT = {grade: f"impairment_{grade}" for grade in range(1, 6)}
_CHOICES: Mapping[Mode, Mapping[int, str]] = {
    "side": {FIRST: "choice_left", SECOND: "choice_right", SAME: "choice_same"},
    "place": {FIRST: "choice_first", SECOND: "choice_second", SAME: "choice_same"},
}

_DIGITS = {grade: str(grade) for grade in range(1, 6)}
_ARROWS = {FIRST: "ArrowLeft", SAME: "ArrowDown", SECOND: "ArrowRight"}


@dataclass(frozen=True)
class Procedure:
    """A rating procedure; this base class asks for a grade of a single picture.

    ``standard``: its name in ITU-T P.910. ``pictures``: the number of pictures per trial.
    ``swaps``: whether their order is random, so that each answer except "no difference" names one
    of them. ``seconds``: the expected time of an answer. ``keys``: browser key names by answer.
    ``methods`` and ``said``: the table columns with the rated methods and with the answer.
    """

    name: Name
    standard: Literal["ACR-HR", "DCR", "PC"]
    question: str
    answers: Mapping[int, str]
    feedback: Mapping[int, str]
    seconds: float
    pictures: int = 1
    mode: Mode | None = None
    swaps: bool = False
    keys: Mapping[int, str] = field(default_factory=_DIGITS.copy)
    names: tuple[str, ...] = ("picture",)
    methods: tuple[str, ...] = ("method",)
    said: tuple[str, ...] = ("score",)

    @property
    def named(self) -> bool:
        """Whether the screen shows names of the pictures; not needed for left and right."""
        return self.pictures > 1 and not (self.swaps and self.mode == "side")

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        """The questions about one image in these versions, as tuples of method names.

        ``pairs`` selects pairs: ``all`` of the methods, ``hr`` also pairs with the original, or
        ``mine:NAME``, one method against every other.
        """
        return [(method,) for method in methods]

    def units(self, manifest: Manifest) -> Mapping[Unit, tuple[Item, ...]]:
        """All questions of the main part, in units that one rater gets completely: all versions of
        an image, so that comparisons of versions are within one rater.
        """
        return {
            content: tuple(self.item(manifest, stimulus) for stimulus in stimuli)
            for content, stimuli in manifest.contents.items()
        }

    def item(self, manifest: Manifest, stimulus: str) -> Item:
        """The question about one stimulus."""
        return (stimulus,)

    def rated(self, item: Item) -> Item:
        """The stimuli that an answer rates."""
        return item

    def anchored(self, manifest: Manifest, stimuli: Iterable[str]) -> list[Item]:
        """The questions about practice or gold stimuli."""
        return [self.item(manifest, stimulus) for stimulus in stimuli]

    def expected(self, shown: Item, grades: Mapping[str, int]) -> int:
        """The right answer to a question about stimuli with known right grades."""
        return grades[shown[-1]]

    def spoken(self, score: int) -> str:
        """An answer as text for the researcher."""
        return str(score)

    def missed(self, score: int, expected: int) -> bool:
        """Whether an answer differs from the right one by two grades or more."""
        return abs(score - expected) >= FAR

    def agree(self, one: tuple[Item, int], two: tuple[Item, int]) -> bool:
        """Whether two answers, each with the display order of its pictures, agree."""
        return abs(one[1] - two[1]) < FAR

    def felt(self, shown: Item, quality: Mapping[str, float]) -> int:
        """The answer of a rater with this impression of the pictures' quality, in grades."""
        return min(5, max(1, round(quality[shown[-1]])))

    def cells(self, item: Item, shown: Item, score: int) -> tuple[str | int, ...]:
        """An answer about ``item`` as the values of the table columns ``said``."""
        return (score,)

    def read_cells(self, item: Item, cells: Mapping[str, str]) -> tuple[Item, int | None]:
        """The display order and the answer from `cells` as text; None if they are not an answer.

        The order is that of ``item`` if the table does not give it.
        """
        grades = {float(grade): grade for grade in self.answers}
        try:
            return item, grades.get(number(cells["score"]))
        except ValueError:
            return item, None


class _Degradation(Procedure):
    """The degradation of a version from its original, which comes first."""

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        return [(REFERENCE, method) for method in methods if method != REFERENCE]

    def item(self, manifest: Manifest, stimulus: str) -> Item:
        return manifest.original_of(stimulus), stimulus

    def rated(self, item: Item) -> Item:
        return item[1:]

    def felt(self, shown: Item, quality: Mapping[str, float]) -> int:
        return min(5, max(1, round(5 + quality[shown[1]] - quality[shown[0]])))


class _Pairs(Procedure):
    """The better of two versions of an image; every pair is its own unit."""

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        versions = [method for method in methods if method != REFERENCE]
        if pairs.startswith(MINE):
            mine = pairs.removeprefix(MINE)
            return [(mine, other) for other in versions if other != mine]
        return list(combinations(methods if pairs == "hr" else versions, 2))

    def units(self, manifest: Manifest) -> Mapping[Unit, tuple[Item, ...]]:
        return {(*manifest.by_id[a].content, a, b): ((a, b),) for a, b in manifest.pairs}

    def anchored(self, manifest: Manifest, stimuli: Iterable[str]) -> list[Item]:
        """One pair for each image: nearest neighbour and the original."""
        found: dict[tuple[str, str], list[str]] = {}
        for stimulus in stimuli:
            found.setdefault(manifest.by_id[stimulus].content, []).append(stimulus)
        return [tuple(both) for both in found.values()]

    def expected(self, shown: Item, grades: Mapping[str, int]) -> int:
        return FIRST if grades[shown[0]] > grades[shown[1]] else SECOND

    def spoken(self, score: int) -> str:
        return self.answers[score].removeprefix("choice_")

    def missed(self, score: int, expected: int) -> bool:
        return score != expected

    def agree(self, one: tuple[Item, int], two: tuple[Item, int]) -> bool:
        return self.cells(one[0], *one)[0] == self.cells(one[0], *two)[0]

    def felt(self, shown: Item, quality: Mapping[str, float]) -> int:
        better = quality[shown[0]] - quality[shown[1]]
        if SAME in self.answers and abs(better) < _BARELY:
            return SAME
        return FIRST if better > 0 else SECOND

    def cells(self, item: Item, shown: Item, score: int) -> tuple[str | int, ...]:
        first, second = ("a", "b") if shown == item else ("b", "a")
        return {FIRST: first, SECOND: second, SAME: "same"}[score], first

    def read_cells(self, item: Item, cells: Mapping[str, str]) -> tuple[Item, int | None]:
        first, answer = (cells.get(name, "").casefold() for name in ("first", "answer"))
        front, back = ("b", "a") if first == "b" else ("a", "b")
        score = {front: FIRST, back: SECOND, "same": SAME}.get(answer)
        known = first in ("", "a", "b") and score in self.answers
        return item[::-1] if first == "b" else item, score if known else None


ACR = Procedure(
    "acr", "ACR-HR", "question_of_quality", _GRADES, {1: "feedback_low", 5: "feedback_high"}, 4.5
)


def procedure(name: Name, mode: Mode | None = None, *, no_difference: bool = False) -> Procedure:
    """The procedure with this name and these settings.

    Raises:
        StudyError: the name is unknown, a mode is missing or does not apply, or "no difference" is
            set for a procedure other than ``pair``.
    """
    if name not in ("acr", "pair", "dcr"):
        raise StudyError(f"procedure '{name}' is not known; there are: acr, pair, dcr")
    if no_difference and name != "pair":
        raise StudyError(f'"no difference" is an answer to pairs; the procedure is {name}')
    if name == "acr":
        if mode is not None:
            raise StudyError(f"mode {mode} is for procedures of two pictures; acr shows one")
        return ACR
    if mode not in ("side", "place"):
        raise StudyError(f"mode '{mode}' is not known; {name} shows two pictures: side or place")
    if name == "dcr":
        return _Degradation(
            "dcr", "DCR", "question_of_impairment", _IMPAIRMENT,
            {1: "feedback_impaired", 5: "feedback_equal"}, 6.0, pictures=2, mode=mode,
            names=("original", "version"),
        )  # fmt: skip
    answers = {a: key for a, key in _CHOICES[mode].items() if a != SAME or no_difference}
    return _Pairs(
        "pair", "PC", "question_of_pair", answers,
        {FIRST: f"feedback_{mode}_{FIRST}", SECOND: f"feedback_{mode}_{SECOND}"}, 6.0,
        pictures=2, mode=mode, swaps=True,
        keys={answer: key for answer, key in _ARROWS.items() if answer in answers},
        names=(answers[FIRST], answers[SECOND]),
        methods=("method_a", "method_b"), said=("answer", "first"),
    )  # fmt: skip
