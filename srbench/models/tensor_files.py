"""Read tensors from untrusted files (torch checkpoints, safetensors) without running code.

All files of tensors, ours or not, are read by :func:`read_tensors`. The format is detected from the
content, not from the name.
"""

from __future__ import annotations

import pickle
import re
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError
from ..file_kinds import HEAD, kind_of, may_hold_tensors

# torch writes plain containers of tensors and numbers; many trainers add a NumPy number (the best
# PSNR). These functions make only numbers; NumPy has used both names.
_SCALAR = np.float64(0).__reduce__()[0]
_NUMPY_NUMBERS: list[Any] = [
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
    (np.dtype, "numpy.dtype"),
    *(type(np.dtype(code)) for code in ("f2", "f4", "f8", "?", "i1", "i2", "i4", "i8",
                                        "u1", "u2", "u4", "u8")),
]  # fmt: skip

_WAY_OUT = "save the tensors alone, torch.save(network.state_dict(), FILE), and give that file"


def read_tensors(path: Path, device: torch.device | str = "cpu") -> Mapping[str, object]:
    """The content of a safetensors file or a torch checkpoint, by name, without running code.

    torch's files are read with ``weights_only=True``, plus NumPy numbers. A safetensors file gives
    its tensors; a torch file the saved object with nested containers.

    Raises:
        CheckpointError: the file is missing, damaged or of another kind, or contains more than
        data: a TorchScript archive, a pickled module, objects of other libraries.
    """
    head = _head(path)
    if not may_hold_tensors(head):
        raise CheckpointError(
            f"{path} is {kind_of(head)}; expected tensors as torch.save or safetensors write them"
        )
    if head[8:9] == b"{":
        return _read_safetensors(path, str(device))
    if head.startswith(b"PK\x03\x04"):
        _refuse_other_archives(path)
    content = _read_torch(path, device)
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds a {type(content).__name__}, expected named tensors")
    return content


def metadata_of(path: Path) -> dict[str, str]:
    """The metadata texts in a safetensors file's header; empty for other files.

    Raises:
        CheckpointError: the file cannot be read, or its header is damaged.
    """
    if _head(path)[8:9] != b"{":
        return {}
    with _safetensors_told(path), safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _head(path: Path) -> bytes:
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):  # reading a pipe would block
            what = "is a folder" if stat.S_ISDIR(kind) else "is not a regular file"
            raise CheckpointError(f"{path} {what}; expected a .safetensors or .pth file")
        with path.open("rb") as stream:
            return stream.read(HEAD)
    except FileNotFoundError:
        raise CheckpointError(
            f"{path} does not exist; expected a .safetensors or .pth file"
        ) from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error


@contextmanager
def _safetensors_told(path: Path) -> Iterator[None]:
    """Reports the errors of a safetensors file in one line."""
    try:
        yield
    except (SafetensorError, OSError, ValueError, RuntimeError, MemoryError) as error:
        raise CheckpointError(
            f"{path} is not a complete safetensors file ({_first_line(error)}); "
            "copy or train it again"
        ) from error


def _read_safetensors(path: Path, device: str) -> dict[str, object]:
    with _safetensors_told(path), safe_open(path, framework="pt", device=device) as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping


def _refuse_other_archives(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except Exception as error:  # zipfile raises many types of errors for damaged archives
        raise CheckpointError(
            f"{path} is damaged or not complete ({_first_line(error)}); copy it again"
        ) from error
    names = {member.filename.partition("/")[2] for member in members}
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        raise CheckpointError(
            f"{path} is a TorchScript archive: it contains code, which srbench does not run; "
            f"{_WAY_OUT}"
        )
    if "data.pkl" not in names:
        what = "a NumPy archive" if all(m.filename.endswith(".npy") for m in members) else "a zip"
        raise CheckpointError(f"{path} is {what} without torch's tensors; {_WAY_OUT}")
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        # torch never compresses, and a small compressed file could fill any memory.
        raise CheckpointError(f"{path} is compressed inside, which torch never does; {_WAY_OUT}")


def _read_torch(path: Path, device: torch.device | str) -> object:
    try:
        # Pass a stream, because torch judges a path by its suffix.
        with path.open("rb") as file, torch.serialization.safe_globals(_NUMPY_NUMBERS):
            return torch.load(file, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(f"{path} {_what_else(path, str(error))}; {_WAY_OUT}") from error
    except Exception as error:  # torch raises many types of errors for a damaged file
        raise CheckpointError(
            f"{path} is not a complete torch file ({_first_line(error)}); copy or train it again"
        ) from error


def _what_else(path: Path, message: str) -> str:
    """The contents other than tensors for which weights-only reading failed."""
    found = re.findall(r"GLOBAL ([\w.]+)|class ([\w.]+)", message)
    names = [name for pair in found for name in pair if name]
    with suppress(Exception):  # for a file of old torch, only the message has this information
        names += torch.serialization.get_unsafe_globals_in_checkpoint(str(path))
    if any(name.startswith("torch.nn.modules.") for name in names) or _names_modules(path):
        kind = names[0].rpartition(".")[2] if names else "of torch.nn"
        return f"is a whole pickled module ({kind}): it contains code, which srbench does not run"
    if names:
        return f"holds {names[0]} in addition to tensors: it could run code and was not opened"
    reason = re.search(r"WeightsUnpickler error: (.+)", message)
    said = f" ({reason[1][:80].strip()})" if reason else ""
    return f"is a pickle of more than tensors{said}: it could run code and was not opened"


def _names_modules(path: Path) -> bool:
    with path.open("rb") as stream:
        return b"torch.nn.modules." in stream.read(2**20)


def _first_line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:160] if text else type(error).__name__
