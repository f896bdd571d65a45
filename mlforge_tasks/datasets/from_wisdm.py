"""Recordings in the raw text of the WISDM data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._found import Found, head_lines
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._wisdm import read_wisdm
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.logs import WisdmSource
    from mlforge_tasks.datasets._wanted import Wanted


class WisdmReader:
    """Reads `kind: wisdm`."""

    def read(self, spec: WisdmSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = ReadFiles(root)
        names = [str(file) for file in spec.files(root)]
        texts = [(name, read_wisdm(files.read(name), name)) for name in names]
        notes = tuple(
            f"{name}: left out {defect}" for name, text in texts for defect in text.defects
        )
        table = stacked(spec.place, [(text.table, {}) for _, text in texts])
        return Loaded(table, files.card("wisdm", spec.place), notes)

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a file, or a folder of such files, by the records at the beginning."""
        key, first = "path", path
        if (root / path).is_dir():
            texts = sorted(name for name in names_below(root, path) if name.endswith(".txt"))
            key, first = "folder", f"{path}/{texts[0]}" if texts else ""
        if not first.lower().endswith((".txt", ".csv")):
            return None
        lines = head_lines(root / first, first)
        if sum(line.rstrip().endswith(";") for line in lines) <= len(lines) / 2:
            return None
        try:
            read_wisdm("\n".join(lines).encode(), first)
        except MlforgeError:
            return None
        return Found({"kind": "wisdm", key: path}, units={"time": "ns"})


PLUGIN = WisdmReader()
