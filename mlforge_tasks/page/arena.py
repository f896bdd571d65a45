"""The arena over time: which bytes are needed from which layer to which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.engines._report import REPORT, EngineReport
from mlforge_tasks.page import plots
from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup
    from matplotlib.axes import Axes

    from mlforge_tasks.engines._report import ArenaPlan, Life
    from mlforge_tasks.page.found import Found

_COLOURS = {
    "input": plots.SERIES[0],
    "tensor": plots.SERIES[1],
    "output": plots.SERIES[2],
    "state": plots.SERIES[3],
    "scratch": plots.SERIES[7],
}
_WORDS = {
    "input": "the model's input",
    "tensor": "a layer's output",
    "output": "the model's output",
    "state": "kept from one inference to the next",
    "scratch": "scratch memory of one layer",
}
# What is lower than this share of the arena has no number in the drawing.
_LEAST_NUMBERED = 0.06
# So many layers fit into a phone's width, so many of their numbers into any.
_NARROW_LAYERS, _MOST_TICKS = 14, 12


@dataclass(frozen=True)
class Line:
    """One life as the table has it."""

    number: int
    life: Life
    kind: str
    first: str
    last: str
    note: str


def needed_at(plan: ArenaPlan, step: int) -> int:
    """Bytes that are needed at a step, those that several need counted once."""
    spans = sorted(
        (one.offset_bytes, one.offset_bytes + one.size_bytes)
        for one in plan.lives
        if one.first <= step <= one.last
    )
    total = end = 0
    for first, last in spans:
        total += max(0, last - max(first, end))
        end = max(end, last)
    return total


def peaks(plan: ArenaPlan, layers: int) -> list[int]:
    """The layers at which most is needed."""
    needed = {step: needed_at(plan, step) for step in range(layers)}
    most = max(needed.values(), default=0)
    return [step for step, size in needed.items() if size == most]


def _overlap(one: Life, other: Life) -> bool:
    """Whether two have bytes in common while both are needed."""
    together = one.first <= other.last and other.first <= one.last
    ends = one.offset_bytes + one.size_bytes, other.offset_bytes + other.size_bytes
    return together and one.offset_bytes < ends[1] and other.offset_bytes < ends[0]


def _note(plan: ArenaPlan, at: int) -> str:
    """What else lies in the same bytes."""
    one = plan.lives[at]
    if one.inside is not None:
        whole = plan.lives[one.inside]
        same = (one.offset_bytes, one.size_bytes) == (whole.offset_bytes, whole.size_bytes)
        moves = f", {one.moves_bytes} B further on each turn" if one.moves_bytes else ""
        return f"{'all' if same else 'some'} of {one.inside + 1}{moves}"
    over = [
        number
        for number, other in enumerate(plan.lives)
        if number != at
        and other.inside is None
        and other.first < one.first
        and _overlap(one, other)
    ]
    return "overlaps with " + ", ".join(str(each + 1) for each in over) if over else ""


def _lines(plan: ArenaPlan, names: Sequence[str]) -> list[Line]:
    def layer(step: int) -> str:
        if step < 0:
            return "before"
        return "after" if step >= len(names) else str(step + 1)

    return [
        Line(at + 1, one, _WORDS[one.kind], layer(one.first), layer(one.last), _note(plan, at))
        for at, one in enumerate(plan.lives)
    ]


def _in_a_whole(plan: ArenaPlan, one: Life) -> bool:
    """Whether it is rows of something that lives as long as itself at least."""
    whole = None if one.inside is None else plan.lives[one.inside]
    return whole is not None and whole.first <= one.first and one.last <= whole.last


def _draw_life(axes: Axes, one: Life, *, filled: bool) -> None:
    """A box as wide as its life and as high as its bytes."""
    box = (one.first + 0.54, one.size_bytes, one.last - one.first + 0.92, one.offset_bytes)
    colour = _COLOURS[one.kind]
    if filled:
        axes.bar(*box, align="edge", color=colour, alpha=0.5, linewidth=0)
    line = ":" if one.inside is not None else "-"
    axes.bar(*box, align="edge", facecolor="none", edgecolor=colour, linestyle=line, linewidth=1)


def _draw(engine: EngineReport, plan: ArenaPlan, axes: Axes) -> None:
    layers = len(engine.layers)
    for at in peaks(plan, layers):
        axes.axvspan(at + 0.5, at + 1.5, color=plots.GRID, linewidth=0)
    for number, one in enumerate(plan.lives, 1):
        filled = not _in_a_whole(plan, one)
        _draw_life(axes, one, filled=filled)
        if filled and one.size_bytes >= _LEAST_NUMBERED * engine.arena_bytes:
            middle = (one.first + one.last) / 2 + 1, one.offset_bytes + one.size_bytes / 2
            axes.text(*middle, str(number), ha="center", va="center", fontsize=9)
    axes.axhline(engine.arena_bytes, color=plots.LIMIT, linestyle="--")
    axes.set_xlim(-0.5, layers + 1.5)
    axes.set_ylim(0, engine.arena_bytes * 1.06 or 1)
    ticks = sorted({0, layers + 1, *range(1, layers + 1, -(-layers // _MOST_TICKS))})
    axes.set_xticks(ticks, ["in", *map(str, ticks[1:-1]), "out"])
    axes.set_xlabel("layer")
    axes.set_ylabel("offset in bytes")


def _plot(engine: EngineReport, plan: ArenaPlan) -> Markup:
    wide = len(engine.layers) > _NARROW_LAYERS
    return plots.figure(
        lambda axes: _draw(engine, plan, axes),
        width=760 if wide else 360,
        height=320 if wide else 260,
        title="Who lives where, and from which layer to which",
        description=f"{len(plan.lives)} stretches of memory in an arena of {engine.arena_bytes} "
        f"bytes, over {len(engine.layers)} layers; the table below has each of them.",
    )


def section(found: Found) -> Section | None:
    """Of the best candidate."""
    path = found.file(found.best, "engine", REPORT)
    if path is None:
        return None
    engine = EngineReport.read(path)
    plan = engine.arena
    names = [one.name for one in engine.layers]
    at = peaks(plan, len(names)) if plan is not None else []
    kinds = {one.kind for one in plan.lives} if plan is not None else set()
    body = fill(
        "arena.html",
        engine=engine,
        candidate=found.best,
        untrained=found.untrained(found.best),
        plan=plan,
        plot=_plot(engine, plan) if plan is not None and plan.lives else None,
        peaks=[f"{each + 1} {names[each]}" for each in at],
        peak_bytes=needed_at(plan, at[0]) if plan is not None and at else 0,
        lines=_lines(plan, names) if plan is not None else [],
        kinds=[(kind, words) for kind, words in _WORDS.items() if kind in kinds],
        measured=_measured(found),
    )
    return Section("arena", "Arena over time", body)


def _measured(found: Found) -> dict[str, float]:
    """What the run says of the arena."""
    result = found.best_result
    known = (
        {}
        if result is None
        else {
            metric: result.measurement(metric) for metric in ("arena_bytes", "arena_reserved_bytes")
        }
    )
    return {metric: one.value for metric, one in known.items() if one is not None}
