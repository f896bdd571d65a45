"""`limits.wakeup_latency`: how late a periodic thread wakes up beside inference, at worst."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="wakeup_latency_us",
    unit="us",
    floor="wakeup_latency_idle_min_us",
    told="how late a periodic thread wakes up: the platform makes it, hardly a design",
)
