"""Reading all kinds of image files by the documented rules; atomic writing."""

import contextlib
import os
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage
from skimage import data

from srbench.errors import ImageError, ResultsError
from srbench.files import atomic_path
from srbench.imaging import files, probe_image, read_image, write_png

PNG = b"\x89PNG\r\n\x1a\n"
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


def chunk(kind, body=b"", wrong=False):
    """A chunk of a PNG, with a right or wrong checksum."""
    checksum = zlib.crc32(kind + body) ^ wrong
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)


def sixteen_bit_png(path, colour_type):
    """A 2x2 PNG with 16 bits per channel, put together by hand (Pillow cannot write RGB so)."""

    channels = {0: 1, 2: 3}[colour_type]
    row = b"\x00" + b"\x12\x34" * 2 * channels
    header = struct.pack(">IIBBBBB", 2, 2, 16, colour_type, 0, 0, 0)
    path.write_bytes(
        PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(row * 2)) + chunk(b"IEND", b"")
    )
    return path


@pytest.mark.parametrize("look", [read_image, probe_image])
@pytest.mark.parametrize("kind", ["grey png", "rgb png", "grey tif", "rgb tif", "rgb tif zlib"])
def test_16_bits_are_refused_whatever_holds_them(tmp_path, kind, look):
    """Pillow silently reads 16-bit RGB in PNG and TIFF as 8-bit."""
    path = tmp_path / "deep.img"
    if "png" in kind:
        sixteen_bit_png(path, 0 if "grey" in kind else 2)
    else:
        deep = (PHOTO[..., 0] if "grey" in kind else PHOTO).astype(np.uint16) * 257
        tifffile.imwrite(path, deep, compression="zlib" if "zlib" in kind else None)
    with pytest.raises(ImageError, match=r"is a 16-bit (PNG|TIFF); expected 8 bits"):
        look(path)


def test_a_photograph_with_a_preview_or_gain_map_is_its_first_picture(tmp_path):
    """Phones write such JPEG files (MPO), and viewers show the first picture."""
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


