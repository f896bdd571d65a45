"""Recordings that Edge Impulse exported, or that were made for it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._edge_impulse import (
    ENDINGS,
    LABELS,
    Acquisition,
    Listed,
    pieces,
    read_acquisition,
    read_labels,
)
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined, Piece, Recording
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.sources.recorders import EdgeImpulseSource
    from mlforge_tasks.datasets._wanted import Wanted

# The SDK cuts an interval to whole milliseconds, so 5.03 ms and 5 ms are one.
_INTERVAL_TOLERANCE = 0.01
# Others may lie beside them, such as notes of a tool.
_LOOKED_AT = 3
_WHENCE = {"info.labels": "the list of labels", "file_name": "the files' names"}


def _check_interval(found: Acquisition, first: str, interval_ms: float) -> None:
    if abs(found.interval_ms - interval_ms) > _INTERVAL_TOLERANCE * interval_ms:
        raise MlforgeError(
            f"{found.recording.where}: found a sample each {found.interval_ms:g} ms, where "
            f"{first} has one each {interval_ms:g} ms",
            hint="export recordings of one rate, or move the others to another folder",
        )


def _check_units(found: Acquisition, known: dict[str, tuple[str, str]], columns: Wanted) -> None:
    """Holds a file's units against those of the files before, by sensor with the file."""
    where = found.recording.where
    for name in columns.kinds(tuple(found.units)):
        unit, first = known.setdefault(name, (found.units[name], where))
        if found.units[name] != unit:
            raise MlforgeError(
                f"{where}: sensor '{name}' is in {found.units[name]}, where {first} has it in "
                f"{unit}",
                hint="convert one of them, or move it to another folder",
            )


class EdgeImpulseReader:
    """Reads `kind: edge_impulse`."""

    def read(self, spec: EdgeImpulseSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        files = ReadFiles(root, spec.path)
        names = spec.names(root)
        listed = _by_name(names) if spec.label == "file_name" else _by_list(files, names)
        every = sorted({name for one in listed.values() for name in one.metadata})
        joined = Joined(spec.path, ("label", "split", "file", *every))
        first: tuple[str, float] | None = None
        units: dict[str, tuple[str, str]] = {}
        for name, one in sorted(listed.items()):
            found = read_acquisition(files.read(name), files.where(name))
            first = first or (found.recording.where, found.interval_ms)
            _check_interval(found, *first)
            _check_units(found, units, columns)
            joined.add(*_kept(found.recording, one, columns, every))
        if first is None:
            raise MlforgeError(f"{spec.path}: the lists of labels name no file")
        note = f"{spec.path}: a sample each {first[1]:g} ms, labels from {_WHENCE[spec.label]}"
        return Loaded(joined.table(), files.card("edge_impulse", spec.path), (note,))

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; a folder by one of its first files, which is as devices send it."""
        if path.endswith(ENDINGS) and _is_acquisition(ReadFiles(root), path):
            raise MlforgeError(
                f"data={path}: this is one recording of Edge Impulse",
                hint="name the folder that it lies in",
            )
        if not (root / path).is_dir():
            return None
        names = sorted(names_below(root, path))
        files = ReadFiles(root, path)
        some = [name for name in names if name.endswith(ENDINGS)][:_LOOKED_AT]
        if not any(_is_acquisition(files, name) for name in some):
            return None
        listed = any(PurePosixPath(name).name == LABELS for name in names)
        source = {"kind": "edge_impulse", "path": path}
        return Found(source if listed else {**source, "label": "file_name"})


def _is_acquisition(files: ReadFiles, name: str) -> bool:
    """Whether a file is as devices send it; what is broken is told when it is read."""
    try:
        read_acquisition(files.read(name), name)
    except MlforgeError:
        return False
    return True


def _kept(
    recording: Recording, listed: Listed, columns: Wanted, every: list[str]
) -> tuple[Recording, list[Piece]]:
    """What of a recording the contract names."""
    named = tuple(recording.signals)
    signals = {name: recording.signals[name] for name in columns.kinds(named)}
    if not signals:
        raise MlforgeError(
            f"{recording.where}: there is no sensor that the contract names as an input",
            hint=f"its sensors: {', '.join(named)}",
        )
    none = dict.fromkeys(every, "")
    return Recording(recording.where, signals, named), [
        Piece(piece.first, piece.end, columns.marks({**none, **said}))
        for piece, said in pieces(recording, listed)
    ]


def _by_name(names: list[str]) -> Mapping[str, Listed]:
    """Labels as Edge Impulse's uploader makes them: a file's name up to its first point."""
    return {
        name: Listed.model_validate(
            {
                "path": name,
                "category": name.rpartition("/")[0].partition("/")[0],
                "label": {"type": "label", "label": PurePosixPath(name).name.partition(".")[0]},
            }
        )
        for name in names
    }


def _by_list(files: ReadFiles, names: list[str]) -> Mapping[str, Listed]:
    """What the lists in the folder say of each file.

    The studio writes a list at the top, and lists whose paths are relative to where they lie.

    Raises:
        MlforgeError: There is no list, it names a file that is not there, or a file is not in it.
    """
    lists = [name for name in names if PurePosixPath(name).name == LABELS]
    data = {name for name in names if name not in lists}
    found: dict[str, Listed] = {}
    for name in lists:
        for one in read_labels(files.read(name), files.where(name)):
            found[_place(one, name, data, files)] = one
    missing = sorted(data - found.keys())
    if missing:
        raise MlforgeError(
            f"{files.where(missing[0])}: this file is in no {LABELS}, as {len(missing)} in all",
            hint="give `label: file_name` where names begin with the label, or add the files to "
            f"{LABELS}",
        )
    return found


def _place(one: Listed, name: str, data: set[str], files: ReadFiles) -> str:
    """The file that a list names."""
    beside = str(PurePosixPath(name).parent / one.path)
    for place in (beside, one.path):
        if place in data:
            return place
    raise MlforgeError(
        f"{files.where(name)}: there is no file '{one.path}' that ends with .json or .cbor",
        hint="export the data anew; sound, images and CSV files are read with `kind: folder`",
    )


PLUGIN = EdgeImpulseReader()
