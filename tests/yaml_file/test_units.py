"""Quantities with units."""

from __future__ import annotations

import contextlib
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from mlforge_tasks.records import Record
from mlforge_tasks.yaml_file import units
from mlforge_tasks.yaml_file.units import Bytes, Microjoules, Microseconds, Seconds, Share


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("16 KiB", 16384),
        ("16KiB", 16384),
        ("64 kB", 64000),
        ("  1 MiB ", 1 << 20),
        ("0.5 KiB", 512),
        ("2 MB", 2_000_000),
        ("1.5e2 B", 150),
        ("6 GiB", 6 << 30),
    ],
)
def test_sizes_become_bytes(text: str, expected: int) -> None:
    """Binary and decimal prefixes mean what the standards say."""
    assert units.parse_bytes(text) == expected


def test_a_fraction_of_a_byte_is_dropped() -> None:
    """A limit never grows by being read: 12.3 KiB is 12595.2 bytes."""
    assert units.parse_bytes("12.3 KiB") == 12595


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 ms", 2000.0),
        ("500 us", 500.0),
        ("500 \u00b5s", 500.0),
        ("500 \u03bcs", 500.0),
        ("250 ns", 0.25),
        ("1 s", 1e6),
        ("0.1 us", 0.1),
    ],
)
def test_durations_become_microseconds(text: str, expected: float) -> None:
    """Every unit of time, both spellings of micro included; the result is the nearest float."""
    assert units.parse_us(text) == expected


def test_long_durations_become_seconds() -> None:
    """Minutes and hours are for budgets."""
    assert units.parse_seconds("5 min") == 300.0
    assert units.parse_seconds("2 h") == 7200.0
    assert units.parse_seconds("500 ms") == 0.5


def test_energies_and_shares() -> None:
    """An energy becomes microjoules, a percentage a share of 1."""
    assert units.parse_uj("1 mJ") == 1000.0
    assert units.parse_share("72.5 %") == 0.725
    assert units.parse_share("0 %") == 0.0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("16", "the unit is missing"),
        ("16 KB", "did you mean kB or KiB?"),
        ("16 kb", "did you mean kB or KiB?"),
        ("16 kib", "did you mean KiB?"),
        ("16 ms", "'ms' is not one of these units"),
        ("16 bananas", "(units: B, kB, KiB, MB, MiB, GB, GiB)"),
        ("nan KiB", "a size such as '16 KiB'"),
        ("inf KiB", "a size such as '16 KiB'"),
        (".inf", "a size such as '16 KiB'"),
        ("-16 KiB", "greater than zero"),
        ("0 KiB", "greater than zero"),
        ("0.5 B", "at least one byte"),
        ("1:30", "a size such as '16 KiB'"),
        ("16 KiB of RAM", "a size such as '16 KiB'"),
        ("1,5 KiB", "a size such as '16 KiB'"),
        ("\u0661\u0666 KiB", "a size such as '16 KiB'"),
        ("1e999999999 B", "a size such as '16 KiB'"),
        ("9" * 10_000 + " B", "a size such as '16 KiB'"),
        ("", "a size such as '16 KiB'"),
    ],
)
def test_what_is_no_size_is_refused(text: str, words: str) -> None:
    """The message says what to write, and which units there are."""
    with pytest.raises(ValueError, match="a size such as") as caught:
        units.parse_bytes(text)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("parse", "text", "words"),
    [
        (units.parse_us, "0 ms", "greater than zero"),
        (units.parse_us, "2", "the unit is missing"),
        (units.parse_us, "2 MS", "did you mean ms?"),
        (units.parse_seconds, "-5 min", "greater than zero"),
        (units.parse_uj, "1 kWh", "an energy such as '1 mJ'"),
        (units.parse_share, "10", "a percentage such as '10 %'"),
        (units.parse_share, "101 %", "from 0 to 100 %"),
        (units.parse_share, "-1 %", "from 0 to 100 %"),
        (units.parse_margin, "-1 %", "from 0 % to less than 100 %"),
        (units.parse_margin, "100 %", "from 0 % to less than 100 %"),
        (units.parse_margin, "99.99999999999999999999 %", "from 0 % to less than 100 %"),
        (units.parse_margin, "120 %", "from 0 % to less than 100 %"),
    ],
)
def test_other_quantities_are_as_strict(parse: object, text: str, words: str) -> None:
    """Zero, negative and unit-less values are refused for every quantity."""
    assert callable(parse)
    with pytest.raises(ValueError, match="such as") as caught:
        parse(text)
    assert words in str(caught.value)