def test_the_bound_is_on_pixels_and_told(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_PIXELS", 40 * 60 - 1)
    with pytest.raises(ImageError, match="is too large: 60x40, more than 0 megapixels"):
        read_image(save(tmp_path / "a.png", PHOTO))
    monkeypatch.setattr(files, "MAX_PIXELS", 40 * 60)
    assert read_image(tmp_path / "a.png").shape == PHOTO.shape


def test_a_bomb_of_half_a_megabyte_costs_no_memory(tmp_path):
    """177 megapixels in a small PNG are refused from the header, before decoding."""
    path = tmp_path / "bomb.png"
    header = struct.pack(">IIBBBBB", 13_300, 13_300, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"\0" * (13_300 * 3 + 1) * 13_300, 9)
    path.write_bytes(PNG + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND"))
    assert path.stat().st_size < 600_000
    tracemalloc.start()
    with pytest.raises(ImageError, match="more than 67 megapixels"):
        read_image(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "BMP", "GIF"])
def test_no_damage_is_told_otherwise_than_as_an_image_error(tmp_path, kind):
    """Random bytes in the header: some files can still be read, and no other error is raised."""
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
    with pytest.raises(
        ImageError, match=r"whole\.png cannot be read: a PNG image that is truncated"
    ):
        read_image(path)


def test_text_called_png_an_animation_and_nothing_at_all_are_refused(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(ImageError, match=r"text\.png is a text file; expected PNG"):
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
    with pytest.raises(ResultsError, match="File name too long; choose a shorter name"):
        write_png(tmp_path / ("x" * 252 + ".png"), PHOTO)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_one_clear_error(tmp_path):
    with (
        pytest.raises(ResultsError, match="no space left"),
        atomic_path(tmp_path / "a.bin"),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")


def spliced(path, *parts):
    """The PNG of the photograph with ``parts`` after its header."""
    whole = save(path, PHOTO).read_bytes()
    path.write_bytes(whole[:33] + b"".join(parts) + whole[33:])
    return path


@pytest.mark.parametrize(
    "part",
    [
        chunk(b"tEXt", b"Software\0x", wrong=True),
        chunk(b"iCCP", b"sRGB\0\0not zlib"),
        chunk(b"zTXt", b"Raw\0\0" + zlib.compress(b"a" * 9_000_000)),
        chunk(b"eXIf", b"MM\0*\0"),
        chunk(b"eXIf", b"II*\0\xff\xff\xff\xff"),
        chunk(b"tRNS", b"\0" * 6, wrong=True),
        chunk(b"gAMA", b""),
        chunk(b"pHYs", b"\xff" * 99),
        chunk(b"acTL", b"\0\0\0\1\0\0\0\0"),
        chunk(b"iTXt", bytes(range(256)), wrong=True) * 40,
    ],
    ids=lambda part: part[4:8].decode(),
)
def test_no_metadata_of_a_png_refuses_or_changes_its_pixels(tmp_path, part):
    assert np.array_equal(read_image(spliced(tmp_path / "a.png", part)), PHOTO)


def test_a_png_that_lacks_its_end_is_read_if_no_pixel_is_missing(tmp_path):
    path = save(tmp_path / "a.png", PHOTO)
    whole = path.read_bytes()
    end = len(whole) - 12  # without IEND, then without the last checksum and a part of it
    for size in (len(whole) - 1, end, end - 2, end - 4, end - 8):
        path.write_bytes(whole[:size])
        assert np.array_equal(read_image(path), PHOTO), size
    path.write_bytes(whole + b"garbage" * 20)
    assert np.array_equal(read_image(path), PHOTO)
    for size in (end - 60, len(whole) // 2, 60, 40):
        path.write_bytes(whole[:size])
        with pytest.raises(ImageError):
            read_image(path)


def test_damage_where_a_png_carries_pixels_is_refused(tmp_path):
    size = struct.pack(">IIBBBBB", 5, 5, 8, 2, 0, 0, 0)
    with pytest.raises(ImageError, match="its header is not once and first"):
        read_image(spliced(tmp_path / "two.png", chunk(b"IHDR", size)))
    with pytest.raises(ImageError, match="checksum of its IDAT is wrong"):
        read_image(spliced(tmp_path / "sum.png", chunk(b"IDAT", b"x", wrong=True)))
    with pytest.raises(ImageError, match="unknown kind"):
        read_image(spliced(tmp_path / "apple.png", chunk(b"CgBI", b"1234")))


def jpeg(path, *segments):
    """The JPEG of the photograph with application segments, in place of its own."""
    save(path, PHOTO, quality=95)
    whole = path.read_bytes()
    made = b"".join(b"\xff" + m + struct.pack(">H", len(d) + 2) + d for m, d in segments)
    path.write_bytes(whole[:2] + made + whole[2:])
    return path


def exif(kind, count, value, order="MM"):
    """EXIF of one entry, the orientation."""
    sign = ">" if order == "MM" else "<"
    head = order.encode() + struct.pack(sign + "HI", 42, 8)
    entry = struct.pack(sign + "HHHI", 1, 0x0112, kind, count) + value
    return b"Exif\0\0" + head + entry + b"\0" * 4


@pytest.mark.parametrize(
    "data_",
    [
        b"Exif\0\0",
        b"Exif\0\0XX\0*garbage",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
        b"Exif\0\0MM\0*\xff\xff\xff\xff",
        exif(2, 4, b"abc\0"),
        exif(1, 1, b"\6\0\0\0"),
        exif(7, 1, b"\6\0\0\0"),
        exif(5, 1, struct.pack(">I", 395876289)),
        exif(3, 2, struct.pack(">HH", 6, 6)),
        exif(3, 1, struct.pack(">HH", 0, 0)),
        exif(3, 1, struct.pack(">HH", 99, 0)),
        exif(3, 2**32 - 1, b"\xff" * 4),
    ],
)
@pytest.mark.parametrize("look", [read_image, probe_image])
def test_odd_exif_is_no_reason_to_refuse_or_turn_a_jpeg(tmp_path, data_, look, recwarn):
    made = look(jpeg(tmp_path / "a.jpg", (b"\xe1", data_)))
    plain = look(jpeg(tmp_path / "b.jpg"))
    assert np.array_equal(made, plain)
    assert not recwarn.list


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("value", range(1, 9))
def test_all_orientations_are_applied(tmp_path, value, order):
    sign = ">" if order == "MM" else "<"
    data_ = exif(3, 1, struct.pack(sign + "HH", value, 0), order)
    path = jpeg(tmp_path / "a.jpg", (b"\xe1", data_))
    plain = read_image(jpeg(tmp_path / "b.jpg"))
    turned = {
        1: plain, 2: plain[:, ::-1], 3: plain[::-1, ::-1], 4: plain[::-1],
        5: plain.swapaxes(0, 1), 6: np.rot90(plain, -1),
        7: plain[::-1, ::-1].swapaxes(0, 1), 8: np.rot90(plain),
    }[value]  # fmt: skip
    assert np.array_equal(read_image(path), turned)
    assert probe_image(path) == turned.shape


@pytest.mark.parametrize("marker", [b"\xe2", b"\xed", b"\xef", b"\xfe"])
def test_other_segments_of_a_jpeg_do_not_matter(tmp_path, marker):
    odd = jpeg(tmp_path / "a.jpg", (marker, b"MPF\0" + b"\xff" * 500), (marker, b"ICC_PROFILE\0"))
    assert np.array_equal(read_image(odd), read_image(jpeg(tmp_path / "b.jpg")))


def test_the_segment_that_says_how_colours_are_coded_is_kept(tmp_path):
    """Adobe's CMYK JPEG is stored inverted, as only this segment states."""
    path = save(tmp_path / "c.jpg", PillowImage.fromarray(PHOTO).convert("CMYK"), quality=95)
    assert np.abs(read_image(path).astype(int) - PHOTO).mean() < 3


@pytest.mark.parametrize(
    ("dtype", "told"),
    [("f4", "32-bit float"), ("f2", "16-bit float"), ("f8", "64-bit float"),
     ("i4", "32-bit signed"), ("u2", "16-bit"), ("i1", "8-bit signed")],
)  # fmt: skip
@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_deep_tiff_is_told_as_what_it_is(tmp_path, dtype, told, big, channels):
    pixels = PHOTO.astype(dtype) if channels == 3 else PHOTO[..., 0].astype(dtype)
    photometric = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "d.tif", pixels, bigtiff=big, photometric=photometric)
    with pytest.raises(ImageError, match=f"is an? {told} TIFF; expected 8 bits per channel"):
        read_image(tmp_path / "d.tif")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "is empty"),
        (b"\0" * 900, "is nothing but zero bytes"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is a PostScript document"),
        (b"<!DOCTYPE html><html>404", "is a web page"),
        (b"P6 2 2 65535\n" + b"\0" * 24, "is a PNM image; expected PNG"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "is a JPEG 2000 image; expected PNG"),
        (b"\0\0\0\x20ftypavif", "is an AVIF image; expected PNG"),
        (b"v/1\1" + b"\0" * 90, "is an OpenEXR image; expected PNG"),
        (b"PK\3\4" + b"\0" * 90, "is a zip archive"),
    ],
)
def test_what_is_no_image_of_ours_is_told_by_what_it_is(tmp_path, content, told):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ImageError, match=told):
        read_image(tmp_path / "a.png")


