"""Plots as SVG within the page: drawn by matplotlib, coloured by the page's theme.

matplotlib is told stand-ins for colours; in the SVG they become the page's CSS variables, so that
one drawing serves dark and light. Text stays text, so it is in the page's font.
Equal drawings give equal bytes.
"""

from __future__ import annotations

import hashlib
import html
import io
import re
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from markupsafe import Markup
    from matplotlib.axes import Axes

# Colours that nothing else has, each for a variable of `page.css`.
INK, MUTED, GRID, PASS, FAIL, LIMIT, BASELINE, FEASIBLE, REFUSED, TRAINED, PAPER = (
    f"#0b1c{number:02x}" for number in range(11)
)
SERIES = tuple(f"#0b1d{number:02x}" for number in range(8))
_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    PASS: "pass",
    FAIL: "fail",
    LIMIT: "limit",
    BASELINE: "baseline",
    FEASIBLE: "feasible",
    REFUSED: "refused",
    TRAINED: "trained",
    PAPER: "paper",
    **{colour: f"series-{number}" for number, colour in enumerate(SERIES, 1)},
}

# A point of the drawing is a pixel of a screen that shows it at its own width.
_DPI = 72
_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.unicode_minus": True,
    "figure.dpi": _DPI,
    "figure.facecolor": "none",
    "font.size": 11,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "lines.linewidth": 1.5,
    "lines.markersize": 6,
    "svg.fonttype": "none",
    "svg.hashsalt": "page",
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a name is a `$`
    "xtick.color": MUTED,
    "xtick.labelsize": 10,
    "ytick.color": MUTED,
    "ytick.labelsize": 10,
}
# How much a drawing may be enlarged to fill its place.
WIDEST = 1.25
# What else matplotlib would say of the file.
_TOLD = ("Creator", "Date", "Format", "Type")
# What is left around the axes, in points: left for numbers and a label, below for the same.
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 10, 38

_ID = re.compile(r'\bid="([^"<>]*)"')
_REFERENCE = re.compile(r'(href="#|url\(#)([^")<>]+)')
_COORDINATES = re.compile(r'\b(?:d|x|y|transform|points|width|height)="[^"]*"')
_DECIMALS = re.compile(r"(\.\d\d)\d+")
_COLOUR = re.compile(r"#0b1[cd][0-9a-f]{2}")
_FONT = re.compile(r"font-family: [^;\"]*;? ?")


def figure(
    draw: Callable[[Axes], None],
    *,
    width: int = 320,
    height: int = 220,
    title: str,
    description: str,
) -> Markup:
    """A plot as `<figure>`, its title below it.

    Args:
        draw: Draws on the axes it is given. Colours are this module's. Labels that come from data
            should be short (`template.clipped`).
        width: Of the drawing in pixels, as a desktop shows it; a phone scales it to its own.
        height: Likewise.
        title: What it shows, for everybody.
        description: What is to be seen, in words, for who does not see it.
    """
    from markupsafe import Markup  # noqa: PLC0415 - the graph imports modules that plot

    drawn = _themed(_drawn(draw, width, height))
    at = "p" + hashlib.sha256(f"{title}\0{drawn}".encode(errors="replace")).hexdigest()[:10]
    label, said = html.escape(title), html.escape(description)
    inside = _named(drawn, at)
    text = (
        f'<figure class="plot" style="max-width:{WIDEST * width:.0f}px">'
        f'<svg role="img" aria-labelledby="{at}-t {at}-d" viewBox="0 0 {width} {height}">'
        f'<title id="{at}-t">{label}</title><desc id="{at}-d">{said}</desc>{inside}</svg>'
        f"<figcaption>{label}</figcaption></figure>"
    )
    return Markup(text)  # noqa: S704 - escaped here, and by matplotlib


def _drawn(draw: Callable[[Axes], None], width: int, height: int) -> str:
    """What matplotlib makes of it: the content of its `<svg>`."""
    import matplotlib as mpl  # noqa: PLC0415 - heavy
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - heavy
    from matplotlib.figure import Figure  # noqa: PLC0415 - heavy

    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The browser has fonts for what matplotlib's own font has no glyphs of.
        warnings.filterwarnings("ignore", r"Glyph .* missing from font", UserWarning)
        made = Figure(figsize=(width / _DPI, height / _DPI))
        FigureCanvasSVG(made)
        box = (width - LEFT - RIGHT) / width, (height - TOP - BOTTOM) / height
        draw(made.add_axes((LEFT / width, BOTTOM / height, *box)))
        written = io.StringIO()
        made.savefig(written, format="svg", metadata=dict.fromkeys(_TOLD), transparent=True)
    return written.getvalue()


def _themed(svg: str) -> str:
    """The drawing alone, in the page's colours and font, to a hundredth of a pixel."""
    inside = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    inside = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", inside, flags=re.DOTALL)
    inside = _COORDINATES.sub(lambda found: _DECIMALS.sub(r"\1", found[0]), inside)
    inside = _FONT.sub("", inside)
    inside = re.sub(r"\s*\n\s*", " ", inside)
    return _COLOUR.sub(_variable, inside)


def _variable(found: re.Match[str]) -> str:
    name = _VARIABLES.get(found[0])
    return found[0] if name is None else f"var(--{name})"


def _named(inside: str, at: str) -> str:
    """Ids that no other drawing has; those that nothing refers to are left out."""
    used = {name for _, name in _REFERENCE.findall(inside)}
    inside = _REFERENCE.sub(lambda found: f"{found[1]}{at}-{found[2]}", inside)
    return _ID.sub(lambda found: f'id="{at}-{found[1]}"' if found[1] in used else "", inside)
