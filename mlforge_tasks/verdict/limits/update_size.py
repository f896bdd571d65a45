"""`limits.update_size`: the patch that makes the new model of the one that is out there."""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="update_bytes",
    unit="B",
    told="what an update of the model takes to send, compressed: fewer weights make it less",
    grows_with="flash_bytes",
)
