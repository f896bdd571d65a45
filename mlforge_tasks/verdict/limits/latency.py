"""`limits.latency`: one inference, by the median of the repeated ones, their p99 or their worst."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="latency_us",
    binds=("latency_p99_us", "latency_max_us"),
    unit="us",
    told="time of one inference: fewer multiply-accumulates make it less",
    grows_with="latency_us",
)
