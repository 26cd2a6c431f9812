"""``srbench upscale``: a method over files."""

from __future__ import annotations

from pathlib import Path

from ..data.folder import image_files
from ..errors import ConfigError, DatasetError
from ..imaging import Border, probe_image, read_image, write_png
from ..observer import Observer
from .resolve import load_method


def upscale_files(
    source: Path,
    method: str,
    out: Path,
    *,
    scale: int,
    border: Border,
    weights: Path,
    device: str = "auto",
    observer: Observer | None = None,
) -> list[Path]:
    """Super-resolve one image, or every image of a folder, into PNG files of the same names.

    Raises:
        ConfigError: a result would overwrite its original.
        DatasetError: there is no such file or folder, or it holds no image.
        SrbenchError: an unknown or missing method, or an image that cannot be read. Most such
            images are met before the first is begun; what was finished before the others stays.
    """
    observer = observer or Observer()
    if not source.exists():
        raise DatasetError(f"{source} does not exist; expected an image or a folder of images")
    files = {source.stem: source} if source.is_file() else image_files(source)
    targets = {name: out / f"{name}.png" for name in files}
    for name, path in files.items():
        if targets[name].exists() and targets[name].samefile(path):
            raise ConfigError(f"{path} would be overwritten by its result; choose another --out")
        probe_image(path)
    upscaler = load_method(method, scale=scale, device=device, border=border, weights=weights)
    observer.begin(f"upscaling x{scale} with {upscaler.name}", len(files))
    for name, path in files.items():
        write_png(targets[name], upscaler.upscale(read_image(path)))
        observer.step_done(name)
    observer.end()
    return list(targets.values())
