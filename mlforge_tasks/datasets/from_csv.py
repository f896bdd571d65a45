"""Rows of a CSV file of the project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.data_card import SourceCard
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._unpack import read_file
from mlforge_tasks.records import sha256_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.text import CsvSource
    from mlforge_tasks.datasets._wanted import Wanted


class CsvReader:
    """Reads `kind: csv`."""

    def read(self, spec: CsvSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        data = read_file(root / spec.path, spec.path)
        card = SourceCard(kind="csv", name=spec.path, member=None, sha256=sha256_bytes(data))
        return Loaded(read_csv(data, spec.path, spec, columns), card)


PLUGIN = CsvReader()
