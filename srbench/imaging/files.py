"""Read image files by fixed rules, and write lossless PNG.

| in the file                     | becomes |
|---------------------------------|---------|
| grey, 1 or 8 bit                | (H, W) |
| RGB, 8 bit                      | (H, W, 3) |
| palette                         | (H, W, 3) of the palette's colours |
| CMYK, YCbCr, LAB                | (H, W, 3), converted by Pillow without a colour profile |
| transparency, fully opaque      | the transparency is dropped |
| transparency, really used       | refused: the background is undefined |
| more than 8 bits per channel    | refused: the conversion to 8 bits is undefined |
| EXIF orientation                | applied, as in viewers |
| other metadata                  | dropped, even if damaged |
| missing pixels                  | refused |
| a JPEG with further pictures (MPO: preview, gain map) | the first, as in viewers |
| several frames, otherwise       | refused |
| more than `MAX_PIXELS`          | refused before anything is decoded |

The format is detected from the content, not from the name. PNG, JPEG, BMP, TIFF, WebP and GIF are
read.
"""

from __future__ import annotations

import ctypes
import io
import logging
import stat
import zlib
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageChops
from PIL.PngImagePlugin import PngInfo

from ..errors import ImageError
from ..file_kinds import HEAD, kind_of
from ..files import expanded, write_bytes
from .containers import JPEG, PNG, bare_jpeg, bare_png, deep_tiff, exif_orientation, refused_as_deep
from .luma import Image

MAX_PIXELS = 2**26
"""The largest image that is read, 67 megapixels (8192 x 8192). Reading it takes up to 0.9 GiB."""

MAX_BYTES = 2**29
"""The largest file that is read, 512 MiB: more than the pixels above take uncompressed."""

# Other formats of Pillow are excluded; for EPS, for example, it runs an interpreter.
_FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF")

# Without a handler, Python would print Pillow's logged warnings.
logging.getLogger("PIL").addHandler(logging.NullHandler())

# libtiff prints its warnings to the terminal, while we raise errors. If its functions cannot be
# reached (another build of Pillow), it still prints them.
with suppress(AttributeError, OSError):
    _libtiff = ctypes.CDLL(PillowImage.core.__file__)
    _libtiff.TIFFSetErrorHandler(None)
    _libtiff.TIFFSetWarningHandler(None)

_KINDS = ("a PNG", "a JPEG image", "a BMP", "a TIFF", "a WebP", "a GIF")

_JPEG_END = b"\xff\xd9"

_TURNS = {
    2: PillowImage.Transpose.FLIP_LEFT_RIGHT,
    3: PillowImage.Transpose.ROTATE_180,
    4: PillowImage.Transpose.FLIP_TOP_BOTTOM,
    5: PillowImage.Transpose.TRANSPOSE,
    6: PillowImage.Transpose.ROTATE_270,
    7: PillowImage.Transpose.TRANSVERSE,
    8: PillowImage.Transpose.ROTATE_90,
}


def read_image(source: Path | str | BinaryIO, *, name: str | None = None) -> Image:
    """Decode an image file to uint8 of shape (H, W) or (H, W, 3), by the table above.

    ``source`` is a path, or an open binary stream; ``name`` is the name of a stream in messages.

    Raises:
        ImageError: the file is missing, damaged, too large, or of a kind that the table refuses.
    """
    if isinstance(source, (str, Path)):
        path = expanded(source)
        name = name or str(path)
        content = _content(path, name)
    else:
        name = name or "the image"
        content = source.read()
    orientation = 1
    if content.startswith(PNG):
        content, orientation = bare_png(content, name)
    elif content.startswith(JPEG):
        content, orientation = bare_jpeg(content)
    elif kind := content[:2] in (b"II", b"MM") and deep_tiff(content):
        raise refused_as_deep(name, kind)
    with _faults_told(name, content), PillowImage.open(io.BytesIO(content), "r", _FORMATS) as file:
        _refuse_by_header(name, file)
        if file.format == "WEBP":
            exif = file.info.get("exif", b"")
            orientation = exif_orientation(exif.removeprefix(b"Exif\0\0"))
        file.load()
        if file.format == "JPEG":
            _refuse_filled(name, content, file)
        image = file if orientation == 1 else file.transpose(_TURNS[orientation])
        return _to_array(name, image)


def upright(image: PillowImage.Image) -> PillowImage.Image:
    """A Pillow image turned by its EXIF orientation, as the file that it was read from."""
    exif = image.info.get("exif")
    start = b"Exif\0\0"
    turn = exif_orientation(exif.removeprefix(start)) if isinstance(exif, bytes) else 1
    return image if turn == 1 else image.transpose(_TURNS[turn])


def probe_image(path: Path) -> tuple[int, ...]:
    """The shape of the result of :func:`read_image`, (H, W) or (H, W, 3).

    It decodes the file, because only this detects missing pixels and used transparency.

    Raises:
        ImageError: as `read_image`.
    """
    return read_image(path).shape


