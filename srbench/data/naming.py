"""What a data set can be called, and when two names are one."""

from __future__ import annotations

import unicodedata

from ..errors import DatasetError
from .catalogue import SAMPLE, canonical_name

RESERVED = {
    "all": "tables use this name for the row over all data sets",
    "auto": "it means the benchmark sets that are installed",
    "hr": "it means the originals",
    SAMPLE: "the built-in set has that name",
}
"""Names that mean something else, and what."""


def dataset_key(name: str) -> str:
    """What two names have in common when they mean one data set.

    The usual names of a known set are one (:func:`~srbench.data.catalogue.canonical_name`); other
    names are told apart by their letters without case, since their files would collide on many
    systems otherwise.
    """
    return (canonical_name(name) or unicodedata.normalize("NFC", name).strip()).casefold()


def spelt(name: str) -> str:
    """How srbench writes a data set's name: as the catalogue does, else as it is, in NFC."""
    return canonical_name(name) or unicodedata.normalize("NFC", name)


def has_control(name: str) -> bool:
    """Whether a name has control characters or is no UTF-8: no table could hold it."""
    return any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


def refuse_reserved(name: str, where: str = "") -> None:
    """Refuse a data set whose name means something else, or that no table could hold; ``where``
    follows it in the message.

    Raises:
        DatasetError: it is called all, auto, hr or sample, in any case, or has control characters.
    """
    if has_control(name):
        raise DatasetError(
            f"{name!a}{where} cannot name a data set: it has control characters or is no UTF-8; "
            "rename it"
        )
    reason = RESERVED.get(dataset_key(name))
    if reason:
        raise DatasetError(f"'{name}'{where} cannot name a data set: {reason}; choose another name")
