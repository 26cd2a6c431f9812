"""Stop a failed run before its last good state is overwritten."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import TrainingError
from .recipe import Content

PATIENCE = 2000
"""Steps with a discriminator that has won or sees no difference before the run is stopped."""

WON = 0.999, 0.001
"""Mean D(HR) above and mean D(SR) below which the discriminator has won.

Photographs contain sky, blur and other crops that equal their reconstruction, so a
strong discriminator of a good run still takes some of them for originals: its mean D(SR) stays
above 0.01.
"""

BLIND = 0.01
"""Distance of mean D(HR) and mean D(SR) below which the discriminator sees no difference.

The content loss limits the generator so strongly (the adversarial weight is 1e-3) that a working
discriminator always sees a difference; in good runs the two differ by 0.1 to 0.9.
"""

EXPLODED = 10.0
"""Content loss over its own running level: 10 dB worse than the last few hundred steps.

Neither a change of the crop size nor the start of a discriminator causes that.
"""

_LEARNT_AFTER = 10  # number of logged means before the level is used
_SKIPPED = 0.1  # share of updates left out: a single one may be chance, one in ten is not


class Stopped(TrainingError):
    """A run has failed and was stopped."""


@dataclass
class Guard:
    """Checks the mean losses of a run at every log entry.

    Args:
        content: weight of each content loss.
    """

    content: Mapping[Content, float]
    _level: float = 0.0
    _looks: int = 0
    _exploded: bool = False
    _sound_until: int | None = None

    def look(self, step: int, means: Mapping[str, float]) -> bool:
        """Whether the run is sound at ``step``, so that its state should be saved.

        ``means`` are by name: the content losses, ``skipped`` (share of updates left out because
        a gradient was not finite), and ``d_hr`` and ``d_sr`` if there is a discriminator.

        Raises:
            Stopped: it has failed: a loss is not a number, too many updates are left out, the
                content loss has exploded, or the discriminator has won or seen no difference
                for ``PATIENCE`` steps.
        """
        broken = [name for name, value in means.items() if not math.isfinite(value)]
        if broken:
            raise _stopped(f"the loss '{broken[0]}' is no longer a number", step)
        if means["skipped"] > _SKIPPED:
            raise _stopped(
                f"{means['skipped']:.0%} of the latest updates had gradients that are not numbers",
                step,
            )
        return self._content_is_sound(step, means) and self._discriminator_is_sound(step, means)

    def _content_is_sound(self, step: int, means: Mapping[str, float]) -> bool:
        now = sum(weight * means[name] for name, weight in self.content.items())
        if self._looks >= _LEARNT_AFTER and now > EXPLODED * self._level:
            if self._exploded:  # a single bad batch raises only one mean
                raise _stopped(
                    f"the content loss is {now:.3g}, {now / self._level:.0f} times its level",
                    step,
                )
            self._exploded = True
            return False
        self._exploded = False
        self._looks += 1
        self._level += (now - self._level) / min(self._looks, _LEARNT_AFTER)
        return True

    def _discriminator_is_sound(self, step: int, means: Mapping[str, float]) -> bool:
        if "d_hr" not in means:
            return True
        d_hr, d_sr = means["d_hr"], means["d_sr"]
        won = d_hr > WON[0] and d_sr < WON[1]
        blind = abs(d_hr - d_sr) < BLIND
        if self._sound_until is None or not (won or blind):
            self._sound_until = step
            return not (won or blind)
        if step - self._sound_until >= PATIENCE:
            what = "has won" if won else "sees no difference"
            raise _stopped(
                f"the discriminator {what} since step {self._sound_until} "
                f"(D(HR) {d_hr:.4f}, D(SR) {d_sr:.4f}) and no longer trains the generator",
                step,
            )
        return False


def _stopped(reason: str, step: int) -> Stopped:
    return Stopped(
        f"stopped at step {step}: {reason}; train again with a smaller learning rate or another "
        "seed"
    )
