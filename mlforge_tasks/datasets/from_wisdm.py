"""Recordings in the raw text of the WISDM data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._series import source_card
from mlforge_tasks.datasets._unpack import read_file
from mlforge_tasks.datasets._wisdm import read_wisdm

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.logs import WisdmSource
    from mlforge_tasks.datasets._wanted import Wanted


class WisdmReader:
    """Reads `kind: wisdm`."""

    def read(self, spec: WisdmSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        data = read_file(root / spec.path, spec.path)
        text = read_wisdm(data, spec.path, spec.time_unit)
        notes = tuple(f"{spec.path}: left out {defect}" for defect in text.defects)
        return Loaded(text.table, source_card("wisdm", spec.path, {spec.path: data}), notes)


PLUGIN = WisdmReader()
