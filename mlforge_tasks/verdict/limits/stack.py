"""`limits.stack`: the stacks' high-water marks."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="stack_bytes",
    unit="B",
    told="the most that was used of all stacks",
    grows_with="stack_bytes",
)
