"""`srbench methods`: facts of our networks, compared with the literature and manual counts."""

import pytest

from srbench.methods.listing import list_methods, method_facts
from srbench.methods.resolve import shipped


def test_srresnets_size_and_work_are_the_literatures(tmp_path):
    # CARN (Ahn et al., ECCV 2018), table 1: SRResNet x4 has 1,543K parameters and 127.8G
    # multiply-adds for an SR image of 1280x720. Ours counts PReLU and batch normalisation too.
    facts = method_facts("srresnet-mse", 4, tmp_path)
    assert facts.parameters == pytest.approx(1_543_000, rel=0.005)
    assert facts.flops / 2 == pytest.approx(127.8e9, rel=0.001)


def test_srcnns_work_and_memory_are_those_of_a_hand_count(tmp_path):
    facts = method_facts("srcnn", 4, tmp_path)
    weights = 64 * 81 + 32 * 64 * 25 + 32 * 25
    assert facts.parameters == weights + 64 + 32 + 1
    pixels = 1280 * 720
    # Resizing by matrices counts as well, about a tenth of a percent more.
    assert facts.flops == pytest.approx(2 * weights * pixels, rel=0.02)
    # 64 and again 64 feature maps in float32 (before and after ReLU), and three small planes.
    assert facts.memory == pytest.approx(4 * 128 * pixels, rel=0.3)


def test_every_method_is_listed_with_what_its_card_says(run_cli, refused, tmp_path):
    for scale in (2, 4):
        facts = {entry.name: entry for entry in list_methods(scale, tmp_path)}
        assert list(facts) == shipped(scale, tmp_path)
        assert facts["bicubic"].card is None
        assert facts["srresnet-mse"].limits == "clean"
        for entry in facts.values():
            assert (entry.flops > 0) == (entry.card is not None)
    ran = run_cli("methods", "--weights", tmp_path)
    assert ran.code == 0, ran.err
    row = next(line for line in ran.out.splitlines() if line.startswith("srresnet-mse"))
    card = facts["srresnet-mse"].card
    assert card is not None
    assert f"{card.metrics['set14_psnr_y']:.2f}" in row
    assert "1,547,350" in row
    ran = run_cli("methods", "SRGAN-vgg54", "--weights", tmp_path)
    assert "photographs held out" in ran.out
    assert "MIT" in ran.out
    assert "did you mean 'srgan-tv'" in refused("methods", "srgan-tvv")
    assert "x2 and x4" in refused("methods", "srcnn", "--scale", 3)
    assert "bicubic" in run_cli("methods", "--scale", 3).out


def test_short_and_long_help_are_the_same(run_cli):
    for command in ((), ("run-all",), ("study", "new"), ("data",), ("methods",)):
        short, long = run_cli(*command, "-h"), run_cli(*command, "--help")
        assert short.code == long.code == 0
        assert short.out == long.out
