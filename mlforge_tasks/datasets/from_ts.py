"""Recordings in the `.ts` format of aeon and sktime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._sniff import pair
from mlforge_tasks.datasets._ts import read_ts

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.series import TsSource
    from mlforge_tasks.datasets._found import Found
    from mlforge_tasks.datasets._wanted import Wanted


class TsReader:
    """Reads `kind: ts`."""

    def read(self, spec: TsSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = ReadFiles(root)
        texts = [(read_ts(files.read(path), path), marks) for path, marks in spec.parts]
        tables = [(text.table, marks) for text, marks in texts]
        notes = tuple(note for text, _ in texts for note in text.notes)
        where = " and ".join(path for path, _ in spec.parts)
        return Loaded(stacked(where, tables), files.card("ts", where), notes)

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`."""
        return pair("ts", path, root) if path.lower().endswith(".ts") else None


PLUGIN = TsReader()
