"""What limits on energy and heat need is asked for before anything starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.contract.contract import Contract
from mlforge_tasks.contract.loader import load
from mlforge_tasks.errors import ContractError
from tests.helpers.contract_cases import GOOD, project

if TYPE_CHECKING:
    from pathlib import Path

# Line 23 of the contract, its last limit.
_LIMIT = "  stack: 2 KiB\n"
_NUCLEO = ("board: mps2/an385\n  platform: baremetal", "board: nucleo_f446re\n  platform: zephyr")


def _load(root: Path, limit: str, operation: str = "", *, board: bool = True) -> Contract:
    text = GOOD.replace(_LIMIT, f"{_LIMIT}  {limit}\n")
    if operation:
        text = text.replace("margins:", f"operation: {{{operation}}}\nmargins:")
    return load(project(root, text.replace(*_NUCLEO) if board else text), root)


def test_limits_and_operation_are_read(tmp_path: Path) -> None:
    """Each in the unit of its field; a battery by its name or by its figures."""
    used = "inference_period: 1 s, ambient: 40 \u00b0C, battery: cr2032, sleep: stop"
    limit = "junction_temperature: 85 \u00b0C\n  battery_life: 1 days\n  average_power: 25 mW"
    found = _load(tmp_path, limit, used)
    assert found.effective_limits()["junction_temperature_c"] == 85
    assert found.effective_limits()["battery_life_h"] == 24
    assert found.effective_limits()["average_power_uw"] == 25_000
    assert found.operation.battery is not None
    assert found.operation.battery.capacity_mah == 225
    own = "inference_period: 1 s, battery: {capacity: 2.5 Ah, voltage: 3 V, cutoff: 1.8 V}"
    other = _load(tmp_path, "battery_life: 5 days", own).operation.battery
    assert other is not None
    assert (other.capacity_mah, other.self_discharge_a_year, other.efficiency) == (2500, 0, 1)
    # As a run hands it on.
    assert Contract.from_dump(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("limit", "operation", "field", "words"),
    [
        ("average_power: 1 mW", "", "operation.inference_period", "limits.average_power"),
        ("battery_life: 9 days", "inference_period: 1 s", "operation.battery", "cr2032"),
        (
            "battery_life: 9 days",
            "inference_period: 1 s, battery: cr2023",
            "operation.battery",
            "did you mean 'cr2032'",
        ),
        ("junction_temperature: 90 \u00b0C", "", "operation.ambient", "'40 \u00b0C'"),
        (
            "junction_temperature: 106 \u00b0C",
            "ambient: 40 \u00b0C",
            "limits.junction_temperature",
            "at most 105 \u00b0C",
        ),
        ("energy_per_inference: 9", "", "limits.energy_per_inference", "the unit is missing"),
        ("energy_per_inference: 9 uJ", "ambient: 106 \u00b0C", "operation.ambient", "105 \u00b0C"),
        ("energy_per_inference: 9 uJ", "sleep: stopp", "operation.sleep", "mean 'stop'"),
        (
            "energy_per_inference: 9 uJ",
            "battery: {capacity: 1 Ah, voltage: 3 V, cutoff: 4 V}",
            "operation.battery.cutoff",
            "at most the nominal voltage",
        ),
    ],
)
def test_what_is_missing_is_asked_for(
    tmp_path: Path, limit: str, operation: str, field: str, words: str
) -> None:
    """By the key that lacks it, in one error."""
    with pytest.raises(ContractError) as caught:
        _load(tmp_path, limit, operation)
    (problem,) = caught.value.problems
    assert problem.field == field
    assert words in str(problem)


@pytest.mark.parametrize("mode", ["simulate", "hardware", "simulate-then-hardware"])
def test_a_sleep_mode_that_the_board_has_not_is_refused(tmp_path: Path, mode: str) -> None:
    """In every mode, and without any limit on energy."""
    text = GOOD.replace(*_NUCLEO).replace("mode: simulate", f"mode: {mode}")
    text = text.replace("margins:", "operation: {sleep: nonsense}\nmargins:")
    with pytest.raises(ContractError) as caught:
        load(project(tmp_path, text), tmp_path)
    (problem,) = caught.value.problems
    assert problem.field == "operation.sleep"
    assert "a sleep mode in the file of nucleo_f446re: sleep, stop" in str(problem)


@pytest.mark.parametrize(
    ("limit", "count"), [("energy_per_inference: 9 uJ", 1), ("junction_temperature: 90 \u00b0C", 2)]
)
def test_a_board_without_figures_is_told(tmp_path: Path, limit: str, count: int) -> None:
    """With the line of the limit, and what a board's file needs for it."""
    with pytest.raises(ContractError) as caught:
        _load(tmp_path, limit, board=False)
    for problem in caught.value.problems:
        assert problem.where.endswith(":24")
        assert "that of mps2/an385 has not" in str(problem)
    assert len(caught.value.problems) == count


def test_a_meter_or_a_sensor_needs_no_data_sheet(tmp_path: Path) -> None:
    """Of a contract for hardware nothing is computed, so nothing is asked of the board's file."""
    text = GOOD.replace("mode: simulate", "mode: hardware").replace(
        "board: mps2/an385", "board: rpi_pico"
    )
    more = "energy_per_inference: 9 uJ\n  junction_temperature: 90 \u00b0C\n"
    text = text.replace("baremetal", "zephyr").replace(_LIMIT, f"{_LIMIT}  {more}")
    found = load(project(tmp_path, text), tmp_path).limits
    assert (found.energy_per_inference_uj, found.junction_temperature_c) == (9, 90)


def test_a_board_that_draws_too_much_asleep(tmp_path: Path) -> None:
    """No design helps: the mode is told, and those that there are."""
    told = (
        r"\(sleep, stop\): in 'sleep' it draws up to 51.* asleep, and limits.average_power leaves"
    )
    with pytest.raises(ContractError, match=told):
        _load(tmp_path, "average_power: 2 mW", "inference_period: 1 s")
    used = "inference_period: 1 s, battery: cr2032, sleep: stop"
    with pytest.raises(ContractError, match=r"limits\.battery_life leaves"):
        _load(tmp_path, "battery_life: 1 years", used)
    assert _load(tmp_path, "average_power: 4 mW", "inference_period: 1 s, sleep: stop")
