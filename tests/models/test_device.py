"""Devices: selection, precision, and errors."""

import numpy as np
import pytest
import torch
from torch import nn

from srbench.errors import SrbenchError
from srbench.methods.inference import Inference
from srbench.metrics.lpips_network import Lpips
from srbench.models.backbones import expected_shapes
from srbench.models.device import full_precision, lacks_memory, out_of_memory_told, pick_device

PHOTO = np.zeros((40, 40, 3), np.uint8)


def tf32() -> str:
    return torch.backends.cudnn.conv.fp32_precision  # pyright: ignore[reportAttributeAccessIssue]  # stubs


class Watched(nn.Conv2d):
    """A convolution that records the precision that a GPU would use."""

    seen: list[str] = []  # noqa: RUF012  # emptied by the test

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        self.seen.append(tf32())
        return super().forward(input)


def test_what_is_scored_is_computed_in_float32_on_every_gpu(monkeypatch, tmp_path):
    before, Watched.seen = tf32(), []
    made = Inference("n", Watched(3, 3, 3, padding=1), 1, "cpu", signed=False)
    made.upscale(PHOTO)
    assert Watched.seen == ["ieee", "ieee"]  # the warming up, the image

    torch.manual_seed(0)
    weights = {
        name: torch.randn(shape) for name, shape in expected_shapes("alexnet-features").items()
    }
    monkeypatch.setattr("srbench.metrics.lpips_network.load_weights", lambda name, folder: weights)
    monkeypatch.setattr("srbench.models.backbones.nn.Conv2d", Watched)
    metric, Watched.seen = Lpips("alex", tmp_path), []
    metric.distance(metric.prepare(PHOTO), PHOTO)
    assert Watched.seen == ["ieee"] * 10
    assert tf32() == before


def test_the_precision_is_as_before_after_an_error():
    before = tf32()
    with pytest.raises(ZeroDivisionError), full_precision():
        _ = 1 / 0
    assert tf32() == before


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:-1"])
def test_a_device_that_cannot_compute_is_named(device):
    with pytest.raises(SrbenchError, match=f"the device '{device}' cannot be used here"):
        pick_device(device)


def test_a_device_is_refused_in_few_words(monkeypatch):
    def page(count, device):
        # torch's error if it was built without the device, shortened.
        raise NotImplementedError("No kernel for 'MPS'. It is only available for: " + "CPU, " * 99)

    monkeypatch.setattr(torch, "empty", page)
    with pytest.raises(SrbenchError, match=r"\(No kernel for 'MPS'\); try --device cpu$"):
        pick_device("mps")


def test_auto_is_the_gpu_where_there_is_one_and_says_when_it_does_not_work(monkeypatch):
    assert pick_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert pick_device("auto") == "cpu"

    def full(count, device):
        raise torch.AcceleratorError("CUDA error: out of memory\nCUDA kernel errors might ...")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "empty", full)
    with pytest.raises(SrbenchError, match=r"'cuda' cannot .*\(CUDA error: out of memory\)"):
        pick_device("auto")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_lack_of_memory_has_many_faces(error):
    assert lacks_memory(error)
    told = "^LPIPS needs more memory than cuda:1 has free; close other programs or run with"
    with (
        pytest.raises(SrbenchError, match=told),
        out_of_memory_told("LPIPS", torch.device("cuda:1")),
    ):
        raise error


def test_other_errors_are_not_taken_for_lack_of_memory():
    with pytest.raises(RuntimeError, match="shapes"), out_of_memory_told("LPIPS", "cpu"):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")
