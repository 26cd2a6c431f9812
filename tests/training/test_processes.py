"""Several processes train as one: the same gradients, one writer, an exact resume."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from skimage import data

from srbench.data.training import TrainingSet
from srbench.errors import TrainingError
from srbench.models.cards import Architecture
from srbench.training import losses
from srbench.training.processes import TrainingProcess, training_process
from srbench.training.recipe import Recipe, Stage
from srbench.training.trainer import Trainer

CPU = torch.device("cpu")
ARCHITECTURES = {
    "espcn": Architecture(network="espcn"),
    "srresnet": Architecture(blocks=2, channels=16),
}


def trainer(network, place, *, precision="fp32", adversarial=0.0):
    crop = 64 if adversarial else 32
    recipe = Recipe(
        name="srresnet-mse",
        architecture=ARCHITECTURES[network],
        adversarial=adversarial,
        total_variation=1e-6,
        precision=precision,
        stages=[Stage(steps=6, crop=crop, batch=4, rate=1e-3, final_rate=1e-4)],
    )
    torch.manual_seed(0)
    photos = TrainingSet([data.astronaut(), data.coffee(), data.chelsea()], 4, CPU)
    return Trainer(recipe, recipe.architecture.build(), photos, {"mse": losses.mse}, place)


def one_step(network, place, **changes):
    """A step with batch normalisation in evaluation mode: gradients and logged losses."""
    made = trainer(network, place, **changes)
    made.generator.eval()
    values = made.train_step()
    gradients = [p.grad for p in made.generator.parameters()]
    if made.discriminator is not None:
        gradients += [p.grad for p in made.discriminator.parameters()]
    return gradients, place.mean({name: float(value.detach()) for name, value in values.items()})


def trained(folder, place):
    for network in ARCHITECTURES:
        gradients, values = one_step(network, place)
        torch.save((gradients, values), folder / f"{network}-{place.rank}.pt")
    made = trainer("espcn", place)
    run = {"validate": lambda n, s: {}, "validate_every": 2, "log_every": 1}
    made.run(folder / f"run-{place.rank}", **run)
    again = trainer("espcn", place)
    for _ in range(2):
        again.train_step()
    if place.writes:
        again.save(folder / "half.pt")
    torch.distributed.barrier()
    again = trainer("espcn", place)
    again.resume(folder / "half.pt")
    again.run(folder / f"resumed-{place.rank}", **run)
    torch.save(
        (made.generator.state_dict(), again.generator.state_dict()),
        folder / f"weights-{place.rank}.pt",
    )
    gan = trainer("srresnet", place, precision="bf16", adversarial=1e-3)
    gan.train_step()
    torch.save(gan.generator.tail.weight, folder / f"gan-{place.rank}.pt")
    if place.writes:
        time.sleep(0.5)
        (folder / "written").touch()
    place.wait()
    torch.save((folder / "written").exists(), folder / f"waited-{place.rank}.pt")


def child(folder):
    """What each process of the test runs."""
    torch.set_num_threads(1)
    with training_process("cpu") as place:
        trained(folder, place)
    names = [path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")]
    (folder / f"threads-{place.rank}.txt").write_text("\n".join(names))


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    here = Path(__file__)
    code = f"import sys; sys.path.insert(0, {str(here.parent)!r})\n"
    code += "from pathlib import Path; import test_processes\n"
    code += f"test_processes.child(Path({str(folder)!r}))\n"
    (folder / "child.py").write_text(code)
    run = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         str(folder / "child.py")],
        env={**os.environ, "PYTHONPATH": str(here.parents[2]), "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-3000:]
    assert "Warning" not in run.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("network", ARCHITECTURES)
def test_two_processes_have_the_gradients_of_one_with_the_whole_batch(two_processes, network):
    expected, values = one_step(network, TrainingProcess(CPU))
    for rank in range(2):
        gradients, means = torch.load(two_processes / f"{network}-{rank}.pt", weights_only=True)
        for mine, theirs in zip(expected, gradients, strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
        assert means == pytest.approx(values, rel=1e-5)


def test_each_process_draws_its_own_part_of_the_same_batch():
    photos = TrainingSet([data.astronaut(), data.coffee(), data.chelsea()], 4, CPU)

    def drawn(*part):
        return photos.batch(32, 4, torch.Generator().manual_seed(7), *part)

    parts = [drawn(TrainingProcess(CPU, rank, 2).part(4)) for rank in range(2)]
    for k, whole in enumerate(drawn()):
        assert torch.equal(torch.cat([part[k] for part in parts]), whole)


@pytest.mark.slow
def test_both_processes_hold_the_same_weights_and_a_resumed_run_ends_in_them(two_processes):
    runs = [torch.load(two_processes / f"weights-{k}.pt", weights_only=True) for k in range(2)]
    for name, tensor in runs[0][0].items():
        for other in (runs[0][1], runs[1][0], runs[1][1]):
            assert torch.equal(tensor, other[name]), name
    alone = trainer("espcn", TrainingProcess(CPU))
    for _ in range(6):
        alone.train_step()
    for name, tensor in alone.generator.state_dict().items():
        torch.testing.assert_close(tensor, runs[0][0][name], rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_the_first_process_alone_writes(two_processes):
    assert (two_processes / "run-0/state.pt").is_file()
    assert (two_processes / "run-0/log.csv").is_file()
    assert not (two_processes / "run-1").exists()


@pytest.mark.slow
def test_a_gan_trains_in_two_processes(two_processes):
    first, second = (torch.load(two_processes / f"gan-{k}.pt") for k in range(2))
    assert torch.equal(first, second)


@pytest.mark.slow
def test_a_process_waits_for_the_one_that_writes(two_processes):
    assert torch.load(two_processes / "waited-1.pt") is True


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_each_process_touches_its_own_gpu_alone(monkeypatch, device):
    for name, value in {"WORLD_SIZE": "2", "RANK": "1", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    touched = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("srbench.training.processes.pick_device", lambda d: touched.append(d) or d)
    monkeypatch.setattr(torch.cuda, "set_device", touched.append)
    monkeypatch.setattr(torch.distributed, "init_process_group", touched.append)
    monkeypatch.setattr(torch.distributed, "destroy_process_group", lambda: None)
    with training_process(device) as place:
        assert place == TrainingProcess(torch.device("cuda:1"), 1, 2)
    assert touched == ["cuda:1", torch.device("cuda:1"), "nccl"]


def test_a_batch_that_cannot_be_shared_is_refused():
    with pytest.raises(
        TrainingError, match="batch of 4 cannot be divided evenly among 3 processes"
    ):
        trainer("espcn", TrainingProcess(CPU, 0, 3))


@pytest.mark.slow
def test_no_thread_of_the_group_outlives_it(two_processes):
    """Such a thread can abort the process while the interpreter ends."""
    for rank in range(2):
        names = (two_processes / f"threads-{rank}.txt").read_text().split()
        assert not [name for name in names if "gloo" in name]
