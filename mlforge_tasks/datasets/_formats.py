"""The format of a file, by the end of its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets._arrays import read_npy, read_npz
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._parquet import read_parquet
from mlforge_tasks.datasets._ts import read_ts

if TYPE_CHECKING:
    from mlforge_tasks.contract.delimited import Delimited
    from mlforge_tasks.datasets._table import Table
    from mlforge_tasks.datasets._wanted import Wanted


def read_member(data: bytes, where: str, form: Delimited, columns: Wanted | None = None) -> Table:
    """Reads a file whose name ends with one of `MEMBER_SUFFIXES`; raises what its format does."""
    if where.endswith(".npz"):
        return read_npz(data, where, columns)
    if where.endswith(".npy"):
        return read_npy(data, where)
    if where.endswith(".parquet"):
        return read_parquet(data, where, columns)
    if where.endswith(".ts"):
        return read_ts(data, where).table
    return read_csv(data, where, form, columns)
