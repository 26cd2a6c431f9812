"""A step does not synchronise with the device; on a GPU it is captured and equals the CPU's."""

import numpy as np
import pytest
import torch
from skimage import data
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import srbench
from srbench.data.training import TrainingSet
from srbench.imaging import imresize
from srbench.metrics.protocols import get_protocol
from srbench.models import layers
from srbench.models.cards import Architecture
from srbench.training import Recipe, Stage, TrainingProcess
from srbench.training import losses as functions
from srbench.training.trainer import Trainer

CPU = torch.device("cpu")
PHOTOS = [data.astronaut(), data.chelsea(), data.coffee()]
GAN = {"adversarial": 1e-2, "discriminator": "patches", "discriminator_rate": 2.0}


def recipe(precision="fp32", **more):
    return Recipe(
        name="x",
        architecture=Architecture(blocks=2, channels=16),
        content={"mse": 1.0, "colour": 8.0, "grid": 50.0},
        precision=precision,
        total_variation=1e-8,
        stages=[Stage(steps=20, crop=64, batch=4, rate=1e-3, final_rate=1e-4)],
        **more,
    )


def trainer(plan, device=CPU):
    torch.manual_seed(0)
    content = {"mse": functions.mse, "colour": functions.colour, "grid": functions.grid}
    photos = TrainingSet(PHOTOS, 4, device)
    return Trainer(plan, plan.architecture.build(), photos, content, TrainingProcess(device))


class NoWaiting(TorchDispatchMode):
    """Refuses operations that synchronise: reading a value, or a shape that depends on values."""

    names = ("_local_scalar_dense", "nonzero", "item", "is_nonzero", "masked_select", "unique")

    def __torch_dispatch__(self, function, types, arguments=(), named=None):
        if function.overloadpacket.__name__ in self.names:
            raise AssertionError(f"the step waits for the device: {function}")
        return function(*arguments, **(named or {}))


@pytest.mark.parametrize("more", [{}, GAN, {"optimiser": "muon"}])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_device_part_of_a_step_never_waits_for_a_number(monkeypatch, more, precision):
    # A CPU has nothing to wait for: only there the shared slope is read as a number.
    monkeypatch.setattr(layers.PReLU, "forward", nn.PReLU.forward)
    made = trainer(recipe(precision, **more))
    made.train_step()
    whole = made.device_step

    def watched(*inputs, crop):
        with NoWaiting():
            return whole(*inputs, crop=crop)

    monkeypatch.setattr(made._on_device, "_function", watched)
    before = made.generator.tail.weight.detach().clone()
    made.train_step()
    assert not torch.equal(before, made.generator.tail.weight)


def test_what_waits_is_found():
    with NoWaiting(), pytest.raises(AssertionError, match="waits for the device"):
        bool(torch.ones(1) > 0)


@pytest.fixture
def gpu():
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU here")
    return torch.device("cuda")


@pytest.mark.gpu
@pytest.mark.parametrize("more", [{}, GAN])
def test_steps_on_a_gpu_are_the_cpus(gpu, more, monkeypatch):
    """Eagerly, then captured: the same batches, losses and weights, to float rounding."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    there, here = trainer(recipe(**more), gpu), trainer(recipe(**more))
    for step in range(6):  # three to warm up, one that captures, two replayed
        ours, theirs = there.train_step(), here.train_step()
        for name, value in theirs.items():
            assert float(ours[name]) == pytest.approx(float(value), rel=2e-3, abs=1e-5), (
                step,
                name,
            )
    assert there._on_device._graph is not None
    for ours, theirs in zip(there.average.parameters(), here.average.parameters(), strict=True):
        torch.testing.assert_close(ours.cpu(), theirs, rtol=5e-3, atol=5e-4)


@pytest.mark.gpu
def test_a_captured_run_learns_and_resumes(gpu, tmp_path):
    plan = recipe("bf16", **GAN)
    made = trainer(plan, gpu)
    first = [float(made.train_step()["mse"]) for _ in range(10)]
    assert np.isfinite(first).all()
    made.save(tmp_path / "state.pt")
    again = trainer(plan, gpu)
    again.resume(tmp_path / "state.pt")
    for _ in range(6):
        a, b = made.train_step(), again.train_step()
        assert float(a["mse"]) == pytest.approx(float(b["mse"]), rel=0.05)


@pytest.mark.gpu
def test_images_and_scores_on_a_gpu_are_the_cpus(gpu):
    hr = data.astronaut()[:256, :256].copy()
    lr = imresize(hr, 0.25, border="replicate")
    found = {}
    for device in ("cpu", "cuda"):
        sr = srbench.load_method("srresnet-mse", device=device).upscale(lr)
        found[device] = sr, get_protocol("basicsr").prepare(hr, 4).score(sr)["psnr_y"]
    difference = np.abs(found["cpu"][0].astype(int) - found["cuda"][0])
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002
    assert found["cuda"][1] == pytest.approx(found["cpu"][1], abs=0.001)