def test_what_is_no_file_is_never_waited_for(tmp_path):
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    (tmp_path / "dead.png").symlink_to("nowhere")
    for name, told in {
        "folder": "is a folder", "pipe": "is not a regular file", "loop": "cannot be read",
        "dead": "does not exist",
    }.items():  # fmt: skip
        with pytest.raises(ImageError, match=told):
            read_image(tmp_path / f"{name}.png")


def test_a_file_of_enormous_size_is_not_read(tmp_path):
    with (tmp_path / "a.bmp").open("wb") as file:
        file.truncate(2**40)  # takes no place on the disk
    with pytest.raises(ImageError, match="is a file of 1048576 MiB, more than the 512 MiB"):
        read_image(tmp_path / "a.bmp")


def test_the_home_folder_may_be_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    save(tmp_path / "a.png", PHOTO)
    assert read_image("~/a.png").shape == PHOTO.shape


def test_no_library_writes_to_the_terminal(tmp_path):
    """libtiff prints messages about tags and damage itself, not through Python's warnings."""
    tifffile.imwrite(tmp_path / "tag.tif", PHOTO, extratags=[(274, "H", 1, 99, True)],
                     compression="zlib")  # fmt: skip
    save(tmp_path / "cut.tif", PHOTO, compression="jpeg")
    (tmp_path / "cut.tif").write_bytes((tmp_path / "cut.tif").read_bytes()[:-10])
    content = bytearray(save(tmp_path / "many.tif", PHOTO).read_bytes())
    samples = content.index(struct.pack("<HHI", 277, 3, 1))
    content[samples + 8 : samples + 10] = struct.pack("<H", 2048)
    (tmp_path / "many.tif").write_bytes(content)
    program = """
import contextlib, sys
from srbench.errors import ImageError
from srbench.imaging import read_image
read_image("tag.tif")
for name in ("cut.tif", "many.tif"):
    with contextlib.suppress(ImageError):
        read_image(name)
"""
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], cwd=tmp_path, capture_output=True,
        text=True, check=True, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert (ran.stdout, ran.stderr) == ("", "")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_an_image_with_missing_pixels_is_refused(tmp_path, kind, share):
    path = save(tmp_path / "a", PHOTO, format=kind)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    for look in (read_image, probe_image):
        with pytest.raises(ImageError, match="truncated"):
            look(path)


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("share", [0.5, 0.9, 0.98])
def test_a_jpeg_that_was_cut_and_closed_is_refused(tmp_path, progressive, mode, share):
    """The decoder fills missing pixels with grey or with the result of earlier scans."""
    photo = PillowImage.fromarray(data.astronaut()[:100, :120]).convert(mode)
    path = save(tmp_path / "a.jpg", photo, progressive=progressive)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))] + b"\xff\xd9")
    with pytest.raises(ImageError, match="truncated"):
        read_image(path)


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0}, {"restart_marker_rows": 1}]
)
@pytest.mark.parametrize("quality", [10, 75, 95])
def test_no_whole_jpeg_is_taken_for_a_cut_one(tmp_path, options, quality):
    grey = np.full((37, 41, 3), 128, np.uint8)
    half = PHOTO.copy()
    half[20:] = 128
    for number, picture in enumerate((PHOTO, grey, half, grey[..., 0])):
        path = save(tmp_path / f"{number}.jpg", picture, quality=quality, **options)
        with PillowImage.open(path) as file:
            assert np.array_equal(read_image(path), np.asarray(file))
