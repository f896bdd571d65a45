"""The key `meter:` of a board in the hardware map: one of the kinds below."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from mlforge_tasks.records import Record, canonical_json
from mlforge_tasks.yaml_file import Mistake
from mlforge_tasks.yaml_file.electrical import Volts

# What a recorder's command may hold in braces.
FILE = "{file}"
_PLACEHOLDER = re.compile(r"\{\w+\}")

TimeUnit = Literal["s", "ms", "us", "ns"]
CurrentUnit = Literal["A", "mA", "uA", "nA"]
PowerUnit = Literal["W", "mW", "uW", "nW"]
VoltageUnit = Literal["V", "mV", "uV"]
# Of each unit in the one without a prefix.
FACTORS = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9}


def factor(unit: str) -> float:
    """How much of `s`, `A`, `W` or `V` a unit of the map is."""
    return FACTORS[unit[:-1]]


class Settings(Record):
    """What all kinds have.

    Attributes:
        supplies: Whether the board has its power from the meter, so that there is none to flash it
            before the meter is set up.
    """

    supplies: bool = False

    def identity(self) -> str:
        """What a figure depends on: all but where the meter is plugged in."""
        told = self.model_dump(mode="json", exclude={"port", "command", "file"})
        return canonical_json(told).decode()


class Ppk2(Settings):
    """Nordic's Power Profiler Kit II.

    Attributes:
        port: Its serial port.
        voltage_v: What it supplies; where it only measures the current, what the board has.
        marker: Which of its logic inputs, D0 to D7, the board's marker is wired to.
    """

    kind: Literal["ppk2"]
    port: str = Field(alias="serial")
    voltage_v: Annotated[Volts, Field(ge=0.8, le=5.0)] = Field(alias="voltage")
    supplies: bool = True
    marker: int = Field(default=0, ge=0, le=7)


class Joulescope(Settings):
    """Jetperch's JS220 or JS320, which measures voltage itself.

    Attributes:
        serial_number: Which, where there are several.
        rate_hz: Samples a second.
        marker: Which of its general purpose inputs the board's marker is wired to.
    """

    kind: Literal["joulescope"]
    serial_number: str | None = Field(default=None, alias="serial")
    rate_hz: Literal[10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000] = Field(
        default=100_000, alias="rate"
    )
    marker: int = Field(default=0, ge=0, le=3)


class TimeColumn(Record):
    """Seconds since anything."""

    column: str
    unit: TimeUnit = "s"


class CurrentColumn(Record):
    """Current.

    Attributes:
        column: Its name in the header.
        unit: Its unit.
        full_scale: Most that the meter can tell in that unit; at or beyond it is clipped.
    """

    column: str
    unit: CurrentUnit
    full_scale: float | None = Field(default=None, gt=0)


class PowerColumn(Record):
    """Power; see `CurrentColumn`."""

    column: str
    unit: PowerUnit
    full_scale: float | None = Field(default=None, gt=0)


class VoltageColumn(Record):
    """The supply's voltage."""

    column: str
    unit: VoltageUnit = "V"


class MarkerColumn(Record):
    """The board's marker: high where the value is more than `above`."""

    column: str
    above: float = 0.5


class Columns(Record):
    """Which column is what."""

    time: TimeColumn
    current: CurrentColumn | None = None
    power: PowerColumn | None = None
    voltage: VoltageColumn | None = None
    marker: MarkerColumn


class Csv(Settings):
    """Any meter whose program writes CSV.

    Attributes:
        name: What it is, with its serial number: results belong to it.
        file: What it writes; a running program appends to it, or the command writes it anew.
        command: Records from when it is started until it gets SIGINT; `{file}` stands for the file.
        columns: Its columns.
        delimiter: What is between columns; where it is no comma, numbers may have decimal commas.
        voltage_v: The supply's, where there is a current and no column of voltage.
    """

    kind: Literal["csv"]
    name: str = Field(min_length=1)
    file: str | None = None
    command: tuple[str, ...] | None = Field(default=None, min_length=1)
    columns: Columns
    delimiter: Literal[",", ";", "\t", " "] = ","
    voltage_v: Volts | None = Field(default=None, alias="voltage")

    @field_validator("command")
    @classmethod
    def _known_placeholders(cls, command: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for index, word in enumerate(command or ()):
            for name in _PLACEHOLDER.findall(word):
                if name != FILE:
                    raise Mistake(f"braces only as in {FILE}", at=(index,))
        return command

    @model_validator(mode="after")
    def _complete(self) -> Self:
        columns = self.columns
        if self.file is None and not any(FILE in word for word in self.command or ()):
            raise Mistake(f"a file, or {FILE} among the command's words", at=("file",))
        if (columns.current is None) == (columns.power is None):
            raise Mistake("a column of current, or one of power", at=("columns", "current"))
        if columns.power is None and columns.voltage is None and self.voltage_v is None:
            raise Mistake("the supply's voltage, or a column of it", at=("voltage",))
        return self


MeterSettings = Annotated[Ppk2 | Joulescope | Csv, Field(discriminator="kind")]
