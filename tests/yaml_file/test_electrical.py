"""Quantities of supplies, batteries and heat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.yaml_file import electrical, units

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("parse", "text", "expected"),
    [
        (electrical.parse_uw, "1.5 mW", 1500.0),
        (electrical.parse_ua, "3.16 \u00b5A", 3.16),
        (electrical.parse_ua, "48.2 mA", 48200.0),
        (electrical.parse_v, "3300 mV", 3.3),
        (electrical.parse_mah, "2.2 Ah", 2200.0),
        (electrical.parse_h, "2 years", 17532.0),
        (electrical.parse_h, "1 day", 24.0),
        (electrical.parse_celsius, "-20 \u00b0C", -20.0),
        (electrical.parse_celsius, "25degC", 25.0),
        (electrical.parse_kelvin_per_watt, "46 \u00b0C/W", 46.0),
        (electrical.parse_self_discharge, "1 %/year", 0.01),
    ],
)
def test_quantities_become_numbers(
    parse: Callable[[str], float], text: str, expected: float
) -> None:
    """Each in the unit that its field's name has."""
    assert parse(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (electrical.parse_uw, "1.5", "the unit is missing"),
        (electrical.parse_uw, "1.5 mA", "'mA' is not one of these units"),
        (electrical.parse_ua, "3 MA", "did you mean mA?"),
        (electrical.parse_mah, "0 mAh", "greater than zero"),
        (electrical.parse_celsius, "-300 \u00b0C", "above -273.15"),
        (electrical.parse_celsius, "25 K", "not one of these units"),
        (electrical.parse_self_discharge, "1 %", "not one of these units"),
        (electrical.parse_self_discharge, "101 %/year", "from 0 to 100 %/year"),
    ],
)
def test_what_is_wrong_is_said(parse: Callable[[str], float], text: str, words: str) -> None:
    """With the units that there are."""
    with pytest.raises(ValueError, match="such as") as caught:
        parse(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1500, "uW", "1.5 mW"),
        (0.02, "uW", "20 nW"),
        (1234, "uJ", "1.2 mJ"),
        (5, "h", "5 h"),
        (2400, "h", "100 days"),
        (26298, "h", "3 years"),
        (53.21, "\u00b0C", "53.21 \u00b0C"),
    ],
)
def test_figures_as_people_write_them(value: float, unit: str, text: str) -> None:
    """In the unit that gives short numbers."""
    assert units.format_value(value, unit) == text
