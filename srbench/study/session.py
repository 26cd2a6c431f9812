"""The rules of a session as pure functions: the next screen, and which vote counts.

The steps are: consent, questionnaire, display, instructions, calibration trials, ready, blocks of
trials with breaks between them, debrief, finished. Each step is confirmed once. Votes follow the
playlist's order, so the last vote determines the current trial.
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
# CSS pixels of the rating screen above the pictures, for the names of two pictures, and below.
ABOVE, NAMES, BELOW = 32, 34, 84
# An upper bound that no real vote reaches.
_LONGEST_RESPONSE_MS = 30 * 24 * 3600 * 1000
_LARGEST_SIDE = 100_000
_LARGEST_COUNT = 100_000
_LARGEST_PINCH = 0.01  # browsers report 1 inexactly after a gesture


@dataclass(frozen=True)
class Session:
    """The session of one rater. ``rater`` is the opaque name in all tables; ``nonce`` is the
    session's secret, which all messages of its page must contain.
    """

    id: int
    nonce: str
    rater: str
    number: int
    simulated: bool
    completion_code: str | None = None


@dataclass(frozen=True)
class LastVote:
    """The last attempt of the last trial, and whether it was undone."""

    trial: int
    attempt: int
    retracted: bool


@dataclass(frozen=True)
class SessionProgress:
    """The state of a session: confirmed steps, the last vote, and the time of the last write (ISO
    8601), which is before the current picture appeared.
    """

    steps: frozenset[str] = field(default_factory=frozenset)
    last: LastVote | None = None
    changed_at: str | None = None


@dataclass(frozen=True)
class StoredGrade:
    """The counting grade of a trial, and its attempt."""

    trial: int
    attempt: int
    score: int


@dataclass(frozen=True)
class Screen:
    """The current screen. ``step``: the step to confirm to continue; a trial has ``trial`` and
    ``attempt`` instead. ``undo``: trial and attempt of the vote that can be undone now. ``untold``:
    the stored grade that the rater must be shown first, having pressed another one.
    """

    kind: ScreenKind
    step: str | None = None
    trial: Trial | None = None
    attempt: int = 1
    undo: tuple[int, int] | None = None
    untold: StoredGrade | None = None


@dataclass(frozen=True)
class Submission:
    """A vote as sent by the browser.

    ``score``: the answer, one of ``manifest.asks.answers``. ``response_ms``: from display of the
    picture to the vote. ``pixel_ratio``: device pixels per CSS pixel. The window is in CSS pixels,
    the natural size as decoded, the drawn size in device pixels; sizes apply to both pictures if
    there are two. ``session``: the nonce of the page's session; None for votes from this program,
    which already has the session.

    For two pictures: ``second`` is the right or second picture; ``toggles`` the number of switches
    between pictures in one place (0 side by side); ``second_ms`` the part of ``response_ms`` in
    which the second was visible. Screen observations, None if the page does not report them:
    ``pinch`` is the pinch-zoom factor, ``forced_colors`` whether the browser changes colours,
    ``focus_lost`` how often the page was left while the picture was shown.
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
        """The pictures in display order."""
        return (self.stimulus,) if self.second is None else (self.stimulus, self.second)


_TYPES = {
    "session": str, "stimulus": str, "second": str, "pixel_ratio": float, "pinch": float,
    "forced_colors": bool,
}  # fmt: skip
_ALWAYS_SENT = {"session"} | {
    name for name, f in Submission.__dataclass_fields__.items() if f.default is MISSING
}


def parse_submission(message: object) -> Submission | None:
    """Parse a browser's message; None unless it is a complete vote with the right types.

    `judge` checks the values.
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


def next_trial(progress: SessionProgress) -> tuple[int, int]:
    """Number and attempt of the next trial; the number is the playlist's length at the end."""
    if progress.last is None:
        return 0, 1
    if progress.last.retracted:
        return progress.last.trial, progress.last.attempt + 1
    return progress.last.trial + 1, 1


def next_screen(playlist: Sequence[Trial], progress: SessionProgress) -> Screen:
    """The current screen of a session."""
    for step in OPENING_STEPS:
        if step not in progress.steps:
            return Screen(step, step)
    number, attempt = next_trial(progress)
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
    """Whether the last vote can be undone: once, and not after the end of its block."""
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
    """The verdict on a submission, and its reason.

    ``accepted``: it is complete and for the trial on screen. ``repeated``: the last vote, sent
    again. ``stale``: for an earlier trial or attempt. ``differs``: like ``stale``, but its grade
    differs from the stored one, which the rater must be shown. ``refused``: anything else.

    Args:
        stored: the counting grade of the submission's trial; None without one.
        waited_ms: time since the session's last write by the server's clock; None if unknown. The
            page shows a picture only after all earlier votes were stored, so a vote in less than
            ``minimum_ms`` is impossible.
    """
    number, attempt = next_trial(progress)
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
        return "stale", "taken back" if newest else "the rater has continued"
    screen = next_screen(playlist, progress)
    if screen.kind != "trial" or screen.trial is None:
        return "refused", f"the rater is at the {screen.kind} screen"
    if (vote.trial, vote.attempt) != (number, attempt):
        return "refused", "not the trial on screen"
    if vote.stimuli != screen.trial.stimuli:
        return "refused", "not the picture on screen"
    if waited_ms is not None and waited_ms < manifest.rules.minimum_ms:
        return "refused", "sooner than a picture can have been looked at"
    fault = _fault(vote, manifest)
    return ("refused", fault) if fault else ("accepted", "")


def chrome_height(manifest: Manifest) -> int:
    """The height (CSS pixels) that the rating screen needs above and below the pictures."""
    return ABOVE + BELOW + (NAMES if manifest.asks.pictures > 1 else 0)


def window_needed(manifest: Manifest, stimuli: Iterable[str]) -> tuple[int, int]:
    """Device pixels (width, height) of the largest picture on screen, or of the largest two side by
    side.
    """
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
    """The screen sizes at which each picture pixel is a square of device pixels.

    These are the study's magnification and, on high-density screens, whole multiples of it that
    keep the square within one or two CSS pixels (study_app/viewer/exact.js).
    """
    factor = manifest.rules.magnification
    multiples = range(1, max(1, math.ceil(vote.pixel_ratio / 2)) + 1)
    return {(n * factor * stimulus.width, n * factor * stimulus.height) for n in multiples}
