"""The device of networks, its precision, and errors for too little memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SrbenchError

_OUT_OF_MEMORY = "can't allocate memory", "out of memory", "ALLOC_FAILED"


def pick_device(device: str) -> str:
    """The torch device; ``auto`` is the GPU if there is one.

    Raises:
        SrbenchError: torch does not know the device, or it does not exist.
    """
    if device == "cpu":
        return device  # always exists, and importing torch takes a second
    import torch

    if device == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        device = "cuda"
    try:
        torch.empty(1, device=device).cpu()  # a GPU can exist but be broken or full
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]  # some messages fill a page
        raise SrbenchError(
            f"the device '{device}' cannot be used here ({reason}); try --device cpu"
        ) from error
    return device


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 convolutions in full float32 inside the block.

    By default torch rounds their inputs to 10 bits (TF32) on NVIDIA GPUs, so that scores would
    depend on the machine.
    """
    import torch

    # torch's stubs lack it.
    convolution = torch.backends.cudnn.conv  # pyright: ignore[reportAttributeAccessIssue]
    before, convolution.fp32_precision = convolution.fp32_precision, "ieee"
    try:
        yield
    finally:
        convolution.fp32_precision = before


def lacks_memory(error: BaseException) -> bool:
    """Whether ``error`` is one of the errors of torch and NumPy for too little memory."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The CPU's allocator, CUDA's driver and its libraries raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(w in str(error) for w in _OUT_OF_MEMORY)


@contextmanager
def out_of_memory_told(what: str, device: object) -> Iterator[None]:
    """Turn out-of-memory errors in the block into one line: ``what`` needs more than ``device``
    has.

    Raises:
        SrbenchError: instead of torch's error.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not lacks_memory(error):
            raise
        elsewhere = "" if str(device) == "cpu" else " or run with --device cpu"
        raise SrbenchError(
            f"{what} needs more memory than {device} has free; close other programs{elsewhere}"
        ) from error
