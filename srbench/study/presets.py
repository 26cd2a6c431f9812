"""The designs that come with srbench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..data.catalogue import canonical_name
from ..data.known import AS_IS
from ..errors import unknown_name

# What a session takes, for planning: about 4.5 s a vote; consent, questions and instructions a
# minute and a half; a break half a minute.
SECONDS_PER_VOTE = 4.5
SECONDS_PER_PRACTICE = 6.0
SECONDS_AROUND = 90.0
SECONDS_PER_BREAK = 30.0

# Ledig et al. 2017: 12 versions of Set5 and Set14, 9 of BSD100, the original counted.
_PAPER = (
    "nearest",
    "bicubic",
    "SRCNN",
    "SelfExSR",
    "DRCN",
    "ESPCN",
    "SRResNet-MSE",
    "SRResNet-VGG22",
    "SRGAN-MSE",
    "SRGAN-VGG22",
    "SRGAN-VGG54",
)
_PAPER_NOT_ON_BSD100 = ("SRResNet-VGG22", "SRGAN-MSE", "SRGAN-VGG22")
_SHORT_CONTENTS = 10
_SHORT_MINUTES = 15.0


def minutes(
    practice: int, trials: int, block_trials: int, seconds: float = SECONDS_PER_VOTE
) -> float:
    """Minutes that a session is expected to take, breaks and instructions included; ``seconds`` are
    those of one answer."""
    breaks = max(0, -(-trials // block_trials) - 1)
    seconds = (
        SECONDS_AROUND
        + practice * SECONDS_PER_PRACTICE
        + trials * seconds
        + breaks * SECONDS_PER_BREAK
    )
    return seconds / 60


@dataclass(frozen=True)
class Preset:
    """A design: ``calibration`` practice images, ``retests`` per rater, trials between breaks."""

    name: str
    calibration: int
    retests: int
    block_trials: int

    def methods_of(self, dataset: str, there: Sequence[str]) -> list[str]:
        """The methods to be shown of a data set: the paper's, or all there are."""
        if self.name != "paper":
            return list(there)
        left_out = (
            _PAPER_NOT_ON_BSD100 if canonical_name(dataset.removesuffix(AS_IS)) == "BSD100" else ()
        )
        return [method for method in _PAPER if method not in left_out]

    def contents_shown(
        self, questions: Sequence[int], retests: int, seconds: float = SECONDS_PER_VOTE
    ) -> int:
        """How many contents are shown when data sets have so many questions about each; ``seconds``
        are those of one answer."""
        if self.name != "short":
            return 10**9
        contents = _SHORT_CONTENTS
        while contents > 1 and (
            minutes(
                2 * self.calibration,
                contents * max(questions) + retests,
                self.block_trials,
                seconds,
            )
            > _SHORT_MINUTES
        ):
            contents -= 1
        return contents


PRESETS = {
    "paper": Preset("paper", calibration=20, retests=10, block_trials=150),
    "short": Preset("short", calibration=4, retests=4, block_trials=60),
}


def preset(name: str) -> Preset:
    """A design by name.

    Raises:
        UnknownName: there is none of that name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
