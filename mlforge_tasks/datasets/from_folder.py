"""Rows of recordings in a folder of the project, one a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from mlforge_tasks.contract.sources.base import names_below
from mlforge_tasks.contract.sources.file_pattern import FILE_COLUMN, FilePattern, compiled
from mlforge_tasks.contract.sources.folder import family_of
from mlforge_tasks.datasets import Loaded
from mlforge_tasks.datasets._arrays import read_array
from mlforge_tasks.datasets._audio import AudioReader
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._found import Found
from mlforge_tasks.datasets._images import ImageReader, one_form
from mlforge_tasks.datasets._labels import LabelFile
from mlforge_tasks.datasets._name_parts import pattern_of
from mlforge_tasks.datasets._parquet import read_parquet
from mlforge_tasks.datasets._read_files import ReadFiles
from mlforge_tasks.datasets._recordings import Joined, Piece, Recording
from mlforge_tasks.datasets._sniff import text_form, units_of
from mlforge_tasks.datasets._steps import Steps
from mlforge_tasks.datasets._unpack import reading
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlforge_tasks.contract.sources.folder import FolderSource
    from mlforge_tasks.datasets._wanted import Wanted

ARRAY = "array"


class FileReader(Protocol):
    """Reads files of one family; made once it has looked at what they have in common."""

    @property
    def rate_hz(self) -> float | None:
        """How many rows are a second, where that is known."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should hear of how the files were read, a sentence each.

        Raises:
            MlforgeError: They do not go together.
        """

    def read(self, data: bytes, where: str) -> Recording:
        """One recording.

        Args:
            data: The file.
            where: Its name, for messages.

        Raises:
            MlforgeError: It is not as it should be.
        """


class _TableReader:
    """CSV and Parquet files, a table each."""

    def __init__(self, spec: FolderSource, files: Mapping[str, Path], columns: Wanted) -> None:  # noqa: ARG002 - as other readers
        self.rate_hz = spec.rate_hz
        self._spec = spec
        self._columns = columns
        self._steps = Steps(columns, resample=spec.resample)

    @property
    def notes(self) -> tuple[str, ...]:
        self._steps.check()
        return self._steps.notes

    def read(self, data: bytes, where: str) -> Recording:
        if where.lower().endswith(".parquet"):
            table = read_parquet(data, where, self._columns)
        else:
            table = read_csv(data, where, self._spec, self._columns)
        if not table.columns:
            raise MlforgeError(f"{where}: there is no column that the contract names as an input")
        read = Recording(where, table.columns, table.names, table.lines, table.cells)
        return self._steps.of(read)


class _ArrayReader:
    """`.npy` files of plain arrays, whose first axis is the rows."""

    notes = ()

    def __init__(self, spec: FolderSource, files: Mapping[str, Path], columns: Wanted) -> None:  # noqa: ARG002 - as other readers
        self.rate_hz = spec.rate_hz

    def read(self, data: bytes, where: str) -> Recording:
        with reading(where, "not a file of a plain array"):
            array = read_array(data)
        if not array.ndim or not array.size:
            raise MlforgeError(f"{where}: found an array {list(array.shape)}, wanted rows")
        return Recording(where, {ARRAY: array})


_Making = Callable[["FolderSource", "Mapping[str, Path]", "Wanted"], FileReader]
_READERS: dict[str, _Making] = {
    "table": _TableReader,
    "audio": AudioReader,
    "images": ImageReader,
    "arrays": _ArrayReader,
}


class FolderReader:
    """Reads `kind: folder`."""

    def recognise(self, path: str, root: Path) -> Found | None:
        """See `_look`; recordings are those of the family that most files are of."""
        if not (root / path).is_dir():
            return None
        names = sorted(name for name in names_below(root, path) if family_of(name))
        if not names:
            return None
        pattern = pattern_of(names)
        known = compiled(pattern)
        fitting = [name for name in names if known.fits(name)]
        first, said = fitting[0], {}
        found: dict[str, Any] = {"kind": "folder", "path": path, "files": pattern}
        if family_of(first) == "table" and not first.lower().endswith(".parquet"):
            form = text_form(root / path / first, first)
            found, said = found | form, units_of(root / path / first, first, form)
        if family_of(first) == "images":
            form = one_form({f"{path}/{name}": root / path / name for name in fitting})
            found |= {"images": form} if form else {}
        others = [name for name in names if not known.fits(name)]
        several = "files are" if len(others) > 1 else "file is"
        left = f"{len(others):,} other {several} not read, such as {others[0]}" if others else ""
        checks = (left,) if left else ()
        return Found(found, checks=checks, quantities=said, general=True)

    def read(self, spec: FolderSource, root: Path, columns: Wanted) -> Loaded:
        """See `Reader`."""
        names = spec.recordings(root)
        family = family_of(names[0])
        if family is None:
            raise AssertionError("`recordings` gives those of known formats")
        files = ReadFiles(root)
        places = {f"{spec.path}/{name}": root / spec.path / name for name in names}
        reader = _READERS[family](spec, places, columns)
        labels = None if spec.labels is None else LabelFile(spec.labels, files, names)
        marking = _Marking(spec, compiled(spec.pattern), labels, columns)
        joined = Joined(spec.path, marking.names)
        for name, where in zip(names, places, strict=True):
            recording = reader.read(files.read(where), where)
            joined.add(recording, marking.pieces(name, recording, reader.rate_hz))
        notes = (*reader.notes, *(() if labels is None else labels.notes))
        return Loaded(joined.table(), files.card("folder", spec.path, spec.pattern), notes)


class _Marking:
    """What a recording's path and the file of labels say of its rows, as far as it is wanted."""

    def __init__(
        self,
        spec: FolderSource,
        pattern: FilePattern,
        labels: LabelFile | None,
        columns: Wanted,
    ) -> None:
        self._spec = spec
        self._pattern = pattern
        self._labels = labels
        said = () if labels is None else labels.columns
        names = (FILE_COLUMN, *pattern.names, *said)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise MlforgeError(
                f"{spec.path}: column '{twice[0]}' is in dataset.source.files and in the file of "
                "labels",
                hint=f"write another name than {{{twice[0]}}}, or `*`, in dataset.source.files",
            )
        self._wanted = set(columns.kinds(names))
        self.names = names

    def pieces(self, name: str, recording: Recording, rate_hz: float | None) -> list[Piece]:
        """The pieces of a recording, with what is said of each."""
        both = sorted(set(recording.named or recording.signals) & self._wanted)
        if both:
            raise MlforgeError(
                f"{recording.where}: column '{both[0]}' is there too, beside what the path or the "
                "file of labels says",
                hint="rename it in dataset.source.files, or in the file of labels",
            )
        try:
            said = {FILE_COLUMN: name, **self._pattern.columns(name)}
        except ValueError as error:
            raise MlforgeError(
                f"{recording.where}: dataset.source.files is ambiguous: {error}",
                hint="write '{name:d}' for digits, or other characters between two names",
            ) from error
        pieces = [Piece(0, recording.rows)]
        if self._labels is not None:
            pieces = self._labels.pieces(name, recording.rows, rate_hz)
        return [Piece(one.first, one.end, self._kept({**said, **one.marks})) for one in pieces]

    def _kept(self, marks: Mapping[str, str]) -> dict[str, str]:
        return {name: marks[name] for name in self.names if name in self._wanted}


PLUGIN = FolderReader()
