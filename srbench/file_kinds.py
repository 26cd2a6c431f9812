"""The kind of a file by its first bytes, for messages that say more than "cannot be read"."""

from __future__ import annotations

HEAD = 512
"""The number of bytes that :func:`kind_of` reads."""

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"II+\0", "a TIFF image"),
    (b"MM\0+", "a TIFF image"),
    (b"BM", "a BMP image"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 image"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"v/1\x01", "an OpenEXR image"),
    (b"#?RADIANCE", "a Radiance HDR image"),
    (b"8BPS", "a Photoshop document"),
    (b"qoif", "a QOI image"),
    (b"DDS ", "a DDS texture"),
    (b"%PDF", "a PDF document"),
    (b"%!PS", "a PostScript document"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\0", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (Keras, MATLAB 7.3)"),
    (b"MATLAB 5.0", "a MATLAB file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"GGUF", "a GGUF file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file (run git lfs pull)"),
    (b"<?xml", "an XML file"),
    (b"<svg", "an SVG drawing"),
)  # fmt: skip

_BRANDS = {b"avif": "an AVIF image", b"avis": "an AVIF image", b"heic": "a HEIC image",
           b"heix": "a HEIC image", b"mif1": "a HEIF image", b"msf1": "a HEIF image"}  # fmt: skip


def kind_of(head: bytes) -> str:
    """The kind of a file that begins with ``head``, with its article: ``a TIFF image``."""
    if not head:
        return "empty"
    if not head.strip(b"\0"):
        return "nothing but zero bytes"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "a WebP image"
    if head[257:262] == b"ustar":
        return "a tar archive"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "a video or HEIF image")
    if head.lstrip()[:9].lower().startswith((b"<!doctype", b"<html", b"<head")):
        return "a web page, not the expected file"
    if head[:1] == b"P" and head[1:2] in b"1234567" and head[2:3] in b"\n\r\t #":
        return "a PNM image"
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return "a Python pickle"
    if not set(head) - set(range(0x20, 0x7F)) - set(b"\r\n\t"):
        return "a text file"
    return "of a kind that srbench does not know"


def may_hold_tensors(head: bytes) -> bool:
    """Whether a file that begins with ``head`` may be a safetensors or torch file."""
    pickled = head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")
    return head[8:9] == b"{" or head.startswith(b"PK\x03\x04") or pickled
