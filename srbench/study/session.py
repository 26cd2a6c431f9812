"""The rules of a session, as pure functions: which screen is next, which vote counts.

The way: consent, questionnaire, display, instructions, calibration trials, ready, then blocks of
trials with a break between them, debrief, finished. Steps are confirmed once; votes come strictly
in the playlist's order, so the last vote alone tells where a rater stands.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Literal

from .manifest import Manifest, Stimulus
from .playlists import Trial
from .procedure import GAP, Item

ScreenKind = Literal[
    "consent",
    "questionnaire",
    "display",
    "instructions",
    "ready",
    "break",
    "trial",
    "debrief",
    "finished",
]
Verdict = Literal["accepted", "repeated", "stale", "differs", "refused"]

OPENING_STEPS: tuple[ScreenKind, ...] = ("consent", "questionnaire", "display", "instructions")
# CSS pixels of the rating screen: above the pictures, for the names of two, and below.
ABOVE, NAMES, BELOW = 32, 34, 84
# A vote can be slower than any study lasts, but no number may be without bound.
_LONGEST_RESPONSE_MS = 30 * 24 * 3600 * 1000
_LARGEST_SIDE = 100_000
_LARGEST_COUNT = 100_000
_LARGEST_PINCH = 0.01  # browsers report 1 inexactly after a gesture


@dataclass(frozen=True)
class Session:
    """One rater's taking part. ``rater`` is the opaque name that stands in every table; ``nonce``
    is the session's own secret, which whatever its page sends must carry."""

    id: int
    nonce: str
    rater: str
    number: int
    simulated: bool
    completion_code: str | None = None


@dataclass(frozen=True)
class LastVote:
    """The newest attempt of the newest trial, and whether it was taken back."""

    trial: int
    attempt: int
    retracted: bool


@dataclass(frozen=True)
class SessionProgress:
    """All that the rules need to know of a session: steps confirmed, the last vote, and when
    something was stored last (ISO 8601), which is before the present picture stood."""

    steps: frozenset[str] = field(default_factory=frozenset)
    last: LastVote | None = None
    changed_at: str | None = None


@dataclass(frozen=True)
class StoredGrade:
    """The grade that counts for a trial, given in that attempt."""

    trial: int
    attempt: int
    score: int


@dataclass(frozen=True)
class Screen:
    """What to show now. ``step`` is what to confirm to continue; a trial has ``trial`` and
    ``attempt`` instead. ``undo``: trial and attempt of the vote that may be taken back now.
    ``untold``: what the rater is to be told first, having pressed another grade there."""

    kind: ScreenKind
    step: str | None = None
    trial: Trial | None = None
    attempt: int = 1
    undo: tuple[int, int] | None = None
    untold: StoredGrade | None = None


@dataclass(frozen=True)
class Submission:
    """A vote as the browser sends it.

    ``score``: the answer, one of ``manifest.asks.answers``. ``response_ms``: from the picture
    standing to the vote. ``pixel_ratio``: device pixels per CSS pixel. Window in CSS pixels;
    natural size as decoded, drawn size in device pixels, of both pictures where there are two.
    ``session``: the nonce of the session whose page it comes from; None from this program itself,
    which holds the session.

    Of two pictures: ``second`` is the right one or the one that came second, ``toggles`` how often
    the picture was changed where both have one place (0 side by side), ``second_ms`` how much of
    ``response_ms`` the second one stood. What the screen did: ``pinch`` is the magnification by two
    fingers, ``forced_colors`` whether the browser changes colours, ``focus_lost`` how often the
    page was left since the picture stood; None from a page that does not tell.
    """

    trial: int
    attempt: int
    stimulus: str
    score: int
    response_ms: int
    pixel_ratio: float
    window_width: int
    window_height: int
    natural_width: int
    natural_height: int
    drawn_width: int
    drawn_height: int
    session: str | None = None
    second: str | None = None
    toggles: int | None = None
    second_ms: int | None = None
    pinch: float | None = None
    forced_colors: bool | None = None
    focus_lost: int | None = None

    @property
    def stimuli(self) -> Item:
        """The pictures in the order in which they stood."""
        return (self.stimulus,) if self.second is None else (self.stimulus, self.second)


