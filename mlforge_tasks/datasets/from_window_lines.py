"""Logs that hold a window a line, as for NanoEdge AI Studio and Nordic's Edge AI Lab."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._found import Found, head_lines
from mlforge_tasks.datasets._line_layout import layout, numbers_of
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._window_lines import read_window_lines

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.logs import WindowLinesSource
    from mlforge_tasks.datasets._wanted import Wanted

_ENDINGS, _MOST_LOGS = (".csv", ".txt", ".log"), 40


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

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a folder of files, or of folders of them, whose lines are all as long.

        A single such file is a table as well as a log, and has no class.
        """
        if not (root / path).is_dir():
            return None
        names = sorted(n for n in names_below(root, path) if n.lower().endswith(_ENDINGS))
        if not 1 < len(names) <= _MOST_LOGS:
            return None
        forms, lines = [], []
        for name in names:
            found = numbers_of(head_lines(root / path / name, f"{path}/{name}"))
            if found is None:
                return None
            forms.append(found[0])
            lines.append(found[1])
        if forms.count(forms[0]) < len(forms) or len({one.shape[1] for one in lines}) > 1:
            return None
        logs = [{"path": f"{path}/{name}", "label": _label(name)} for name in names]
        lie = layout(np.concatenate(lines))
        source = {"kind": "window_lines", "logs": logs, **lie, **forms[0]}
        told = f"{lines[0].shape[1]} numbers a line"
        return Found(source, (f"channels and order, which nothing says: {told}, by what is alike",))


def _label(name: str) -> str:
    """The folder that a log lies in, or its own name."""
    place = PurePosixPath(name)
    return place.parent.name or place.stem


PLUGIN = WindowLinesReader()
