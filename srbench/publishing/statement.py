"""The information that the owner of a study must give for a publication."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from ..errors import ConfigError

_NEEDED = {
    "licence": (
        "--licence, such as CC-BY-4.0 (without a licence others may not use the data; check that "
        "the "
        "raters agreed to it)"
    ),
    "citation": "--citation, the text or BibTeX entry for others to cite the data",
    "creators": "--creator, who made the data (names separated by semicolons)",
}


@dataclass(frozen=True)
class Statement:
    """Licence, citation and authors of a published study, in the owner's words.

    ``title``: the name of the data (empty: the study's title). ``url``: their future address (may
    be empty). ``published``: the date as YYYY-MM-DD.

    Raises:
        ConfigError: licence, citation or creators are missing, or ``published`` is not a date.
    """

    licence: str
    citation: str
    creators: Sequence[str]
    published: str
    title: str = ""
    url: str = ""

    def __post_init__(self) -> None:
        given = {
            "licence": self.licence.strip(),
            "citation": self.citation.strip(),
            "creators": [name for name in self.creators if name.strip()],
        }
        if missing := [_NEEDED[name] for name, value in given.items() if not value]:
            raise ConfigError(f"a package needs information from its owner: {'; '.join(missing)}")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ConfigError(f"--url is '{self.url}', expected an address with https://")
        try:
            day = date.fromisoformat(self.published)
        except ValueError:
            raise ConfigError(
                f"--published is '{self.published}', expected a day such as 2026-11-27"
            ) from None
        object.__setattr__(self, "published", day.isoformat())  # also of 20261127
