"""What a board draws and how it gives off heat, and batteries: figures of data sheets.

Nothing here is measured. A figure that a data sheet does not have is left out, and then there is
none of what it would be needed for.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import Mistake, one_of
from mlforge_tasks.yaml_file.electrical import (
    Celsius,
    KelvinPerWatt,
    Microamperes,
    MilliampereHours,
    SelfDischarge,
    Volts,
)
from mlforge_tasks.yaml_file.units import Microseconds, Share

ROOM_C = 25.0
"""Ambient temperature of a data sheet's typical figures, and of a contract that says none."""

Source = Annotated[str, Field(min_length=1)]


class UpTo(Record):
    """The most that is drawn up to an ambient temperature.

    Attributes:
        up_to_c: The temperature.
        current_ua: The current.
    """

    up_to_c: Celsius = Field(alias="up_to")
    current_ua: Microamperes = Field(alias="current")


class Draw(Record):
    """A supply current, as a data sheet has it.

    Attributes:
        least_ua: The least that it names for these conditions: typical, at room temperature.
        most: The most that it names, by ambient temperature, the lowest first.
        guaranteed: Whether those are its maximum figures, and not typical ones of other conditions.
        conditions: What the figures hold for: clock, where code runs from, caches, regulator.
        source: Data sheet, revision, table.
    """

    least_ua: Microamperes = Field(alias="least")
    most: tuple[UpTo, ...] = Field(min_length=1)
    guaranteed: bool = True
    conditions: Source
    source: Source

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        before: UpTo | None = None
        for at, one in enumerate(self.most):
            if one.current_ua < self.least_ua:
                raise Mistake("at least the 'least' current", at=("most", at, "current"))
            if before is not None and one.up_to_c <= before.up_to_c:
                raise Mistake("a higher temperature than before", at=("most", at, "up_to"))
            before = one
        return self

    def at(self, ambient_c: float) -> UpTo | None:
        """What counts at an ambient temperature; None above all that are named."""
        return next((one for one in self.most if ambient_c <= one.up_to_c), None)

    def most_ua(self, ambient_c: float) -> float | None:
        """The most that is drawn at an ambient temperature; None above all that are named."""
        found = self.at(ambient_c)
        return None if found is None else found.current_ua

    @property
    def hottest_c(self) -> float:
        """The highest ambient temperature that there is a figure for."""
        return self.most[-1].up_to_c


class Sleep(Draw):
    """What is drawn between inferences.

    Attributes:
        mode: The chip's name of the mode; RAM is kept in it.
        wakeup_us: The most that it takes to wake, in which the active current is drawn.
    """

    mode: str = Field(pattern=r"^[\w-]+$")
    wakeup_us: Microseconds | None = Field(default=None, alias="wakeup")


class Power(Record):
    """What a board's chip draws.

    Attributes:
        supply_v: Its supply on this board.
        active: While it computes, at the board's clock.
        sleep: Modes that it may spend the rest of the time in; a contract that names none means the
            first.
    """

    supply_v: Volts = Field(alias="supply")
    active: Draw
    sleep: tuple[Sleep, ...] = ()

    def sleep_mode(self, name: str | None) -> Sleep | None:
        """A mode by its name, or the first; None where there is no such mode."""
        return next((one for one in self.sleep if name is None or one.mode == name), None)


class TimeConstant(Record):
    """How fast the junction follows power.

    Attributes:
        value_us: After which 63 % of a step are reached.
        source: Data sheet, revision, table.
    """

    value_us: Microseconds = Field(alias="value")
    source: Source


class Thermal(Record):
    """How a board's chip gives off heat, by JEDEC JESD51.

    Attributes:
        theta_ja_k_per_w: Thermal resistance from junction to ambient.
        package: The package that it is of.
        test_board: What it was determined on; another board has another one.
        junction_max_c: The highest junction temperature that the chip may be used at.
        time_constant: Of the junction against ambient; without one it is taken to follow at once.
        source: Data sheet, revision, table.
    """

    theta_ja_k_per_w: KelvinPerWatt = Field(alias="theta_ja")
    package: Source
    test_board: Source
    junction_max_c: Celsius = Field(alias="junction_max")
    time_constant: TimeConstant | None = None
    source: Source


class Battery(Record):
    """A battery that feeds the board.

    Attributes:
        capacity_mah: Charge that it gives down to its cut-off voltage.
        voltage_v: Nominal voltage.
        cutoff_v: Voltage at which it counts as empty.
        self_discharge_a_year: The share of its capacity that it loses by itself in a year.
        efficiency: Of the converter between battery and board.
        source: Data sheet.
    """

    capacity_mah: MilliampereHours = Field(alias="capacity")
    voltage_v: Volts = Field(alias="voltage")
    cutoff_v: Volts = Field(alias="cutoff")
    self_discharge_a_year: SelfDischarge = Field(default=0.0, alias="self_discharge")
    efficiency: Annotated[Share, Field(gt=0)] = 1.0
    source: str = ""

    @model_validator(mode="after")
    def _empty_below_full(self) -> Self:
        if self.cutoff_v > self.voltage_v:
            raise Mistake("at most the nominal voltage", at=("cutoff",))
        return self


BATTERIES = {
    "cr2032": Battery(
        capacity=225.0,
        voltage=3.0,
        cutoff=2.0,
        self_discharge=0.01,
        source="Panasonic CR2032 data sheet: nominal capacity at 0.2 mA, 20 \u00b0C, to 2.0 V",
    ),
}
"""Batteries by name."""


def _named(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    one_of(given, BATTERIES, kind="a battery, by its figures or its name")
    return BATTERIES[given]


NamedBattery = Annotated[
    Battery, BeforeValidator(_named, json_schema_input_type=Battery | Literal["cr2032"])
]
"""A battery, or the name of one."""
