"""`limits.flash`: the whole image."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="flash_bytes",
    unit="B",
    told="the whole image: fewer weights and fewer kinds of layers make it less",
    grows_with="flash_bytes",
)
