"""What is drawn and how time is spent: by what one source measured, a board file, a contract."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.records import Interval, Measurement
from mlforge_tasks.verdict.energy import US_PER_S, Duty, Span, drawn_uw, inference_s
from mlforge_tasks.yaml_file.units import format_value

if TYPE_CHECKING:
    from mlforge_tasks.records import Source
    from mlforge_tasks.verdict.limit_kind import Known, LimitKind

BOUNDS = 1.0
"""Level of an interval whose ends are bounds, not what sampling says."""


def ends(found: Measurement) -> Span:
    """What a figure is, at least and at most."""
    if found.interval is None:
        return Span(found.value, found.value)
    return Span(found.interval.low, found.interval.high)


def sureness(*found: Measurement) -> float:
    """The level of a span of several figures' intervals, at least: 1 - sum of 1 - level.

    By Bonferroni's inequality, whatever they have to do with one another.
    """
    doubts = (1 - one.interval.level for one in found if one.interval is not None)
    return max(0.0, BOUNDS - sum(doubts))


def figure(kind: LimitKind, span: Span, source: Source, level: float = BOUNDS) -> Measurement:
    """A figure of a limit, whose value is the worse end of its span.

    Where the better end is not finite, the worse one is all that is told.
    """
    value, better = (span.high, span.low) if kind.direction == "at_most" else (span.low, span.high)
    ends = {"low": span.low, "high": span.high, "level": level}
    return Measurement(
        metric=kind.field,
        value=value,
        unit=kind.unit,
        source=source,
        interval=Interval(**ends) if math.isfinite(better) else None,
    )


def active_uw(known: Known) -> Span | None:
    """What the board draws while it computes, by its data sheet."""
    power = known.board.power
    return (
        None if power is None else drawn_uw(power.supply_v, power.active, known.operation.around_c)
    )


def sleep_uw(known: Known) -> Span | None:
    """What it draws between inferences, by its data sheet."""
    power = known.board.power
    mode = None if power is None else power.sleep_mode(known.operation.sleep)
    if power is None or mode is None:
        return None
    return drawn_uw(power.supply_v, mode, known.operation.around_c)


def time_s(known: Known) -> Span | None:
    """Time of an inference, by counted cycles or by the board's clock."""
    lower, upper = known.value("cycles_lower"), known.value("cycles_upper")
    if lower is not None and upper is not None and known.board.clock_hz is not None:
        return inference_s(Span(lower, upper), known.board.clock_hz)
    latency_us = known.value("latency_us") if known.source == "hardware" else None
    return None if latency_us is None else Span(latency_us, latency_us).over(US_PER_S)


def duty(known: Known) -> Duty | None:
    """How the device spends its time; None where the contract does not say how often it infers."""
    period_s, spent = known.operation.inference_period_s, time_s(known)
    if period_s is None or spent is None:
        return None
    power = known.board.power
    mode = None if power is None else power.sleep_mode(known.operation.sleep)
    wakeup_us = None if mode is None else mode.wakeup_us
    return Duty(spent, (wakeup_us or 0.0) / US_PER_S, period_s)


def misfit(known: Known) -> str:
    """Why nothing is told of a period that inferences do not fit into; empty where they do."""
    spends = duty(known)
    if spends is None or spends.fits:
        return ""
    took, period = (
        format_value(one * US_PER_S, "us") for one in (spends.inference_s.high, spends.period_s)
    )
    return f"an inference of {took} does not fit into operation.inference_period, {period}"
