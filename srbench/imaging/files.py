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
| several frames                  | refused |
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageOps

from ..errors import ImageError
from ..files import atomic_path
from .luma import Image

_MAX_PIXELS = 500_000_000


def read_image(source: Path | str | BinaryIO, *, name: str | None = None) -> Image:
    """Decode an image file to uint8 of shape (H, W) or (H, W, 3), by the table above.

    ``source`` is a path, or an open binary stream; ``name`` is what messages call the latter.

    Raises:
        ImageError: the file is missing, damaged, too large (500 megapixels), or of a kind that
            the table refuses.
    """
    path = Path(source) if isinstance(source, (str, Path)) else source
    name = name or (str(path) if isinstance(path, Path) else "the image")
    try:
        header = _first_bytes(path)
        with PillowImage.open(path) as file:
            width, height = file.size
            if width * height > _MAX_PIXELS:
                raise ImageError(f"{name} is {width}x{height}, more than 500 megapixels")
            if getattr(file, "n_frames", 1) > 1:
                raise ImageError(f"{name} holds several frames; save the one you mean as PNG")
            _refuse_deep(name, file, header)
            file.load()
            return _to_array(name, ImageOps.exif_transpose(file))
    except FileNotFoundError:
        raise ImageError(f"{name} does not exist") from None
    except PillowImage.DecompressionBombError as error:
        raise ImageError(f"{name} is too large: {error}") from error
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(
            f"{name} cannot be read as an image ({error}); is it truncated or renamed?"
        ) from error


def probe_image(path: Path) -> tuple[int, ...]:
    """The shape that :func:`read_image` would give, (H, W) or (H, W, 3), without decoding.

    PNG checksums are verified, so most damage is found.

    Raises:
        ImageError: the file is missing, damaged or no image.
    """
    try:
        with PillowImage.open(path) as file:
            width, height = file.size
            turned = file.getexif().get(0x0112, 1) >= 5  # EXIF orientation: lies on its side
            grey = file.mode in ("1", "L", "LA")
        with PillowImage.open(path) as file:  # reading EXIF may load pixels, verify must come first
            file.verify()
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise ImageError(
            f"{path} cannot be read as an image ({error}); is it truncated or renamed?"
        ) from error
    size = (width, height) if turned else (height, width)
    return size if grey else (*size, 3)


def _first_bytes(source: Path | BinaryIO) -> bytes:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            return stream.read(25)
    here = source.tell()
    header = source.read(25)
    source.seek(here)
    return header


def _refuse_deep(name: str, file: PillowImage.Image, header: bytes) -> None:
    # Pillow reads 16-bit RGB PNG as 8-bit without a word; only the header tells: byte 24 of a PNG
    # file is its bit depth.
    deep = file.mode.startswith(("I", "F")) or (file.format == "PNG" and header[24:] == b"\x10")
    if deep:
        raise ImageError(
            f"{name} has more than 8 bits per channel; convert it to 8 bits first, "
            "by the rule your study means"
        )


def _to_array(name: str, image: PillowImage.Image) -> Image:
    if "A" in image.getbands() or "transparency" in image.info:
        opaque = image.convert("RGBA")
        if opaque.getchannel("A").getextrema()[0] != 255:
            raise ImageError(f"{name} has transparent pixels; flatten it onto a background first")
        image = opaque.convert("L" if image.mode in ("LA", "L", "1") else "RGB")
    if image.mode in ("1", "L"):
        return np.asarray(image.convert("L"), dtype=np.uint8)
    return np.asarray(image.convert("RGB"), dtype=np.uint8)


def write_png(path: Path | str, image: Image) -> None:
    """Write uint8 (H, W) or (H, W, 3) as lossless PNG: complete, or not at all.

    Raises:
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    with atomic_path(Path(path)) as temporary:
        # Level 3 is three times as fast as Pillow's default 6 for about 3 % larger files.
        PillowImage.fromarray(image).save(temporary, format="PNG", compress_level=3)
