"""Which device networks run on, with which precision, and what is said when its memory runs out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import SrbenchError

_OUT_OF_MEMORY = "can't allocate memory", "out of memory", "ALLOC_FAILED"


def pick_device(device: str) -> str:
    """The device to run on: ``auto`` is the GPU where there is one.

    Raises:
        SrbenchError: torch does not know the device, or it is not there.
    """
    if device == "cpu":
        return device  # always there: no need to ask torch, whose import takes a second
    import torch

    if device == "auto":
        if not torch.cuda.is_available():
            return "cpu"
        device = "cuda"
    try:
        torch.empty(1, device=device).cpu()  # a GPU can be there and yet be broken or full
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].split(". ")[0]  # some messages fill a page
        raise SrbenchError(
            f"the device '{device}' cannot be used here ({reason}); try --device cpu"
        ) from error
    return device


@contextmanager
def full_precision() -> Iterator[None]:
    """Convolutions of float32 are computed in float32 inside.

    On NVIDIA GPUs torch rounds what goes into them to 10 bits (TF32) unless told otherwise, and a
    score would not be the same on every machine.
    """
    import torch

    # torch's stubs do not know it.
    convolution = torch.backends.cudnn.conv  # pyright: ignore[reportAttributeAccessIssue]
    before, convolution.fp32_precision = convolution.fp32_precision, "ieee"
    try:
        yield
    finally:
        convolution.fp32_precision = before


def lacks_memory(error: BaseException) -> bool:
    """Whether ``error`` is one of the many that torch and NumPy raise where memory runs out."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    # The CPU's allocator, CUDA's driver and its libraries raise a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(w in str(error) for w in _OUT_OF_MEMORY)


@contextmanager
def out_of_memory_told(what: str, device: object) -> Iterator[None]:
    """Turns memory that runs out inside into one line: ``what`` needs more than ``device`` has.

    Raises:
        SrbenchError: in place of whatever torch raised.
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
