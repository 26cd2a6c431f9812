"""``srbench upscale``: run a method on files."""

from __future__ import annotations

from pathlib import Path

from ..data.folder import image_files, image_id_of, passed_over
from ..errors import ConfigError, DatasetError, SizeMismatch
from ..files import require_replaceable, resolved
from ..imaging import MAX_PIXELS, Border, probe_image, read_image, write_png
from ..observer import Observer
from .resolve import load_method, replaced_checkpoint

_SOFTWARE = "srbench upscale"
"""Marks the files, so that the command replaces only earlier results."""


def upscale_files(
    source: Path,
    method: str,
    out: Path,
    *,
    scale: int,
    border: Border | None,
    weights: Path,
    device: str = "auto",
    observer: Observer | None = None,
) -> list[Path]:
    """Super-resolve one image, or every image of a folder, into PNG files of the same names.

    ``border``: MATLAB's border rule, only for bicubic (default: symmetric).

    Raises:
        ConfigError: a ``border`` is given for another method than bicubic, or a result would
            overwrite its original or a file next to it, or lie among the originals.
        ResultsError: a result would replace a file that this command did not write.
        DatasetError: there is no such file or folder, or it has no image.
        SizeMismatch: a result would be too large to be read.
        SrbenchError: an unknown or missing method, or an image that cannot be read. All images are
            checked before the first is upscaled.
    """
    observer = observer or Observer()
    if border is not None and method.casefold() != "bicubic":
        raise ConfigError(f"--border is for bicubic, the method is {method}; leave it out")
    if not source.exists():
        raise DatasetError(f"{source} does not exist; expected an image or a folder of images")
    files = {image_id_of(source): source} if source.is_file() else image_files(source)
    if source.is_dir() and (others := passed_over(source)):
        observer.note(f"{source}: ignored {others}")
    targets = {name: out / f"{name}.png" for name in files}
    for name, path in files.items():
        if targets[name].exists() and targets[name].samefile(path):
            raise ConfigError(f"{path} would be overwritten by its result; choose another --out")
    if resolved(out) == resolved(source):
        raise ConfigError(
            f"the results would lie among the images of {source}; choose another --out"
        )
    if source.is_file() and resolved(out) == resolved(source).parent:
        # A picture.png next to picture.jpg may be another picture.
        beside = targets[image_id_of(source)]
        if beside.exists():
            raise ConfigError(
                f"{beside}, next to {source}, would be overwritten; choose another --out"
            )
    for target in targets.values():
        require_replaceable(target, _SOFTWARE, "a result of srbench upscale")
    for path in files.values():
        height, width, *_ = probe_image(path)
        if height * width * scale**2 > MAX_PIXELS:
            raise SizeMismatch(
                f"{path} is {width}x{height}: x{scale} makes {width * scale}x{height * scale}, "
                f"more than {MAX_PIXELS / 1e6:.0f} megapixels; divide it into parts"
            )
    upscaler = load_method(method, scale=scale, device=device, border=border, weights=weights)
    if note := replaced_checkpoint(upscaler.name, scale, weights):
        observer.note(note)
    observer.begin(f"upscaling x{scale} with {upscaler.name}", len(files))
    for name, path in files.items():
        write_png(targets[name], upscaler.upscale(read_image(path)), _SOFTWARE)
        observer.step_done(name)
    observer.end()
    return list(targets.values())
