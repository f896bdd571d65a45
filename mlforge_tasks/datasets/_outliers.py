"""Values that are far from all others: one typing error rules a scaling and an int8 range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from mlforge_tasks.contract.dataset import DatasetSpec
    from mlforge_tasks.datasets._examples import Rows
    from mlforge_tasks.datasets._table import Table

# One value in so many may be far off and is still no more than a slip.
_MOST_SHARE = 1000
_FAR = 10


def outliers(spec: DatasetSpec, table: Table, rows: Rows, used: NDArray[np.bool_]) -> Iterator[str]:
    """A sentence for each feature and output whose range a few values rule.

    These are at most one in 1,000 values, and more than ten times as far from the median as any
    other. Of anomalies that is what is looked for, so where there are some only rows that are
    normal count.

    Args:
        spec: What the features and outputs are called.
        table: Where rows are.
        rows: Raw inputs and targets.
        used: Rows that are in an example.
    """
    anomalies = bool(spec.target.normal)
    at = np.flatnonzero(used & (rows.targets == 0) if anomalies else used)
    advice = _advice(spec, anomalies=anomalies)
    for index, channel in enumerate(spec.inputs.features):
        found = _far(rows.features[..., index], at)
        if found is not None:
            yield found.said(f"feature '{channel.name}'", table, advice)
    named = {feature.name for feature in spec.inputs.features}
    for index, channel in enumerate(spec.target.outputs):
        if channel.name not in named:
            found = _far(rows.targets[:, index], at[rows.has_target[at]])
            if found is not None:
                yield found.said(f"output '{channel.name}'", table, advice)


def _advice(spec: DatasetSpec, *, anomalies: bool) -> str:
    """What helps: that a value be missing is said by what its cell holds, where there are cells."""
    cells = "missing" in type(spec.source).model_fields
    missing = "have it count as missing (dataset.source.missing)" if cells else "leave it out"
    if anomalies:
        return f"its row is labelled as normal: label it as what it is, correct it, or {missing}"
    return f"correct it, or {missing}"


@dataclass(frozen=True)
class _Outlier:
    """The farthest value, the row where it is, how many are as far, and how far of the rest."""

    value: float
    row: int
    count: int
    times: float

    def said(self, what: str, table: Table, advice: str) -> str:
        """In words."""
        others = f" and {self.count - 1:,} more" if self.count > 1 else ""
        return (
            f"{what}: {self.value:.6g} at {table.place(self.row)}{others}: {_many(self.times)} "
            "times as far from the median as all the rest, so it rules the scaling, the int8 range "
            f"or the error; {advice}"
        )


def _many(times: float) -> str:
    return f"{times:,.0f}" if times < 1e6 else f"{times:.0e}"


def _far(values: NDArray[Any], at: NDArray[np.int64]) -> _Outlier | None:
    """What stands far out among some rows."""
    away = values[at].reshape(len(at), -1)  # a copy; of large data sets there is room for two
    away -= np.median(away)
    np.abs(away, out=away)
    few = max(1, away.size // _MOST_SHARE)
    if away.size <= few:
        return None
    rest = float(np.partition(away, -few - 1, axis=None)[-few - 1])
    far = away > _FAR * rest
    if rest == 0 or not far.any():
        return None
    row, column = np.unravel_index(int(away.argmax()), away.shape)
    times = float(away[row, column]) / rest
    value = float(values[at[row]].reshape(-1)[column])
    return _Outlier(value, int(at[row]), int(far.sum()), times)
