"""The rules of a session, as pure functions: which screen is next, which vote counts.

The way: consent, questionnaire, display, instructions, calibration trials, ready, then blocks of
trials with a break between them, debrief, finished. Steps are confirmed once; votes come strictly
in the playlist's order, so the last vote alone tells where a rater stands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from .manifest import GRADES, Manifest, Stimulus
from .playlists import Trial

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
# A vote can be slower than any study lasts, but no number may be without bound.
_LONGEST_RESPONSE_MS = 30 * 24 * 3600 * 1000
_LARGEST_SIDE = 100_000


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
    """What to show now. ``step`` is what to confirm to go on; a trial has ``trial`` and
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

    ``response_ms``: from the picture standing to the vote. ``pixel_ratio``: device pixels per
    CSS pixel. Window in CSS pixels; natural size as decoded, drawn size in device pixels.
    ``session``: the nonce of the session whose page it comes from; None from this program itself,
    which holds the session.
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


def parse_submission(message: object) -> Submission | None:
    """What a browser sent, if it is a whole vote of the right types; else None.

    Whether the numbers make sense is for `judge`.
    """
    names = Submission.__dataclass_fields__
    if not isinstance(message, Mapping) or set(message) != set(names):
        return None
    values = dict(message)
    ratio = values["pixel_ratio"]
    if isinstance(ratio, int) and not isinstance(ratio, bool) and abs(ratio) < 1000:
        values["pixel_ratio"] = float(ratio)
    kinds = {"session": str, "stimulus": str, "pixel_ratio": float}
    for name, value in values.items():
        if type(value) is not kinds.get(name, int):
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
        whole = vote.score in GRADES and vote.stimulus == playlist[vote.trial].stimulus
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
    if vote.stimulus != screen.trial.stimulus:
        return "refused", "not the picture on screen"
    if waited_ms is not None and waited_ms < manifest.rules.minimum_ms:
        return "refused", "sooner than a picture can have been looked at"
    fault = _fault(vote, manifest.by_id[screen.trial.stimulus], manifest)
    return ("refused", fault) if fault else ("accepted", "")


def window_needed(manifest: Manifest, playlist: Sequence[Trial]) -> tuple[int, int]:
    """Device pixels (width, height) that the largest picture of a playlist takes on screen."""
    shown = [manifest.by_id[trial.stimulus] for trial in playlist]
    factor = manifest.rules.magnification
    return factor * max(s.width for s in shown), factor * max(s.height for s in shown)


def _fault(vote: Submission, stimulus: Stimulus, manifest: Manifest) -> str:
    if vote.score not in GRADES:
        return "the score is not 1, 2, 3, 4 or 5"
    if not manifest.rules.minimum_ms <= vote.response_ms <= _LONGEST_RESPONSE_MS:
        return "the response time is out of range"
    if not (math.isfinite(vote.pixel_ratio) and 0.1 <= vote.pixel_ratio <= 20):
        return "the device pixel ratio is out of range"
    if not (0 < vote.window_width <= _LARGEST_SIDE and 0 < vote.window_height <= _LARGEST_SIDE):
        return "the window size is out of range"
    if (vote.natural_width, vote.natural_height) != (stimulus.width, stimulus.height):
        return "the picture was not decoded whole"
    factor = manifest.rules.magnification
    if (vote.drawn_width, vote.drawn_height) != (factor * stimulus.width, factor * stimulus.height):
        return "the picture was not drawn in device pixels"
    return ""
