"""Captures that SensiML's Data Studio exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined, Piece, Recording
from mlforge_tasks.datasets._sensiml import LISTS, Capture, chosen, named, pieces, read_captures
from mlforge_tasks.datasets._sniff import text_form
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from pathlib import Path

    from mlforge_tasks.contract.sources.recorders import SensimlSource
    from mlforge_tasks.datasets._wanted import Wanted


class SensimlReader:
    """Reads `kind: sensiml`."""

    def read(self, spec: SensimlSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        files = ReadFiles(root, spec.folder)
        captures = read_captures(files.read(spec.path.rpartition("/")[2]), spec.path)
        names = named(captures)
        session = chosen(spec.session, names["session"], "session", "sessions", spec.path)
        label = chosen(spec.label, names["label"], "label", "labels", spec.path)
        there = {path.name for path in spec.files(root)[1:]}
        none = dict.fromkeys(sorted({name for one in captures for name in one.said}), "")
        joined = Joined(spec.path, ("label", "file", *none))
        for capture in captures:
            if not any(held.name == session and held.segments for held in capture.sessions):
                continue
            self._check(capture, there, spec)
            where = files.where(capture.file_name)
            table = read_csv(files.read(capture.file_name), where, spec, columns)
            recording = Recording(where, table.columns, table.names, table.lines, table.cells)
            said = {**none, **capture.said, "file": capture.file_name}
            joined.add(
                recording,
                [
                    Piece(one.first, one.end, columns.marks({**said, **one.marks}))
                    for one in pieces(recording, capture, session, label)
                ],
            )
        note = f"{spec.path}: segments of the session '{session}', their last sample included"
        return Loaded(joined.table(), files.card("sensiml", spec.path), (note,))

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a list of captures, or the folder of the only one."""
        if (root / path).is_dir():
            lists = [name for name in names_below(root, path) if name.endswith(LISTS)]
            path = f"{path}/{lists[0]}" if len(lists) == 1 else path
        if not path.endswith(LISTS):
            return None
        captures = read_captures(ReadFiles(root).read(path), path)
        source: dict[str, Any] = {"kind": "sensiml", "path": path}
        checks = []
        for key, there in named(captures).items():
            if len(there) > 1:  # of a model's answers, few are all the labels there are
                ranked = sorted(there, key=lambda one: (-len(there[one]), -there[one].total()))
                source[key] = ranked[0]
                told = (f"{one} ({len(there[one])} in {there[one].total()})" for one in ranked)
                checks.append(f"{key}: which one's values in segments: {', '.join(told)}")
        for capture in captures:
            place = f"{path.rpartition('/')[0]}/{capture.file_name}"
            if capture.segments and (root / place).is_file():
                return Found(source | text_form(root / place, place), tuple(checks))
        return Found(source, tuple(checks))

    def _check(self, capture: Capture, there: set[str], spec: SensimlSource) -> None:
        if capture.file_name not in there:
            raise MlforgeError(
                f"{spec.path}: there is no CSV file '{capture.file_name}' beside it",
                hint="export the captures too; WAV files with `kind: folder`",
            )


PLUGIN = SensimlReader()
