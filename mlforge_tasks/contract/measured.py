"""When rows were measured, and what becomes of values that were not."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from mlforge_tasks.contract.fields import Count, Text, matching
from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.units import Seconds

TimeUnit = Literal["s", "ms", "us", "ns"]
_Format = Annotated[str, matching(r"[^\x00]{0,80}%[^\x00]{1,80}", "codes such as '%d.%m.%Y %H:%M'")]
_Zone = Annotated[str, matching(r"[A-Za-z0-9_+/-]{1,64}", "a zone such as 'Europe/Berlin'")]


class Time(Record):
    """When each row was measured; a step outside of interval ± tolerance breaks windows.

    Attributes:
        column: ISO 8601 times, numbers, or what `format` says.
        interval_s: Time from one row to the next.
        tolerance_s: How far a step may be off.
        unit: What numbers count; by default seconds or, where the usual step is the interval only
            so, milliseconds, microseconds or nanoseconds.
        format: How times of text are written, in the codes of C's `strptime`.
        zone: Where a clock was that shows local time and says no offset.
    """

    column: Text
    interval_s: Seconds = Field(alias="interval")
    tolerance_s: Seconds = Field(alias="tolerance")
    unit: TimeUnit | None = None
    format: _Format | None = None
    zone: _Zone | None = None

    @field_validator("tolerance_s")
    @classmethod
    def _tells_steps_apart(cls, tolerance_s: float, info: ValidationInfo) -> float:
        if tolerance_s >= info.data.get("interval_s", math.inf):
            raise Mistake("less than the interval, or a time that is there twice is no fault")
        return tolerance_s


class DropMissing(Record):
    """No example holds a row without all of its inputs, or has its target at one without.

    Attributes:
        rule: What becomes of missing values.
    """

    rule: Literal["drop"]


class FillMissing(Record):
    """Missing inputs are filled, from the same recording and the same split; targets never are.

    Attributes:
        rule: `hold`: the last value goes on, as a device would have it. `interpolate`: a straight
            line to the next value, which a device does not know yet.
        rows: So many rows are filled after a value; what is interpolated is no longer than that.
    """

    rule: Literal["hold", "interpolate"]
    rows: Count


Missing = Annotated[DropMissing | FillMissing, Field(discriminator="rule")]
