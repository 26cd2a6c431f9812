"""Training pixels: aligned crops, repeatable draws, and what is refused."""

import io
import tarfile

import numpy as np
import pytest
import torch
from skimage import data

from srbench.data.training import TrainingSet, read_training_images
from srbench.errors import TrainingError
from srbench.imaging import crop_to_multiple, imresize, write_png

PHOTOS = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()[:100, :90]]


@pytest.fixture(scope="module")
def training_set():
    return TrainingSet(PHOTOS, 4, torch.device("cpu"))


def drawn(training_set, crop, size, seed=0):
    return training_set.batch(crop, size, torch.Generator().manual_seed(seed))


def test_every_crop_is_a_place_of_a_photograph_with_its_lr_beside_it(training_set):
    lr, hr = drawn(training_set, 32, 4)
    assert lr.shape == (4, 3, 8, 8)
    assert hr.shape == (4, 3, 32, 32)
    assert 0 <= lr.min() <= lr.max() <= 1
    assert -1 <= hr.min() <= hr.max() <= 1
    for k in range(4):
        small = (lr[k].permute(1, 2, 0) * 255).round().byte().numpy()
        large = ((hr[k].permute(1, 2, 0) + 1) * 127.5).round().byte().numpy()
        assert any(placed(photo, small, large) for photo in PHOTOS)


def placed(photo, small, large):
    """Whether the pair stands somewhere in the photograph and its LR, turned alike."""
    hr = crop_to_multiple(photo, 4)
    lr = imresize(hr, 0.25)
    for turn in range(8):
        s, g = small, large
        if turn & 4:
            s, g = s.swapaxes(0, 1), g.swapaxes(0, 1)
        s, g = np.rot90(s, turn & 3), np.rot90(g, turn & 3)
        rows, columns = np.nonzero((lr[:-7, :-7] == s[0, 0]).all(axis=2))
        for y, x in zip(rows, columns, strict=True):
            if np.array_equal(lr[y : y + 8, x : x + 8], s):
                return np.array_equal(hr[4 * y : 4 * y + 32, 4 * x : 4 * x + 32], g)
    return False


def test_the_same_seed_draws_the_same_and_another_seed_another_batch(training_set):
    first, again, other = (drawn(training_set, 48, 4, seed)[1] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_crops_are_drawn_in_all_eight_flips_and_turns():
    whole = TrainingSet([data.astronaut()[:32, :32]], 4, torch.device("cpu"))
    _, hr = drawn(whole, 32, 200)
    seen = {tuple(crop.flatten().tolist()) for crop in hr}
    first = hr[0]
    turned = [torch.rot90(f, k, (1, 2)) for f in (first, first.flip(2)) for k in range(4)]
    assert seen == {tuple(crop.flatten().tolist()) for crop in turned}
    assert len(seen) == 8


def test_images_of_a_batch_are_distinct_while_there_are_enough(training_set):
    _, hr = drawn(training_set, 96, 3)
    assert len({tuple(crop.flatten()[:50].tolist()) for crop in hr}) == 3
    assert drawn(training_set, 96, 9)[1].shape[0] == 9
    assert training_set.usable(96) == 3


def test_crops_that_cannot_be_cut_are_refused(training_set):
    with pytest.raises(TrainingError, match="multiple of the scale 4"):
        drawn(training_set, 50, 2)
    with pytest.raises(TrainingError, match="larger than every training image"):
        drawn(training_set, 4000, 2)
    with pytest.raises(TrainingError, match="no images"):
        TrainingSet([], 4, torch.device("cpu"))


def test_folders_and_tars_are_read_and_bad_files_named(tmp_path):
    write_png(tmp_path / "photos/a/one.png", PHOTOS[3].copy())
    (tmp_path / "photos/bad.jpg").write_bytes(b"no image")
    (tmp_path / "photos/notes.txt").write_text("not an image at all")
    skipped = []
    read = dict(read_training_images(tmp_path / "photos", skipped.append))
    assert list(read) == ["a/one.png"]
    assert np.array_equal(read["a/one.png"], PHOTOS[3])
    assert len(skipped) == 1
    assert "bad.jpg" in skipped[0]
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(tmp_path / "photos", "photos")
        info = tarfile.TarInfo("../../outside.png")
        archive.addfile(info, io.BytesIO())
    skipped.clear()
    packed = dict(read_training_images(tmp_path / "photos.tar", skipped.append))
    assert list(packed) == ["photos/a/one.png"]
    assert len(skipped) == 2


def test_a_source_that_is_neither_is_refused(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK")
    for path, words in {tmp_path / "no": "does not exist", tmp_path / "x.zip": "neither"}.items():
        with pytest.raises(TrainingError, match=words):
            list(read_training_images(path, print))
