"""`limits.start_up`: from the start of the device's clock to the first result."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="start_up_us",
    unit="us",
    told="time from boot to the first result: one inference is part of it",
    grows_with="latency_us",
)
