"""Recordings laid out as in the "UCI HAR Dataset"."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined
from mlforge_tasks.datasets._uci_har import SPLITS, UciHar

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.recorders import UciHarSource
    from mlforge_tasks.datasets._wanted import Wanted


class UciHarReader:
    """Reads `kind: uci_har`."""

    def read(self, spec: UciHarSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        files = ReadFiles(root, spec.path)
        found = UciHar(spec.path, spec.names(root), files.read, columns)
        joined = Joined(spec.path, ("activity", "subject", "split"))
        for split in SPLITS:
            joined.add(*found.recordings(split))
        return Loaded(joined.table(), files.card("uci_har", spec.path))


PLUGIN = UciHarReader()
