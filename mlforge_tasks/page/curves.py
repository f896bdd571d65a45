"""A detector's threshold among all others: ROC, precision against recall, scores by class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.page import plots
from mlforge_tasks.page.detectors import detectors
from mlforge_tasks.page.drawn import legend_name
from mlforge_tasks.page.evaluated import Evaluated
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import clipped, fill

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from mlforge_tasks.page.detectors import Detector
    from mlforge_tasks.page.evaluated import Part
    from mlforge_tasks.page.found import Found
    from mlforge_tasks.verdict.decision import Counts
    from mlforge_tasks.verdict.detection import OperatingPoints

# Labels whose curves are drawn, and whose scores are.
MOST_LABELS, MOST_HISTOGRAMS = 6, 2
# Points of a curve that are drawn; the chosen one is always among them.
MOST_POINTS = 300
BINS = 40
# Scores that spread further than that are drawn by their logarithm.
WIDE = 100.0
HOURLY = "false_alarms_per_hour"


@dataclass(frozen=True)
class Curve:
    """A detector on a split.

    Attributes:
        detector: Which.
        part: Which split.
        points: What any threshold makes of it.
        chosen: The point of the device's threshold.
    """

    detector: Detector
    part: Part
    points: OperatingPoints
    chosen: int

    @property
    def counts(self) -> Counts:
        """What the device's threshold makes of the split."""
        return self.points.counts(self.chosen)

    def drawn(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Numbers of the points that are drawn."""
        some = np.linspace(0, len(self.points.least) - 1, MOST_POINTS).astype(np.int64)
        return np.unique(np.append(some, self.chosen))


def section(found: Found) -> Section | None:
    """Of a model that detects something, tells two classes apart, or finds anomalies."""
    evaluated = Evaluated.of(found)
    if evaluated is None or not evaluated.parts:
        return None
    each = list(detectors(evaluated))
    if not each:
        return None
    curves = [one for detector in each for one in _curves(detector, evaluated.parts)]
    shown = [one for one in curves if one.detector in each[:MOST_LABELS]]
    body = fill(
        "curves.html",
        figures=[*_figures(shown), *_histograms(each[:MOST_HISTOGRAMS], evaluated.parts)],
        curves=curves,
        hourly={part.name: part.judged.figures.get(HOURLY) for part in evaluated.parts},
        left_out=max(0, len(each) - MOST_LABELS),
        chosen=any(one.chosen_for for one in each),
        nothing=[
            f"{part.name}: '{one.label}'"
            for one in each
            for part in evaluated.parts
            if one.points(part) is None
        ],
        note=evaluated.test_note(),
    )
    return Section("detection", "Detection", body)


def _curves(detector: Detector, parts: Sequence[Part]) -> Iterator[Curve]:
    for part in parts:
        points = detector.points(part)
        if points is not None:
            yield Curve(detector, part, points, points.at(detector.least))


def _figures(curves: Sequence[Curve]) -> Iterator[Markup]:
    if not curves:
        return
    one = curves[0]
    yield plots.figure(
        lambda axes: _roc(axes, curves),
        title="ROC: recall against false alarms",
        description=f"On {one.part.name} the threshold finds {one.counts.recall:.3g} of "
        f"'{one.detector.label}'; the area under the curve is {one.points.roc_area:.4g}.",
    )
    yield plots.figure(
        lambda axes: _precision(axes, curves),
        title="Precision against recall",
        description=f"On {one.part.name} the threshold has precision {one.counts.precision:.3g} "
        f"at recall {one.counts.recall:.3g}; the average precision is "
        f"{one.points.average_precision:.4g}.",
    )


def _lines(axes: Axes, curves: Sequence[Curve], x: str, y: str) -> None:
    """A line for each curve, with a ring at the chosen threshold."""
    labels = list(dict.fromkeys(one.detector.label for one in curves))
    for one in curves:
        which, style = labels.index(one.detector.label), "-" if one.part.name != "test" else "--"
        name = one.part.name if len(labels) == 1 else f"{one.detector.label}, {one.part.name}"
        values = {
            "false alarms": one.points.false_alarms / one.points.false_alarms[-1],
            "recall": one.points.recall,
            "precision": one.points.precision,
        }
        if len(labels) == 1:
            which = 0 if one.part.name != "test" else 1
        colour, drawn = plots.SERIES[which % len(plots.SERIES)], one.drawn()
        axes.plot(values[x][drawn], values[y][drawn], style, color=colour, label=legend_name(name))
        at = values[x][one.chosen], values[y][one.chosen]
        axes.plot(*at, "o", mfc="none", mec=plots.INK, ms=9, mew=1.6)
    axes.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.05))
    axes.legend(loc="lower left" if y == "precision" else "lower right", frameon=False, fontsize=10)


def _roc(axes: Axes, curves: Sequence[Curve]) -> None:
    axes.plot([0, 1], [0, 1], ":", color=plots.MUTED)
    _lines(axes, curves, "false alarms", "recall")


def _precision(axes: Axes, curves: Sequence[Curve]) -> None:
    _lines(axes, curves, "recall", "precision")


def _histograms(each: Sequence[Detector], parts: Sequence[Part]) -> Iterator[Markup]:
    for detector in each:
        for part in parts:
            yield plots.figure(
                lambda axes, detector=detector, part=part: _scores(axes, detector, part),  # type: ignore[misc]
                title=f"Scores of {part.name}, '{clipped(detector.label, 24)}' and all else",
                description="Shares of the examples by score; the line is the threshold, "
                f"{detector.least:,} steps.",
            )


def _scores(axes: Axes, detector: Detector, part: Part) -> None:
    """Both classes' scores, as shares of each, so that a rare one is seen."""
    scores, positive = detector.told(part)
    real, least = scores.astype(np.float64), detector.least - 0.5
    wide = real.min() >= 0 and real.max() > WIDE * max(1.0, float(np.median(real)))
    if wide:
        real, least = np.log10(real + 1), float(np.log10(max(0.0, least) + 1))
    low, high = min(real.min(), least), max(real.max(), least)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for which, name, colour in (
        (~positive, "all else", plots.SERIES[0]),
        (positive, detector.label, plots.SERIES[1]),
    ):
        if which.any():
            shares = np.histogram(real[which], edges)[0] / which.sum()
            axes.stairs(shares, edges, color=colour, label=legend_name(name), linewidth=1.5)
    axes.axvline(least, color=plots.LIMIT, linestyle="--", label="threshold")
    axes.set(xlabel="score, log10 of the steps" if wide else "score, steps", ylabel="share")
    axes.legend(frameon=False, fontsize=10)
