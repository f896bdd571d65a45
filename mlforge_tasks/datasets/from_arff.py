"""Rows, or recordings, in Weka's ARFF text."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._arff import read_arff
from mlforge_tasks.datasets._found import head_lines
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._series import stacked
from mlforge_tasks.datasets._sniff import pair

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.series import ArffSource
    from mlforge_tasks.datasets._found import Found
    from mlforge_tasks.datasets._wanted import Wanted

_RELATION = re.compile(r"@attribute\s.*\srelational\s*$", re.IGNORECASE)


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

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`."""
        if not path.lower().endswith(".arff"):
            return None
        found = pair("arff", path, root)
        if not any(_RELATION.match(line) for line in head_lines(root / path, path)):
            return found
        return replace(
            found,
            source={**found.source, "relation_rows": "channels"},
            checks=("relation_rows: whether a line within quotes is a channel, or a step in time",),
        )


PLUGIN = ArffReader()
