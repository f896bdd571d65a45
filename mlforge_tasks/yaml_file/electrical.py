"""Quantities of power supplies, batteries and heat, as `units` has those of memory and time.

A temperature is one of Celsius' scale; a difference of temperatures stands only in K/W.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated

from pydantic import Field

from mlforge_tasks.yaml_file.units import HOURS_A_YEAR, Quantity, positive, reader, shown

POWER = Quantity(
    "a power",
    "1.5 mW",
    {"nW": Fraction(1, 1000), "uW": Fraction(1), "mW": Fraction(1000), "W": Fraction(10**6)},
)
CURRENT = Quantity(
    "a current",
    "3.3 mA",
    {"nA": Fraction(1, 1000), "uA": Fraction(1), "mA": Fraction(1000), "A": Fraction(10**6)},
)
VOLTAGE = Quantity("a voltage", "3.3 V", {"mV": Fraction(1, 1000), "V": Fraction(1)})
CHARGE = Quantity("a capacity", "225 mAh", {"mAh": Fraction(1), "Ah": Fraction(1000)})
LIFETIME = Quantity(
    "a lifetime",
    "2 years",
    {
        "h": Fraction(1),
        **dict.fromkeys(("day", "days"), Fraction(24)),
        **dict.fromkeys(("year", "years"), Fraction(HOURS_A_YEAR)),
    },
)
TEMPERATURE = Quantity(
    "a temperature", "25 \u00b0C", dict.fromkeys(("\u00b0C", "degC"), Fraction(1))
)
THERMAL_RESISTANCE = Quantity(
    "a thermal resistance", "46 K/W", dict.fromkeys(("K/W", "\u00b0C/W"), Fraction(1))
)
SELF_DISCHARGE = Quantity("a share a year", "1 %/year", {"%/year": Fraction(1, 100)})
QUANTITIES = (
    *(POWER, CURRENT, VOLTAGE, CHARGE, LIFETIME),
    *(TEMPERATURE, THERMAL_RESISTANCE, SELF_DISCHARGE),
)
"""All of them."""


def parse_uw(text: str) -> float:
    """`1.5 mW` to 1500.0 microwatts.

    Raises:
        ValueError: Not a power, or not greater than zero.
    """
    return float(positive(POWER, text))


def parse_ua(text: str) -> float:
    """`3.3 mA` to 3300.0 microamperes.

    Raises:
        ValueError: Not a current, or not greater than zero.
    """
    return float(positive(CURRENT, text))


def parse_v(text: str) -> float:
    """`3.3 V` to 3.3 volts.

    Raises:
        ValueError: Not a voltage, or not greater than zero.
    """
    return float(positive(VOLTAGE, text))


def parse_mah(text: str) -> float:
    """`2.2 Ah` to 2200.0 milliampere hours.

    Raises:
        ValueError: Not a capacity, or not greater than zero.
    """
    return float(positive(CHARGE, text))


def parse_h(text: str) -> float:
    """`2 years` to 17532.0 hours.

    Raises:
        ValueError: Not a lifetime, or not greater than zero.
    """
    return float(positive(LIFETIME, text))


def parse_celsius(text: str) -> float:
    """`-20 \u00b0C` to -20.0 degrees Celsius.

    Raises:
        ValueError: Not a temperature, or below absolute zero.
    """
    value = float(TEMPERATURE.parse(text))
    if value < ABSOLUTE_ZERO_C:
        raise ValueError(f"{TEMPERATURE.wanted} above {ABSOLUTE_ZERO_C} \u00b0C")
    return value


def parse_kelvin_per_watt(text: str) -> float:
    """`46 K/W` to 46.0 kelvin per watt.

    Raises:
        ValueError: Not a thermal resistance, or not greater than zero.
    """
    return float(positive(THERMAL_RESISTANCE, text))


def parse_self_discharge(text: str) -> float:
    """`1 %/year` to 0.01.

    Raises:
        ValueError: Not a share a year, or not within 0 to 100 %.
    """
    value = float(SELF_DISCHARGE.parse(text))
    if not 0 <= value <= 1:
        raise ValueError(f"{SELF_DISCHARGE.wanted} from 0 to 100 %/year")
    return value


ABSOLUTE_ZERO_C = -273.15

Microwatts = Annotated[float, Field(gt=0), reader(POWER, parse_uw), shown(POWER)]
Microamperes = Annotated[float, Field(gt=0), reader(CURRENT, parse_ua), shown(CURRENT)]
Volts = Annotated[float, Field(gt=0), reader(VOLTAGE, parse_v), shown(VOLTAGE)]
MilliampereHours = Annotated[float, Field(gt=0), reader(CHARGE, parse_mah), shown(CHARGE)]
Hours = Annotated[float, Field(gt=0), reader(LIFETIME, parse_h), shown(LIFETIME)]
Celsius = Annotated[
    float, Field(ge=ABSOLUTE_ZERO_C), reader(TEMPERATURE, parse_celsius), shown(TEMPERATURE)
]
KelvinPerWatt = Annotated[
    float,
    Field(gt=0),
    reader(THERMAL_RESISTANCE, parse_kelvin_per_watt),
    shown(THERMAL_RESISTANCE),
]
SelfDischarge = Annotated[
    float,
    Field(ge=0, le=1),
    reader(SELF_DISCHARGE, parse_self_discharge),
    shown(SELF_DISCHARGE),
]
