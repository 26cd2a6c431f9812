"""PNG and JPEG files without what does not decide their pixels.

Metadata of these formats is often damaged (EXIF of cameras and editors, text and colour profiles
with wrong checksums or of enormous size, a missing last chunk), and every viewer shows such files.
So only what carries pixels goes to the decoder, and the EXIF orientation is read here, as browsers
read it: damaged metadata says nothing.
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
    """A file of pixels alone, and its EXIF orientation, 1 (upright) to 8."""

    content: bytes
    orientation: int


def bare_png(content: bytes, name: str) -> Bare:
    """``content`` with no ancillary chunk but transparency, and its last chunk if it lacked it.

    Raises:
        ImageError: it is damaged where it carries pixels, is an animation, or has 16 bits.
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
            # Of a file that was cut off here, what there is may hold all pixels.
            if not sound and not (cut and kind == b"IDAT"):
                raise ImageError(f"{name} is damaged: the checksum of its {kind.decode()} is wrong")
            parts.append(_chunk(kind, data))
        elif kind == b"tRNS" and sound:
            parts.append(_chunk(kind, data))
        elif kind == b"eXIf" and sound:
            orientation = exif_orientation(data)
        elif kind == b"acTL" and sound and data[:4] != b"\0\0\0\1":
            raise ImageError(f"{name} holds several frames; save one of them as PNG")
        elif not kind[0] & 0x20:  # critical, and unknown
            raise ImageError(
                f"{name} has a part of unknown kind ({kind!r}), not of the PNG standard"
            )
        if kind == b"IHDR" and data[8:9] == b"\x10":
            raise refused_as_deep(name, "16-bit PNG")
    return Bare(b"".join([*parts, _END]), orientation)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def bare_jpeg(content: bytes) -> Bare:
    """``content`` without the segments of applications, but those of JFIF and Adobe.

    Adobe's says how colours are coded. Further pictures (preview, gain map) stand behind the first
    and are pointed at by a segment that is dropped, so the first is what is decoded.
    """
    parts, orientation, place = [content[:2]], 1, 2
    while place + 4 <= len(content) and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == 0xFF:  # padding
            place += 1
            continue
        if marker == 0xDA or marker == 0xD9:  # the pixels begin, or nothing follows
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
    """The orientation 1 to 8 in EXIF data (a TIFF directory); 1 where there is none to be read.

    As in browsers, it counts if it is one unsigned short, as the standard has it.
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
    except struct.error:  # cut off
        pass
    return 1


def deep_tiff(content: bytes) -> str | None:
    """What a TIFF of more than 8 bits per channel is, such as ``32-bit float TIFF``, else None."""
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
    except struct.error:  # damaged: the decoder is to say so
        return None
    bits, form = found.get(258, 1), found.get(339, 1)
    if bits <= 8 and form == 1:
        return None
    kinds = {2: " signed", 3: " float", 5: " complex", 6: " complex"}
    return f"{bits}-bit{kinds.get(form, '')} TIFF"


def refused_as_deep(name: str, kind: str) -> ImageError:
    """The error for an image of more than 8 bits per channel: what it is, and what to do."""
    article = "an" if kind.startswith("8") else "a"
    return ImageError(
        f"{name} is {article} {kind}; expected 8 bits per channel: convert it first, with the rule "
        "of your experiment"
    )
