"""Logs that hold a window a line, as for NanoEdge AI Studio and Nordic's Edge AI Lab."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._window_lines import read_window_lines

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.logs import WindowLinesSource
    from mlforge_tasks.datasets._wanted import Wanted


class WindowLinesReader:
    """Reads `kind: window_lines`."""

    def read(self, spec: WindowLinesSource, root: Path, columns: Wanted) -> Loaded:  # noqa: ARG002 - a Reader
        """See `Reader`."""
        files = ReadFiles(root)
        tables = [
            (read_window_lines(files.read(log.path), log.path, spec), log.marks)
            for log in spec.logs
        ]
        where = spec.logs[0].path if len(spec.logs) == 1 else f"{len(spec.logs)} logs of windows"
        return Loaded(stacked(where, tables), files.card("window_lines", where))


PLUGIN = WindowLinesReader()
