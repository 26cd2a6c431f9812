"""Texts of messages: plurals, and text that is safe on a terminal."""

from __future__ import annotations

# Names come from untrusted files. Escape sequences could change a terminal's title and colours or
# type into it; marks of writing direction could make a name look like another one.
_UNSHOWN = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: 0x2421,
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, 0x2028, 0x2029), 0xFFFD),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), 0xFFFD),
}


def printable(text: str) -> str:
    """``text`` with visible symbols instead of control characters and marks of writing direction.

    Every character is replaced by one character; line ends and tabs are unchanged.
    """
    return text.translate(_UNSHOWN)


def counted(number: int, thing: str) -> str:
    """``1 image``, ``2 images``, ``29,328 votes``: for things whose plural takes an s."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")


def one_line(name: str, limit: int = 28) -> str:
    """A printable name: control characters become spaces, and ``limit`` cuts with an ellipsis."""
    clean = " ".join("".join(c if c.isprintable() else " " for c in name).split()) or "(no name)"
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"
