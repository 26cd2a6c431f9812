"""A failed run stops in time, states the reason, and keeps its last sound state."""

import numpy as np
import pytest
import torch
from skimage import data

from srbench.data.training import TrainingSet
from srbench.errors import TrainingError
from srbench.models.cards import Architecture
from srbench.training import losses
from srbench.training.guard import PATIENCE, Guard
from srbench.training.processes import TrainingProcess
from srbench.training.recipe import Recipe, Stage
from srbench.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos():
    return TrainingSet([data.astronaut(), data.chelsea()], 4, CPU)


def trainer(photos, content=losses.mse, steps=40, **changes):
    recipe = Recipe(
        name="srresnet-mse",
        architecture=Architecture(blocks=1, channels=8),
        precision="fp32",
        **changes,
        stages=[Stage(steps=steps, crop=24, batch=2, rate=1e-3, final_rate=1e-4)],
    )
    torch.manual_seed(0)
    return Trainer(
        recipe, recipe.architecture.build(), photos, {"mse": content}, TrainingProcess(CPU)
    )


def run(made, folder, **changes):
    made.run(
        folder, **{"validate": lambda n, s: {}, "validate_every": 10, "log_every": 1, **changes}
    )


def means(content=0.01, **others):
    return {"loss": content, "mse": content, "skipped": 0.0, **others}


def look_on(guard, steps, *, every=50, start=0, **values):
    for step in range(start + every, start + steps + 1, every):
        sound = guard.look(step, means(**values))
    return sound


def test_a_diverging_run_stops_and_keeps_the_last_sound_state(photos, tmp_path):
    made = trainer(photos)
    made.save(tmp_path / "state.pt")
    before = (tmp_path / "state.pt").read_bytes()
    with torch.no_grad():
        made.generator.tail.weight.fill_(float("nan"))
    with pytest.raises(TrainingError, match="step 1: the loss 'loss' is no longer a number"):
        run(made, tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == before


def exploding_gradient(sr, hr):
    """Finite as a loss, but its gradient is not: the root of the square at zero."""
    return ((sr - sr.detach()) ** 2).sum().sqrt() + losses.mse(sr, hr)


def momenta(made):
    return repr([part["state"] for part in made.optimiser.state_dict()["parts"]])


@pytest.mark.parametrize("optimiser", ["adam", "muon"])
def test_a_gradient_that_is_not_finite_is_never_applied(photos, optimiser):
    def content(sr, hr):
        return (exploding_gradient if made.step == 3 else losses.mse)(sr, hr)

    made = trainer(photos, content, optimiser=optimiser)
    for step in range(3):
        assert float(made.train_step()["skipped"]) == 0, step
    weights = [p.detach().clone() for p in made.generator.parameters()]
    state = momenta(made)
    values = made.train_step()
    assert torch.isfinite(values["loss"])
    assert float(values["skipped"]) == 1
    assert all(map(torch.equal, weights, made.generator.parameters()))
    assert momenta(made) == state
    assert float(made.train_step()["skipped"]) == 0
    assert not torch.equal(weights[0], next(made.generator.parameters()))


def test_a_run_whose_gradients_keep_failing_stops(photos, tmp_path):
    with pytest.raises(TrainingError, match="100% of the latest updates had gradients that are"):
        run(trainer(photos, exploding_gradient), tmp_path)


def test_a_content_loss_far_above_its_own_level_stops_the_run(photos, tmp_path):
    made = trainer(photos, lambda sr, hr: losses.mse(sr, hr) * (1e4 if made.step >= 25 else 1))
    with pytest.raises(TrainingError, match=r"step 27: the content loss is .* times its level"):
        run(made, tmp_path)
    fresh = trainer(photos)
    fresh.resume(tmp_path / "state.pt")
    assert fresh.step == 20


def test_the_state_after_an_explosion_is_not_kept(photos, tmp_path):
    made = trainer(photos, lambda sr, hr: losses.mse(sr, hr) * (1e4 if made.step >= 25 else 1))
    with pytest.raises(TrainingError, match="step 27"):
        run(made, tmp_path, validate_every=1)  # saves the state after every step
    fresh = trainer(photos)
    fresh.resume(tmp_path / "state.pt")
    assert fresh.step == 25


def test_one_mad_batch_does_not_stop_a_run_but_its_state_is_not_kept():
    guard = Guard({"mse": 1.0})
    assert look_on(guard, 1000)
    assert not guard.look(1050, means(content=0.5))
    assert guard.look(1100, means())
    assert not guard.look(1150, means(content=0.5))


def test_a_loss_that_falls_or_wanders_is_no_explosion():
    guard = Guard({"mse": 1.0})
    rng = np.random.default_rng(0)
    for k in range(1, 400):
        level = 1.5 / k + 0.01 + (0.02 if k > 200 else 0)  # another crop size from step 10,000
        assert guard.look(50 * k, means(content=level * rng.uniform(0.5, 2)))


@pytest.mark.parametrize(
    ("d_hr", "d_sr", "words"),
    [(0.9999, 0.0001, "has won"), (0.5, 0.5, "sees no difference"), (1.0, 1.0, "no difference")],
)
def test_a_collapsed_discriminator_stops_the_run_after_a_while(d_hr, d_sr, words):
    guard = Guard({"mse": 1.0})
    assert look_on(guard, 500, d_hr=0.8, d_sr=0.2)
    assert not look_on(guard, PATIENCE - 50, start=500, d_hr=d_hr, d_sr=d_sr)
    with pytest.raises(TrainingError, match=rf"{words} since step 500 .*D\(HR\)"):
        guard.look(500 + PATIENCE, means(d_hr=d_hr, d_sr=d_sr))


@pytest.mark.parametrize(("d_hr", "d_sr"), [(0.99, 0.01), (0.55, 0.45), (0.999, 0.002)])
def test_a_strong_or_a_doubtful_discriminator_is_sound(d_hr, d_sr):
    assert look_on(Guard({"mse": 1.0}), 50_000, d_hr=d_hr, d_sr=d_sr)


def test_a_discriminator_that_recovers_starts_the_count_anew():
    guard = Guard({"mse": 1.0})
    for start in range(0, 20_000, 2000):
        assert not look_on(guard, 1900, start=start, d_hr=0.9999, d_sr=0.0)
        assert look_on(guard, 100, start=start + 1900, d_hr=0.9, d_sr=0.1)
