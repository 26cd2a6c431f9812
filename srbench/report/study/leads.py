"""The heading of analysis.html: a short title and, per data set, whether a version is best."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ...stats.claims import join
from ...stats.degradation import means, procedure_of, worded
from ...stats.standing import Standing, standing, tested
from ...wording import counted
from ..kit.frames import format_p
from ..kit.style import dataset_name, display_name, format_value
from .names import Tables, datasets_of


@dataclass(frozen=True)
class StudyLead:
    """The short result of one data set and the numbers that support it."""

    where: str
    about: str
    verdict: str
    detail: str


def title(tables: Tables) -> str:
    """``7 versions rated by 26 raters on Set5, Set14 and BSD100``."""
    raters = tables["raters"]
    simulated = int(raters["simulated"].sum())
    kind = "simulated rater" if simulated == len(raters) else "rater"
    some = f" ({simulated} of them simulated)" if 0 < simulated < len(raters) else ""
    names = [dataset_name(name) for name in datasets_of(tables) if name != "all"]
    where = join(names, str) if len(names) <= 4 else counted(len(names), "data set")
    versions = counted(tables["mos"]["method"].nunique(), "version")
    return f"{versions} rated by {counted(len(raters), kind)}{some} on {where}"


def study_leads(tables: Tables) -> list[StudyLead]:
    """The result of every data set, then of all together."""
    procedure = procedure_of(tables["mos"])
    found: list[StudyLead] = []
    for name in datasets_of(tables):
        own = means(tables["mos"])
        own = own[(own["dataset"] == name) & (own["ci_method"] == "crossed")]
        verdict, detail = _said(tables, name, own)
        about = counted(int(own["n_images"].max()), "image")
        if name == "all" and not set(tables["mos"]["method"]) <= set(own["method"]):
            about += "; versions shown in all data sets"
        where = dataset_name(name)
        where = where[:1].upper() + where[1:]
        said = worded(verdict, procedure), worded(detail, procedure)
        found.append(StudyLead(where, about, *said))
    return found


def _said(tables: Tables, name: str, own: pd.DataFrame) -> tuple[str, str]:
    found, head = standing(tables, name), tested(tables["pairwise"], name)
    if not found.same_images:
        if found.top is None:
            return "versions rated on different images: not ranked", ""
        return (
            f"best: {display_name(found.top)}",
            "significantly better than every other version on the images that both show; their "
            "means are of different images",
        )
    if found.top is None:
        return "only the original was rated", f"MOS {format_value(own['mos'].iloc[0], 2)}"
    row = own[own["method"] == found.top].iloc[0]
    mos = f"MOS {format_value(row['mos'], 2)}"
    interval = ""
    if row["ci_low"] == row["ci_low"]:
        low, high = (format_value(row[end], 2) for end in ("ci_low", "ci_high"))
        interval = f"95 % {low} to {high}"
    if not found.others:
        return f"{display_name(found.top)} alone: {mos}", interval
    tied = _tied(own, found)
    lead = " and ".join(display_name(method) for method in tied)
    if not found.ranked:
        return "no version is best: one rater does not represent others", f"highest: {lead}, {mos}"
    gap = _gap(found, head)
    if found.best:
        return f"best {mos} {lead}", "; ".join(filter(None, (interval, gap)))
    what = "tied at" if len(tied) > 1 else "highest"
    said = f"{lead} {what} {mos}" if len(tied) > 1 else f"{what} {mos} {lead}"
    return "no version is best", "; ".join(filter(None, (said, interval, gap)))


def _tied(own: pd.DataFrame, found: Standing) -> list[str]:
    """The versions with the highest printed mean."""
    versions = own[own["method"].isin([str(found.top), *found.others])]
    shown = {
        str(method): format_value(float(mos), 2)
        for method, mos in zip(versions["method"], versions["mos"], strict=True)
    }
    best = shown[str(found.top)]
    return [str(found.top), *(m for m in found.others if shown[m] == best)]


def _gap(found: Standing, head: pd.DataFrame) -> str:
    """``0.12 ahead of SRGAN-MSE, significant (p = 0.0012)``: against the second highest mean."""
    second = found.others[0]  # in order of MOS
    pair = head[
        head["method_a"].isin([found.top, second]) & head["method_b"].isin([found.top, second])
    ]
    if pair.empty:
        return f"not compared with {display_name(second)}, the second highest"
    row = pair.iloc[0]
    gain = float(row["mos_difference"]) * (1 if row["method_a"] == found.top else -1)
    where = "ahead of" if gain >= 0 else "behind"
    p = format_p(row["p_holm"])
    p = p.replace("<", "< ") if p.startswith("<") else f"= {p}"
    sure = "significant" if row["significant"] else "not significant"
    text = f"{format_value(abs(gain), 2)} {where} {display_name(second)}, {sure} (p {p})"
    if found.beating and second not in found.beating:
        text += f"; significantly worse than {join(found.beating, display_name)}"
    return text
