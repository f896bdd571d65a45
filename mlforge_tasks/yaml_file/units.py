"""Quantities with units: what a person writes (`16 KiB`, `2 ms`, `10 %`) to bytes, us, fractions.

Inside the program a quantity is a plain number whose unit is in its name (`flash_bytes`,
`latency_us`). The annotated types at the end (`Bytes`, `Seconds`,
`Share`...) read such a quantity in a pydantic model. From YAML they insist on a unit; from our own
JSON and from Python they take the number as it is.

A size that is no whole number of bytes is rounded down: nearly every size is a limit, and a limit
must not grow by being read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FROM_YAML = "from_yaml"
"""Key of the validation context that says the values were typed by a person."""

# The length and exponent bounds keep hostile numbers (1e999999999) from being worked out exactly.
_MAX_CHARS = 40
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)[ ]*"
    r"(?P<unit>[A-Za-z%\u00b0][\w/%]*)?"
)


@dataclass(frozen=True)
class Quantity:
    """A kind of quantity.

    Attributes:
        name: What it is called in an error message.
        example: A valid value.
        factors: Each unit's size in the base unit (bytes, us, uJ, 1).
    """

    name: str
    example: str
    factors: dict[str, Fraction]

    @property
    def wanted(self) -> str:
        """What to write, for an error message."""
        return f"{self.name} such as '{self.example}' (units: {', '.join(self.factors)})"

    def json_schema(self) -> dict[str, Any]:
        """What an editor is told of it."""
        units = "|".join((*self.factors, *(["µs"] if "us" in self.factors else [])))
        number = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,2})?"
        return {"type": "string", "pattern": f"^{number} *({units})$", "examples": [self.example]}

    def parse(self, text: str) -> Fraction:
        """The exact value in the base unit; negative values pass.

        Raises:
            ValueError: No number, no unit or a unit of another kind; the message says what was
                wanted.
        """
        text = text.strip().replace("\u00b5", "u").replace("\u03bc", "u")
        match = _QUANTITY.fullmatch(text) if len(text) <= _MAX_CHARS else None
        if match is None:
            raise ValueError(self.wanted)
        unit = match["unit"]
        if unit is None:
            raise ValueError(f"{self.wanted}; the unit is missing")
        if unit not in self.factors:
            raise ValueError(f"{self.wanted}; {self._about(unit)}")
        return Fraction(match["number"]) * self.factors[unit]

    def _about(self, unit: str) -> str:
        similar = [known for known in self.factors if known.lower() == unit.lower()]
        if unit.lower() == "kb":
            similar = ["kB", "KiB"]
        hint = f", did you mean {' or '.join(similar)}?" if similar else ""
        return f"'{unit}' is not one of these units{hint}"


SIZE = Quantity(
    "a size",
    "16 KiB",
    {
        "B": Fraction(1),
        "kB": Fraction(1000),
        "KiB": Fraction(1 << 10),
        "MB": Fraction(10**6),
        "MiB": Fraction(1 << 20),
        "GB": Fraction(10**9),
        "GiB": Fraction(1 << 30),
    },
)
DURATION = Quantity(
    "a duration",
    "2 ms",
    {
        "ns": Fraction(1, 1000),
        "us": Fraction(1),
        "ms": Fraction(1000),
        "s": Fraction(10**6),
        "min": Fraction(60 * 10**6),
        "h": Fraction(3600 * 10**6),
    },
)
ENERGY = Quantity(
    "an energy",
    "1 mJ",
    {"nJ": Fraction(1, 1000), "uJ": Fraction(1), "mJ": Fraction(1000), "J": Fraction(10**6)},
)
FREQUENCY = Quantity(
    "a frequency",
    "16 kHz",
    {"mHz": Fraction(1, 1000), "Hz": Fraction(1), "kHz": Fraction(1000), "MHz": Fraction(10**6)},
)
PERCENTAGE = Quantity("a percentage", "10 %", {"%": Fraction(1, 100)})


def positive(quantity: Quantity, text: str) -> Fraction:
    """The exact value of a text in the quantity's base unit.

    Raises:
        ValueError: It is not such a quantity, or not greater than zero.
    """
    value = quantity.parse(text)
    if value <= 0:
        raise ValueError(f"{quantity.wanted} that is greater than zero")
    return value


def parse_bytes(text: str) -> int:
    """`16 KiB` to 16384; a fraction of a byte is dropped.

    Raises:
        ValueError: Not a size, or less than one byte.
    """
    value = int(positive(SIZE, text))
    if value == 0:
        raise ValueError(f"{SIZE.wanted} of at least one byte")
    return value


def parse_us(text: str) -> float:
    """`2 ms` to 2000.0 microseconds.

    Raises:
        ValueError: Not a duration, or not greater than zero.
    """
    return float(positive(DURATION, text))


def parse_seconds(text: str) -> float:
    """`5 min` to 300.0 seconds.

    Raises:
        ValueError: Not a duration, or not greater than zero.
    """
    return float(positive(DURATION, text) / 10**6)


def parse_uj(text: str) -> float:
    """`1 mJ` to 1000.0 microjoules.

    Raises:
        ValueError: Not an energy, or not greater than zero.
    """
    return float(positive(ENERGY, text))


def parse_hz(text: str) -> float:
    """`16 kHz` to 16000.0 hertz.

    Raises:
        ValueError: Not a frequency, or not greater than zero.
    """
    return float(positive(FREQUENCY, text))


def parse_share(text: str) -> float:
    """`10 %` to 0.1.

    Raises:
        ValueError: Not a percentage, or not within 0 to 100 %.
    """
    value = PERCENTAGE.parse(text)
    if not 0 <= value <= 1:
        raise ValueError(f"{PERCENTAGE.wanted} from 0 to 100 %")
    return float(value)


def parse_margin(text: str) -> float:
    """`10 %` to 0.1: the share of a limit that is held back, which is never all of it.

    Raises:
        ValueError: Not a percentage, less than 0 %, or 100 % and more.
    """
    value = float(PERCENTAGE.parse(text))
    if not 0 <= value < 1:
        raise ValueError(f"{PERCENTAGE.wanted} from 0 % to less than 100 %")
    return value


def _scaled(value: float, steps: Sequence[tuple[float, str]]) -> str:
    """The value in the largest unit it fills, to one decimal."""
    index = 0
    while index + 1 < len(steps):
        # Compared after rounding, so that 1023.99 KiB reads 1 MiB and not 1024 KiB.
        if abs(round(value / steps[index][0], 1)) * steps[index][0] < steps[index + 1][0]:
            break
        index += 1
    factor, unit = steps[index]
    return f"{round(value / factor, 1):.1f}".removesuffix(".0") + f" {unit}"


HOURS_A_YEAR = 8766
"""Hours of a year of 365.25 days."""
# Units that a figure is shown in, each with its size in the unit of the figure.
_STEPS: dict[str, tuple[tuple[float, str], ...]] = {
    "B": ((1, "B"), (1 << 10, "KiB"), (1 << 20, "MiB"), (1 << 30, "GiB")),
    "us": ((0.001, "ns"), (1, "us"), (1000, "ms"), (10**6, "s"), (60 * 10**6, "min")),
    "uJ": ((0.001, "nJ"), (1, "uJ"), (1000, "mJ"), (10**6, "J")),
    "uW": ((0.001, "nW"), (1, "uW"), (1000, "mW"), (10**6, "W")),
    "h": ((1, "h"), (24, "days"), (HOURS_A_YEAR, "years")),
}


def format_bytes(value: float) -> str:
    """12595 to `12.3 KiB`."""
    return _scaled(value, _STEPS["B"])


def format_us(value: float) -> str:
    """1234 to `1.2 ms`."""
    return _scaled(value, _STEPS["us"])


def format_uj(value: float) -> str:
    """1500 to `1.5 mJ`."""
    return _scaled(value, _STEPS["uJ"])


def format_share(value: float) -> str:
    """0.724 to `72.4 %`."""
    return _scaled(value * 100, ((1, "%"),))


def format_value(value: float, unit: str) -> str:
    """A figure of a measurement with its unit as people write it."""
    if unit in _STEPS:
        return _scaled(value, _STEPS[unit])
    return f"{value:.4g} {unit}".strip() if unit != "1" else f"{value:.4g}"


def format_against(value: float, limit: float, unit: str) -> tuple[str, str]:
    """A figure and its limit; unrounded where one would read as the other: `2049 B`, `2048 B`."""
    texts = format_value(value, unit), format_value(limit, unit)
    if value == limit or texts[0] != texts[1]:
        return texts
    exact = [f"{one:.10g} {unit}".removesuffix(" 1") for one in (value, limit)]
    return exact[0], exact[1]


def typed_by_hand(info: ValidationInfo) -> bool:
    """Whether the value being validated comes from a YAML file."""
    return bool(info.context and info.context.get(FROM_YAML))


def reader(quantity: Quantity, parse: Callable[[str], float]) -> BeforeValidator:
    """What reads a quantity in a model: from YAML with its unit, else the number as it is."""

    def read(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return parse(value)
        if typed_by_hand(info):
            number = isinstance(value, int | float) and not isinstance(value, bool)
            raise ValueError(quantity.wanted + ("; the unit is missing" if number else ""))
        return value

    return BeforeValidator(read)


def shown(quantity: Quantity) -> WithJsonSchema:
    """What an editor is told of a field that is such a quantity."""
    return WithJsonSchema(quantity.json_schema())


Bytes = Annotated[int, Field(gt=0), reader(SIZE, parse_bytes), shown(SIZE)]
Microseconds = Annotated[float, Field(gt=0), reader(DURATION, parse_us), shown(DURATION)]
Seconds = Annotated[float, Field(gt=0), reader(DURATION, parse_seconds), shown(DURATION)]
Microjoules = Annotated[float, Field(gt=0), reader(ENERGY, parse_uj), shown(ENERGY)]
Hertz = Annotated[float, Field(gt=0), reader(FREQUENCY, parse_hz), shown(FREQUENCY)]
Share = Annotated[float, Field(ge=0, le=1), reader(PERCENTAGE, parse_share), shown(PERCENTAGE)]
Margin = Annotated[float, Field(ge=0, lt=1), reader(PERCENTAGE, parse_margin), shown(PERCENTAGE)]
