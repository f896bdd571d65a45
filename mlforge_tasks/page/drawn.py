"""Small drawings that a page has many of: a line, bars, an image; the words stand beside them.

A plot with axes is `plots.figure`; these take microseconds and some hundred bytes.
"""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup

from mlforge_tasks.page.template import clipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

# Units of the drawing, whole numbers of which are exact enough.
WIDTH, HEIGHT = 320, 72
# More values than that are drawn as the least and the greatest of so many stretches.
STRETCHES = 50
# Larger images are shown with every second or third pixel.
MOST_PIXELS = 48
# What is drawn of an image are its bytes from 0 to 255.
BLACK_TO_WHITE = 255.0


def legend_name(text: str, most: int = 24) -> str:
    """A name for matplotlib's legend, which leaves out those that begin with `_`."""
    name = clipped(text, most)
    return "\u200b" + name if name.startswith("_") else name


def line(values: NDArray[Any], low: float, high: float) -> Markup:
    """Values over time, as a line that fills its box from `low` to `high`.

    Args:
        values: [n].
        low: The value at the lower edge.
        high: That at the upper one.
    """
    heights = _heights(_envelope(values), low, high)
    step = WIDTH / max(1, len(heights) - 1)
    points = " ".join(f"{at * step:.0f},{y:.0f}" for at, y in enumerate(heights.tolist()))
    return _svg(f'<polyline points="{points}"/>', "line")


def _envelope(values: NDArray[Any]) -> NDArray[Any]:
    """The values, or the least and the greatest of each stretch of them, in turn."""
    if len(values) <= 2 * STRETCHES:
        return values
    parts = np.array_split(values, STRETCHES)
    return np.array([end for part in parts for end in (part.min(), part.max())])


def _heights(values: NDArray[Any], low: float, high: float) -> NDArray[Any]:
    span = high - low
    share = (values - low) / span if span > 0 else np.full(len(values), 0.5)
    drawn: NDArray[Any] = 1 + (HEIGHT - 2) * (1 - np.clip(share, 0, 1))
    return drawn


def bars(counts: Sequence[int], marks: Sequence[float] = ()) -> Markup:
    """A histogram.

    Args:
        counts: By bin.
        marks: Where upright lines are, as shares of the width; those outside are left out.
    """
    most, width = max([*counts, 1]), WIDTH / max(1, len(counts))
    path = []
    for at, count in enumerate(counts):
        if count:
            height = max(1.0, (HEIGHT - 1) * count / most)
            path.append(f"M{at * width:.4g} {HEIGHT}v-{height:.3g}h{width:.3g}v{height:.3g}")
    lines = "".join(
        f'<path class="edge" d="M{WIDTH * one:.4g} 0v{HEIGHT}"/>' for one in marks if 0 <= one <= 1
    )
    return _svg(f'<path d="{"".join(path)}"/>{lines}', "bars")


def _svg(inside: str, kind: str) -> Markup:
    text = (
        f'<svg class="small {kind}" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" '
        f'aria-hidden="true">{inside}</svg>'
    )
    return Markup(text)  # noqa: S704 - of numbers alone


def image(values: NDArray[Any], low: float, high: float, said: str) -> Markup:
    """An image as PNG in the page; equal values give equal bytes.

    Args:
        values: [height, width, 1 or 3]; of other channels their mean is drawn.
        low: What is black.
        high: What is white.
        said: What it is, for who does not see it.
    """
    from matplotlib.image import imsave  # noqa: PLC0415 - heavy

    if values.shape[2] not in {1, 3}:
        values = values.mean(axis=2, keepdims=True)
    step = max(1, -(-max(values.shape[:2]) // MOST_PIXELS))
    span = (high - low) or 1.0
    shades = np.clip((values[::step, ::step] - low) / span, 0, 1) * BLACK_TO_WHITE
    pixels = np.round(shades).astype(np.uint8)
    if pixels.shape[2] == 1:
        pixels = pixels.repeat(3, axis=2)
    written = io.BytesIO()
    imsave(written, pixels, format="png", metadata={"Software": None})  # type: ignore[dict-item]
    coded = base64.b64encode(written.getvalue()).decode()
    return Markup(
        '<img class="small pixels" alt="{}" width="{}" height="{}" src="data:image/png;base64,{}">'
    ).format(said, pixels.shape[1], pixels.shape[0], coded)
