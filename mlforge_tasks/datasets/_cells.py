"""Cells of text to numbers, and what is said of those that are none.

A file that is written otherwise than its contract says has the same mistake thousands of times. It
is told once: how often, where first, and which key of the contract reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

NO_NUMBER = (ValueError, TypeError, OverflowError)
SHOWN_NAMES = 20
# What loggers, databases and spreadsheets write where there is nothing; in lower case.
NOTHING = frozenset(
    {"", "-", "--", ".", "?", "na", "n/a", "#n/a", "nan", "-nan", "nil", "none", "null", "missing"}
)
_MOST_COUNTED = 100_000
# Kinds of mistakes that say more of a cell than that it is not what was wanted.
_OF_THEIR_OWN = {"comma", "point", "missing", "units"}
CORRECT = "correct or remove what is there"


def shown(names: tuple[str, ...]) -> str:
    """Names for an error message, cut where there are many."""
    rest = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {rest} more" if rest > 0 else "")


def quoted(value: object) -> str:
    """A cell for an error message; what a terminal would obey is written out."""
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in " ".join(str(value).split()))
    return f"'{text[:40]}...'" if len(text) > 40 else f"'{text}'"


def number(text: str) -> float | None:
    """What Python reads; None where that is nothing or not finite."""
    try:
        value = float(text)
    except NO_NUMBER:
        return None
    return value if math.isfinite(value) else None


def _with_comma(text: str) -> bool:
    return "." not in text and text.count(",") == 1 and number(text.replace(",", ".")) is not None


@dataclass(frozen=True)
class CellForm:
    """How the cells of a file are written.

    Attributes:
        decimal: What stands before the decimals of a number, `.` or `,`.
        missing: What cells hold where a value is missing.
    """

    decimal: str = "."
    missing: frozenset[str] = frozenset()

    def numbers(self, cells: Sequence[str]) -> tuple[NDArray[np.float64], list[int]]:
        """The cells' values, NaN where one is missing, and which cells are no finite numbers."""
        try:
            values = np.fromiter(map(float, self._plain(cells)), np.float64, len(cells))
        except NO_NUMBER:
            return self._one_by_one(cells)
        if not self.missing:
            return (values, []) if np.isfinite(values).all() else self._one_by_one(cells)
        empty = np.fromiter(map(self.missing.__contains__, cells), np.bool_, len(cells))
        if not (np.isfinite(values) | empty).all():
            return self._one_by_one(cells)
        values[np.isin(values, self._stand_ins())] = np.nan
        return values, []

    def is_missing(self, text: str) -> bool:
        """Whether a cell without surrounding blanks stands for no value."""
        return text in self.missing or (bool(self.missing) and number(text) in self._stand_ins())

    def _plain(self, cells: Sequence[str]) -> Iterable[str]:
        if self.missing:
            cells = ["nan" if cell in self.missing else cell for cell in cells]
        if self.decimal == ".":
            return cells
        # A point beside decimal commas groups thousands: no number that can be read.
        return ["" if "." in cell else cell.replace(",", ".") for cell in cells]

    def _stand_ins(self) -> list[float]:
        """Markers that are numbers, such as -9999."""
        found = (number(self._point(marker)) for marker in self.missing)
        return [value for value in found if value is not None]

    def _point(self, text: str) -> str:
        return text.replace(",", ".") if self.decimal == "," else text

    def _one_by_one(self, cells: Sequence[str]) -> tuple[NDArray[np.float64], list[int]]:
        values = np.full(len(cells), np.nan)
        bad: list[int] = []
        stand_ins = self._stand_ins()
        for index, cell in enumerate(cells):
            text = str(cell).strip()
            if text in self.missing:
                continue
            point = self.decimal == "," and "." in text
            value = None if point else number(self._point(text))
            if value is None:
                bad.append(index)
            elif value not in stand_ins:
                values[index] = value
        return values, bad


PLAIN = CellForm()


@dataclass
class _Mistake:
    """One kind of mistake: where it was first, and how often."""

    place: str
    cell: str
    wanted: str
    advice: Callable[[_Mistake], str]
    columns: dict[str, None] = field(default_factory=dict)
    count: int = 0
    texts: dict[str, None] = field(default_factory=dict)

    def __str__(self) -> str:
        names = tuple(f"'{name}'" for name in self.columns)
        many = f", in {self.count:,} cells" if self.count > 1 else ""
        several = "s" if len(names) > 1 else ""
        return (
            f"{self.place}: column{several} {shown(names)}: found {self.cell}, {self.wanted}{many}"
        )


