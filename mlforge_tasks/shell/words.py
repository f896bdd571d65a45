"""Progress and times in words, for a terminal and for a log."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.graph.progress import Progress
    from mlforge_tasks.shell.watch import Step

NAME_WIDTH = 24


def rough_time(seconds: float) -> str:
    """`7 s`, `3 min`, `1 h 20 min`: as exact as a guess is."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def clock_time(seconds: float) -> str:
    """`0:07`, `12:30`, `1:20:05`: what a running clock shows."""
    minutes, rest = divmod(int(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def count_text(said: Progress) -> str:
    """`12/40 epochs`, `3 answers`; empty where nothing is counted."""
    if said.total is not None:
        return f"{said.done:,}/{said.total:,} {said.unit}".rstrip()
    return f"{said.done:,} {said.unit}" if said.unit else ""


def step_text(step: Step, left_s: float | None) -> str:
    """How far a stage is: `12/40 epochs, about 20 s left: loss 0.31`.

    Args:
        step: The stage.
        left_s: About how much longer it takes, where that is known.
    """
    if not step.made:
        return "looks at what it is made of"
    said = step.progress
    parts = [count_text(said)] if said else []
    if left_s is not None:
        parts.append(f"about {rough_time(left_s)} left")
    text = ", ".join(filter(None, parts))
    return ": ".join(filter(None, (text, said.text if said else "")))
