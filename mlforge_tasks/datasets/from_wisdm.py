"""Recordings in the raw text of the WISDM data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._wisdm import read_wisdm

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.logs import WisdmSource
    from mlforge_tasks.datasets._wanted import Wanted


class WisdmReader:
    """Reads `kind: wisdm`."""

    def read(self, spec: WisdmSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = ReadFiles(root)
        text = read_wisdm(files.read(spec.path), spec.path)
        notes = tuple(f"{spec.path}: left out {defect}" for defect in text.defects)
        return Loaded(text.table, files.card("wisdm", spec.path), notes)


PLUGIN = WisdmReader()
