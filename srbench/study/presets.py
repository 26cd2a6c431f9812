"""The study designs that come with srbench."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..data.catalogue import canonical_name
from ..data.known import AS_IS
from ..errors import unknown_name

# For planning the length of a session: 4.5 s per vote, 1.5 min for consent, questions and
# instructions, 0.5 min per break.
SECONDS_PER_VOTE = 4.5
SECONDS_PER_PRACTICE = 6.0
SECONDS_AROUND = 90.0
SECONDS_PER_BREAK = 30.0

# Ledig et al. 2017: 12 versions of Set5 and Set14, 9 of BSD100, including the original.
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
# Best first, by the paper's opinion scores; the others are not in the paper.
_GANS = ("SRGAN-VGG54", "SRGAN-VGG22", "SRGAN-MSE", "SRGAN-TV", "SRGAN-LPIPS")
_PAPER_NOT_ON_BSD100 = ("SRResNet-VGG22", "SRGAN-MSE", "SRGAN-VGG22")
_SHORT_CONTENTS = 10
_SHORT_MINUTES = 15.0


def minutes(
    practice: int, trials: int, block_trials: int, seconds: float = SECONDS_PER_VOTE
) -> float:
    """The expected minutes of a session with breaks and instructions; ``seconds`` per answer."""
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
    """A design: ``calibration`` practice images, ``retests`` per rater, ``block_trials`` between
    breaks.
    """

    name: str
    calibration: int
    retests: int
    block_trials: int

    def methods_of(self, dataset: str, there: Sequence[str]) -> list[str]:
        """The methods to show for a data set: those of the paper, or all of ``there``.

        If the paper's SRGAN-VGG54 is missing, the best GAN of ``there`` is also shown, so that
        all data sets share a GAN.
        """
        if self.name != "paper":
            return list(there)
        left_out = (
            _PAPER_NOT_ON_BSD100 if canonical_name(dataset.removesuffix(AS_IS)) == "BSD100" else ()
        )
        shown = [method for method in _PAPER if method not in left_out]
        names = {name.casefold() for name in there}
        gan = next((gan for gan in _GANS if gan.casefold() in names), None)
        return shown if gan is None or gan in shown else [*shown, gan]

    def contents_shown(
        self, questions: Sequence[int], retests: int, seconds: float = SECONDS_PER_VOTE
    ) -> int:
        """The number of contents to show; ``questions``: per content of each data set.

        ``seconds``: per answer.
        """
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
        UnknownName: no preset has this name.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    return PRESETS[name]
