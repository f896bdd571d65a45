"""Stamps of text to times or numbers; what a number counts is for `_times` to say."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from mlforge_tasks.datasets._cells import NO_NUMBER
from mlforge_tasks.errors import MlforgeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.contract.measured import Time
    from mlforge_tasks.datasets._cells import CellForm

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOOKED_AT = 100
# What people and their spreadsheets write beside ISO 8601; which of two that fit is theirs to say.
_FORMATS = [
    f"{date}{clock}"
    for date in ("%d.%m.%Y", "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d %b %Y")
    for clock in (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", " %I:%M:%S %p", " %I:%M %p", "")
] + ["%H:%M:%S.%f", "%H:%M:%S", "%H:%M"]


def advice(text: str) -> str:
    """What to do about a time that is not written as was wanted."""
    fitting = [f'`format: "{one}"`' for one in _FORMATS if _fits(text, one)]
    if not fitting:
        return "say in dataset.time.format how times are written, or correct what is there"
    return f"say {' or '.join(fitting)} in dataset.time"


def _fits(text: str, format_: str) -> bool:
    try:
        datetime.strptime(text, format_)  # noqa: DTZ007 - only whether it can be read
    except ValueError:
        return False
    return True


def only_format(cells: Sequence[str]) -> str | None:
    """The one known way, beside ISO 8601, in which all of some texts may be times.

    None where there is none, or more than one, such as 02/03/2026.
    """
    some = [str(cell).strip() for cell in cells[:_LOOKED_AT]]
    found = [one for one in _FORMATS if all(_fits(text, one) for text in some)]
    return found[0] if some and len(found) == 1 else None


class Stamps:
    """Reads the stamps of one column, some rows after the others.

    Args:
        form: How cells are written.
        time: The contract's `dataset.time`; by default ISO 8601 in UTC, or numbers.
        written: How times are written where no contract says it.

    Raises:
        MlforgeError: This computer does not know the contract's time zone.
    """

    def __init__(
        self, form: CellForm, time: Time | None = None, written: str | None = None
    ) -> None:
        self._form = form
        self._format = time.format if time else written
        self._zone = _zone(time.zone) if time and time.zone else None
        self._numeric: bool | None = None
        self._before: datetime | None = None

    @property
    def numeric(self) -> bool:
        """Whether the column's stamps were taken for numbers."""
        return bool(self._numeric)

    @property
    def wanted(self) -> str:
        """What a stamp should have been, in words."""
        if self._numeric:
            return "a number"
        if self._format is not None:
            return f"a time as '{self._format}' (dataset.time.format)"
        return "an ISO 8601 time such as '2026-01-31 09:30:00'"

    def read(self, cells: Sequence[str]) -> tuple[NDArray[Any], list[int]]:
        """Times, datetime64[us], or numbers; NaT or NaN where none is there, and which are bad."""
        if self._numeric is None:
            self._numeric = self._format is None and self._mostly_numbers(cells)
        if not self._numeric:
            return self._times(cells)
        try:  # nanoseconds since 1970 are more than a float can tell apart
            return np.fromiter(map(int, cells), np.int64, len(cells)), []
        except NO_NUMBER:
            return self._form.numbers(cells)

    def _mostly_numbers(self, cells: Sequence[str]) -> bool:
        there = (cell for cell in cells if not self._form.is_missing(str(cell).strip()))
        some = list(itertools.islice(there, _LOOKED_AT))
        return 2 * len(self._form.numbers(some)[1]) <= len(some)

    def _times(self, cells: Sequence[str]) -> tuple[NDArray[Any], list[int]]:
        found = np.full(len(cells), np.datetime64("NaT"), dtype="datetime64[us]").view(np.int64)
        bad: list[int] = []
        for index, cell in enumerate(cells):
            text = str(cell).strip()
            if self._form.is_missing(text):
                continue
            try:
                found[index] = (self._instant(text) - EPOCH) // _MICROSECOND
            except (ValueError, OverflowError):
                bad.append(index)
        return found.view("datetime64[us]"), bad

    def _instant(self, text: str) -> datetime:
        if self._format is None:
            instant = datetime.fromisoformat(text)
        else:
            instant = datetime.strptime(text, self._format)  # noqa: DTZ007 - the zone comes below
        if instant.tzinfo is not None:
            return instant
        if self._zone is None:  # only the steps between times matter
            return instant.replace(tzinfo=UTC)
        return self._in_zone(instant)

    def _in_zone(self, local: datetime) -> datetime:
        """The hour that a clock shows twice is the later one where time would run backwards."""
        instant = local.replace(tzinfo=self._zone).astimezone(UTC)
        if self._before is not None and instant < self._before:
            later = local.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
            instant = later if later >= self._before else instant
        self._before = instant
        return instant


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise MlforgeError(
            f"dataset.time.zone: this computer knows no time zone '{name}'",
            hint="write it as in 'Europe/Berlin', or install the package tzdata",
        ) from error
