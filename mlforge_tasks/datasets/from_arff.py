"""Rows, or recordings, in Weka's ARFF text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._arff import read_arff
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._sniff import pair

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.series import ArffSource
    from mlforge_tasks.datasets._wanted import Wanted


class ArffReader:
    """Reads `kind: arff`."""

    def read(self, spec: ArffSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = ReadFiles(root)
        tables = [
            (read_arff(files.read(path), path, spec.relation_rows), marks)
            for path, marks in spec.parts
        ]
        where = " and ".join(path for path, _ in spec.parts)
        return Loaded(stacked(where, tables), files.card("arff", where))

    def recognise(self, path: str, root: Path) -> dict[str, Any] | None:
        """See `_look`."""
        return pair("arff", path, root) if path.lower().endswith(".arff") else None


PLUGIN = ArffReader()
