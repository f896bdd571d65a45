"""Rows of a Parquet file of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._parquet import read_parquet
from mlforge_tasks.datasets._unpack import read_file
from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.arrays import ParquetSource
    from mlforge_tasks.datasets._wanted import Wanted


class ParquetReader:
    """Reads `kind: parquet`."""

    def read(self, spec: ParquetSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        data = read_file(root / spec.path, spec.path)
        card = SourceCard(kind="parquet", name=spec.path, member=None, sha256=sha256_bytes(data))
        return Loaded(read_parquet(data, spec.path, columns), card)

    def recognise(self, path: str, root: Path) -> Found | None:  # noqa: ARG002 - by its name
        """See `_look`."""
        return (
            Found({"kind": "parquet", "path": path}) if path.lower().endswith(".parquet") else None
        )


PLUGIN = ParquetReader()
