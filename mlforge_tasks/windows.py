"""Examples of a data set: rows that are kept once, and where each example begins.

Windows overlap: of 2,000,000 rows, windows of 500 with stride 1 hold each row 500 times. So an
example is a view of its rows, and what computes with examples gathers them a batch at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

ROWS = "rows"
# Examples, or rows, that are in memory at a time.
BATCH = 1024
ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class Windows:
    """Examples as windows of rows, or as single rows.

    Attributes:
        rows: All rows, [rows, ...]; may lie on the disk.
        starts: First row of each example, [N].
        length: Rows of an example; None where an example is one row and has no axis for it.
        order: Which of an example's elements, counted in C order, it is given with; None for all.
        form: The shape in which it is then given, of as many elements; None for the one it has.
        anew: Which examples begin a stream that the others go on with, [N]; None where each example
            is one for itself.
    """

    rows: NDArray[Any]
    starts: NDArray[np.int64]
    length: int | None = None
    order: NDArray[np.int64] | None = None
    form: tuple[int, ...] | None = None
    anew: NDArray[np.bool_] | None = None

    @classmethod
    def each(cls, rows: NDArray[Any]) -> Self:
        """Every row as an example."""
        return cls(rows, np.arange(len(rows)))

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one example, as it is given."""
        if self.form is not None:
            return self.form
        return self._whole if self.order is None else self.order.shape

    @property
    def _whole(self) -> tuple[int, ...]:
        row = self.rows.shape[1:]
        return row if self.length is None else (self.length, *row)

    def given(self, form: tuple[int, ...], *, channels_first: bool) -> Windows:
        """The same examples in the order and the shape in which a model takes them."""
        order = places(self._whole, channels_first=True) if channels_first else None
        return replace(self, order=order, form=form)

    def picked(self, order: NDArray[np.int64]) -> Windows:
        """Some elements of the same examples, in this order."""
        return replace(self, order=order, form=None)

    def _given(self, examples: NDArray[Any]) -> NDArray[Any]:
        """Examples, [N, ...], as they are given; in C order."""
        whole = np.ascontiguousarray(examples)
        if self.order is not None:
            whole = whole.reshape(len(whole), -1)[:, self.order]
        return whole if self.form is None else whole.reshape(len(whole), *self.form)

    def _views(self) -> NDArray[Any]:
        """The window at every row where one fits; nothing is copied."""
        if self.length is None:
            return self.rows
        views = np.lib.stride_tricks.sliding_window_view(self.rows, self.length, axis=0)
        return np.moveaxis(views, -1, 1)

    def __getitem__(self, which: slice | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """A copy of some examples, [N, *shape], in C order."""
        return self._given(self._views()[self.starts[which]])

    def batches(self, size: int = BATCH) -> Iterator[NDArray[Any]]:
        """All examples in their order, so many at a time; the last batch may be smaller."""
        views = self._views()
        for at in range(0, len(self), size):
            yield self._given(views[self.starts[at : at + size]])

    def begun(self, size: int = BATCH) -> Iterator[NDArray[np.bool_] | None]:
        """Of the same batches, `anew`."""
        for at in range(0, len(self), size):
            yield None if self.anew is None else self.anew[at : at + size]

    def used(self) -> NDArray[Any]:
        """The rows that some example holds, each once: [n, ...]."""
        if self.length is None:
            return self.rows[np.sort(self.starts)]
        return self.rows[covered(self.starts, len(self.rows), self.length)]

    def write(self, folder: Path, name: str) -> None:
        """Writes the files that `read` finds, which do not say in which form examples are given."""
        np.save(folder / f"{ROWS}.npy", self.rows)
        np.save(folder / f"{name}_starts.npy", self.starts)
        for what, array in (("order", self.order), ("anew", self.anew)):
            if array is not None:
                np.save(folder / f"{name}_{what}.npy", array)

    def changed(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Windows:
        """The same examples of rows that were each changed; a part of them at a time.

        Args:
            change: Takes and gives rows, [n, ...].
        """
        parts = range(0, len(self.rows), ROWS_AT_ONCE)
        rows = [change(np.asarray(self.rows[at : at + ROWS_AT_ONCE])) for at in parts]
        return replace(self, rows=np.concatenate(rows))


def places(
    shape: tuple[int, ...],
    features: slice | Sequence[int] = slice(None),
    rows: int | None = None,
    *,
    channels_first: bool = False,
) -> NDArray[np.int64]:
    """Which elements of an example some of its features are, counted in C order: [n].

    Args:
        shape: The example's.
        features: Which of its last axis.
        rows: How many of its first axis, the last ones; None for all.
        channels_first: Whether all of a feature comes before the next one.
    """
    every = np.arange(np.prod(shape, dtype=np.int64)).reshape(shape)
    some = every[slice(None) if rows is None else slice(shape[0] - rows, None)][..., features]
    return (np.moveaxis(some, -1, 0) if channels_first else some).ravel()


def covered(starts: NDArray[np.int64], rows: int, span: int) -> NDArray[np.bool_]:
    """Which rows lie in one of the spans that begin at `starts`."""
    open_spans = np.zeros(rows + span, dtype=np.int32)
    np.add.at(open_spans, starts, 1)
    np.subtract.at(open_spans, starts + span, 1)
    np.cumsum(open_spans, out=open_spans)
    inside: NDArray[np.bool_] = open_spans[:rows] > 0
    return inside


def read(folder: Path, name: str, length: int | None) -> Windows:
    """Examples that the dataset stage left; their rows stay on the disk until they are used.

    Args:
        folder: The stage's output.
        name: `train`, `validation`, `test`, or `calibration`, which has no targets.
        length: As the data card's `window_length` says.
    """
    rows = np.asarray(np.load(folder / f"{ROWS}.npy", mmap_mode="r"))
    more = {what: folder / f"{name}_{what}.npy" for what in ("order", "anew")}
    found = {what: np.load(path) for what, path in more.items() if path.exists()}
    return Windows(rows, np.load(folder / f"{name}_starts.npy"), length, **found)


def read_targets(folder: Path, name: str) -> NDArray[Any]:
    """Targets of a split: [N] labels, or [N, outputs] in original units."""
    targets: NDArray[Any] = np.load(folder / f"{name}_y.npy")
    return targets


def guess_file(rule: str, split: str) -> str:
    """Where the dataset stage leaves what a rule without a model gives for a split."""
    return f"without_model_{rule}_{split}.npy"


def read_guesses(folder: Path, split: str) -> dict[str, NDArray[np.float32]]:
    """What each rule without a model gives for a split, by rule: [N, outputs or classes]."""
    files = {path.name: path for path in folder.glob(guess_file("*", split))}
    before, after = guess_file("*", split).split("*")
    names = {name.removeprefix(before).removesuffix(after): name for name in sorted(files)}
    return {rule: np.load(files[name]) for rule, name in names.items()}
