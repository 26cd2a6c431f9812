"""A text for a paper on how votes were collected, using only facts from the table."""

from __future__ import annotations

import pandas as pd

from ...wording import counted

_IMAGE = ["dataset", "image"]
_KEPT_OUT = {
    "training": "practice before the first trial: {}, in no result",
    "retest": "trials shown again: {}, for reliability only",
    "gold": "trials whose right answer is known: {}, to check attention only",
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
            f"; {100 * missing:.1f} % of all pairs of a rater and a {one} have none, by "
            "design or because raters stopped; means are off if those would have been low or high"
        )
    return text


def _order(main: pd.DataFrame) -> str:
    """Whether raters had different orders, and how often an image came twice in a row."""
    if "trial" not in main:
        return "the table does not tell the order of trials"
    trial = pd.to_numeric(main["trial"], errors="coerce")
    if trial.isna().any():
        return "the table does not tell the order of all trials"
    ordered = main.assign(trial=trial).sort_values(["rater", "trial"], kind="stable")
    image = ordered["dataset"].astype(str) + "/" + ordered["image"].astype(str)
    orders = {tuple(own) for _, own in image.groupby(ordered["rater"])}
    follows = (ordered["rater"] == ordered["rater"].shift()) & (ordered["trial"].diff() == 1)
    again = float(((image == image.shift()) & follows).sum()) / max(int(follows.sum()), 1)
    raters = ordered["rater"].nunique()
    text = (
        "every rater had an order of trials of their own"
        if len(orders) == raters > 1
        else f"{counted(raters, 'rater')} had {counted(len(orders), 'order')} of trials"
    )
    if not again:
        return f"{text}, in which no image came twice running"
    return f"{text}, in which {100 * again:.1f} % of the trials show the image of the one before"


def _display(main: pd.DataFrame) -> str:
    known = {}
    for name in ("pixel_ratio", "window_width", "window_height"):
        if name in main:
            numbers = pd.to_numeric(main[name], errors="coerce").dropna()
            if len(numbers):
                known[name] = numbers
    if len(known) < 3:
        return "the table does not tell how the pictures were displayed"
    ratio = known["pixel_ratio"]
    low, high = float(ratio.min()), float(ratio.max())
    ratios = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    width, height = (int(known[f"window_{side}"].median()) for side in ("width", "height"))
    return (
        "each picture was drawn by srbench on mid-grey, every pixel of it as a whole number of "
        "pixels of the screen, and no answer was taken otherwise; the device pixel ratio was "
        f"{ratios} and the window {width} by {height} CSS pixels in the median"
    )


def _times(main: pd.DataFrame) -> str:
    if "response_ms" not in main:
        return ""
    times = pd.to_numeric(main["response_ms"], errors="coerce").dropna() / 1000
    if times.empty:
        return ""
    low, middle, high = times.quantile([0.05, 0.5, 0.95])
    return (
        f"an answer took {middle:.1f} s in the median, 90 % of them {low:.1f} to {high:.1f} s "
        "after the picture stood"
    )
