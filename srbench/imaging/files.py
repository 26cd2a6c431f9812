"""Reading image files under stated rules, and writing lossless PNG.

| in the file                     | becomes |
|---------------------------------|---------|
| grey, 1 or 8 bit                | (H, W) |
| RGB, 8 bit                      | (H, W, 3) |
| palette                         | (H, W, 3) of the palette's colours |
| CMYK, YCbCr, LAB                | (H, W, 3), converted by Pillow without a colour profile |
| transparency, fully opaque      | the transparency is dropped |
| transparency, really used       | refused: there is no one right background |
| more than 8 bits per channel    | refused: there is no one right way down to 8 bits |
| EXIF orientation                | applied, as every viewer does |
| a JPEG with further pictures (MPO: preview, gain map) | the first, as every viewer shows it |
| several frames, otherwise       | refused |
"""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, TiffImageFile

from ..errors import ImageError
from ..files import write_bytes
from .luma import Image


def read_image(source: Path | str | BinaryIO, *, name: str | None = None) -> Image:
    """Decode an image file to uint8 of shape (H, W) or (H, W, 3), by the table above.

    ``source`` is a path, or an open binary stream; ``name`` is what messages call the latter.

    Raises:
        ImageError: the file is missing, damaged, too large (Pillow's limit, 179 megapixels), or
            of a kind that the table refuses.
    """
    path = Path(source) if isinstance(source, (str, Path)) else source
    name = name or (str(path) if isinstance(path, Path) else "the image")
    with _opened(path, name) as file:
        file.load()
        return _to_array(name, ImageOps.exif_transpose(file))


def probe_image(path: Path) -> tuple[int, ...]:
    """The shape that :func:`read_image` would give, (H, W) or (H, W, 3), mostly without decoding.

    PNG checksums are verified, so most damage is found; only images with transparency are decoded.

    Raises:
        ImageError: as `read_image`, except for what only the pixels tell: damage in other formats.
    """
    with _opened(path, str(path)) as file:
        width, height = file.size
        turned = file.getexif().get(0x0112, 1) >= 5  # EXIF orientation: lies on its side
        grey = file.mode in ("1", "L", "LA")
        veiled = "A" in file.getbands() or "transparency" in file.info
    with _opened(path, str(path)) as file:  # reading EXIF may load pixels, verify must come first
        file.verify()
    if veiled:  # whether it is used only the pixels tell
        return read_image(path).shape
    size = (width, height) if turned else (height, width)
    return size if grey else (*size, 3)


@contextmanager
def _opened(source: Path | BinaryIO, name: str) -> Generator[PillowImage.Image, None, None]:
    """An image file of a kind that the table takes; its faults are told as `ImageError`."""
    try:
        with PillowImage.open(source) as file:
            if file.format != "MPO" and getattr(file, "n_frames", 1) > 1:
                raise ImageError(f"{name} holds several frames; save the one you mean as PNG")
            if _is_deep(file):
                raise ImageError(
                    f"{name} has more than 8 bits per channel; convert it to 8 bits first, "
                    "by the rule your study means"
                )
            yield file
    except ImageError:
        raise
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist") from None
    except PillowImage.DecompressionBombError as error:
        raise ImageError(f"{name} is too large: {error}") from error
    except Exception as error:  # Pillow's decoders raise a dozen kinds for damaged files
        raise ImageError(
            f"{name} cannot be read as an image ({error}); is it truncated or renamed?"
        ) from error


def _is_deep(file: PillowImage.Image) -> bool:
    # Pillow reads 16-bit RGB as 8-bit without a word: only the file's own layout tells.
    if isinstance(file, TiffImageFile):
        return max(file.tag_v2.get(BITSPERSAMPLE, (1,))) > 8
    if isinstance(file, PngImageFile) and ";16" in str(file.tile):
        return True
    return file.mode.startswith(("I", "F"))


def _to_array(name: str, image: PillowImage.Image) -> Image:
    if "A" in image.getbands() or "transparency" in image.info:
        opaque = image.convert("RGBA")
        if opaque.getchannel("A").getextrema()[0] != 255:
            raise ImageError(f"{name} has transparent pixels; flatten it onto a background first")
        image = opaque.convert("L" if image.mode in ("LA", "L", "1") else "RGB")
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), dtype=np.uint8)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def encode_png(image: Image) -> bytes:
    """The lossless PNG file of uint8 (H, W) or (H, W, 3); the same bytes for the same pixels."""
    buffer = io.BytesIO()
    # Level 3 is three times as fast as Pillow's default 6 for about 3 % larger files.
    PillowImage.fromarray(image).save(buffer, format="PNG", compress_level=3)
    return buffer.getvalue()


def write_png(path: Path | str, image: Image) -> None:
    """Write uint8 (H, W) or (H, W, 3) as lossless PNG: complete, or not at all.

    Raises:
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    write_bytes(Path(path), encode_png(image))
