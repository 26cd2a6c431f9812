"""Fetch a data set of the catalogue: download, unpack, install, verify."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..downloading import DownloadProgress, download
from ..errors import DatasetError, DownloadError, unknown_name
from .catalogue import SAMPLE, Source, canonical_name, catalogue
from .folder import Dataset, dataset_folder, image_files, open_dataset
from .placing import placed_folder
from .unpacking import Limits, unpack_images
from .verify import Finding, verify


@dataclass(frozen=True)
class Fetched:
    """An installed data set. ``source``: its address, None if it was already installed.
    ``findings``: the result of :func:`~srbench.data.verify`, because servers can have cropped or
    re-compressed images.
    """

    dataset: Dataset
    source: str | None
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether no image differs from its record."""
        return all(finding.good for finding in self.findings)


def fetch(
    name: str,
    root: Path | str,
    *,
    sources: Sequence[Source] | None = None,
    limits: Limits | None = None,
    timeout: float = 20.0,
    progress: DownloadProgress | None = None,
) -> Fetched:
    """Make sure that a data set of the catalogue is in ``<root>/<Name>/HR``, and verify it.

    The addresses are tried in order until one has images. The folder appears complete or not at
    all. A data set that is already installed is only verified. An interrupted download stays in
    ``<root>/.downloads`` and is continued by the next call.

    Args:
        sources: addresses instead of the catalogue's, for your own mirror.
        limits: bounds on the archive's size and contents.
        timeout: seconds to wait for each response of a server.
        progress: called as (host, bytes so far, total bytes or None).

    Raises:
        UnknownName: the catalogue has no such data set.
        DatasetError: the root has it twice, under two of its names.
        DownloadError: no address worked; the message gives the reason for each.
        ResultsError: the root cannot be written to.
    """
    root = Path(root)
    canonical = canonical_name(name)
    if canonical is None:
        raise unknown_name("data set", name, catalogue())
    if canonical == SAMPLE or dataset_folder(canonical, root):
        dataset = open_dataset(canonical, root)
        return Fetched(dataset, None, tuple(verify(dataset)))
    bounds = limits or Limits()
    reasons: list[str] = []
    for source in catalogue()[canonical].sources if sources is None else sources:
        try:
            _fetch_from(
                source, root / canonical / "HR", root / ".downloads", bounds, timeout, progress
            )
        except DownloadError as error:
            reasons.append(f"{urlsplit(source.url).hostname}: {error}")
            continue
        dataset = open_dataset(canonical, root)
        return Fetched(dataset, source.url, tuple(verify(dataset)))
    raise DownloadError(
        f"cannot fetch {canonical} ({'; '.join(reasons) or 'it has no address'}); check the "
        f"network and try again, or get the images yourself (see "
        f"{catalogue()[canonical].homepage}) and run 'srbench data import {canonical} FOLDER'"
    )


def _fetch_from(
    source: Source,
    target: Path,
    downloads: Path,
    limits: Limits,
    timeout: float,
    progress: DownloadProgress | None,
) -> None:
    try:
        archive = download(
            source.url,
            downloads,
            known_hash=source.hash,
            max_bytes=limits.total,
            timeout=timeout,
            progress=progress,
        )
        try:
            with placed_folder(target) as making:
                unpack_images(archive, source.inside, making, rename=source.rename, limits=limits)
                image_files(making)
        except DatasetError as error:
            raise DownloadError(str(error)) from error
        finally:
            archive.unlink(missing_ok=True)
    finally:
        if downloads.is_dir() and not any(downloads.iterdir()):
            downloads.rmdir()