@given(st.text(max_size=50))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes a parser fail with anything but ValueError."""
    for quantity in (units.SIZE, units.DURATION, units.ENERGY, units.PERCENTAGE):
        with contextlib.suppress(ValueError):
            assert isinstance(quantity.parse(text), Fraction)


@given(st.integers(1, 1 << 40), st.sampled_from(sorted(units.SIZE.factors)))
def test_whole_sizes_are_exact(number: int, unit: str) -> None:
    """No float is in between: large sizes keep every byte."""
    assert units.parse_bytes(f"{number} {unit}") == number * units.SIZE.factors[unit]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.format_bytes(0), "0 B"),
        (units.format_bytes(1023), "1023 B"),
        (units.format_bytes(16384), "16 KiB"),
        (units.format_bytes(12595), "12.3 KiB"),
        (units.format_bytes((1 << 20) - 1), "1 MiB"),
        (units.format_bytes(-2048), "-2 KiB"),
        (units.format_bytes(6 << 30), "6 GiB"),
        (units.format_us(0.25), "250 ns"),
        (units.format_us(1), "1 us"),
        (units.format_us(1234), "1.2 ms"),
        (units.format_us(999.99), "1 ms"),
        (units.format_us(90e6), "1.5 min"),
        (units.format_uj(1500), "1.5 mJ"),
        (units.format_share(0.7243), "72.4 %"),
    ],
)
def test_figures_for_people(text: str, expected: str) -> None:
    """One decimal, none where it is zero, in the largest unit that the value fills."""
    assert text == expected


@given(st.integers(1, 1 << 40))
def test_a_formatted_size_reads_back_within_its_rounding(size: int) -> None:
    """What we print can be pasted into a contract."""
    again = units.parse_bytes(units.format_bytes(size))
    assert abs(again - size) <= max(1, size * 0.06)


class _Quantities(Record):
    ram_bytes: Bytes = Field(alias="ram")
    latency_us: Microseconds = Field(alias="latency")
    limit_s: Seconds
    energy_uj: Microjoules
    share: Share


_TYPED = {"ram": "1 KiB", "latency": "1 ms", "limit_s": "1 s", "energy_uj": "1 uJ", "share": "5 %"}


def test_fields_read_what_people_write_and_their_own_dump() -> None:
    """The annotated types take text with units, and plain numbers from our own JSON."""
    found = _Quantities.model_validate(_TYPED, context={units.FROM_YAML: True})
    assert found.model_dump() == {
        "ram_bytes": 1024,
        "latency_us": 1000.0,
        "limit_s": 1.0,
        "energy_uj": 1.0,
        "share": 0.05,
    }
    assert _Quantities.from_dump(found.model_dump(mode="json")) == found


@pytest.mark.parametrize("value", [1024, 1.5, True, None, [], float("nan")])
def test_a_number_typed_by_hand_needs_its_unit(value: object) -> None:
    """From YAML a bare number, or anything else, is refused whatever the field."""
    for field in _TYPED:
        with pytest.raises(ValidationError, match="such as"):
            _Quantities.model_validate({**_TYPED, field: value}, context={units.FROM_YAML: True})


@pytest.mark.parametrize("value", [0, -1, float("inf")])
def test_a_number_from_our_own_json_is_still_checked(value: float) -> None:
    """Zero, negative and infinite sizes and times are refused from any source."""
    for field in ("ram", "latency", "limit_s", "energy_uj"):
        with pytest.raises(ValidationError):
            _Quantities.model_validate({**_TYPED, field: value})


@pytest.mark.parametrize(
    ("value", "limit", "unit", "texts"),
    [
        (3304, 2048, "B", ("3.2 KiB", "2 KiB")),
        (19.6, 1.0, "us", ("19.6 us", "1 us")),
        (1200.0, 1000.0, "us", ("1.2 ms", "1 ms")),
        (2049, 2048, "B", ("2049 B", "2048 B")),
        (1000.01, 1000.0, "us", ("1000.01 us", "1000 us")),
        (2048, 2048, "B", ("2 KiB", "2 KiB")),
        (0.79999, 0.8, "1", ("0.79999", "0.8")),
        (540.001, 540, "(mg/dL)^2", ("540.001 (mg/dL)^2", "540 (mg/dL)^2")),
    ],
)
def test_a_figure_never_reads_as_the_limit_that_it_is_not(
    value: float, limit: float, unit: str, texts: tuple[str, str]
) -> None:
    """Units as people write them, and all digits only where rounding hides the difference."""
    assert units.format_against(value, limit, unit) == texts
