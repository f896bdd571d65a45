"""Where the rows of a prepared data set are from, so that a person finds an example in the data.

Rows follow each other in long runs, so what is kept is where each run begins: another file, another
recording or group, or a line that is not the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from mlforge_tasks.contract.data_card import ORIGIN_NAMES, ORIGIN_RUNS
from mlforge_tasks.records import Record

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# The columns of a run.
BEGIN, FILE, NUMBER, RECORDING, GROUP = range(5)


class OriginNames(Record):
    """What runs refer to; `origins.json`.

    Attributes:
        files: The files, as messages name them.
        groups: The groups; empty where the data has none.
        recordings: How many recordings there are.
        by_line: Whether a row's number is its line in the file, from 1; else its row, from 0.
    """

    files: tuple[str, ...]
    groups: tuple[str, ...]
    recordings: int
    by_line: bool


@dataclass(frozen=True)
class Origin:
    """Where some rows that follow each other are from.

    Attributes:
        file: The file of the first.
        first: Its line there, or its row, from 0.
        last: That of the last one.
        by_line: Whether these are lines.
        recording: Which recording it is, from 0.
        recordings: Of how many.
        row: Which row of the recording the first one is, from 0.
        group: Its group; empty where the data has none.
    """

    file: str
    first: int
    last: int
    by_line: bool
    recording: int
    recordings: int
    row: int
    group: str

    @property
    def place(self) -> str:
        """File and lines, or file and rows."""
        ends = f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
        if self.by_line:
            return f"{self.file}:{ends}"
        return (
            f"{self.file}, row {ends}" if self.first == self.last else f"{self.file}, rows {ends}"
        )


@dataclass(frozen=True)
class Origins:
    """Those of all rows.

    Attributes:
        names: What runs refer to.
        runs: [runs, 5]: first row, file, that row's number, recording, group (-1 for none).
    """

    names: OriginNames
    runs: NDArray[np.int64]

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What the dataset stage left; None where it did not."""
        if not (folder / ORIGIN_NAMES).exists():
            return None
        runs: NDArray[np.int64] = np.load(folder / ORIGIN_RUNS)
        return cls(OriginNames.read(folder / ORIGIN_NAMES), runs)

    def write(self, folder: Path) -> None:
        """Writes what `read` finds."""
        self.names.write(folder / ORIGIN_NAMES)
        np.save(folder / ORIGIN_RUNS, self.runs, allow_pickle=False)

    def of(self, row: int, length: int = 1) -> Origin:
        """Where so many rows, from this one on, are from; they are of one recording."""
        first, last = self._run(row), self._run(row + length - 1)
        begins = self.runs[np.searchsorted(self.runs[:, RECORDING], first[RECORDING])]
        group = int(first[GROUP])
        return Origin(
            file=self.names.files[int(first[FILE])],
            first=int(first[NUMBER] + row - first[BEGIN]),
            last=int(last[NUMBER] + row + length - 1 - last[BEGIN]),
            by_line=self.names.by_line,
            recording=int(first[RECORDING]),
            recordings=self.names.recordings,
            row=int(row - begins[BEGIN]),
            group="" if group < 0 else self.names.groups[group],
        )

    def _run(self, row: int) -> NDArray[np.int64]:
        at = int(np.searchsorted(self.runs[:, BEGIN], row, side="right")) - 1
        run: NDArray[np.int64] = self.runs[at]
        return run