def _correct(_: _Mistake) -> str:
    return CORRECT


def _listed(found: _Mistake) -> str:
    cells = ", ".join(text if text.isalnum() else f'"{text}"' for text in found.texts)
    return (
        f"say `missing: [{cells}]` in dataset.source where these stand for no value "
        "(dataset.missing says what becomes of the rows)"
    )


class BadCells:
    """Collects cells that cannot be read and says of each kind of mistake once what to do.

    Args:
        form: How cells were read.
        in_text: Whether they are of a text file, whose contract has keys for how it is written.
        header: Whether a line of that file named its columns.
    """

    def __init__(self, form: CellForm, *, in_text: bool = False, header: bool = True) -> None:
        self._form = form
        self._in_text = in_text
        self._header = header
        self._found: dict[str, _Mistake] = {}

    @property
    def enough(self) -> bool:
        """Whether so many were found that nobody needs to know of more."""
        return sum(one.count for one in self._found.values()) >= _MOST_COUNTED

    def add(
        self,
        column: str,
        cell: object,
        place: str,
        *,
        first: bool,
        wanted: str,
        advice: Callable[[str], str] | None = None,
    ) -> None:
        """Counts a cell.

        Args:
            column: Its column.
            cell: What it holds.
            place: Where it is.
            first: Whether it is in the first row.
            wanted: What it should have been, in words.
            advice: What to do about a cell like this, where there is something better than to
                correct it.
        """
        text = str(cell).strip()
        name, wanted, known = self._kind(text, first=first, wanted=wanted)
        if name not in self._found:
            if known is _correct and advice is not None:
                told = advice(text)
                known = lambda _: told  # noqa: E731 - as the others
            self._found[name] = _Mistake(place, quoted(cell), f"wanted {wanted}", known)
        mistake = self._found[name]
        mistake.count += 1
        mistake.columns[column] = None
        if len(mistake.texts) < SHOWN_NAMES:
            mistake.texts[text] = None

    def _kind(
        self, text: str, *, first: bool, wanted: str
    ) -> tuple[str, str, Callable[[_Mistake], str]]:
        if not self._in_text:
            return wanted, wanted, _correct
        numeric = wanted.startswith("a ") and "number" in wanted
        if numeric and _with_comma(text):
            advice = 'say `decimal: ","` in dataset.source'
            return "comma", "a number with a decimal point", lambda _: advice
        if numeric and self._form.decimal == "," and number(text) is not None:
            advice = 'leave `decimal: ","` out of dataset.source, or write every number alike'
            return "point", "a number with a decimal comma", lambda _: advice
        if text.lower() in NOTHING:
            return "missing", wanted, _listed
        if first and number(text) is None:
            advice = (
                "say `units_row: true` in dataset.source, if this row holds the columns' units"
                if self._header
                else "leave `header: false` out of dataset.source, if this line names the columns"
            )
            return "units", wanted, lambda _: advice
        return wanted, wanted, _correct

    def check(self, ended_at: str = "") -> None:
        """Does nothing where every cell could be read.

        Args:
            ended_at: Where reading ended, if not at the end.

        Raises:
            MlforgeError: Every kind of mistake that was found, each once.
        """
        if self._found:
            self._merge_units()
            mistakes = self._found.values()
            ended = [f"{ended_at}: the rest was not read, after so many"] if ended_at else []
            raise MlforgeError(
                "\n".join([*map(str, mistakes), *ended]),
                hint="; ".join(dict.fromkeys(one.advice(one) for one in mistakes)),
            )

    def _merge_units(self) -> None:
        """A first row that is as wrong as the others holds no units."""
        units = self._found.get("units")
        for name, other in self._found.items():
            alike = units is not None and {*units.columns} <= {*other.columns}
            if units is not None and alike and name not in _OF_THEIR_OWN:
                other.place, other.cell = units.place, units.cell
                other.count += units.count
                del self._found["units"]
                return


def form_of(missing: tuple[str, ...], decimal: str) -> CellForm:
    """How cells are written, as a contract says it."""
    return CellForm(decimal, frozenset(marker.strip() for marker in missing))
