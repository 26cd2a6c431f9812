"""Rules for names of data sets, and the comparison of names."""

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
"""Reserved names and their meanings."""


def dataset_key(name: str) -> str:
    """A key that is equal for two names of one data set.

    All usual names of a known set have the same key
    (:func:`~srbench.data.catalogue.canonical_name`). For other names the case is ignored, because
    their files would collide on many systems.
    """
    return (canonical_name(name) or tidy(name)).casefold()


def spelt(name: str) -> str:
    """The spelling of a data set's name: the catalogue's, else as `tidy` leaves it."""
    return canonical_name(name) or tidy(name)


def tidy(name: str) -> str:
    """A name in Unicode's form NFC, without blanks and invisible marks around it, for comparison.

    Spreadsheets and web pages leave such marks (byte order mark, zero-width space) in copied cells.
    """
    clean = unicodedata.normalize("NFC", name).strip()
    while clean and (_unseen(clean[0]) or _unseen(clean[-1])):
        clean = clean[_unseen(clean[0]) : len(clean) - _unseen(clean[-1])].strip()
    return clean


def _unseen(letter: str) -> bool:
    return unicodedata.category(letter) == "Cf"


def has_control(name: str) -> bool:
    """Whether a name has control characters or is not UTF-8, which tables cannot contain."""
    return any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)


def refuse_reserved(name: str, where: str = "") -> None:
    """Refuse a reserved name, or one that tables cannot contain; ``where`` follows in the message.

    Raises:
        DatasetError: the name is all, auto, hr or sample, in any case, or has control characters.
    """
    if has_control(name):
        raise DatasetError(
            f"{name!a}{where} cannot name a data set: it has control characters or is not UTF-8; "
            "rename it"
        )
    reason = RESERVED.get(dataset_key(name))
    if reason:
        raise DatasetError(f"'{name}'{where} cannot name a data set: {reason}; choose another name")
