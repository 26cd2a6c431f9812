"""Whether SR images seem to show the pictures of their names, in the right order of channels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ..data.pixels import exchanged_channels, same_picture, thumbnail
from ..imaging.luma import Image
from ..wording import counted

Unlike = Literal["", "picture", "channels"]


def unlike(sr: Image, reference: Image) -> Unlike:
    """How an SR image seems to differ from its original or LR image, both uint8.

    ``picture``: another picture or brightness; ``channels``: red and blue exchanged; "": it does
    not.
    """
    if exchanged_channels(sr, reference):
        return "channels"
    return "" if same_picture(thumbnail(sr), thumbnail(reference)) else "picture"


def unlike_notes(method: str, found: Mapping[str, Unlike]) -> list[str]:
    """The notes about a method's images; ``found`` has the result of `unlike` for each."""
    notes: list[str] = []
    if exchanged := [image for image, how in found.items() if how == "channels"]:
        notes.append(
            f"{method}: red and blue seem to be exchanged in {counted(len(exchanged), 'image')} "
            f"({_some(exchanged)}); OpenCV reads and writes BGR: check the order of the channels"
        )
    if others := [image for image, how in found.items() if how == "picture"]:
        verb, its = ("shows", "its original") if len(others) == 1 else ("show", "their originals")
        notes.append(
            f"{method}: {counted(len(others), 'image')} {verb} another picture, or another "
            f"brightness, than {its} of that name ({_some(others)}); check the names, and the "
            "range of the values"
        )
    return notes


def _some(images: list[str]) -> str:
    return ", ".join(images[:3]) + (", ..." if images[3:] else "")
