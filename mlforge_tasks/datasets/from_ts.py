"""Recordings in the `.ts` format of aeon and sktime."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._series import source_card, stacked
from mlforge_tasks.datasets._ts import read_ts
from mlforge_tasks.datasets._unpack import read_file

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.series import TsSource
    from mlforge_tasks.datasets._wanted import Wanted


class TsReader:
    """Reads `kind: ts`."""

    def read(self, spec: TsSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = {path: read_file(root / path, path) for path, _ in spec.parts}
        tables = [(read_ts(files[path], path), marks) for path, marks in spec.parts]
        where = " and ".join(files)
        return Loaded(stacked(where, tables), source_card("ts", where, files))


PLUGIN = TsReader()
