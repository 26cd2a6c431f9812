"""Backbone weights: fetched from a local server, imported from files, refused when wrong."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from srbench.errors import (
    CheckpointError,
    DownloadError,
    MissingWeights,
    ResultsError,
    UnknownName,
)
from srbench.models import weights, weights_catalogue
from srbench.models.backbones import build_features, expected_shapes
from srbench.models.weights import (
    fetch_weights,
    import_weights,
    load_weights,
    other_source,
)
from srbench.models.weights_catalogue import (
    CATALOGUE,
    VGG19_CAFFE,
    BackboneWeights,
    list_weights,
    weights_folder,
    weights_path,
)

NAME = "squeezenet1_1-features"


@pytest.fixture(scope="module")
def tensors() -> dict[str, Tensor]:
    """Tensors like torchvision's, with random numbers: features and a classifier."""
    torch.manual_seed(4)
    state = {f"features.{k}": w for k, w in build_features(NAME).state_dict().items()}
    return state | {"classifier.1.weight": torch.zeros(10, 512, 1, 1)}


@pytest.fixture(scope="module")
def published(tensors: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``.pth`` named after its hash, as torchvision does."""
    folder = tmp_path_factory.mktemp("published")
    torch.save(tensors, folder / "unnamed.pth")
    digest = hashlib.sha256((folder / "unnamed.pth").read_bytes()).hexdigest()
    return (folder / "unnamed.pth").rename(folder / f"squeezenet1_1-{digest[:8]}.pth")


@pytest.fixture(autouse=True)
def entry(published: Path, monkeypatch: pytest.MonkeyPatch) -> BackboneWeights:
    """The catalogue with this file instead of the real one."""
    whole = hashlib.sha256(published.read_bytes()).hexdigest()
    entry = BackboneWeights(NAME, "LPIPS squeeze", published.name, whole)
    monkeypatch.setattr(weights_catalogue, "CATALOGUE", {**CATALOGUE, NAME: entry})
    return entry


@pytest.fixture
def server(published: Path, web_server):
    """A web server of that one file."""
    web_server.files[f"/models/{published.name}"] = published.read_bytes()
    return web_server


def fetched(server, folder: Path, **more) -> Path:
    return fetch_weights(NAME, folder, base_url=f"{server.address}/models/", **more)


def assert_holds(path: Path, tensors: dict[str, Tensor]) -> None:
    """The file holds the convolutional part of ``tensors`` and nothing else."""
    found = load_file(path)
    assert found.keys() == {key for key in tensors if key.startswith("features.")}
    assert all(torch.equal(found[key], tensors[key]) for key in found)


def test_fetch_keeps_the_convolutional_part_and_nothing_else(server, tensors, tmp_path):
    seen: list[tuple[str, int, int | None]] = []
    path = fetched(server, tmp_path, progress=lambda *told: seen.append(told))
    assert path == tmp_path / f"{NAME}.safetensors"
    assert_holds(path, tensors)
    assert list(tmp_path.iterdir()) == [path]
    (size,) = map(len, server.files.values())
    assert seen[-1] == ("127.0.0.1", size, size)
    assert load_weights(NAME, tmp_path).keys() == load_file(path).keys()


def test_what_is_there_is_not_fetched_again(server, tmp_path):
    fetched(server, tmp_path)
    fetched(server, tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_later_call_takes_up_a_broken_download(server, tensors, tmp_path, knows_ranges):
    server.knows_ranges = knows_ranges
    server.break_after = [100_000, 0, 0]
    with pytest.raises(DownloadError, match="the connection broke") as caught:
        fetched(server, tmp_path)
    assert "run the command again to continue" in str(caught.value)
    assert not (tmp_path / f"{NAME}.safetensors").exists()

    asked = len(server.requests)
    server.break_after.clear()
    path = fetched(server, tmp_path)
    assert_holds(path, tensors)
    assert list(tmp_path.iterdir()) == [path]
    if knows_ranges:
        assert [wanted for _, wanted in server.requests[asked:]] == ["bytes=98304-"]


def test_a_download_that_could_not_be_unpacked_is_not_asked_for_again(
    server, tensors, tmp_path, monkeypatch
):
    def full(path: Path, content: bytes) -> None:
        raise ResultsError("no space left on the disk")

    with monkeypatch.context() as patched:
        patched.setattr(weights, "write_bytes", full)
        with pytest.raises(ResultsError, match="no space left"):
            fetched(server, tmp_path)
    assert_holds(fetched(server, tmp_path), tensors)
    assert len(server.requests) == 1


def test_a_file_with_another_hash_is_refused_and_removed(server, tmp_path):
    ((path, content),) = server.files.items()
    server.files[path] = content[:-1] + b"?"
    with pytest.raises(DownloadError, match=r"SHA-256 .* expected"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DownloadError) as caught:
        fetch_weights("alexnet-features", tmp_path, base_url="http://127.0.0.1:9/")
    message = str(caught.value)
    assert "\n" not in message
    assert "srbench weights import alexnet-features alexnet-owt-7be5be79.pth" in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_the_server_lacks_is_one_line(server, tmp_path):
    server.files.clear()
    with pytest.raises(DownloadError, match=r"cannot fetch .*the server answers 404.* import"):
        fetched(server, tmp_path)


def test_a_folder_that_is_a_file_is_one_line(server, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResultsError, match=r"cannot write .*file"):
        fetched(server, tmp_path / "file")


def test_unpublished_weights_cannot_be_fetched(tmp_path: Path) -> None:
    name = "vgg19-normalised-conv1_1-to-conv3_1"
    with pytest.raises(DownloadError, match=f"srbench weights import {name} FILE"):
        fetch_weights(name, tmp_path)


def test_published_names_and_hashes_are_torchvisions() -> None:
    files = {name: entry.published_file for name, entry in CATALOGUE.items()}
    assert files == {
        "alexnet-features": "alexnet-owt-7be5be79.pth",
        "squeezenet1_1-features": "squeezenet1_1-b8a52dc0.pth",
        "vgg16-features": "vgg16-397923af.pth",
        "vgg19-features": "vgg19-dcbb9e9d.pth",
        "vgg19-normalised-conv1_1-to-conv3_1": None,
    }


@pytest.mark.parametrize("kind", ["pth", "old pth", "safetensors", "own safetensors"])
def test_import_takes_what_people_have(
    kind: str, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    file = tmp_path / ("given.safetensors" if "safetensors" in kind else "given.pth")
    if kind == "pth":
        torch.save(tensors, file)
    elif kind == "old pth":  # as torchvision's first files are
        torch.save(tensors, file, _use_new_zipfile_serialization=False)
    elif kind == "safetensors":
        save_file(tensors, file)
    else:
        save_file({k: w for k, w in tensors.items() if k.startswith("features.")}, file)
    assert_holds(import_weights(NAME, file, tmp_path / "weights"), tensors)


class RunsCode:
    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.proof,))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_that_wants_to_run_code_is_refused_and_not_run(
    zipped: bool, tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    file, proof = tmp_path / "evil.pth", tmp_path / "ran"
    if zipped:
        torch.save({**tensors, "x": RunsCode(proof)}, file)
    else:
        file.write_bytes(pickle.dumps(RunsCode(proof), protocol=2))
    with pytest.raises(CheckpointError, match="could run code and was not opened"):
        import_weights(NAME, file, tmp_path)
    assert not proof.exists()
    assert list(tmp_path.iterdir()) == [file]


def test_weights_that_nothing_proves_are_told(run_cli, tmp_path: Path) -> None:
    """There is no hash of the tensors of vgg16, only of torchvision's file."""
    tensors = {k: torch.zeros(shape) for k, shape in expected_shapes("vgg16-features").items()}
    save_file(tensors, tmp_path / "other.safetensors")
    ran = run_cli("weights", "import", "vgg16-features", tmp_path / "other.safetensors",
                  "--weights", tmp_path / "weights")  # fmt: skip
    assert ran.code == 0, ran.err
    assert "is not torchvision's vgg16-397923af.pth: whether it has the published" in ran.err


def test_files_of_another_architecture_are_refused(
    tensors: dict[str, Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "given.safetensors"
    kernel = "features.0.weight"
    wrong = {
        "lacks features.0.weight": {k: w for k, w in tensors.items() if k != kernel},
        "has features.99.weight": {**tensors, "features.99.weight": torch.zeros(1)},
        r"is \(64, 3, 5, 5\), expected \(64, 3, 3, 3\)": {
            **tensors,
            kernel: torch.zeros(64, 3, 5, 5),
        },
        "is torch.uint8, expected floating point": {**tensors, kernel: tensors[kernel].byte()},
    }
    for message, content in wrong.items():
        save_file(content, file)
        with pytest.raises(CheckpointError, match=message):
            import_weights(NAME, file, tmp_path)
    save_file(tensors, file)
    with pytest.raises(CheckpointError, match="it is not alexnet-features"):
        import_weights("alexnet-features", file, tmp_path)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_floating_point_is_converted(tensors: dict[str, Tensor], tmp_path: Path, kind):
    given = {key: tensor.to(kind) for key, tensor in tensors.items()}
    save_file(given, tmp_path / "given.safetensors")
    path = import_weights(NAME, tmp_path / "given.safetensors", tmp_path / "weights")
    assert_holds(path, {key: tensor.float() for key, tensor in given.items()})
    assert load_weights(NAME, tmp_path / "weights")["features.0.weight"].dtype == torch.float32


def test_vgg19_of_the_caffe_release_is_taken_where_it_lies_and_imported(shared, tmp_path):
    file = shared / "weights" / VGG19_CAFFE.file
    assert weights_path("vgg19-features", shared / "weights") == file
    path = import_weights("vgg19-features", file, tmp_path)
    assert path == tmp_path / "vgg19-features.safetensors"
    assert path == weights_path("vgg19-features", tmp_path)
    loaded = load_weights("vgg19-features", tmp_path)
    exact = load_file(file)
    assert exact["features.34.weight"].dtype == torch.float16
    assert all(torch.equal(loaded[key], exact[key].float()) for key in loaded)
    assert other_source("vgg19-features", loaded) == VGG19_CAFFE
    loaded["features.0.bias"][0] += 1
    assert other_source("vgg19-features", loaded) is None
    assert other_source(NAME, loaded) is None


@pytest.mark.parametrize("name", ["damaged.safetensors", "damaged.pth", "empty.pth", "absent.pth"])
def test_unreadable_files_are_refused_in_one_line(
    name: str, published: Path, tmp_path: Path
) -> None:
    file = tmp_path / name
    if name.startswith("damaged"):
        file.write_bytes(published.read_bytes()[:5000])
    elif name.startswith("empty"):
        file.touch()
    with pytest.raises(CheckpointError) as caught:
        import_weights(NAME, file, tmp_path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_checkpoint_that_is_no_table_is_refused(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list, expected named tensors"):
        import_weights(NAME, tmp_path / "list.pth", tmp_path)


def test_missing_weights_name_the_commands_that_supply_them(tmp_path: Path) -> None:
    with pytest.raises(MissingWeights, match="`srbench weights fetch vgg16-features` or `srbench"):
        load_weights("vgg16-features", tmp_path)
    name = "vgg19-normalised-conv1_1-to-conv3_1"
    with pytest.raises(MissingWeights, match=f"run `srbench weights import {name} FILE`"):
        load_weights(name, tmp_path)


def test_damaged_weights_are_refused_on_loading(tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.safetensors").write_bytes(b"nothing of the kind")
    with pytest.raises(CheckpointError, match="is a text file; expected tensors"):
        load_weights(NAME, tmp_path)


def test_unknown_weights_are_refused_with_the_nearest(tmp_path: Path) -> None:
    for call in (load_weights, fetch_weights):
        with pytest.raises(UnknownName, match="did you mean 'vgg16-features'"):
            call("vgg16-feature", tmp_path)


def test_the_list_tells_what_is_there(server, tmp_path):
    fetched(server, tmp_path)
    states = {state.entry.name: state for state in list_weights(tmp_path)}
    assert list(states) == list(CATALOGUE)
    assert [name for name, state in states.items() if state.present] == [NAME]
    assert all(not s.present for s in list_weights(tmp_path / "nowhere"))


def test_the_folder_is_the_option_then_the_environment_then_a_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SRBENCH_WEIGHTS", str(tmp_path / "environment"))
    assert weights_folder(tmp_path / "option") == tmp_path / "option"
    assert weights_folder() == tmp_path / "environment"
    monkeypatch.setenv("SRBENCH_WEIGHTS", "~/weights")
    assert weights_folder() == Path.home() / "weights"
    monkeypatch.delenv("SRBENCH_WEIGHTS")
    assert weights_folder().parts[-2:] == ("srbench", "weights")


def test_the_whole_hash_counts_and_not_its_published_digits(
    server, entry: BackboneWeights, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file with the same eight digits as torchvision's can be constructed."""
    assert entry.sha256 is not None
    other = dataclasses.replace(entry, sha256=entry.sha256[:8] + "0" * 56)
    monkeypatch.setattr(weights_catalogue, "CATALOGUE", {NAME: other})
    with pytest.raises(DownloadError, match=f"{entry.sha256}, expected {other.sha256}"):
        fetched(server, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_catalogues_hashes_begin_with_the_published_digits() -> None:
    for entry in CATALOGUE.values():
        if entry.published_file is not None:
            assert entry.sha256 is not None
            assert len(entry.sha256) == 64
            assert entry.sha256.startswith(Path(entry.published_file).stem.rpartition("-")[2])


def test_the_shared_files_hold_the_published_values(
    shared: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(weights_catalogue, "CATALOGUE", CATALOGUE)
    proven = [name for name, entry in CATALOGUE.items() if entry.features_sha256]
    assert {"alexnet-features", "squeezenet1_1-features"} <= set(proven)
    for name in proven:
        file = shared / "weights" / f"{name}.safetensors"
        import_weights(name, file, tmp_path)
        changed = load_file(file)
        next(iter(changed.values())).view(-1)[0] += 1e-3
        save_file(changed, tmp_path / "changed.safetensors")
        with pytest.raises(CheckpointError, match="not its published values"):
            import_weights(name, tmp_path / "changed.safetensors", tmp_path / "other")
        assert not (tmp_path / "other").exists()


def test_the_shared_files_are_of_the_architectures_they_name(shared: Path) -> None:
    present = [s.entry.name for s in list_weights(shared / "weights") if s.present]
    assert "alexnet-features" in present
    for name in present:
        assert load_weights(name, shared / "weights")
