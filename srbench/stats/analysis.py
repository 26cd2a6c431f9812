"""What `analyze` gives: its tables, and the answer in words."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import pandas as pd

from .pairs import PAIR_HEADLINE
from .significance import HEADLINE


@dataclass(frozen=True, repr=False)
class Analysis(Mapping[str, pd.DataFrame]):
    """The tables of an analysis by name (``analysis["mos"]``), and the usual ones by attribute."""

    tables: Mapping[str, pd.DataFrame]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self.tables[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.tables)

    def __len__(self) -> int:
        return len(self.tables)

    @property
    def methods(self) -> pd.DataFrame:
        """A row per data set and method: MOS with the headline's interval; of pairs the scale."""
        if "mos" not in self.tables:
            return self.tables["scale"]
        mos = self.tables["mos"]
        return mos[mos["ci_method"] == "crossed"].drop(columns="ci_method").reset_index(drop=True)

    @property
    def stimuli(self) -> pd.DataFrame:
        """A row per rated picture; of pairs, per two pictures that were compared."""
        return self.tables["stimuli" if "stimuli" in self.tables else "preferences"]

    @property
    def raters(self) -> pd.DataFrame:
        """A row per rater: bias, inconsistency, and why one is flagged."""
        return self.tables["raters"]

    @property
    def pairs(self) -> pd.DataFrame:
        """The comparisons of methods by the headline test alone, one row each."""
        pairwise = self.tables["pairwise"]
        return pairwise[pairwise["test"].isin([HEADLINE, PAIR_HEADLINE])].reset_index(drop=True)

    @property
    def all_pairs(self) -> pd.DataFrame:
        """The same comparisons by every test."""
        return self.tables["pairwise"]

    @property
    def reliability(self) -> pd.Series:
        """Agreement of the raters with each other and with themselves, by name."""
        return self.tables["reliability"].iloc[0]

    @property
    def conclusions(self) -> tuple[str, ...]:
        """What follows, in sentences."""
        claims = self.tables.get("claims")
        if claims is None:
            return ()
        if claims["dataset"].nunique() == 2:  # one, and `all`, which says the same
            of_metrics = claims["topic"].str.startswith("metrics")
            claims = claims[(claims["dataset"] != "all") | of_metrics]
        return tuple(str(text) for text in claims["claim"])

    def __repr__(self) -> str:
        return "\n".join([self._head(), *(f"- {text}" for text in self.conclusions)])

    def _repr_html_(self) -> str:
        said = "".join(f"<li>{html.escape(text)}</li>" for text in self.conclusions)
        shown = self.methods.to_html(index=False, float_format="{:.3f}".format, na_rep="—")
        return f"<p>{html.escape(self._head())}</p><ul>{said}</ul>{shown}"

    def _head(self) -> str:
        raters, methods = len(self.raters), self.methods["method"].nunique()
        simulated = " SIMULATED" if bool(self.raters["simulated"].any()) else ""
        return f"Analysis of {raters}{simulated} raters and {methods} methods"
