"""Judges measurements against limits: the only arithmetic between a figure and a verdict.

Slack is how far a value is past its bound, in the metric's own unit; at most 0 passes (the
convention of constraint solvers). A figure that was not measured is *unknown*, never a pass, and a
contract for hardware is only ever met by figures from hardware.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mlforge_tasks.records import Clause, Measurement, Reason, Record, Source, Verdict
from mlforge_tasks.verdict.limits import BY_METRIC, latency
from mlforge_tasks.yaml_file.units import format_against

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlforge_tasks.records import Interval

# What an image with a periodic thread tells (`stages/_schedule.py`).
SCHEDULE_UNITS = {
    "wakeups": "1",
    "wakeup_latency_us": "us",
    "wakeup_latency_idle_us": "us",
    "period_jitter_us": "us",
    "period_jitter_idle_us": "us",
    "interrupts_off_us": "us",
    "interrupts_off_idle_us": "us",
    "thread_share": "1",
    "inferences_per_second": "Hz",
    "start_up_us": "us",
    "wakeup_latency_idle_min_us": "us",
}
UNITS = {
    **{metric: kind.unit for metric, kind in BY_METRIC.items()},
    "static_ram_bytes": "B",
    "stack_reserved_bytes": "B",
    "heap_bytes": "B",
    "arena_bytes": "B",
    "arena_reserved_bytes": "B",
    "model_flash_bytes": "B",
    "model_ram_bytes": "B",
    "repetitions": "1",
    "instructions": "1",
    "instructions_min": "1",
    "instructions_p99": "1",
    "instructions_max": "1",
    "cycles_lower": "1",
    "cycles_upper": "1",
    "latency_lower_us": "us",
    "latency_calibrated_us": "us",
    "latency_min_us": "us",
    "energy_with_idle_uj": "uJ",
    "active_power_uw": "uW",
    "idle_power_uw": "uW",
    "energy_windows": "1",
    "energy_inferences": "1",
    "npu_cycles": "1",
    "npu_utilisation": "1",
    "npu_sram_bytes": "B",
    "npu_model_bytes": "B",
    "command_stream_bytes": "B",
    "cpu_operators": "1",
    **SCHEDULE_UNITS,
}
# What a latency limit may bind: the median, or another statistic of the repeated inferences.
LATENCIES = latency.LIMIT.metrics
TEST_SUFFIX = "_test"
# Between a figure of the device and the target that it is of, where that is not the leading one.
_AT = "@"
GOAL_KEY = "goal.target"
LIMIT_KEYS = {metric: kind.key for metric, kind in BY_METRIC.items()}
# Reason code of a limit that the firmware breaks without any model.
IMPOSSIBLE = "impossible_limit"
# Reason code of a training that fell behind those before it; its value is the best by then.
PRUNED = "pruned"
# Reason code of a model of which an NPU leaves a part to the CPU, so that its latency is unknown.
ON_CPU = "on_cpu"


def on_target(metric: str, target: str) -> str:
    """What a figure of a further target is called among those of all: `flash_bytes@mps2_an386`."""
    return f"{metric}{_AT}{target}"


def plain(metric: str) -> str:
    """A figure's name without its target."""
    name = metric.partition(_AT)[0]
    return name if name in UNITS else metric


def target_of(metric: str) -> str:
    """The further target that a figure is of; empty of the leading one, and of the model's own."""
    return metric.removeprefix(plain(metric)).removeprefix(_AT)


