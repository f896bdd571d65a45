"""Annotations of WFDB records to labels of rows."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.datasets._recordings import Piece
from mlforge_tasks.datasets._unpack import reading
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlforge_tasks.contract.sources.recorders import Annotations
    from mlforge_tasks.datasets._wfdb import Records, Run

# What stands for a beat; others tell of noise, rhythms and remarks.
BEATS = frozenset("NLRBAaJSVrFejnE/fQ?")

# A change of rhythm, and a remark: what they say is in their notes.
_NOTED = frozenset('+"')
# What is usually cut out around a beat, in seconds.
_BEFORE_S, _AFTER_S = 0.25, 0.45


@dataclass(frozen=True)
class Mark:
    """One annotation: the record's frame that it is at, and its label."""

    at: float
    label: str


def read_marks(records: Records, record: str, wanted: Annotations) -> list[Mark]:
    """A record's annotations that are taken, in their order.

    Raises:
        MlforgeError: There is no such file, or it is none of annotations.
    """
    name = f"{record}.{wanted.annotator}"
    where = records.files.where(name)
    if not (records.base / name).is_file():
        raise MlforgeError(
            f"{where}: there is no such file (dataset.source.annotations)",
            hint="name the records that have it in dataset.source.records",
        )
    records.files.use(name)
    fs = records.head(record).fs
    with reading(where, "not a file of WFDB annotations"):
        found = records.wfdb.rdann(str(records.base / record), wanted.annotator)
        scale = fs / found.fs if found.fs else 1.0
        texts = found.symbol if wanted.take == "symbol" else found.aux_note
        labels = [text.replace("\0", "").strip() for text in texts]
        marks = [Mark(at * scale, text) for at, text in zip(found.sample, labels, strict=True)]
    taken = frozenset(wanted.values) or (
        BEATS if wanted.take == "symbol" and wanted.after is not None else None
    )
    return [mark for mark in marks if mark.label and (taken is None or mark.label in taken)]


def likely_annotations(
    records: Records, wanted: Iterable[str], names: Sequence[str]
) -> dict[str, Any] | None:
    """The section `annotations` for records, by those of the first one that has some.

    Beats are what lies around them; of others each is about what comes after it.

    Args:
        records: Of a folder.
        wanted: Which of them.
        names: All files of the folder.
    """
    for record in wanted:
        head = records.head(record)
        signals = {f"{record.rpartition('/')[0]}/{one}".lstrip("/") for one in head.file_name or ()}
        found = [
            name.removeprefix(f"{record}.")
            for name in sorted(names)
            if name.startswith(f"{record}.") and not name.endswith(".hea") and name not in signals
        ]
        for annotator in sorted(found, key=lambda one: one != "atr"):
            try:
                marks = records.wfdb.rdann(str(records.base / record), annotator)
            except Exception:  # noqa: BLE001, S112 - what a library raises for a file that is none
                continue
            at, rows = np.array(marks.sample), head.sig_len or math.inf
            # Any bytes can be read as annotations, but hardly as some that follow one another.
            if len(at) > 1 and (np.diff(at) >= 0).all() and at[0] >= 0 and at[-1] < rows:
                return {"annotator": annotator, **_about(marks.symbol, head.fs)}
    return None


def _about(symbols: Sequence[str], fs: float) -> dict[str, Any]:
    """What most annotations are: beats, or notes."""
    if sum(one in _NOTED for one in symbols) > len(symbols) / 2:
        return {"take": "aux_note"}
    if sum(one in BEATS for one in symbols) > len(symbols) / 2:
        return {"before": round(_BEFORE_S * fs), "after": round(_AFTER_S * fs)}
    return {}


def pieces(run: Run, marks: list[Mark], wanted: Annotations) -> list[Piece]:
    """The rows of a run that annotations are about, with their `label`.

    Those around an annotation are left out where the run does not have all of them.
    """
    rows, found = run.recording.rows, []
    at = [round(mark.at * run.frame_rows) - run.first for mark in marks]
    for index, (row, mark) in enumerate(zip(at, marks, strict=True)):
        label = {"label": mark.label}
        if wanted.before is not None and wanted.after is not None:
            if wanted.before <= row <= rows - wanted.after:
                found.append(Piece(row - wanted.before, row + wanted.after, label))
            continue
        end = at[index + 1] if index + 1 < len(at) else rows
        first, end = max(row, 0), min(end, rows)
        if first < end:
            found.append(Piece(first, end, label))
    return found
