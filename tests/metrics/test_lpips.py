"""LPIPS against the authors' own package, golden values, and bad input."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data

import srbench
from srbench.errors import CheckpointError, MissingWeights, SizeMismatch, UnknownName
from srbench.imaging import imresize, read_image
from srbench.metrics import Lpips
from srbench.models.backbones import build_features
from srbench.models.torchvision_import import import_torchvision
from srbench.models.weights import load_weights
from srbench.models.weights_catalogue import LPIPS_BACKBONES

NETS = ["alex", "squeeze", "vgg"]


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Backbones with random weights: enough to compare two implementations with."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(11)
    for backbone in LPIPS_BACKBONES.values():
        state = build_features(backbone).state_dict()
        named = {f"features.{key}": weight for key, weight in state.items()}
        save_file(named, folder / f"{backbone}.safetensors")
    return folder


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, list[np.ndarray]]:
    """A photograph, and reconstructions from a quarter and from half of it."""
    hr = np.ascontiguousarray(data.astronaut()[:120, 160:320])
    return hr, [imresize(imresize(hr, 1 / 4), 4), imresize(imresize(hr, 1 / 2), 2)]


def authors_distance(net: str, weights: Path, sr: np.ndarray, hr: np.ndarray) -> float:
    import_torchvision()
    import lpips

    model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    state = load_weights(LPIPS_BACKBONES[net], weights)
    names = list(model.net.state_dict())  # slice2.3.weight stands for features.3.weight
    model.net.load_state_dict({n: state["features." + n.partition(".")[2]] for n in names})
    tensors = [
        torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float() / 127.5 - 1
        for image in (hr, sr)
    ]
    with torch.no_grad():
        return float(model(*tensors))


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision.*")
@pytest.mark.parametrize("net", NETS)
@pytest.mark.slow
def test_distances_are_the_authors(
    net: str,
    random_weights: Path,
    images: tuple[np.ndarray, list[np.ndarray]],
    no_network: None,
) -> None:
    hr, srs = images
    model = Lpips(net, random_weights)
    reference = model.prepare(hr)
    for sr in srs:
        expected = authors_distance(net, random_weights, sr, hr)
        assert expected > 0
        assert model.distance(reference, sr) == pytest.approx(expected, rel=1e-5, abs=1e-8)


@pytest.mark.filterwarnings("ignore::UserWarning:torchvision.*")
@pytest.mark.parametrize("net", ["alex", "squeeze"])
def test_distances_are_the_authors_with_the_published_weights(shared: Path, net: str) -> None:
    folder = shared / "peers" / "lpips_reference"
    hr = read_image(folder / "ex_ref.png")
    model = Lpips(net, shared / "weights")
    reference = model.prepare(hr)
    for name in ("ex_p0.png", "ex_p1.png"):
        sr = read_image(folder / name)
        expected = authors_distance(net, shared / "weights", sr, hr)
        assert model.distance(reference, sr) == pytest.approx(expected, abs=1e-5)


def test_the_authors_example_images_read_the_golden_values(shared: Path) -> None:
    folder = shared / "peers" / "lpips_reference"
    model = Lpips("alex", shared / "weights")
    reference = model.prepare(read_image(folder / "ex_ref.png"))
    for name, golden in (("ex_p0.png", 0.7219), ("ex_p1.png", 0.1376)):
        found = model.distance(reference, read_image(folder / name))
        assert found == pytest.approx(golden, abs=1e-4)


@pytest.mark.parametrize("net", NETS)
def test_identical_images_are_at_distance_zero(
    net: str, random_weights: Path, images: tuple[np.ndarray, list[np.ndarray]]
) -> None:
    hr, _ = images
    model = Lpips(net, random_weights)
    assert model.metric == f"lpips_{net}"
    assert model.distance(model.prepare(hr), hr) == 0


def test_a_reference_serves_many_and_is_left_as_it_was(
    random_weights: Path, images: tuple[np.ndarray, list[np.ndarray]]
) -> None:
    hr, srs = images
    model = Lpips("alex", random_weights)
    reference = model.prepare(hr)
    first = [model.distance(reference, sr) for sr in srs]
    assert [model.distance(reference, sr) for sr in srs] == first
    assert first == [model.distance(model.prepare(hr), sr) for sr in srs]


def test_grey_counts_as_equal_red_green_and_blue(random_weights: Path) -> None:
    hr = data.camera()[:64, :72]
    sr = imresize(imresize(hr, 1 / 4), 4)
    model = Lpips("alex", random_weights)
    rgb = [np.stack([image] * 3, axis=2) for image in (hr, sr)]
    expected = model.distance(model.prepare(rgb[0]), rgb[1])
    assert model.distance(model.prepare(hr), sr) == expected
    assert model.distance(model.prepare(hr), rgb[1]) == expected


@pytest.mark.parametrize(("net", "least"), [("alex", 31), ("squeeze", 17), ("vgg", 16)])
def test_the_smallest_size_works_and_one_pixel_less_is_refused(
    net: str, least: int, random_weights: Path
) -> None:
    model = Lpips(net, random_weights)
    image = data.astronaut()[:least, :least]
    assert model.distance(model.prepare(image), 255 - image) > 0
    with pytest.raises(SizeMismatch, match=f"needs at least {least}x{least}"):
        model.prepare(image[:, :-1])


def test_images_of_other_sizes_or_kinds_are_refused(random_weights: Path) -> None:
    model = Lpips("alex", random_weights)
    image = data.astronaut()[:64, :64]
    reference = model.prepare(image)
    with pytest.raises(SizeMismatch, match="is 60x64, expected 64x64"):
        model.distance(reference, image[:, :60])
    with pytest.raises(TypeError, match="expected uint8"):
        model.distance(reference, image / 255)
    with pytest.raises(SizeMismatch, match="expected \\(H, W\\)"):
        model.prepare(image[..., :1])


def test_missing_weights_name_the_command_that_supplies_them(
    tmp_path: Path, no_network: None
) -> None:
    with pytest.raises(MissingWeights, match="srbench weights fetch alexnet-features"):
        Lpips("alex", tmp_path)


def test_an_unknown_net_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'squeeze'"):
        Lpips("squeezenet", tmp_path)


@pytest.mark.filterwarnings("error")
def test_read_only_and_mirrored_arrays_serve_without_a_warning(random_weights: Path) -> None:
    image = np.ascontiguousarray(data.astronaut()[:64, :64])
    image.setflags(write=False)
    model = Lpips("alex", random_weights)
    assert model.distance(model.prepare(image), image) == 0
    assert model.distance(model.prepare(image[:, ::-1]), image) > 0


def test_scores_are_computed_with_the_published_values_only(random_weights: Path) -> None:
    """A file copied into the weights folder, not imported, may be of another training."""
    image = data.astronaut()[:64, :64].copy()
    with pytest.raises(CheckpointError, match=r"alexnet-features.safetensors has the shape of .*, "
                       "but not its published values"):  # fmt: skip
        srbench.score(image, image, scale=4, metrics=["lpips"], weights=random_weights)