class Bound(Record):
    """One limit of a contract, margins already taken off.

    Attributes:
        metric: Which measurement it binds.
        limit: The bound, in `unit`.
        unit: Unit of the bound.
        direction: Whether the value must stay at or below the bound, or at or above it.
        sources: Where a value must come from to count; none where nothing can tell it.
        key: Where the limit stands in the contract; empty where the metric alone tells it.
        of: The measurement that is bound, where the metric is only the clause's name.
        against: What has the limit, where it is no number of the contract.
        strict: Whether a value that is as good as the bound is not enough.
        by_worse_end: Whether the worse end of a value's interval is judged; a figure of the model
            without one is unknown then.
        by_better_end: Whether the better end is judged: of what may refuse, but never passes.
    """

    metric: str
    limit: float
    unit: str
    direction: Literal["at_most", "at_least"] = "at_most"
    sources: tuple[Source, ...] = ("static", "emulated", "hardware")
    key: str = ""
    of: str = ""
    against: str = ""
    strict: bool = False
    by_worse_end: bool = False
    by_better_end: bool = False

    @property
    def measured(self) -> str:
        """The measurement that is bound."""
        return self.of or self.metric

    def judged(self, value: float, interval: Interval | None) -> float:
        """What of a measurement is held against the bound."""
        if interval is None or not (self.by_worse_end or self.by_better_end):
            return value
        least_is_worse = self.direction == "at_least"
        return interval.low if least_is_worse == self.by_worse_end else interval.high

    def said(self, interval: Interval | None) -> str:
        """How what `judged` takes of a measurement is put, with `{}` for the figure."""
        if interval is None or not (self.by_worse_end or self.by_better_end):
            return "is {}"
        upwards = self.direction == "at_most"
        if self.by_worse_end:
            return "is up to {}" if upwards else "is down to {}"
        return "is at least {}" if upwards else "is at most {}"

    def passes(self, value: float) -> bool:
        """Whether a value keeps the bound."""
        slack = self.slack(value)
        return slack < 0 if self.strict else slack <= 0

    @property
    def contract_key(self) -> str:
        """Where the limit stands in the contract."""
        return self.key or LIMIT_KEYS.get(plain(self.metric), GOAL_KEY)

    @property
    def blind(self) -> bool:
        """Whether nothing can tell the figure where the contract has it measured."""
        return not self.sources

    @property
    def on_test(self) -> bool:
        """Whether it binds a figure of the test split."""
        return self.metric.endswith(TEST_SUFFIX)

    @property
    def on_device(self) -> bool:
        """Whether it binds what the device has, not what the model reaches."""
        return plain(self.metric) in UNITS

    def slack(self, value: float) -> float:
        """How far a value is past the bound; at most 0 passes."""
        return value - self.limit if self.direction == "at_most" else self.limit - value


def over_limit(bound: Bound | Clause, value: float, said: str = "is {}") -> str:
    """That a figure breaks its limit, with units.

    Args:
        bound: The limit.
        value: The figure, in the limit's unit.
        said: What is said of the figure, which takes the place of `{}`.
    """
    shown, limit = format_against(value, bound.limit, bound.unit)
    return f"{bound.metric} {said.format(shown)}, the contract allows {limit}"


def _clause(bound: Bound, found: Measurement | None) -> Clause:
    if found is None or found.source not in bound.sources:
        return clause_of(bound)
    if bound.by_worse_end and found.interval is None and not bound.on_device:
        # Of so few examples nothing is sure.
        return clause_of(bound)
    return clause_of(bound, found)


def clause_of(bound: Bound, found: Measurement | None = None) -> Clause:
    """A bound held against a measurement that counts for it; unknown without one."""
    known: dict[str, Any] = {"value": None, "source": None, "slack": None, "status": "unknown"}
    if found is not None:
        judged = bound.judged(found.value, found.interval)
        known = {
            "value": found.value,
            "source": found.source,
            "interval": found.interval,
            "slack": bound.slack(judged),
            "status": "pass" if bound.passes(judged) else "fail",
        }
    return Clause(
        metric=bound.metric,
        limit=bound.limit,
        unit=bound.unit,
        of=bound.of,
        against=bound.against,
        **known,
    )


def judge(bounds: Iterable[Bound], measurements: Iterable[Measurement]) -> Verdict:
    """Holds every bound against what was measured.

    Args:
        bounds: The contract's limits and goal.
        measurements: At most one per metric and source.
    """
    found = list(measurements)
    clauses = tuple(_clause(bound, _best_source(bound, found)) for bound in bounds)
    met = bool(clauses) and all(clause.status == "pass" for clause in clauses)
    return Verdict(met=met, clauses=clauses)


def _best_source(bound: Bound, found: list[Measurement]) -> Measurement | None:
    """The most trustworthy figure that counts for a bound: hardware before emulated."""
    rank = {"hardware": 0, "emulated": 1, "static": 2}
    matching = [
        one for one in found if one.metric == bound.measured and one.source in bound.sources
    ]
    return min(matching, key=lambda one: rank[one.source], default=None)


def first_broken(bounds: Iterable[Bound], measurements: Iterable[Measurement]) -> Reason | None:
    """The clause that is broken worst, relative to its limit; None where all that is known holds.

    Used before training: only figures that the weights do not change are there yet.
    """
    every = list(bounds)
    clauses = judge(every, measurements).clauses
    broken = [pair for pair in zip(every, clauses, strict=True) if pair[1].status == "fail"]
    if not broken:
        return None
    bound, worst = max(
        broken, key=lambda pair: (pair[1].slack or 0.0) / max(abs(pair[1].limit), 1e-9)
    )
    judged = bound.judged(worst.value or 0.0, worst.interval)
    return Reason(
        code="measured_limit",
        stage="admit",
        message=over_limit(worst, judged, bound.said(worst.interval)),
        metric=worst.metric,
        value=judged,
        limit=worst.limit,
    )
