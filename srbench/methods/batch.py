"""``srbench upscale``: a method over files."""

from __future__ import annotations

from pathlib import Path

from ..data.folder import image_files
from ..imaging import read_image, write_png
from ..observer import Observer
from .resolve import load_method


def upscale_files(
    source: Path,
    method: str,
    out: Path,
    *,
    scale: int,
    border: str,
    weights: Path,
    device: str = "auto",
    observer: Observer | None = None,
) -> list[Path]:
    """Super-resolve one image, or every image of a folder, into PNG files of the same names.

    Raises:
        SrbenchError: an unknown or missing method, or an image that cannot be read; the files
            that were finished before stay.
    """
    observer = observer or Observer()
    files = {source.stem: source} if source.is_file() else image_files(source)
    upscaler = load_method(method, scale=scale, device=device, border=border, weights=weights)
    written: list[Path] = []
    observer.begin(f"upscaling x{scale} with {upscaler.name}", len(files))
    for name, path in files.items():
        target = out / f"{name}.png"
        write_png(target, upscaler.upscale(read_image(path)))
        written.append(target)
        observer.image_done(name)
    observer.end()
    return written
