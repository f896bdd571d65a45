"""Records of PhysioNet's WFDB format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._annotations import likely_annotations, pieces, read_marks
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined, Piece
from mlforge_tasks.datasets._wanted import Wanted
from mlforge_tasks.datasets._wfdb import LABEL, RECORD, Records

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.recorders import WfdbSource

_HEADER = ".hea"


class WfdbReader:
    """Reads `kind: wfdb`."""

    def read(self, spec: WfdbSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        files = ReadFiles(root, spec.path)
        records = Records(root / spec.path, files, spec.names(root), columns)
        wanted = spec.annotations
        joined = Joined(spec.path, (RECORD, LABEL) if wanted else (RECORD,))
        left_out = 0
        for record in spec.records or records.all():
            marks = []
            if wanted is not None:
                marks = read_marks(records, record, wanted)
            for run in records.runs(record):
                found = [Piece(0, run.recording.rows)]
                if wanted is not None:
                    found = pieces(run, marks, wanted)
                kept = [
                    Piece(one.first, one.end, columns.marks({**one.marks, RECORD: record}))
                    for one in found
                ]
                joined.add(run.recording, kept)
                left_out -= len(kept)
            left_out += len(marks)
        return Loaded(
            joined.table(), files.card("wfdb", spec.path), _notes(spec, records, left_out)
        )

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a folder of records, or one of them by its header."""
        record = ""
        if path.endswith(_HEADER):
            path, _, record = path.removesuffix(_HEADER).rpartition("/")
        if not path or not (root / path).is_dir():
            return None
        names = list(names_below(root, path))
        if not any(name.endswith(_HEADER) for name in names):
            return None
        records = Records(root / path, ReadFiles(root, path), names, Wanted())
        wanted = [record] if record else records.all()
        source: dict[str, Any] = {"kind": "wfdb", "path": path}
        likely = likely_annotations(records, wanted, names)
        if likely is None:
            return Found(source | ({"records": wanted} if record else {}))
        has = [one for one in wanted if f"{one}.{likely['annotator']}" in names]
        source |= {"records": has} if record or has != wanted else {}
        checks = ("annotations: which of them, and the rows around each that it is about",)
        return Found({**source, "annotations": likely}, checks)


def _notes(spec: WfdbSource, records: Records, left_out: int) -> tuple[str, ...]:
    read = f"{spec.path}: {records.told}"
    if spec.annotations is None or spec.annotations.after is None or not left_out:
        return (read,)
    told = f"{spec.path}: left out {left_out:,} annotations, whose rows before and after go past"
    return read, f"{told} the end of a record or of a part of it"


PLUGIN = WfdbReader()
