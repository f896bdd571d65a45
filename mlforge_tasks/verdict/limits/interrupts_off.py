"""`limits.interrupts_off`: how long a timer's interrupt waits for inference, at worst."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="interrupts_off_us",
    unit="us",
    told="how long interrupts wait for the model: an engine that never masks them has none",
)
