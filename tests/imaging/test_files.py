"""Reading every kind of image file by its stated rule; writing whole files or none."""

import contextlib
import os
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from skimage import data

from srbench.errors import ImageError, ResultsError
from srbench.files import atomic_path
from srbench.imaging import probe_image, read_image, write_png

PHOTO = data.astronaut()[:40, :60]


def save(path, array_or_image, **options):
    image = array_or_image
    if isinstance(image, np.ndarray):
        image = PillowImage.fromarray(image)
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
def test_lossless_rgb_files_give_their_pixels(tmp_path, suffix):
    options = {"lossless": True} if suffix == "webp" else {}
    assert np.array_equal(read_image(save(tmp_path / f"a.{suffix}", PHOTO, **options)), PHOTO)


def test_grey_stays_one_channel(tmp_path):
    grey = data.camera()[:30, :20]
    assert np.array_equal(read_image(save(tmp_path / "g.png", grey)), grey)
    bits = PillowImage.fromarray(grey).convert("1")
    made = read_image(save(tmp_path / "b.png", bits))
    assert made.shape == (30, 20)
    assert set(np.unique(made)) <= {0, 255}


def test_a_palette_becomes_its_colours(tmp_path):
    indexed = PillowImage.fromarray(PHOTO).quantize(16)
    made = read_image(save(tmp_path / "p.png", indexed))
    assert np.array_equal(made, np.asarray(indexed.convert("RGB")))


def test_cmyk_becomes_rgb(tmp_path):
    made = read_image(save(tmp_path / "c.tif", PillowImage.fromarray(PHOTO).convert("CMYK")))
    assert made.shape == PHOTO.shape
    assert np.abs(made.astype(int) - PHOTO).max() <= 1


def test_exif_orientation_is_applied(tmp_path):
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated by 90 degrees clockwise
    path = save(tmp_path / "o.png", PHOTO, exif=exif)
    assert np.array_equal(read_image(path), np.rot90(PHOTO, -1))


def test_opaque_alpha_is_dropped_and_used_alpha_refused(tmp_path):
    alpha = np.full(PHOTO.shape[:2], 255, np.uint8)
    opaque = save(tmp_path / "opaque.png", np.dstack([PHOTO, alpha]))
    assert np.array_equal(read_image(opaque), PHOTO)
    alpha[3, 4] = 254
    used = save(tmp_path / "used.png", np.dstack([PHOTO, alpha]))
    with pytest.raises(ImageError, match=r"used\.png has transparent pixels; flatten"):
        read_image(used)


def test_a_grey_image_with_opaque_alpha_stays_grey(tmp_path):
    grey = PillowImage.fromarray(data.camera()[:9, :9]).convert("LA")
    assert read_image(save(tmp_path / "la.png", grey)).shape == (9, 9)


def sixteen_bit_png(path, colour_type):
    """A 2x2 PNG with 16 bits per channel, put together by hand (Pillow cannot write RGB so)."""

    def chunk(kind, body):
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    channels = {0: 1, 2: 3}[colour_type]
    row = b"\x00" + b"\x12\x34" * 2 * channels
    header = struct.pack(">IIBBBBB", 2, 2, 16, colour_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(row * 2))
        + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("look", [read_image, probe_image])
@pytest.mark.parametrize("kind", ["grey png", "rgb png", "grey tif", "rgb tif", "rgb tif zlib"])
def test_16_bits_are_refused_whatever_holds_them(tmp_path, kind, look):
    """Pillow reads 16-bit RGB, PNG and TIFF, as 8-bit without a word."""
    path = tmp_path / "deep.img"
    if "png" in kind:
        sixteen_bit_png(path, 0 if "grey" in kind else 2)
    else:
        deep = (PHOTO[..., 0] if "grey" in kind else PHOTO).astype(np.uint16) * 257
        tifffile.imwrite(path, deep, compression="zlib" if "zlib" in kind else None)
    with pytest.raises(ImageError, match="more than 8 bits"):
        look(path)


def test_a_photograph_with_a_preview_or_gain_map_is_its_first_picture(tmp_path):
    """Telephones write such JPEG (MPO); every viewer shows the first picture."""
    photo, preview = (PillowImage.fromarray(p) for p in (PHOTO, PHOTO[::4, ::4].copy()))
    photo.save(tmp_path / "p.jpg", format="MPO", save_all=True, append_images=[preview])
    photo.save(tmp_path / "q.jpg")
    with PillowImage.open(tmp_path / "p.jpg") as made:
        assert getattr(made, "n_frames", 1) == 2
    assert np.array_equal(read_image(tmp_path / "p.jpg"), read_image(tmp_path / "q.jpg"))


@pytest.mark.parametrize("look", [read_image, probe_image])
def test_an_enormous_image_is_refused(tmp_path, look):
    save(tmp_path / "wall.png", PillowImage.new("1", (14_000, 14_000)))
    with pytest.raises(ImageError, match=r"wall\.png is too large"):
        look(tmp_path / "wall.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_no_damage_is_told_otherwise_than_as_an_image_error(tmp_path, kind):
    """Bytes of the header changed at random: some files still read, no other error escapes."""
    rng = np.random.default_rng(1)
    whole = save(tmp_path / "whole", PHOTO, format=kind).read_bytes()
    damaged = tmp_path / "damaged.png"
    for _ in range(150):
        content = bytearray(whole)
        # TIFF has its directory at the end, the others have theirs at the beginning.
        places = rng.integers(0, 200, 3) * (-1 if kind == "TIFF" else 1)
        for place in places:
            content[place] = rng.integers(0, 256)
        damaged.write_bytes(content)
        for look in (read_image, probe_image):
            with contextlib.suppress(ImageError):
                look(damaged)


def test_a_truncated_file_is_named(tmp_path):
    path = save(tmp_path / "whole.png", PHOTO)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ImageError, match=r"whole\.png cannot be read .* truncated"):
        read_image(path)


def test_text_called_png_an_animation_and_nothing_at_all_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageError, match=r"text\.png cannot be read"):
        read_image(tmp_path / "text.png")
    frames = [PillowImage.fromarray(PHOTO), PillowImage.fromarray(PHOTO[::-1].copy())]
    frames[0].save(tmp_path / "two.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(ImageError, match="several frames"):
        read_image(tmp_path / "two.webp")
    with pytest.raises(ImageError, match="does not exist"):
        read_image(tmp_path / "none.png")


def test_written_png_reads_back(tmp_path):
    write_png(tmp_path / "new" / "folder" / "a.png", PHOTO)
    assert np.array_equal(read_image(tmp_path / "new" / "folder" / "a.png"), PHOTO)
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["a.png"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail_halfway():
        with atomic_path(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_that_is_a_file_is_one_clear_error(tmp_path):
    (tmp_path / "results").write_text("I am a file")
    with pytest.raises(ResultsError, match="cannot write"):
        write_png(tmp_path / "results" / "a.png", PHOTO)
    (tmp_path / "a.png").mkdir()
    with pytest.raises(ResultsError, match=r"cannot write .*a\.png: it is a folder"):
        write_png(tmp_path / "a.png", PHOTO)


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    path = tmp_path / ("x" * 251 + ".png")
    write_png(path, PHOTO)
    assert read_image(path).shape == PHOTO.shape
    with pytest.raises(ResultsError, match="File name too long"):
        write_png(tmp_path / ("x" * 252 + ".png"), PHOTO)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path):
    with (
        pytest.raises(ResultsError, match="no space left"),
        atomic_path(tmp_path / "a.bin"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
