"""Data sets: catalogue, folders, download, verification of pixels, and search for leaks.

A data set is ``<root>/<Name>/HR/*``; an image's id is its file stem.
"""

from .catalogue import Entry, Source, catalogue
from .fetch import Fetched, fetch
from .folder import Dataset, auto_datasets, data_root, image_files, open_dataset
from .importing import ImportedDataset, import_folder
from .leakage import Leak, find_leaks
from .listing import ListedDataset, list_datasets
from .pixels import pixel_sha256
from .verify import Finding, verify

__all__ = [
    "Dataset",
    "Entry",
    "Fetched",
    "Finding",
    "ImportedDataset",
    "Leak",
    "ListedDataset",
    "Source",
    "auto_datasets",
    "catalogue",
    "data_root",
    "fetch",
    "find_leaks",
    "image_files",
    "import_folder",
    "list_datasets",
    "open_dataset",
    "pixel_sha256",
    "verify",
]
