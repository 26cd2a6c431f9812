"""The common style: colours and markers of methods, display names, and saving of figures.

The case of names is ignored. Matplotlib is imported only when a figure is made.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...files import write_bytes
from ...wording import one_line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN_WIDTH, PAGE_WIDTH = 3.5, 7.16  # inches: one column and both of a two-column paper
TEXT = 8  # points: the smallest text in a figure at its printed size
INK = "#1f2328"
FAINT = "#8a8f98"
GRID = "#d8dbe0"

# Okabe and Ito, "Color Universal Design" (2008), without black, which is used for HR, and yellow,
# which is too faint on white.
ORANGE, SKY, GREEN = "#E69F00", "#56B4E9", "#009E73"
BLUE, VERMILLION, PURPLE = "#0072B2", "#D55E00", "#CC79A7"


@dataclass(frozen=True)
class MethodStyle:
    """The style of one method in all figures. Known methods differ in colour or marker."""

    colour: str
    marker: str
    filled: bool = True

    @property
    def face(self) -> str:
        """The marker's inside: the colour, or white for a hollow marker."""
        return self.colour if self.filled else "white"


# In the order of tables and figures. A family shares a hue; filled and hollow markers distinguish
# its members.
_METHODS: dict[str, tuple[str, MethodStyle]] = {
    "nearest": ("nearest", MethodStyle("#9a9a9a", "s")),
    "bicubic": ("bicubic", MethodStyle("#707070", "D")),
    "srcnn": ("SRCNN", MethodStyle(PURPLE, "v")),
    "selfexsr": ("SelfExSR", MethodStyle(PURPLE, "<")),
    "drcn": ("DRCN", MethodStyle(PURPLE, ">")),
    "espcn": ("ESPCN", MethodStyle(PURPLE, "^", filled=False)),
    "srresnet-mse": ("SRResNet-MSE", MethodStyle(BLUE, "o")),
    "srresnet-vgg22": ("SRResNet-VGG22", MethodStyle(SKY, "s")),
    "srresnet-vgg54": ("SRResNet-VGG54", MethodStyle(SKY, "D", filled=False)),
    "srgan-mse": ("SRGAN-MSE", MethodStyle(ORANGE, "P")),
    "srgan-vgg22": ("SRGAN-VGG22", MethodStyle(ORANGE, "X", filled=False)),
    "srgan-vgg54": ("SRGAN-VGG54", MethodStyle(VERMILLION, "*")),
    "srgan-lpips": ("SRGAN-LPIPS", MethodStyle(VERMILLION, "p")),
    "srgan-tv": ("SRGAN-TV", MethodStyle(VERMILLION, "h", filled=False)),
}
_HR = ("HR", MethodStyle("#000000", "o"))
ACCENT = GREEN  # reserved for the user's own methods
_OTHER_MARKERS = ("d", "8", "H", "<", ">", "^", "v", "X", "P", "s")

_DATASETS = ("set5", "set14", "bsd100", "urban100", "div2k", "sample")

# For methods that run.json does not mention (an old run.json, or none).
_TRAINED_ON = {"srgan-lpips": "lpips_alex"}


def canonical(method: str) -> str:
    """The project's spelling of a known method ('SRGAN-MSE' -> 'srgan-mse'); others as given."""
    lower = method.lower()
    if lower == "hr":
        return "HR"
    return lower if lower.removesuffix("+") in _METHODS else method


def is_reference(method: str) -> bool:
    """Whether this is the original image, which is not ranked."""
    return method.lower() == "hr"


def method_style(name: str) -> MethodStyle:
    """The method's fixed colour and marker.

    The user's own methods have the accent colour and a marker derived from the name. A
    self-ensemble has the style of its network, with filled and hollow exchanged.
    """
    if is_reference(name):
        return _HR[1]
    if name.lower() in _METHODS:
        return _METHODS[name.lower()][1]
    if name.lower().removesuffix("+") in _METHODS:
        base = _METHODS[name.lower().removesuffix("+")][1]
        return MethodStyle(base.colour, base.marker, not base.filled)
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    marker = _OTHER_MARKERS[digest[1] % len(_OTHER_MARKERS)]
    return MethodStyle(ACCENT, marker, filled=digest[0] % 2 == 0)


def architecture(method: str) -> str:
    """The architecture of one of our methods, which determines its speed; for others the name."""
    lower = method.lower()
    if lower.removesuffix("+") in _METHODS and lower.startswith(("srresnet-", "srgan-")):
        return "SRResNet" + ("+" if lower.endswith("+") else "")
    return method


