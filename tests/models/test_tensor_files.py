"""Tensor files: files without code are read, others are refused with their kind."""

from __future__ import annotations

import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from srbench.errors import CheckpointError
from srbench.models.state_dicts import network_state
from srbench.models.tensor_files import read_tensors

WEIGHTS = {"body.0.weight": torch.arange(12.0).reshape(3, 4), "body.0.bias": torch.ones(3)}


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        network_state(read_tensors(path), path)
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


class Writes(nn.Module):
    """A TorchScript module that writes a file when it is loaded."""

    def __init__(self) -> None:
        super().__init__()
        self.w = torch.zeros(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.w

    @torch.jit.export
    def __getstate__(self) -> tuple[torch.Tensor, bool]:
        return (self.w, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[torch.Tensor, bool]) -> None:
        t = torch.from_file("PWNED", True, 4, dtype=torch.uint8)
        t[0] = 33
        self.w = state[0] + t.sum() * 0
        self.training = state[1]


@pytest.mark.parametrize("name", ["evil.pt", "evil.pth", "evil.ckpt", "evil.safetensors"])
def test_a_torchscript_archive_is_not_run_whatever_its_name(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    torch.jit.save(torch.jit.script(Writes()), name)
    Path("PWNED").unlink(missing_ok=True)  # scripting may try it
    assert "is a TorchScript archive" in refusal(tmp_path / name)
    assert not Path("PWNED").exists()


class Touches:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.proof,))


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt", ".pth.tar", ".safetensors"])
def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path, zipped, suffix):
    path, proof = tmp_path / f"evil{suffix}", tmp_path / "ran"
    content = {**WEIGHTS, "x": Touches(proof)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    assert "it could run code and was not opened" in refusal(path)
    path.write_bytes(pickle.dumps(Touches(proof), protocol=2))
    assert "it could run code and was not opened" in refusal(path)
    assert not proof.exists()


@pytest.mark.parametrize("zipped", [True, False])
def test_a_whole_module_is_told_as_such(tmp_path, zipped):
    path = tmp_path / "whole.pth"
    torch.save(nn.Conv2d(3, 3, 3), path, _use_new_zipfile_serialization=zipped)
    assert "is a whole pickled module" in refusal(path)


def test_a_persistent_id_reaches_nothing(tmp_path):
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj: object) -> object:
            return ("storage", os.system, "true", "cpu", 4) if obj == "bait" else None

    path = tmp_path / "persistent.pth"
    with path.open("wb") as file:
        Pickler(file, protocol=2).dump({"a.b": "bait"})
    assert refusal(path)


def test_numpy_numbers_beside_the_tensors_are_taken(tmp_path):
    path = tmp_path / "numbers.pth"
    best = {"psnr": np.float64(30.1), "steps": np.int64(7), "done": np.bool_(True)}
    torch.save({"state_dict": WEIGHTS, **best}, path)
    content = read_tensors(path)
    assert (content["psnr"], content["steps"], content["done"]) == (30.1, 7, True)
    old = path.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    path.with_name("old.pkl").write_bytes(old)  # as NumPy 1 names it; only legal unzipped:
    torch.save(
        {"a.b": torch.ones(1), "p": np.float32(2)}, path, _use_new_zipfile_serialization=False
    )
    path.write_bytes(path.read_bytes().replace(b"numpy._core.multi", b"numpy.core.multi"))
    assert read_tensors(path)["p"] == 2


def test_numpy_objects_are_not(tmp_path):
    path = tmp_path / "objects.pth"
    torch.save({"a.b": np.array([Touches(tmp_path / "ran")], dtype=object)}, path)
    assert "could run code" in refusal(path)
    assert not (tmp_path / "ran").exists()


def lying_safetensors(header: dict[str, object], length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + b"\0" * 16


@pytest.mark.parametrize(
    "content",
    [
        lying_safetensors({"a": {"dtype": "F32", "shape": [10**9], "data_offsets": [0, 16]}}),
        lying_safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 10**12]}}),
        lying_safetensors({"a": {"dtype": "F32", "shape": [4], "data_offsets": [8, 0]}}),
        lying_safetensors({}, length=2**62),
        lying_safetensors({"a": {"dtype": "X", "shape": [4], "data_offsets": [0, 16]}}),
        struct.pack("<Q", 10**6) + b"{" + b'{"a":' * 10**5,
        save(WEIGHTS)[:-3],
    ],
    ids=["shape", "offset", "backwards", "length", "dtype", "deep", "cut"],
)
def test_a_safetensors_header_that_lies_is_refused(tmp_path, content):
    path = tmp_path / "lies.safetensors"
    path.write_bytes(content)
    assert "is not a complete safetensors file" in refusal(path)


