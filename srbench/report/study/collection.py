"""A text for a paper on how votes were collected, using only facts from the table."""

from __future__ import annotations

import pandas as pd

from ...wording import counted

_IMAGE = ["dataset", "image"]
_KEPT_OUT = {
    "training": "practice before the first trial: {}, not analysed",
    "retest": "repeated trials: {}, used only for reliability",
    "gold": "trials with a known right answer: {}, used only to check attention",
}


def collection_text(votes: pd.DataFrame, what: str, asked: list[str]) -> str:
    """A paragraph about practice, repeats, gold, numbers, order, display and times.

    ``votes`` is a checked table, ``what`` the singular name of its rows (``vote``), ``asked`` the
    columns that identify a question.
    """
    main = votes[votes["phase"] == "main"]
    said = [_numbers(main, what, asked)]
    for phase, words in _KEPT_OUT.items():
        if count := int((votes["phase"] == phase).sum()):
            said.append(words.format(counted(count, what)))
    said += [_order(main), _display(main), _times(main)]
    return ". ".join(text[0].upper() + text[1:] for text in said if text) + "."


def _numbers(main: pd.DataFrame, what: str, asked: list[str]) -> str:
    per = main.groupby(asked).size()
    cells = len(main.drop_duplicates(["rater", *asked]))
    missing = 1 - cells / (len(per) * main["rater"].nunique())
    one = "question" if len(asked) > 3 else "stimulus"
    few, most = int(per.min()), int(per.max())
    range_ = counted(most, what) if few == most else f"{few} to {counted(most, what)}"
    text = f"each {one} got {range_}"
    if few != most:
        text += f" (median {per.median():g})"
    if missing:
        text += (
            f"; {100 * missing:.1f} % of all pairs of a rater and a {one} have none, by design or "
            "because raters stopped; if the missing ones differ systematically, means are biased"
        )
    return text


def _order(main: pd.DataFrame) -> str:
    """Whether raters had different orders, and how often an image came twice in a row."""
    if "trial" not in main:
        return "the order of trials is not recorded"
    trial = pd.to_numeric(main["trial"], errors="coerce")
    if trial.isna().any():
        return "the order of some trials is not recorded"
    ordered = main.assign(trial=trial).sort_values(["rater", "trial"], kind="stable")
    image = ordered["dataset"].astype(str) + "/" + ordered["image"].astype(str)
    orders = {tuple(own) for _, own in image.groupby(ordered["rater"])}
    follows = (ordered["rater"] == ordered["rater"].shift()) & (ordered["trial"].diff() == 1)
    again = float(((image == image.shift()) & follows).sum()) / max(int(follows.sum()), 1)
    raters = ordered["rater"].nunique()
    text = (
        "every rater had a different order of trials"
        if len(orders) == raters > 1
        else f"{counted(raters, 'rater')} had {counted(len(orders), 'order')} of trials"
    )
    if not again:
        return f"{text}, and no image was shown twice in a row"
    return f"{text}, and {100 * again:.1f} % of the trials show the same image as the trial before"


def _display(main: pd.DataFrame) -> str:
    known = {}
    for name in ("pixel_ratio", "window_width", "window_height"):
        if name in main:
            numbers = pd.to_numeric(main[name], errors="coerce").dropna()
            if len(numbers):
                known[name] = numbers
    if len(known) < 3:
        return "the display of the pictures is not recorded"
    ratio = known["pixel_ratio"]
    low, high = float(ratio.min()), float(ratio.max())
    ratios = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    width, height = (int(known[f"window_{side}"].median()) for side in ("width", "height"))
    return (
        "the pictures were shown by srbench on mid-grey, with every picture pixel as a square of "
        "whole screen pixels, and no answer was accepted otherwise; the device pixel ratio was "
        f"{ratios} and the median window {width} by {height} CSS pixels"
    )


def _times(main: pd.DataFrame) -> str:
    if "response_ms" not in main:
        return ""
    times = pd.to_numeric(main["response_ms"], errors="coerce").dropna() / 1000
    if times.empty:
        return ""
    low, middle, high = times.quantile([0.05, 0.5, 0.95])
    return (
        f"the median response time was {middle:.1f} s (90 % of the answers: {low:.1f} to "
        f"{high:.1f} s)"
    )
