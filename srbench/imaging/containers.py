"""Remove the parts of PNG and JPEG files that do not affect pixels.

Metadata of these formats is often damaged (EXIF of cameras and editors, text and colour profiles
with wrong checksums or of enormous size, a missing last chunk), and all viewers show such files. So
the decoder gets only the parts with pixels, and the EXIF orientation is read here as in browsers,
which ignore damaged metadata.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from ..errors import ImageError

PNG = b"\x89PNG\r\n\x1a\n"
JPEG = b"\xff\xd8\xff"

_END = struct.pack(">I4sI", 0, b"IEND", zlib.crc32(b"IEND"))


class Bare(NamedTuple):
    """A file with only pixels, and its EXIF orientation, 1 (upright) to 8."""

    content: bytes
    orientation: int


def bare_png(content: bytes, name: str) -> Bare:
    """``content`` without ancillary chunks except transparency, with the last chunk added if
    missing.

    Raises:
        ImageError: its pixel data are damaged, it is an animation, or it has 16 bits.
    """
    parts, orientation, place = [PNG], 1, len(PNG)
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        data = content[place + 8 : place + 8 + length]
        checksum = content[place + 8 + length : place + 12 + length]
        place += 12 + length
        sound = checksum == struct.pack(">I", zlib.crc32(kind + data))
        first, cut = len(parts) == 1, len(checksum) < 4
        if kind == b"IEND":
            break
        if (kind == b"IHDR") != first:
            raise ImageError(f"{name} is damaged: its header is not once and first")
        if kind in (b"IHDR", b"PLTE", b"IDAT"):
            # A file that is truncated here may still contain all pixels.
            if not sound and not (cut and kind == b"IDAT"):
                raise ImageError(f"{name} is damaged: the checksum of its {kind.decode()} is wrong")
            parts.append(_chunk(kind, data))
        elif kind == b"tRNS" and sound:
            parts.append(_chunk(kind, data))
        elif kind == b"eXIf" and sound:
            orientation = exif_orientation(data)
        elif kind == b"acTL" and sound and data[:4] != b"\0\0\0\1":
            raise ImageError(f"{name} holds several frames; save one of them as PNG")
        elif not kind[0] & 0x20:  # unknown critical chunk
            raise ImageError(
                f"{name} has a part of unknown kind ({kind!r}), not of the PNG standard"
            )
        if kind == b"IHDR" and data[8:9] == b"\x10":
            raise refused_as_deep(name, "16-bit PNG")
    return Bare(b"".join([*parts, _END]), orientation)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def bare_jpeg(content: bytes) -> Bare:
    """``content`` without application segments, except those of JFIF and Adobe.

    Adobe's segment defines the colour coding. Further pictures (preview, gain map) follow the first
    one and are referenced by a removed segment, so only the first is decoded.
    """
    parts, orientation, place = [content[:2]], 1, 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker == 0xDA or marker == 0xD9:  # start of the pixels, or end of the file
            break
        end = place + 2 + struct.unpack_from(">H", content, place + 2)[0]
        data = content[place + 4 : end]
        if marker == 0xE1 and data.startswith(b"Exif\0\0") and orientation == 1:
            orientation = exif_orientation(data[6:])
        if marker == 0xEE or not (0xE1 <= marker <= 0xEF or marker == 0xFE):
            parts.append(content[place:end])
        place = end
    return Bare(b"".join([*parts, content[place:]]), orientation)


def exif_orientation(exif: bytes) -> int:
    """The orientation 1 to 8 in EXIF data (a TIFF directory); 1 if it cannot be read.

    As in browsers, it must be one unsigned short, as in the standard.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, start)
        for entry in range(entries):
            place = start + 2 + 12 * entry
            tag, kind, count, value = struct.unpack_from(order + "HHIH", exif, place)
            if (tag, kind, count) == (0x0112, 3, 1):
                return value if 1 <= value <= 8 else 1
    except struct.error:  # truncated
        pass
    return 1


def deep_tiff(content: bytes) -> str | None:
    """The kind of a TIFF with more than 8 bits per channel (``32-bit float TIFF``), else None."""
    big = content[2:4] in (b"+\0", b"\0+")
    order = "<" if content[:2] == b"II" else ">"
    offset, number, entry = ("Q", "Q", "HHQ") if big else ("I", "H", "HHI")
    size, inline = (20, 8) if big else (12, 4)
    found: dict[int, int] = {}
    try:
        (start,) = struct.unpack_from(order + offset, content, 8 if big else 4)
        (entries,) = struct.unpack_from(order + number, content, start)
        for index in range(min(entries, 1000)):
            place = start + struct.calcsize(order + number) + size * index
            tag, kind, count = struct.unpack_from(order + entry, content, place)
            if tag in (258, 339) and kind in (3, 4) and count:  # bits per sample, sample format
                place += struct.calcsize(order + entry)
                if 2 ** (kind - 2) * count > inline:
                    (place,) = struct.unpack_from(order + offset, content, place)
                form = f"{order}{min(count, 16)}{'H' if kind == 3 else 'I'}"
                found[tag] = max(struct.unpack_from(form, content, place))
    except struct.error:  # damaged: the decoder reports it
        return None
    bits, form = found.get(258, 1), found.get(339, 1)
    if bits <= 8 and form == 1:
        return None
    kinds = {2: " signed", 3: " float", 5: " complex", 6: " complex"}
    return f"{bits}-bit{kinds.get(form, '')} TIFF"


def refused_as_deep(name: str, kind: str) -> ImageError:
    """The error for an image with more than 8 bits per channel, with advice."""
    article = "an" if kind.startswith("8") else "a"
    return ImageError(
        f"{name} is {article} {kind}; expected 8 bits per channel: convert it first, with the rule "
        "of your experiment"
    )
