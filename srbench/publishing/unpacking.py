"""Restore a study's folder from a package with pictures."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import zipfile
from pathlib import Path

from ..csv_tables import UNREADABLE_ARCHIVE
from ..errors import ImageError, StudyError
from ..files import cannot_write, is_unused, put_folder
from ..imaging.files import read_image
from ..study.keys import make_key
from ..study.manifest import MANIFEST_FILE, STIMULI_FOLDER, load_manifest, stimulus_id
from ..study.manifest import stimulus_path as path_of

_MATERIALS = "materials/"
_PICTURE = re.compile(rf"{_MATERIALS}{STIMULI_FOLDER}/([0-9a-f]{{32}}\.png)")


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
    if not is_unused(folder):
        raise StudyError(f"{folder} is not empty; name a new folder")
    made = folder.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        (made / STIMULI_FOLDER).mkdir(parents=True)
        _extract(package, made)
        make_key(made)
        put_folder(made, folder)
    except OSError as error:
        raise cannot_write(folder, error) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _extract(package: Path, made: Path) -> None:
    with _opened(package) as archive:
        (made / MANIFEST_FILE).write_bytes(_read(package, archive, _MATERIALS + MANIFEST_FILE))
        # Only these names: a path in an archive can point anywhere, and an archive that was packed
        # again also lists folders.
        pictures = [found for name in archive.namelist() if (found := _PICTURE.fullmatch(name))]
        if not pictures:
            raise StudyError(
                f"{package.name} holds no pictures, only their hashes, so it cannot be "
                f"restored as a study; analyse it with: srbench study analyze --ratings "
                f"{package}"
            )
        for found in pictures:
            (made / STIMULI_FOLDER / found[1]).write_bytes(_read(package, archive, found[0]))
    manifest = load_manifest(made)
    for each in manifest.stimuli:
        try:
            pixels = read_image(path_of(made, each.id))
        except ImageError as error:
            fault = str(error).replace(f"{made}{os.sep}", "")
            raise StudyError(f"{package.name}: {fault}; get it again") from error
        if stimulus_id(manifest.seed, each.dataset, each.image, each.method, pixels) != each.id:
            raise StudyError(
                f"{package.name}: the picture {each.id}.png is not the rated image; get the "
                "package again"
            )


def _opened(package: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(package)
    except UNREADABLE_ARCHIVE as error:
        raise _damaged(package, error) from error


def _read(package: Path, archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        return archive.read(name)
    except (*UNREADABLE_ARCHIVE, KeyError) as error:
        raise _damaged(package, error) from error


def _damaged(package: Path, error: Exception) -> StudyError:
    return StudyError(f"{package.name} is damaged ({error}); get it again")
