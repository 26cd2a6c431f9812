"""The terminal output of a training."""

import io

from rich.console import Console

from srbench.cli.console import TrainingDisplay
from srbench.training.trainer import TrainingProgress

GAN = {"loss": 0.0131, "discriminator": 1.46, "d_hr": 0.51, "d_sr": 0.47, "vgg22": 0.0121}


def shown(*, terminal, width=80, values=GAN):
    text = io.StringIO()
    console = Console(
        file=text, force_terminal=terminal, width=width, highlight=False, soft_wrap=True
    )
    with TrainingDisplay(console) as display:
        display.begin("training", 12_000)
        for step in range(50, 400, 50):
            display.show(TrainingProgress(step, 12_000, values, 2.5))
            if display._live is not None:
                display._live.refresh()
    return text.getvalue()


def test_loss_pace_and_time_left_fit_a_narrow_terminal():
    last = shown(terminal=True).split("\r")[-3]
    for part in ("loss 0.0131", "D(HR) 0.51", "D(SR) 0.47", "/12000", "/s", ":"):
        assert part in last, last


def test_without_a_terminal_plain_lines_tell_of_the_beginning_and_of_every_validation():
    quiet = shown(terminal=False)
    assert quiet.splitlines() == ["training: 12,000 steps"]  # all of it within ten seconds
    text = shown(terminal=False, values=GAN | {"set5_psnr_y": 30.9})
    assert "  step 50  loss 0.0131  D(HR) 0.51  D(SR) 0.47  set5_psnr_y 30.9000" in text
    assert "\x1b" not in text
    # What decides which weights of a GAN are kept is shown too.
    text = shown(terminal=False, values=GAN | {"set5_psnr_y": 30.9, "set5_lpips_alex": 0.11})
    assert "set5_psnr_y 30.9000  set5_lpips_alex 0.1100" in text
