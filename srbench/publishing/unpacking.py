"""Restore a study's folder from a package with pictures."""

from __future__ import annotations

import os
import secrets
import shutil
import zipfile
import zlib
from pathlib import Path

from ..errors import ImageError, StudyError
from ..files import cannot_write
from ..imaging.files import read_image
from ..study.keys import make_key
from ..study.manifest import MANIFEST_FILE, STIMULI_FOLDER, load_manifest, stimulus_id
from ..study.manifest import stimulus_path as path_of

_MATERIALS = "materials/"


def is_package(file: Path) -> bool:
    """Whether a file is a package of a study made by `write_package`."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = set(archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False
    return {"dataset_description.json", _MATERIALS + MANIFEST_FILE} <= names


def unpack_study(package: Path, folder: Path) -> None:
    """Restore the study's folder from a package: manifest, pictures and a new key.

    `study import` adds the ratings. ``folder`` must be new or empty, and is created atomically.

    Raises:
        StudyError: the folder is not empty, or the package is damaged, has no pictures, or has
            other pictures than its manifest.
        ResultsError: the folder cannot be written.
    """
    if folder.exists() and any(folder.iterdir()):
        raise StudyError(f"{folder} is not empty; name a new folder")
    made = folder.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        (made / STIMULI_FOLDER).mkdir(parents=True)
        _extract(package, made)
        make_key(made)
        if folder.exists():
            folder.rmdir()
        os.replace(made, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _extract(package: Path, made: Path) -> None:
    try:
        with zipfile.ZipFile(package) as archive:
            names = archive.namelist()
            (made / MANIFEST_FILE).write_bytes(archive.read(_MATERIALS + MANIFEST_FILE))
            pictures = [n for n in names if n.startswith(f"{_MATERIALS}{STIMULI_FOLDER}/")]
            if not pictures:
                raise StudyError(
                    f"{package.name} holds no pictures, only their hashes, so it cannot be "
                    f"restored as a study; analyse it with: srbench study analyze --ratings "
                    f"{package}"
                )
            for name in pictures:
                # Use only the last part, because a path in an archive can point anywhere.
                target = made / STIMULI_FOLDER / name.rpartition("/")[2]
                target.write_bytes(archive.read(name))
    # The last one: a compression that zipfile does not know.
    except (zipfile.BadZipFile, zlib.error, KeyError, NotImplementedError) as error:
        raise StudyError(f"{package.name} is damaged ({error}); get it again") from error
    manifest = load_manifest(made)
    for each in manifest.stimuli:
        try:
            pixels = read_image(path_of(made, each.id))
        except ImageError as error:
            raise StudyError(f"{package.name}: {error}; get it again") from error
        if stimulus_id(manifest.seed, each.dataset, each.image, each.method, pixels) != each.id:
            raise StudyError(
                f"{package.name}: the picture {each.id}.png is not the rated image; get the "
                "package again"
            )
