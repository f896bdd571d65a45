"""`limits.pss`: a program's proportional share of memory, measured on its machine.

Of each page that several processes share it counts a part (`Pss` of smaps_rollup, proc(5)). It is
looked at when the self-test is over and when the last example is; the larger counts.
"""

from __future__ import annotations

from mlforge_tasks.verdict.limit_kind import LimitKind

LIMIT = LimitKind(
    field="pss_bytes",
    unit="B",
    told="memory of the program on its machine, of shared pages its part: fewer weights and "
    "smaller tensors between layers make it less",
    grows_with="ram_bytes",
)
