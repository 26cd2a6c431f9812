"""The conclusions of the headline test in sentences, phrased as in the SRGAN paper."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from .degradation import means, procedure_of, worded
from .letters import compact_letters
from .metric_vs_mos import direction
from .ratings import REFERENCE
from .significance import HEADLINE, PAPER
from .standing import Standing, against, same_images, standing, tested

Name = Callable[[str], str]
OUR_NETWORKS = ("srresnet-", "srgan-")


def claims_table(
    tables: Mapping[str, pd.DataFrame],
    name: Name = str,
    metric_name: Name = str,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Sentences about each data set: ``dataset, topic, claim``.

    ``tables`` are those of `analyze`; ``name`` and ``metric_name`` turn a method's name and a
    ``metric (protocol)`` into printed names.
    """
    rows: list[dict[str, str]] = []
    mos, pairwise = means(tables["mos"]), tables["pairwise"]
    for dataset, own in mos[mos["ci_method"] == "crossed"].groupby("dataset", sort=False):
        pairs = pairwise[pairwise["dataset"] == dataset]
        head, found = tested(pairwise, str(dataset)), standing(tables, str(dataset))
        where = f"On {dataset}"
        if dataset == "all":
            # Only methods in every data set can be pooled: the best method of one may be missing
            # here.
            left_out = set(mos["method"]) - set(own["method"])
            shown = " (only versions shown in all of them)" if left_out else ""
            where = f"Over all data sets{shown}"
        where += f", for its one {' and one '.join(found.alone)}" if found.alone else ""
        said = _ranking(where, own, head, found, name, alpha)
        if len(head) and not {"rater", "panel"} & set(found.alone):
            said += [("differences", _differences(where, head, name, every_pair(head, own)))]
            said += _losses(where, own, head, tables["stimuli"], name)
            said += _paper_test(where, head, pairs[pairs["test"] == PAPER], name, alpha)
        rows += [{"dataset": str(dataset), "topic": topic, "claim": text} for topic, text in said]
    comparison = tables.get("metric_comparison")
    if comparison is not None and len(comparison):
        rows += _metrics(tables["metric_vs_mos"], comparison, metric_name)
    for row in rows:
        row["claim"] = worded(row["claim"], procedure_of(mos))
    return pd.DataFrame(rows, columns=pd.Index(["dataset", "topic", "claim"]))


