"""Getting a data set of the catalogue: download, unpack, put in place, verify."""

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
    """A data set that is now under the root.

    ``source`` is the address it came from, None if it was there before. ``findings`` is what
    :func:`~srbench.data.verify` says of it; addresses can serve cropped or re-compressed images.
    """

    dataset: Dataset
    source: str | None
    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Nothing is known against any image."""
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

    The addresses are tried in order until one gives images; what it gave appears in the folder
    whole or not at all. A data set that is already there is only verified. A download that
    broke off stays in ``<root>/.downloads`` and is taken up by the next call.

    Args:
        sources: addresses instead of the catalogue's, for a mirror of your own.
        limits: bounds on the archive's size and contents.
        timeout: seconds to wait for each answer of a server.
        progress: called as (host, bytes so far, bytes in all or None).

    Raises:
        UnknownName: the catalogue has no such data set.
        DatasetError: it is under the root twice, by two of its names.
        DownloadError: no address gave it; the message says why for each of them.
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
