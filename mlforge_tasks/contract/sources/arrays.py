"""Files of arrays."""

from __future__ import annotations

from typing import Literal

from mlforge_tasks.contract.sources.base import FileSource


class NpzSource(FileSource):
    """An archive of numpy arrays of the project; pickled objects are refused."""

    kind: Literal["npz"]

    @property
    def columns_have_axes(self) -> bool:
        """As arrays may."""
        return True


class ParquetSource(FileSource):
    """A Parquet file of the project."""

    kind: Literal["parquet"]

    @property
    def columns_have_axes(self) -> bool:
        """Lists that are all as long may be a column's cells."""
        return True
