"""`limits.period_jitter`: how far a periodic thread is from waking up evenly, at worst."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="period_jitter_us",
    unit="us",
    told="how evenly a periodic thread wakes up: the platform makes it, hardly a design",
)