def letters_table(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Compact letter display of each data set: ``dataset, method, mos, letters``, best first.

    Methods that share a letter do not differ significantly under the headline test. Only data sets
    in which every pair was tested have letters, and only if a thousand letters are enough.
    """
    rows: list[dict[str, object]] = []
    mos, pairwise = means(tables["mos"]), tables["pairwise"]
    for dataset, own in mos[mos["ci_method"] == "crossed"].groupby("dataset", sort=False):
        ordered = own.sort_values("mos", ascending=False, kind="stable")
        methods = [str(method) for method in ordered["method"]]
        head = pairwise[(pairwise["dataset"] == dataset) & (pairwise["test"] == HEADLINE)]
        if not every_pair(head, own) or head["p_holm"].isna().any():
            continue
        different = head.loc[head["significant"].astype(bool), ["method_a", "method_b"]]
        shown = compact_letters(methods, [(str(a), str(b)) for a, b in different.to_numpy()])
        if shown is None:
            continue
        for method, value in zip(methods, ordered["mos"].to_numpy(), strict=True):
            rows.append(
                {"dataset": dataset, "method": method, "mos": value, "letters": shown[method]}
            )
    return pd.DataFrame(rows, columns=pd.Index(["dataset", "method", "mos", "letters"]))


def _ranking(
    where: str, own: pd.DataFrame, head: pd.DataFrame, found: Standing, name: Name, alpha: float
) -> list[tuple[str, str]]:
    if not found.same_images:
        text = f"{where}, the reconstructions were rated on different images: their MOS "
        text += "are not ranked"
        if found.top is not None:
            text += f"; on the images that both show, {name(found.top)} is significantly better "
            text += "than every other one"
        return [("best", text + ".")]
    if found.top is None:
        return []
    percent = f"{100 * (1 - alpha):g} %"
    row = own[own["method"] == found.top].iloc[0]
    interval = (
        f", {percent} interval {row['ci_low']:.2f} to {row['ci_high']:.2f}"
        if np.isfinite(row["ci_low"]) and found.ranked
        else ""
    )
    mos = f"(MOS {row['mos']:.2f}{interval})"
    parts: list[str] = []
    if found.best:
        text = f"{where}, {name(found.top)} is rated best of the reconstructions {mos}, "
        text += "significantly better than every other one"
    elif not found.others:
        text = f"{where}, {name(found.top)} is the only reconstruction {mos}"
    elif not found.ranked:
        text = f"{where}, {name(found.top)} has the highest MOS of the reconstructions {mos}; "
        text += "one rater does not represent others"
    else:
        text = f"{where}, no reconstruction is shown to be best: {name(found.top)} has the highest "
        text += mos[1:-1]
    if not found.ranked:
        return [("best", text + ".")]
    as_high = own.loc[own["mos"].map("{:.2f}".format) == f"{row['mos']:.2f}", "method"]
    level = [m for m in found.others if m in set(as_high)]
    if level:
        parts.append(f"{join(level, name)} {'has' if len(level) == 1 else 'have'} the same MOS")
    if found.beaten and not found.best:
        parts.append(f"it is significantly better than {join(found.beaten, name)}")
    if found.even:
        parts.append(f"there is no significant difference between it and {join(found.even, name)}")
    if found.beating:
        worse = join(found.beating, name)
        parts.append(f"where both were rated, it is significantly worse than {worse}")
    if found.untested and len(head):
        parts.append(f"it was not compared with {join(found.untested, name)}")
    if found.original == "even":
        parts.append("no significant difference from the original was found")
    elif found.original is not None:
        gap = _gap(found.top, REFERENCE, head, percent)
        parts.append(f"it differs significantly from the original ({gap})")
    return [("best", "; ".join([text, *parts]) + ".")]


def every_pair(head: pd.DataFrame, own: pd.DataFrame) -> bool:
    """Whether ``head`` has every pair of the methods of ``own``."""
    return len(head) == len(own) * (len(own) - 1) // 2


def _gap(a: str, b: str, head: pd.DataFrame, percent: str) -> str:
    for row in head.to_dict("records"):
        if {a, b} == {row["method_a"], row["method_b"]}:
            sign = 1 if row["method_a"] == a else -1
            ends = sorted((sign * row["ci_low"], sign * row["ci_high"]))
            gap = sign * row["mos_difference"]
            return f"{gap:+.2f}, {percent} interval {ends[0]:+.2f} to {ends[1]:+.2f}".replace(
                "-", "−"
            )
    return ""


def _differences(where: str, head: pd.DataFrame, name: Name, every: bool) -> str:
    even = head[~head["significant"].astype(bool)]
    total = len(head)
    what = "differences between methods" if every else "differences tested"
    if total == 1:
        a, b = head[["method_a", "method_b"]].to_numpy()[0]
        verdict = "is" if even.empty else "is not"
        return f"{where}, the difference between {name(a)} and {name(b)} {verdict} significant."
    if even.empty:
        return f"{where}, all {total} {what} are significant."
    if len(even) == total:
        return f"{where}, none of the {total} {what} is significant."
    pairs = [
        f"{name(str(a))} and {name(str(b))}" for a, b in even[["method_a", "method_b"]].to_numpy()
    ]
    verb = "is" if total - len(pairs) == 1 else "are"
    said = f"{where}, {total - len(pairs)} of {total} {what} {verb} significant"
    if len(pairs) <= 6:
        said += f"; the others are between {'; '.join(pairs)}"
    return f"{said}."


def _losses(
    where: str, own: pd.DataFrame, head: pd.DataFrame, stimuli: pd.DataFrame, name: Name
) -> list[tuple[str, str]]:
    nets = own[own["method"].str.casefold().str.startswith(OUR_NETWORKS)]
    names = [str(method) for method in nets["method"]]
    if len(nets) < 2 or not same_images(stimuli, str(nets["dataset"].iloc[0]), names):
        return []
    top = str(nets.sort_values("mos", ascending=False, kind="stable")["method"].iloc[0])
    members = set(nets["method"])
    verdicts = against(top, head)
    alike = [m for m, found in verdicts.items() if found == "even" and m in members]
    if all(verdicts.get(m) == "better" for m in members - {top}):
        text = f"{where}, {name(top)} is significantly better than every other loss variant."
        return [("loss", text)]
    if not alike:
        return []
    return [
        (
            "loss",
            f"{where}, no best loss can be named: {name(top)} has the highest MOS of the loss "
            f"variants but does not differ significantly from {join(alike, name)}.",
        )
    ]


def _paper_test(
    where: str, head: pd.DataFrame, paper: pd.DataFrame, name: Name, alpha: float
) -> list[tuple[str, str]]:
    both = head.merge(paper, on=["method_a", "method_b"], suffixes=("", "_paper"))
    extra = both[(both["p_paper"] < alpha) & ~both["significant"].astype(bool)]
    if extra.empty:
        return []
    pairs = [
        f"{name(str(a))} and {name(str(b))}" for a, b in extra[["method_a", "method_b"]].to_numpy()
    ]
    shown = "; ".join(pairs[:6]) + (f" and {len(pairs) - 6} more" if len(pairs) > 6 else "")
    corrected = int((extra["p"] < alpha).sum())
    why = "they do not differ when raters and images count as random samples"
    if corrected:
        why = (
            "they do not differ after the correction for the number of comparisons"
            if corrected == len(extra)
            else f"{why}, in {corrected} of {len(extra)} cases only after the correction for the "
            "number of comparisons"
        )
    return [
        (
            "paper's test",
            f"{where}, the paper's test (Wilcoxon on pooled pairs, uncorrected) would also call "
            f"these different: {shown}; {why}.",
        )
    ]


def _metrics(table: pd.DataFrame, comparison: pd.DataFrame, name: Name) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = []
    for level, part in comparison.groupby("level", sort=False):
        best = str(part["best"].iloc[0])
        labels = table["metric"] + " (" + table["protocol"] + ")"
        row = table[(labels == best) & (table["level"] == level)].iloc[0]
        across = "single images" if level == "stimulus" else "method means"
        if row["srocc"] * direction(row["better"], row["srocc"]) <= 0:
            text = (
                f"Over {across}, no metric agrees with the raters: all rank in the opposite order."
            )
            rows.append({"dataset": "all", "topic": f"metrics, {level}", "claim": text})
            continue
        equal = part["srocc_difference"] < 5e-4  # the same in print
        first = [best, *map(str, part.loc[equal, "other"])]
        unknown = part["ci_low"].isna()
        even = ~equal & ~unknown & ~part["differs"].astype(bool)
        alike = [str(other) for other in part.loc[even, "other"]]
        untested = [str(other) for other in part.loc[~equal & unknown, "other"]]
        low, high = sorted((row["srocc_low"], row["srocc_high"]))
        if high < 0:  # as the correlation is printed: from weak to strong
            low, high = high, low
        interval = f" ({low:.3f} to {high:.3f})" if np.isfinite(low) else ""
        whose = f"{name(best)} " if len(first) > 1 else ""
        text = (
            (
                f"Over {across}, {join(first, name)} follow{'s' if len(first) == 1 else ''} the "
                f"raters best: SROCC {row['srocc']:.3f}{interval}, "
                f"{whose}PLCC {row['plcc']:.3f}, n = {row['n']}"
            )
            .replace(" -", " −")
            .replace("(-", "(−")
        )
        lead = "their lead" if len(first) > 1 else "its lead"
        if alike:
            text += f"; {lead} over {join(alike, name)} is within chance over images"
        if untested:
            text += f"; {lead} over {join(untested, name)} cannot be tested with so few images"
        if not alike and not untested and not equal.all():
            text += f"; {lead} over every other metric is larger than chance over images"
        rows.append({"dataset": "all", "topic": f"metrics, {level}", "claim": text + "."})
    return rows


def join(names: Sequence[str], name: Name) -> str:
    """Names as a list in a sentence."""
    shown = [name(each) for each in names]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " and " + shown[-1]
