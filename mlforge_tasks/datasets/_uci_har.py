"""Text laid out as the "UCI HAR Dataset" is, to a table.

Each signal has a file, each line of which is a window; its activity and its subject stand in the
same line of two other files. Windows of the original overlap by half, so the lines of a subject
are no independent examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.datasets._recordings import Piece, Recording
from mlforge_tasks.datasets._series import text_lines
from mlforge_tasks.datasets._table import shown
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.datasets._wanted import Wanted

SPLITS = ("train", "test")
NAMES_FILE = "activity_labels.txt"


def signal_files(names: Iterable[str], split: str) -> dict[str, str]:
    """File of each signal of a split, by the signal's name."""
    end = f"_{split}.txt"
    others = {f"{name}{end}" for name in ("X", "y", "subject")}
    found = {
        name.rpartition("/")[2].removesuffix(end): name
        for name in names
        if name.startswith(f"{split}/") and name.endswith(end)
    }
    return {signal: name for signal, name in found.items() if f"{signal}{end}" not in others}


class UciHar:
    """A folder's files.

    Args:
        folder: Its name, for messages.
        names: Files below it.
        read: Reads one of them.
        columns: Which signals are wanted; others are not read.

    Attributes:
        said: What is said of each window; copies of the set often lack whose each is.
    """

    def __init__(
        self, folder: str, names: list[str], read: Callable[[str], bytes], columns: Wanted
    ) -> None:
        self._folder = folder
        self._names = names
        self._read = read
        self._columns = columns
        whose = any(f"{split}/subject_{split}.txt" in names for split in SPLITS)
        self.said = ("activity", *(("subject",) if whose else ()), "split")

    def recordings(self, split: str) -> tuple[Recording, list[Piece]]:
        """A split's windows, each a piece, with its `activity`, `subject` and `split`.

        Raises:
            MlforgeError: A file is missing, is no table of numbers, or has another number of lines
                than the others.
        """
        files = signal_files(self._names, split)
        kept = self._columns.kinds(tuple(files))
        if not kept:
            raise MlforgeError(
                f"{self._folder}/{split}: there is no signal that the contract names as an input",
                hint=f"its signals: {shown(tuple(files))}",
            )
        signals = {name: self._numbers(files[name]) for name in kept}
        windows, samples = next(iter(signals.values())).shape
        for name, signal in signals.items():
            self._check(files[name], signal.shape, (windows, samples))
        pieces = [
            Piece(window * samples, (window + 1) * samples, self._columns.marks(said))
            for window, said in enumerate(self._said(split, windows))
        ]
        flat = {name: signal.reshape(-1) for name, signal in signals.items()}
        lines = np.repeat(np.arange(1, windows + 1), samples)
        where = f"{self._folder}/{files[next(iter(kept))]}"
        return Recording(where, flat, tuple(files), lines), pieces

    def _said(self, split: str, windows: int) -> list[dict[str, str]]:
        """What is said of each of a split's windows."""
        said = {"activity": self._lines(split, f"y_{split}.txt", windows)}
        if "subject" in self.said:
            said["subject"] = self._lines(split, f"subject_{split}.txt", windows)
        known = self._activities()
        said["activity"] = [known.get(one, one) for one in said["activity"]]
        each = (dict(zip(said, one, strict=True)) for one in zip(*said.values(), strict=True))
        return [{**one, "split": split} for one in each]

    def _lines(self, split: str, name: str, windows: int) -> list[str]:
        place = f"{split}/{name}"
        if place not in self._names:
            raise MlforgeError(f"{self._folder}/{split}: there is no file {name}")
        lines = [text for _, text in text_lines(self._read(place), f"{self._folder}/{place}")]
        self._check(place, (len(lines),), (windows,))
        return lines

    def _activities(self) -> Mapping[str, str]:
        """Names of the activities, where a file has them."""
        if NAMES_FILE not in self._names:
            return {}
        lines = text_lines(self._read(NAMES_FILE), f"{self._folder}/{NAMES_FILE}")
        pairs = [text.split(maxsplit=1) for _, text in lines]
        return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}

    def _numbers(self, name: str) -> NDArray[np.float64]:
        """A file of numbers with blanks between them, [lines, numbers]."""
        where = f"{self._folder}/{name}"
        rows: list[NDArray[np.float64]] = []
        for line, text in text_lines(self._read(name), where):
            try:
                rows.append(np.array(text.split(), dtype=np.float64))
            except ValueError as error:
                raise MlforgeError(f"{where}:{line}: found no numbers ({error})") from None
            if len(rows[-1]) != len(rows[0]):
                raise MlforgeError(
                    f"{where}:{line}: found {len(rows[-1])} numbers, wanted {len(rows[0])} as in "
                    "the first line"
                )
        if not rows:
            raise MlforgeError(f"{where}: there are no lines")
        return np.stack(rows)

    def _check(self, name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
        if found != wanted:
            raise MlforgeError(
                f"{self._folder}/{name}: found {list(found)} lines and numbers in each, wanted "
                f"{list(wanted)} as the first signal has"
            )
