"""Simulated raters from the bias and inconsistency model, to test a study.

A rater's impression of a picture is its quality + the rater's bias + the rater's inconsistency x a
standard normal number. The grade is the impression, rounded and clipped to 1..5 (ITU-T P.910 Annex
E). In a pair, the rater prefers the picture with the higher impression; a degradation grade depends
on the difference from the impression of the original. The votes use the normal store and are marked
``simulated``; the raters' names begin with ``sim-``, and votes written directly to the store are
dated to the year 2000. (`study_app.driving` makes simulated raters vote in a browser instead.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.random import Generator

from ..errors import StudyError
from .manifest import REFERENCE, Manifest
from .numbers import require_whole
from .playlists import Trial
from .rows import timestamp
from .session import OPENING_STEPS, Session, Submission
from .store import Store

Kind = Literal["careful", "careless", "drifting", "dropout"]
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_DRIFT = -1.2


@dataclass(frozen=True)
class SimulatedRater:
    """The true bias and inconsistency (standard deviation) of one rater, in grades, to compare with
    an analysis.
    """

    rater: str
    kind: Kind
    bias: float
    inconsistency: float
    votes: int


@dataclass(frozen=True)
class PlannedVote:
    """A simulated rater's answer (as `Submission.score`) and its response time."""

    trial: Trial
    score: int
    response_ms: int


@dataclass(frozen=True)
class Enlisted:
    """A simulated rater with a session and a playlist but no votes yet."""

    session: Session
    drawn: SimulatedRater
    votes: tuple[PlannedVote, ...]


def simulate(
    store: Store,
    raters: int,
    seed: int,
    *,
    careless: int = 0,
    drifting: int = 0,
    dropouts: int = 0,
) -> tuple[SimulatedRater, ...]:
    """Let ``raters`` simulated raters take part; all except the dropouts finish.

    `enlist` describes them. The same seed on a new study gives the same votes. After an
    interruption, the same call completes the missing raters and returns them.

    Raises:
        StudyError: more special raters than raters, or the seed was used in this study before.
    """
    enlisted = enlist(store, raters, seed, careless=careless, drifting=drifting, dropouts=dropouts)
    drawn: list[SimulatedRater] = []
    for rater in enlisted:
        number = int(rater.session.rater.rpartition("-")[2])
        _vote(store, rater, _LONG_AGO + timedelta(days=number))
        drawn.append(rater.drawn)
    return tuple(drawn)


def enlist(
    store: Store,
    raters: int,
    seed: int,
    *,
    careless: int = 0,
    drifting: int = 0,
    dropouts: int = 0,
) -> Iterator[Enlisted]:
    """Begin simulated sessions and draw all their answers.

    The first ``careless`` raters answer fast and at random. The next ``drifting`` raters become
    stricter by 1.2 grades during their session. The next ``dropouts`` stop at a random trial.

    Raises:
        StudyError: more special raters than raters, a negative number, drifting raters where two
            pictures are compared, or the seed was used in this study before.
    """
    require_whole(raters=raters, seed=seed, careless=careless, drifting=drifting, dropouts=dropouts)
    if raters < 1:
        raise StudyError(f"{raters} raters asked for; expected 1 or more")
    if min(seed, careless, drifting, dropouts) < 0:
        raise StudyError("the seed or a number of raters is negative; expected 0 or more")
    if careless + drifting + dropouts > raters:
        raise StudyError(
            f"{careless} careless, {drifting} drifting and {dropouts} dropping out are more than "
            f"{raters} raters"
        )
    if drifting and store.manifest.asks.pictures > 1:
        raise StudyError(
            f"{drifting} drifting raters asked for: they become stricter for all pictures alike, "
            "which has no effect on comparisons; expected 0"
        )
    quality = true_quality(store.manifest, np.random.default_rng([seed, 0]))
    wanted: list[tuple[Kind, int]] = [
        ("careless", careless),
        ("drifting", drifting),
        ("dropout", dropouts),
        ("careful", raters - careless - drifting - dropouts),
    ]
    kinds: list[Kind] = [kind for kind, count in wanted for _ in range(count)]
    names = [f"sim-{seed}-{number:03d}" for number in range(1, raters + 1)]
    done = store.simulated_voters()
    finished = done.issuperset(names)  # else a call was interrupted
    for number, (name, kind) in enumerate(zip(names, kinds, strict=True), start=1):
        if name in done and not finished:
            continue
        session = store.begin_simulated(name)
        rng = np.random.default_rng([seed, number])
        yield _draw(store, session, kind, quality, rng)