def test_a_tensor_that_claims_more_than_it_stores_is_refused(tmp_path):
    path = tmp_path / "bomb.pth"
    torch.save({"a.b": torch.zeros(1).expand(10**6, 10**6)}, path)
    assert path.stat().st_size < 10_000
    assert "stores less" in refusal(path)


def test_sparse_quantised_and_absent_numbers_are_refused(tmp_path):
    path = tmp_path / "other.pth"
    for tensor in (torch.eye(3).to_sparse(), torch.empty(3, 3, device="meta")):
        torch.save({"a.b": tensor}, path)
        assert "is not dense numbers" in refusal(path)


def test_an_archive_that_unfolds_is_refused(tmp_path):
    path = tmp_path / "bomb.pth"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\0" * 10**7)
    assert "compressed inside" in refusal(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\0" * 100, "zero bytes"),
        (b"<!DOCTYPE html><html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 20, "is a PNG image"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"epoch,loss\n1,2\n", "is a text file"),
        (b"PK\x03\x04nothing more", "damaged or not complete"),
        (b"\x80\x02}q\x00.", "is not a complete torch file"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_is_no_checkpoint_is_told_by_what_it_is(tmp_path, content, told, suffix):
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    assert told in refusal(path)


def test_folders_pipes_archives_and_absent_files_are_told(tmp_path):
    (tmp_path / "folder.pth").mkdir()
    assert "is a folder" in refusal(tmp_path / "folder.pth")
    os.mkfifo(tmp_path / "pipe.pth")
    assert "is not a regular file" in refusal(tmp_path / "pipe.pth")
    assert "does not exist" in refusal(tmp_path / "none.pth")
    np.savez(tmp_path / "arrays.npz", a=np.ones(3))
    assert "is a NumPy archive" in refusal(tmp_path / "arrays.npz")
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.txt", "hello")
    assert "is a zip without torch's tensors" in refusal(tmp_path / "photos.zip")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda w: w,
        lambda w: {"params_ema": w, "params": {k: 0 * t for k, t in w.items()}},
        lambda w: {"params": {k: 0 * t for k, t in w.items()}, "params_ema": w},
        lambda w: {"state_dict": w, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}},
        lambda w: {"model": {"state_dict": w}, "epoch": 3, "losses": torch.ones(9)},
        lambda w: {"ema": {"module": w}, "opt_g": {"state": {0: {"step": torch.ones(1)}}}},
        lambda w: OrderedDict(("module." + k, t) for k, t in w.items()),
        lambda w: {"state_dict": {"module.generator." + k: t for k, t in w.items()}},
        lambda w: {"netG._orig_mod." + k: t for k, t in w.items()},
        lambda w: {"n_averaged": torch.tensor(3), **{"module." + k: t for k, t in w.items()}},
        lambda w: {
            "state_dict": {
                "step_counter": torch.zeros(1),
                **{"generator." + k: 0 * t for k, t in w.items()},
                **{"generator_ema." + k: t for k, t in w.items()},
            }
        },
    ],
)  # fmt: skip
def test_wrappers_and_prefixes_are_taken_away(tmp_path, wrap):
    from srbench.models.state_dicts import readings

    path = tmp_path / "wrapped.pth"
    torch.save(wrap(WEIGHTS), path)
    *_, bare = readings(network_state(read_tensors(path), path))
    assert bare.keys() == WEIGHTS.keys()
    assert all(torch.equal(bare[name], WEIGHTS[name]) for name in WEIGHTS)


def test_half_precision_becomes_float32(tmp_path):
    path = tmp_path / "half.safetensors"
    save_file({name: tensor.half() for name, tensor in WEIGHTS.items()}, path)
    state = network_state(read_tensors(path), path)
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


@pytest.mark.parametrize(
    "content",
    [
        {"generator": WEIGHTS, "discriminator": {"features.0.weight": torch.ones(9, 3)}},
        {"netG": {"params": WEIGHTS}, "netD": {"params": {"conv0.weight": torch.ones(2)}}},
        {"state_dict": {"generator.a.b": torch.ones(1), "discriminator.a.b": torch.ones(1)}},
    ],
)
def test_several_networks_are_named_and_not_guessed(tmp_path, content):
    path = tmp_path / "both.pth"
    torch.save(content, path)
    message = refusal(path)
    assert "holds several networks (" in message
    assert any(name in message for name in ("discriminator", "netD"))