_TYPES = {
    "session": str, "stimulus": str, "second": str, "pixel_ratio": float, "pinch": float,
    "forced_colors": bool,
}  # fmt: skip
_ALWAYS_SENT = {"session"} | {
    name for name, f in Submission.__dataclass_fields__.items() if f.default is MISSING
}


def parse_submission(message: object) -> Submission | None:
    """What a browser sent, if it is a whole vote of the right types; else None.

    Whether the numbers make sense is for `judge`.
    """
    known = set(Submission.__dataclass_fields__)
    if not isinstance(message, Mapping) or not _ALWAYS_SENT <= set(message) <= known:
        return None
    values = dict(message)
    for name, value in values.items():
        kind = _TYPES.get(name, int)
        if kind is float and type(value) is int and abs(value) < 1000:
            values[name] = value = float(value)
        left_out = value is None and name not in _ALWAYS_SENT
        if type(value) is not kind and not left_out:
            return None
    return Submission(**values)


def next_trial(playlist: Sequence[Trial], progress: SessionProgress) -> tuple[int, int]:
    """Number and attempt of the trial to be voted on; the number is the playlist's length
    when all is done."""
    if progress.last is None:
        return 0, 1
    if progress.last.retracted:
        return progress.last.trial, progress.last.attempt + 1
    return progress.last.trial + 1, 1


def next_screen(playlist: Sequence[Trial], progress: SessionProgress) -> Screen:
    """The screen that a session stands at."""
    for step in OPENING_STEPS:
        if step not in progress.steps:
            return Screen(step, step)
    number, attempt = next_trial(playlist, progress)
    last = progress.last
    undo = (last.trial, last.attempt) if last and can_undo(playlist, progress) else None
    if number < len(playlist):
        trial = playlist[number]
        step = f"block-{trial.block}"
        if trial.block == 0 or step in progress.steps:
            return Screen("trial", trial=trial, attempt=attempt, undo=undo)
        return Screen("ready" if trial.block == 1 else "break", step, undo=undo)
    if "debrief" not in progress.steps:
        return Screen("debrief", "debrief", undo=undo)
    return Screen("finished")


def can_undo(playlist: Sequence[Trial], progress: SessionProgress) -> bool:
    """Only the last vote, only once, and not after going on to the next block or to the end."""
    last = progress.last
    if last is None or last.retracted or "debrief" in progress.steps:
        return False
    following = last.trial + 1
    if following >= len(playlist) or playlist[following].block == playlist[last.trial].block:
        return True
    return f"block-{playlist[following].block}" not in progress.steps


def judge(
    playlist: Sequence[Trial],
    progress: SessionProgress,
    manifest: Manifest,
    vote: Submission,
    *,
    stored: int | None = None,
    waited_ms: float | None = None,
) -> tuple[Verdict, str]:
    """What becomes of a submission, and why.

    ``accepted``: it is for the trial on screen, and whole. ``repeated``: the newest vote, sent
    again. ``stale``: for a trial or attempt that has passed. ``differs``: the same, but with
    another grade than the one that is stored, of which the rater must be told. ``refused``:
    anything else.

    Args:
        stored: the grade that counts for the submission's trial; None without one.
        waited_ms: by the server's clock, since something was stored of this session; None where
            that is not known. The page shows a picture only after all before it was stored, so no
            vote can come sooner than the shortest time for looking.
    """
    number, attempt = next_trial(playlist, progress)
    last = progress.last
    newest = last is not None and (vote.trial, vote.attempt) == (last.trial, last.attempt)
    passed = 0 <= vote.trial < number or (vote.trial == number and 1 <= vote.attempt < attempt)
    if newest or passed:
        answers = manifest.asks.answers
        whole = vote.score in answers and vote.stimuli == playlist[vote.trial].stimuli
        if whole and stored is not None and stored != vote.score:
            return "differs", f"the grade {stored} is stored"
        if newest and stored is not None:
            return "repeated", "already stored"
        return "stale", "taken back" if newest else "the rater is further on"
    screen = next_screen(playlist, progress)
    if screen.kind != "trial" or screen.trial is None:
        return "refused", f"the rater stands at the {screen.kind} screen"
    if (vote.trial, vote.attempt) != (number, attempt):
        return "refused", "not the trial on screen"
    if vote.stimuli != screen.trial.stimuli:
        return "refused", "not the picture on screen"
    if waited_ms is not None and waited_ms < manifest.rules.minimum_ms:
        return "refused", "sooner than a picture can have been looked at"
    fault = _fault(vote, manifest)
    return ("refused", fault) if fault else ("accepted", "")


