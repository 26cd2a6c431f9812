"""Muon moves filters as its authors define it; everything else stays with Adam."""

import math

import pytest
import torch
from torch import nn

from srbench.models.layers import to_device
from srbench.training.optimisers import Optimiser


def _network() -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(2, 4, 3), nn.PReLU(), nn.Conv2d(4, 1, 3))
    return to_device(made, "cpu")


def _gradients(network: nn.Module) -> None:
    torch.manual_seed(1)
    network(torch.randn(2, 2, 9, 9)).square().sum().backward()


def test_the_first_muon_step_is_orthogonal_and_of_the_size_of_an_adam_step():
    network = _network()
    before = network[0].weight.detach().clone()
    optimiser = Optimiser(network, "muon", (0.9, 0.999))
    optimiser.zero_grad()
    _gradients(network)
    optimiser.set_rate(0.01)
    optimiser.step()
    moved = (before - network[0].weight.detach()).reshape(4, 18) / 0.01
    # Five Newton-Schulz rounds in bfloat16 bring singular values near one, times 0.2 sqrt(18).
    singular = torch.linalg.svdvals(moved) / (0.2 * math.sqrt(18))
    assert singular.min() > 0.6
    assert singular.max() < 1.3
    assert 0.1 < moved.square().mean().sqrt() < 0.3


def test_what_is_no_filter_moves_as_with_adam():
    ours, theirs = _network(), _network()
    optimiser = Optimiser(ours, "muon", (0.9, 0.999))
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.9, 0.999))
    for network in (ours, theirs):
        _gradients(network)
    optimiser.set_rate(0.01)
    optimiser.step()
    adam.step()
    for name in ("0.bias", "1.weight", "2.bias"):
        torch.testing.assert_close(ours.get_parameter(name), theirs.get_parameter(name))


def test_adam_is_torchs_with_the_betas_that_are_given():
    ours, theirs = _network(), _network()
    optimiser = Optimiser(ours, "adam", (0.5, 0.7))
    adam = torch.optim.Adam(theirs.parameters(), lr=0.01, betas=(0.5, 0.7))
    for _ in range(3):  # the first step is the same for all betas
        for network in (ours, theirs):
            network.zero_grad()
            _gradients(network)
        optimiser.set_rate(0.01)
        optimiser.step()
        adam.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_gradients_do_not_pile_up():
    network = _network()
    optimiser = Optimiser(network, "muon", (0.9, 0.999))
    _gradients(network)
    optimiser.zero_grad()
    assert all(p.grad is None for p in network.parameters())


@pytest.mark.parametrize("name", ["adam", "muon"])
@pytest.mark.parametrize("first", [True, False])
def test_a_gradient_that_is_not_finite_changes_nothing(name, first):
    """Also as the very first one, when there is no momentum yet."""
    network, clean = _network(), _network()
    optimiser, other = (Optimiser(n, name, (0.9, 0.999)) for n in (network, clean))
    for made in (optimiser, other):
        made.set_rate(0.01)
    if not first:
        _gradients(network)
        _gradients(clean)
        assert float(optimiser.step()) == float(other.step()) == 0
        optimiser.zero_grad()
        other.zero_grad()
    before = [p.clone() for p in network.parameters()]
    _gradients(network)
    network[0].weight.grad[0, 0, 0, 0] = math.nan
    assert float(optimiser.step()) == 1
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    for made, trained in ((optimiser, network), (other, clean)):
        made.zero_grad()
        _gradients(trained)
        assert float(made.step()) == 0
    for mine, theirs in zip(network.parameters(), clean.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs)
