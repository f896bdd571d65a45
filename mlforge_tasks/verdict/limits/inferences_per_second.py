"""`limits.inferences_per_second`: how many there are beside a periodic thread."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="inferences_per_second",
    unit="Hz",
    told="inferences a second while all else runs: fewer multiply-accumulates make them more",
    direction="at_least",
    grows_with="latency_us",
)