def chrome_height(manifest: Manifest) -> int:
    """CSS pixels that the rating screen needs above and below the pictures."""
    return ABOVE + BELOW + (NAMES if manifest.asks.pictures > 1 else 0)


def window_needed(manifest: Manifest, stimuli: Iterable[str]) -> tuple[int, int]:
    """Device pixels (width, height) that the largest of these pictures takes on screen, or the
    largest two side by side."""
    shown = [manifest.by_id[stimulus] for stimulus in stimuli]
    factor = manifest.rules.magnification
    width = factor * max(s.width for s in shown)
    if manifest.asks.mode == "side":
        width = 2 * width + GAP
    return width, factor * max(s.height for s in shown)


def _fault(vote: Submission, manifest: Manifest) -> str:
    stimulus, asks = manifest.by_id[vote.stimulus], manifest.asks
    if vote.score not in asks.answers:
        return f"the score is none of {', '.join(map(str, asks.answers))}"
    if not manifest.rules.minimum_ms <= vote.response_ms <= _LONGEST_RESPONSE_MS:
        return "the response time is out of range"
    if not (math.isfinite(vote.pixel_ratio) and 0.1 <= vote.pixel_ratio <= 20):
        return "the device pixel ratio is out of range"
    if not (0 < vote.window_width <= _LARGEST_SIDE and 0 < vote.window_height <= _LARGEST_SIDE):
        return "the window size is out of range"
    if (vote.natural_width, vote.natural_height) != (stimulus.width, stimulus.height):
        return "the picture was not decoded whole"
    if (vote.drawn_width, vote.drawn_height) not in _exact(vote, stimulus, manifest):
        return "the picture was not drawn in device pixels"
    if vote.pinch is not None and not abs(vote.pinch - 1) <= _LARGEST_PINCH:
        return "the page was magnified by two fingers"
    if vote.focus_lost is not None and not 0 <= vote.focus_lost <= _LARGEST_COUNT:
        return "how often the page was left is out of range"
    if asks.pictures == 2:
        if vote.toggles is None or not (asks.mode == "place") <= vote.toggles <= _LARGEST_COUNT:
            return "not both pictures were looked at"
        if vote.second_ms is None or not 0 <= vote.second_ms <= vote.response_ms:
            return "the time of the second picture is out of range"
    elif vote.toggles is not None or vote.second_ms is not None:
        return "there is no second picture"
    return ""


def _exact(vote: Submission, stimulus: Stimulus, manifest: Manifest) -> set[tuple[int, int]]:
    """The sizes on screen at which a picture's pixel is a square of device pixels: the study's
    magnification, and on fine screens whole multiples of it that keep the square within a CSS pixel
    or two (study_app/viewer/exact.js)."""
    factor = manifest.rules.magnification
    multiples = range(1, max(1, math.ceil(vote.pixel_ratio / 2)) + 1)
    return {(n * factor * stimulus.width, n * factor * stimulus.height) for n in multiples}