def display_name(name: str, *, limit: int = 28) -> str:
    """The display name: 'SRResNet-MSE' for 'srresnet-mse'; others as given, on one line.

    Control characters become spaces. Names longer than ``limit`` are cut in the middle, because
    names of one family differ in the last letters.
    """
    if is_reference(name):
        return _HR[0]
    if name.lower() in _METHODS:
        return _METHODS[name.lower()][0]
    if name.lower().removesuffix("+") in _METHODS:  # a self-ensemble
        return display_name(name[:-1]) + "+"
    shown = one_line(name, max(limit, len(name)))
    if len(shown) <= limit:
        return shown
    tail = limit // 3
    return f"{shown[: limit - 1 - tail]}…{shown[-tail:]}"


def method_order(name: str) -> tuple[int, str]:
    """Sort key: known methods as the paper lists them, then others by name, the original last."""
    if is_reference(name):
        return (len(_METHODS) + 1, "")
    known = list(_METHODS)
    lower = name.lower()
    if lower.removesuffix("+") in known:  # a self-ensemble follows its network
        return (known.index(lower.removesuffix("+")), "+" if lower.endswith("+") else "")
    return (len(known), name)


def dataset_order(name: str) -> tuple[int, str]:
    """Sort key: Set5, Set14, BSD100 and the other catalogued sets, then others by name."""
    lower = name.lower()
    return (_DATASETS.index(lower) if lower in _DATASETS else len(_DATASETS), name)


def dataset_name(dataset: str) -> str:
    """The data set's name in titles."""
    return "all data sets" if dataset == "all" else display_name(dataset)


FEWER = "‡"
"""The mark of a mean over fewer images than other methods have, which is not ranked."""


def trained_mark(run: Mapping[str, Any], method: str, scale: int, metric: str) -> str:
    """'†' if the method was trained on this metric, so that it says nothing about quality; else ''.

    ``run`` is run.json; its ``trained_on_metric``, from the checkpoints' cards, maps ``x<scale>``
    to methods, and these to a metric or null.
    """
    recorded = run.get("trained_on_metric")
    here = recorded.get(f"x{scale}") if isinstance(recorded, dict) else None
    known = _TRAINED_ON.get(method.lower().removesuffix("+"))
    return "†" if metric == (here.get(method, known) if isinstance(here, dict) else known) else ""


def format_value(value: float | None, decimals: int) -> str:
    """A number for tables: fixed decimals, '∞' for infinity, '—' for None or NaN."""
    if value is None or value != value:
        return "—"
    if value in (float("inf"), float("-inf")):
        return "∞" if value > 0 else "−∞"
    text = f"{value:.{decimals}f}"
    return text.replace("-", "−") if float(text) != 0 else f"{0:.{decimals}f}"


@contextmanager
def figure_style() -> Iterator[None]:
    """Use the project's Matplotlib style in the block instead of the user's settings."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rc_file(Path(__file__).with_name("srbench.mplstyle"))
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, outside pyplot's global state.

    Create it and its contents inside :func:`figure_style`.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, folder: Path, stem: str) -> list[Path]:
    """Write ``stem``.png at 200 dpi and ``stem``.pdf with embedded fonts; returns the paths.

    The same figure gives the same bytes, without dates and version strings.

    Raises:
        ResultsError: the folder cannot be written to, or the disk is full.
    """
    written: list[Path] = []
    for kind, metadata in (
        ("png", {"Software": None}),
        ("pdf", {"CreationDate": None, "Creator": None, "Producer": None}),
    ):
        target = folder / f"{stem}.{kind}"
        # In memory first: of a full disk, Matplotlib's PDF gives an AttributeError.
        content = io.BytesIO()
        with figure_style(), _quiet_about_glyphs():
            figure.savefig(content, format=kind, dpi=200, metadata=metadata)
        write_bytes(target, content.getvalue())
        written.append(target)
    return written


def figure_svg(figure: Figure) -> str:
    """The figure as SVG text whose colours follow the reader's light or dark setting.

    For an ``<img>`` in a page: the background is transparent, and text is drawn as paths.
    """
    buffer = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with figure_style(), _quiet_about_glyphs():
        figure.savefig(buffer, format="svg", dpi=200, metadata=nothing, transparent=True)
    svg = buffer.getvalue()
    for colour, variable in ((INK, "ink"), (FAINT, "faint"), (GRID, "grid"), ("#000000", "ink")):
        svg = svg.replace(colour, f"var(--{variable})")
    rules = (
        f"svg{{--ink:{INK};--faint:{FAINT};--grid:{GRID};--paper:#fff}}"
        "@media (prefers-color-scheme:dark){"
        "svg{--ink:#e6e8eb;--faint:#9aa1ab;--grid:#3a4049;--paper:#1b1e23}}"
    )
    for part in ("fill", "stroke"):  # the inside of hollow markers and the outline of labels
        svg = svg.replace(f"{part}: #ffffff", f"{part}: var(--paper)")
    start = svg.index("<svg")
    end = svg.index(">", start) + 1
    return f"{svg[start:end]}<style>{rules}</style>{svg[end:]}"


@contextmanager
def _quiet_about_glyphs() -> Iterator[None]:
    # Names in a script that DejaVu lacks are drawn as boxes; the warning would not help.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield
