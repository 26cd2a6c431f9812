"""What a study asks: a grade of one picture (acr), the better of two (pair), or how much worse a
version is than its original (dcr). One question per study, named in its manifest.

A `Procedure` states facts; nobody who holds one asks which it is. ``manifest.asks`` gives it.

What the rating screen needs of it:

- ``store.screen(session)`` gives a `Screen`; of kind ``trial``, ``screen.trial.stimuli`` are the
  ids of the pictures in the order in which they stand: from the left (mode ``side``), or the first
  on the screen first (mode ``place``). One for acr; two for pair; for dcr the original, which is
  always told as such, then the version. Both pictures of a trial have the same size, and may be the
  same picture (practice of dcr shows an original against itself).
- ``procedure.mode`` is None, ``side`` or ``place``; ``question`` is the key of the text that asks,
  ``answers`` maps what is stored (an integer, `Submission.score`) to the key of its words:
  grades 1 to 5; of a pair 1 for the picture that stands left or first, 2 for the other, 3 for no
  difference, which is there only if the study was made with it. ``feedback`` maps the right answer
  of a practice trial (``trial.expected``) to the key of what is said of it.
- `srbench.study.texts.texts_of` has replaced every text by the one of this procedure and mode
  where the catalogue has one (``instructions`` by ``instructions_pair_side``).
- ``store.vote(session, submission)`` takes the answer of every procedure, and undo, resume,
  repeated and stale submissions are as for grades. A trial of two pictures needs of `Submission`
  also ``second`` (the id of the second picture), ``toggles`` (mode ``place``: how often the picture
  was changed, 1 or more, as both must be seen; mode ``side``: 0) and ``second_ms`` (of
  ``response_ms``, how long the second picture stood; equal to it in mode ``side``). Natural and
  drawn size hold for both pictures; the screen sends no answer while they differ. ``pinch``
  (``visualViewport.scale``, must be 1), ``forced_colors`` and ``focus_lost`` (how often the page
  lost the focus or was hidden since the picture stood) are screen facts of every procedure.
- `srbench.study.session.window_needed` counts two pictures and `GAP`
  device pixels between them in mode ``side``.
- ``seconds``: what one answer takes, for the minutes left.
- ``keys``: the key of each answer, in the order in which the buttons stand; ``names``: the text
  keys of what each picture is called; ``named``: whether the screen shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Literal

from ..errors import StudyError

if TYPE_CHECKING:
    from .manifest import Manifest

Name = Literal["acr", "pair", "dcr"]
Mode = Literal["side", "place"]
Item = tuple[str, ...]
"""The ids of the stimuli that one question is about, in this or another order."""
Unit = tuple[str, ...]
"""What a rater is given or not: data set and image, and of a pair also its two stimuli."""

REFERENCE = "HR"
GAP = 16  # device pixels between two pictures that stand side by side
FIRST, SECOND, SAME = 1, 2, 3  # stored answers to a pair
MINE = "mine:"
FAR = 2  # grades: an answer so far from the right one is a miss
_BARELY = 0.25  # grades: less is no difference to a simulated rater

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
    """One way to ask; this one for a grade of a single picture.

    ``standard`` is the name that ITU-T P.910 gives it. ``pictures``: how many a trial shows.
    ``swaps``: whether the order of the pictures is drawn for each trial, and so each answer but
    "no difference" names one of them. ``seconds``: what an answer is expected to take. ``keys``: by
    answer, as browsers name them. ``methods`` and ``said``: the columns of a table that name what
    was rated, and the answer.
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
        """Whether the names of the pictures stand on the screen: not where left and right are
        plain to see."""
        return self.pictures > 1 and not (self.swaps and self.mode == "side")

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        """What is asked about one image in these versions, as names of methods.

        ``pairs`` chooses among pairs: ``all`` two methods, ``hr`` the original among them, or
        ``mine:NAME``, one method against every other.
        """
        return [(method,) for method in methods]

    def units(self, manifest: Manifest) -> Mapping[Unit, tuple[Item, ...]]:
        """Everything that is asked in the main part, by what a rater gets as a whole: all versions
        of an image, so that comparisons of versions stay within one rater."""
        return {
            content: tuple(self.item(manifest, stimulus) for stimulus in stimuli)
            for content, stimuli in manifest.contents.items()
        }

    def item(self, manifest: Manifest, stimulus: str) -> Item:
        """The question about one stimulus."""
        return (stimulus,)

    def rated(self, item: Item) -> Item:
        """The stimuli that an answer is about."""
        return item

    def anchored(self, manifest: Manifest, stimuli: Iterable[str]) -> list[Item]:
        """The questions that practice or gold stimuli make."""
        return [self.item(manifest, stimulus) for stimulus in stimuli]

    def expected(self, shown: Item, grades: Mapping[str, int]) -> int:
        """The right answer to a question about stimuli whose right grades are known."""
        return grades[shown[-1]]

    def spoken(self, score: int) -> str:
        """An answer in a word for the researcher."""
        return str(score)

    def missed(self, score: int, expected: int) -> bool:
        """Whether an answer is too far from the right one: two grades."""
        return abs(score - expected) >= FAR

    def agree(self, one: tuple[Item, int], two: tuple[Item, int]) -> bool:
        """Whether two answers, each with the order in which the pictures stood, say the same."""
        return abs(one[1] - two[1]) < FAR

    def felt(self, shown: Item, quality: Mapping[str, float]) -> int:
        """The answer of a rater to whom the pictures seem that good, in grades."""
        return min(5, max(1, round(quality[shown[-1]])))

    def cells(self, item: Item, shown: Item, score: int) -> tuple[str | int, ...]:
        """An answer about ``item`` as it stands in the columns ``said`` of a table."""
        return (score,)

    def read_cells(self, item: Item, cells: Mapping[str, str]) -> tuple[Item, int | None]:
        """The order in which the pictures stood, and the answer, of `cells` as text; None where
        that is no answer. The order is that of ``item`` where a table does not tell it."""
        grades = {float(grade): grade for grade in self.answers}
        try:
            return item, grades.get(float(cells["score"]))
        except ValueError:
            return item, None


class _Degradation(Procedure):
    """How much worse than its original a version is: the original stands first."""

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        return [(REFERENCE, method) for method in methods if method != REFERENCE]

    def item(self, manifest: Manifest, stimulus: str) -> Item:
        return manifest.original_of(stimulus), stimulus

    def rated(self, item: Item) -> Item:
        return item[1:]

    def felt(self, shown: Item, quality: Mapping[str, float]) -> int:
        return min(5, max(1, round(5 + quality[shown[1]] - quality[shown[0]])))


class _Pairs(Procedure):
    """Which of two versions of an image is better; every pair is a unit of its own."""

    def questions(self, methods: Sequence[str], pairs: str = "all") -> list[tuple[str, ...]]:
        versions = [method for method in methods if method != REFERENCE]
        if pairs.startswith(MINE):
            mine = pairs.removeprefix(MINE)
            return [(mine, other) for other in versions if other != mine]
        return list(combinations(methods if pairs == "hr" else versions, 2))

    def units(self, manifest: Manifest) -> Mapping[Unit, tuple[Item, ...]]:
        return {(*manifest.by_id[a].content, a, b): ((a, b),) for a, b in manifest.pairs}

    def anchored(self, manifest: Manifest, stimuli: Iterable[str]) -> list[Item]:
        """One pair of each image: its nearest neighbour and its original."""
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
    """The procedure of that name, as a study has it.

    Raises:
        StudyError: there is none of that name, a mode is missing or has no meaning, or "no
            difference" is to be an answer to what is no pair.
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