def _content(path: Path, name: str) -> bytes:
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):  # reading a pipe would block
            what = "is a folder" if stat.S_ISDIR(facts.st_mode) else "is not a regular file"
            raise ImageError(f"{name} {what}; expected an image file")
        if facts.st_size > MAX_BYTES:
            raise ImageError(
                f"{name} is a file of {facts.st_size >> 20} MiB, more than the "
                f"{MAX_BYTES >> 20} MiB that an image may take"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageError(f"{name} cannot be read: {reason or error}") from error


@contextmanager
def _faults_told(name: str, content: bytes) -> Generator[None, None, None]:
    """The decoder's errors as `ImageError`, with the kind of the file."""
    try:
        yield
    except ImageError:
        raise
    except PillowImage.DecompressionBombError:
        raise _too_large(name, "") from None
    except Exception as error:  # Pillow's decoders raise many types of errors for damaged files
        kind = kind_of(content[:HEAD])
        if not kind.startswith(_KINDS):
            raise ImageError(f"{name} is {kind}; expected PNG, JPEG, BMP, TIFF or WebP") from error
        reason = "" if isinstance(error, PillowImage.UnidentifiedImageError) else f" ({error})"
        raise ImageError(
            f"{name} cannot be read: {kind} that is truncated, damaged or of a rare form{reason}"
        ) from error


def _refuse_by_header(name: str, file: PillowImage.Image) -> None:
    width, height = file.size
    if width * height > MAX_PIXELS:
        raise _too_large(name, f"{width}x{height}, ")
    if getattr(file, "n_frames", 1) > 1:
        raise ImageError(f"{name} holds several frames; save one of them as PNG")
    if file.mode.startswith(("I", "F")):
        raise refused_as_deep(name, f"{file.format} image of mode {file.mode}")


def _refuse_filled(name: str, content: bytes, file: PillowImage.Image) -> None:
    """Refuse a JPEG whose missing pixels the decoder has filled without an error.

    This happens if the data end early but an end marker follows: the decoder fills with grey or, in
    a progressive file, with the result of earlier scans. To detect it, we insert other data before
    the marker: they change the pixels only if pixels are missing.
    """
    width, height = file.size
    last = file.getpixel((width - 1, height - 1))
    # For CMYK, which is stored inverted, 127.
    grey = {127, 128} >= {*last} if isinstance(last, tuple) else last == 128
    if not content.endswith(_JPEG_END) or not (grey or "progressive" in file.info):
        return
    longer = io.BytesIO(content.removesuffix(_JPEG_END) + b"\x55" * 64 + _JPEG_END)
    with PillowImage.open(longer, "r", ("JPEG",)) as again:
        if ImageChops.difference(file, again).getbbox() is not None:
            raise ImageError(f"{name} cannot be read: a JPEG image that is truncated")


def _too_large(name: str, size: str) -> ImageError:
    return ImageError(
        f"{name} is too large: {size}more than {MAX_PIXELS / 1e6:.0f} megapixels; crop or shrink it"
    )


def _to_array(name: str, image: PillowImage.Image) -> Image:
    if "A" in image.getbands() or "transparency" in image.info:
        opaque = _in_mode("RGBA", image)
        if opaque.getchannel("A").getextrema()[0] != 255:
            raise ImageError(f"{name} has transparent pixels; flatten it onto a background first")
        image = opaque.convert("L" if image.mode in ("LA", "L", "1") else "RGB")
    grey = image.mode in ("1", "L")
    return np.asarray(_in_mode("L" if grey else "RGB", image), dtype=np.uint8)


def _in_mode(mode: str, image: PillowImage.Image) -> PillowImage.Image:
    # Converting to the same mode would make a copy, 0.25 GiB for the largest images.
    return image if image.mode == mode else image.convert(mode)


def encode_png(image: Image, software: str = "") -> bytes:
    """The lossless PNG file of uint8 (H, W) or (H, W, 3); the same bytes for the same pixels.

    ``software``: a name for the text ``Software`` near the beginning of the file.
    """
    buffer = io.BytesIO()
    texts = PngInfo()
    if software:
        texts.add_text("Software", software)
    # Run-length coding of the filtered rows: on Set5 and Set14 the files are 5 to 7 % larger than
    # with Pillow's default search, in a quarter of the time.
    PillowImage.fromarray(image).save(buffer, format="PNG", compress_type=zlib.Z_RLE, pnginfo=texts)
    return buffer.getvalue()


def write_png(path: Path | str, image: Image, software: str = "") -> None:
    """Write uint8 (H, W) or (H, W, 3) as lossless PNG, atomically; see `encode_png`.

    Raises:
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    write_bytes(Path(path), encode_png(image, software))
