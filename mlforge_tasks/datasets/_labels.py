"""What a CSV file says of recordings, or of intervals of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.contract.delimited import Delimited
from mlforge_tasks.datasets._delimited import read_csv
from mlforge_tasks.datasets._recordings import Piece
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.yaml_file.mistakes import closest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlforge_tasks.contract.sources.folder import Labels
    from mlforge_tasks.datasets._read_files import ReadFiles
    from mlforge_tasks.datasets._table import Table


@contextmanager
def _of_labels() -> Iterator[None]:
    """What to do about the file; the keys of `dataset.source` are for the recordings."""
    try:
        yield
    except MlforgeError as error:
        raise MlforgeError(
            error.message,
            hint="correct that line, remove it, or say in dataset.source.labels what it is called, "
            "and which `delimiter` the file has",
        ) from error


@dataclass(frozen=True)
class _Line:
    """One line of the file.

    Attributes:
        place: Where it stands, for messages.
        marks: What it says, by column.
        start: Where its interval begins, in the file's unit; None of a line for a whole recording.
        end: Where it ends.
    """

    place: str
    marks: Mapping[str, str]
    start: float | None
    end: float | None


class LabelFile:
    """What is said of each recording.

    Args:
        labels: What the contract says of the file.
        files: Reads it.
        names: The recordings' paths below their folder.

    Raises:
        MlforgeError: The file is not as it should be, or tells of no recording.
    """

    def __init__(self, labels: Labels, files: ReadFiles, names: Sequence[str]) -> None:
        self._labels = labels
        form = Delimited(delimiter=labels.delimiter)
        with _of_labels():
            table = read_csv(files.read(labels.path), labels.path, form)
        self.columns = self._columns(table)
        self._lines: dict[str, list[_Line]] = {}
        for name, line in self._read(table):
            self._lines.setdefault(name, []).append(line)
        self._check_names(set(names))
        self._too_short: list[str] = []
        self._unnamed = [name for name in names if name not in self._lines]
        self._recordings = len(names)

    @property
    def notes(self) -> tuple[str, ...]:
        """How many recordings no line names, and intervals without a row, which are left out."""
        return tuple(f"{self._labels.path}: left out {one}" for one in self._left_out())

    def _left_out(self) -> Iterator[str]:
        if self._unnamed and self._labels.outside is None:
            many = f"{len(self._unnamed):,} of {self._recordings:,} recordings that no line names"
            yield f"{many}, such as '{self._unnamed[0]}'"
        if self._too_short:
            intervals = "interval" if len(self._too_short) == 1 else "intervals"
            many = f"{len(self._too_short):,} {intervals} in which no row begins"
            yield f"{many} (the first is {self._too_short[0]})"

    def _columns(self, table: Table) -> tuple[str, ...]:
        labels = self._labels
        table.texts(labels.file)
        given = {labels.start, labels.end} & set(table.names)
        if len(given) == 1:
            missing = ({labels.start, labels.end} - given).pop()
            table.texts(missing)  # which says that there is none
        return tuple(name for name in table.names if name not in {labels.file, *given})

    def _read(self, table: Table) -> Iterator[tuple[str, _Line]]:
        labels = self._labels
        files = table.texts(labels.file).tolist()
        texts = {name: table.texts(name).tolist() for name in self.columns}
        cut = labels.start in table.names
        with _of_labels():
            starts = table.numbers(labels.start).tolist() if cut else None
            ends = table.numbers(labels.end).tolist() if cut else None
        for row, file in enumerate(files):
            marks = {name: values[row] for name, values in texts.items()}
            start, end = (None, None) if not starts or not ends else (starts[row], ends[row])
            if start is not None and not 0 <= start < end:
                raise MlforgeError(
                    f"{table.place(row)}: found an interval from {start:g} to {end:g}, wanted one "
                    "that begins at 0 or later and ends after that"
                )
            name = file.replace("\\", "/").removeprefix("./")
            yield name, _Line(table.place(row), marks, start, end)

    def _check_names(self, names: set[str]) -> None:
        unknown = [name for name in self._lines if name not in names]
        if unknown:
            near = closest(unknown[0], names)
            guess = f"did you mean '{near}'? " if near else ""
            raise MlforgeError(
                f"{self._lines[unknown[0]][0].place}: there is no recording '{unknown[0]}' "
                f"({len(unknown)} of {len(self._lines)} files that are named are none)",
                hint=f"{guess}paths are below dataset.source.path, and like dataset.source.files",
            )

    def pieces(self, name: str, rows: int, rate_hz: float | None) -> list[Piece]:
        """Which rows of a recording are what.

        Args:
            name: The recording's path below its folder.
            rows: How many it has.
            rate_hz: How many of them are a second, where that is known.

        Raises:
            MlforgeError: An interval lies outside of the recording, or two overlap.
        """
        found = self._lines.get(name, [])
        spans = [(*self._rows(line, rows, rate_hz), line) for line in found]
        spans.sort(key=lambda span: span[:2])
        pieces: list[Piece] = []
        reached, before = 0, ""
        for first, end, line in spans:
            if first < reached:
                raise MlforgeError(
                    f"{line.place}: what it says of {name} overlaps with {before}",
                    hint="let each interval begin where the one before ends, or later",
                )
            pieces += self._between(reached, first)
            if end == first:
                self._too_short.append(line.place)
            pieces.append(Piece(first, end, line.marks))
            reached, before = end, line.place
        return [*pieces, *self._between(reached, rows)]

    def _between(self, first: int, end: int) -> list[Piece]:
        outside = self._labels.outside
        if outside is None or end <= first:
            return []
        return [Piece(first, end, dict.fromkeys(self.columns, outside))]

    def _rows(self, line: _Line, rows: int, rate_hz: float | None) -> tuple[int, int]:
        """The first row of a line's interval, and the one after its last."""
        if line.start is None or line.end is None:
            return 0, rows
        if self._labels.unit == "s" and rate_hz is None:
            raise MlforgeError(
                f"{line.place}: found seconds, and how many rows are one is not known",
                hint="give dataset.source.rate, or `unit: row` in dataset.source.labels",
            )
        scale = 1.0 if self._labels.unit == "row" or rate_hz is None else rate_hz
        first, end = round(line.start * scale), round(line.end * scale)
        # One row later is how a decimal was rounded.
        if first >= rows or end > rows + 1:
            raise MlforgeError(
                f"{line.place}: found an interval up to {line.end:g} {self._labels.unit}, and the "
                f"recording has {rows / scale:g}",
                hint="shorten it, or check `unit` in dataset.source.labels",
            )
        return first, min(end, rows)
