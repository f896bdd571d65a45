"""A column of text, of which few are different: which there are, and which each row has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Texts:
    """One text a row. An hour of sound has 58 million rows, and each text takes some 40 bytes.

    Attributes:
        values: The different texts, sorted; each is that of some row.
        index: Which of them each row has, [rows].
    """

    values: NDArray[np.str_]
    index: NDArray[Any]

    @classmethod
    def of(cls, texts: Sequence[str], index: NDArray[np.integer[Any]] | None = None) -> Texts:
        """A column.

        Args:
            texts: One for each row; or some, the same perhaps twice.
            index: Which of them each row has, every one at least once.
        """
        values, inverse = np.unique(np.array(texts, dtype=np.str_), return_inverse=True)
        small = inverse.astype(np.min_scalar_type(len(values)))
        return cls(values, small if index is None else small[index])

    def repeated(self, counts: NDArray[np.int64]) -> Texts:
        """The same with each row so many times."""
        return Texts(self.values, np.repeat(self.index, counts))

    def changes(self) -> NDArray[np.bool_]:
        """Whether each row but the first has another text than the one before, [rows - 1]."""
        changed: NDArray[np.bool_] = self.index[1:] != self.index[:-1]
        return changed

    def among(self, texts: Sequence[str]) -> NDArray[np.bool_]:
        """Whether each row's is one of some texts, [rows]."""
        known: NDArray[np.bool_] = np.isin(self.values, texts)[self.index]
        return known

    def first_row(self, text: int) -> int:
        """The first row of one of `values`, by its position."""
        return int((self.index == text).argmax())

    def __getitem__(self, rows: slice | NDArray[np.int64] | list[int]) -> NDArray[np.str_]:
        texts: NDArray[np.str_] = self.values[self.index[rows]]
        return texts

    def tolist(self) -> list[str]:
        """Each row's text."""
        return [str(text) for text in self[:]]