def true_quality(manifest: Manifest, rng: Generator) -> dict[str, float]:
    """A true mean opinion for each stimulus: of its method, plus a content and a random effect.

    Published methods get their published MOS on BSD100 or Set14, others a random one.
    """
    published = _published()
    methods = sorted({stimulus.method for stimulus in manifest.stimuli})
    of_method = {
        method: published.get(method.lower(), float(rng.uniform(2.0, 3.8))) for method in methods
    }
    contents = sorted({stimulus.content for stimulus in manifest.stimuli})
    of_content = dict(zip(contents, rng.normal(0, 0.25, len(contents)), strict=True))
    own = rng.normal(0, 0.25, len(manifest.stimuli))
    return {
        s.id: float(np.clip(of_method[s.method] + of_content[s.content] + extra, 1, 5))
        for s, extra in zip(manifest.stimuli, own, strict=True)
    }


def _published() -> Mapping[str, float]:
    import csv
    from importlib.resources import files

    path = files("srbench").joinpath("reference", "ledig2017_mos.csv")
    found: dict[str, float] = {REFERENCE.lower(): 4.4}
    for row in csv.DictReader(path.read_text("utf-8").splitlines()):
        if row["dataset"] in ("Set14", "BSD100"):
            found[row["method"].lower()] = float(row["mos"])
    return found


def _draw(
    store: Store, session: Session, kind: Kind, quality: Mapping[str, float], rng: Generator
) -> Enlisted:
    bias = float(rng.normal(0, 0.3))
    inconsistency = float(np.clip(rng.lognormal(np.log(0.6), 0.3), 0.2, 1.6))
    playlist = store.playlist(session)
    stop = int(rng.integers(1, len(playlist))) if kind == "dropout" else len(playlist)
    shortest = store.manifest.rules.minimum_ms
    votes: list[PlannedVote] = []
    for trial in playlist[:stop]:
        drift = _DRIFT * trial.number / len(playlist) if kind == "drifting" else 0.0
        felt = {  # an original has no degradation from itself
            stimulus: quality[stimulus] + bias + drift + inconsistency * rng.normal()
            for stimulus in dict.fromkeys(trial.stimuli)
        }
        score = store.manifest.asks.felt(trial.stimuli, felt)
        if kind == "careless":
            score = int(rng.choice(list(store.manifest.asks.answers)))
        response_ms = int(rng.lognormal(8.0, 0.4)) + shortest
        if kind == "careless":
            response_ms = shortest + int(rng.integers(1, 300))
        votes.append(PlannedVote(trial, score, response_ms))
    drawn = SimulatedRater(session.rater, kind, bias, inconsistency, len(votes))
    return Enlisted(session, drawn, tuple(votes))


def _vote(store: Store, rater: Enlisted, clock: datetime) -> None:
    """Cast all votes of a rater in one transaction, which saves about a minute."""
    session = rater.session
    with store.write() as connection:
        for step in OPENING_STEPS:
            store.confirm_within(connection, session, step)
        block = 0
        for planned in rater.votes:
            if planned.trial.block != block:
                block = planned.trial.block
                store.confirm_within(connection, session, f"block-{block}")
            clock += timedelta(milliseconds=planned.response_ms + 200)
            submission = perfect_submission(
                store.manifest, planned.trial, planned.score, planned.response_ms
            )
            outcome = store.vote_within(connection, session, submission, rated_at=timestamp(clock))
            if outcome.verdict != "accepted":
                raise StudyError(f"a simulated vote was {outcome.verdict}: {outcome.reason}")
        if rater.drawn.kind != "dropout":
            store.confirm_within(connection, session, "debrief")


def perfect_submission(
    manifest: Manifest, trial: Trial, score: int, response_ms: int, attempt: int = 1
) -> Submission:
    """The vote of a browser with a correct display on a large screen with pixel ratio 1.

    Two pictures in one place are each visible for half of the time.
    """
    stimulus = manifest.by_id[trial.stimulus]
    factor = manifest.rules.magnification
    place = manifest.asks.mode == "place"
    two = manifest.asks.pictures == 2
    return Submission(
        trial=trial.number,
        attempt=attempt,
        stimulus=trial.stimulus,
        score=score,
        response_ms=response_ms,
        pixel_ratio=1.0,
        window_width=1920,
        window_height=1080,
        natural_width=stimulus.width,
        natural_height=stimulus.height,
        drawn_width=factor * stimulus.width,
        drawn_height=factor * stimulus.height,
        second=trial.second,
        toggles=int(place) if two else None,
        second_ms=response_ms // (1 + place) if two else None,
        pinch=1.0,
        forced_colors=False,
        focus_lost=0,
    )
