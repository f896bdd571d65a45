"""`limits.ram`: static RAM, the model's arena included, plus the stacks' high-water marks."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="ram_bytes",
    unit="B",
    told="RAM of the whole firmware: smaller tensors between layers make it less",
    grows_with="ram_bytes",
)
