"""Energy, power, battery life and heat: held against published examples and against simulations."""

from __future__ import annotations

import math

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.power import BATTERIES, Battery, Thermal, TimeConstant
from mlforge_tasks.verdict import energy
from mlforge_tasks.verdict.energy import Duty, Span

THERMAL = Thermal(
    theta_ja=45.0,
    package="LQFP64",
    test_board="JESD51-2",
    junction_max=125.0,
    source="STM32F103x4 data sheet, Rev 7, 7.2",
)


def test_energy_is_time_by_power() -> None:
    """100,000 cycles at 96 MHz take 1.0417 ms, at 14 mA and 3.3 V 48.125 uJ."""
    board = load_board("nucleo_f446re")
    assert board.power is not None
    active = energy.drawn_uw(board.power.supply_v, board.power.active, 25.0)
    assert active is not None
    spent = energy.energy_uj(active, energy.inference_s(Span(1e5, 2e5), 96e6))
    assert spent.low == pytest.approx(48.125)
    assert spent.high == pytest.approx(2 * 48.125 * 48.2 / 14)


def test_more_is_drawn_where_it_is_hot() -> None:
    """By the data sheet's next temperature; of what it does not name nothing is known."""
    board = load_board("nucleo_f446re")
    assert board.power is not None
    most = [board.power.active.most_ua(one) for one in (-10.0, 25.0, 26.0, 105.0, 106.0)]
    assert most == [48200.0, 48200.0, 65800.0, 70800.0, None]
    assert energy.drawn_uw(3.3, board.power.active, 106.0) is None


def _simulated_uw(active_uw: float, sleep_uw: float, on_s: float, period_s: float) -> float:
    steps = 10_000
    on = sum(at * period_s / steps < on_s for at in range(steps))
    return (on * active_uw + (steps - on) * sleep_uw) / steps


def test_average_power_is_that_of_a_period_step_by_step() -> None:
    """Of 20 to 40 ms in 100 ms; waking is counted at most."""
    active, sleep = Span(1000.0, 2000.0), Span(1.0, 10.0)
    found = energy.average_uw(active, sleep, Duty(Span(0.02, 0.03), 0.01, 0.1))
    assert found.low == pytest.approx(_simulated_uw(1000.0, 1.0, 0.02, 0.1))
    assert found.high == pytest.approx(_simulated_uw(2000.0, 10.0, 0.04, 0.1))


def test_a_device_that_does_not_keep_up_never_sleeps() -> None:
    """Its average is its active power; it keeps up where its slowest inference does."""
    assert not Duty(Span(0.05, 0.11), 0.0, 0.1).fits
    assert Duty(Span(0.05, 0.1), 0.01, 0.1).fits
    found = energy.average_uw(Span(5.0, 9.0), Span(1.0, 2.0), Duty(Span(0.2, 0.3), 0.0, 0.1))
    assert found == Span(5.0, 9.0)


def test_battery_life_without_own_discharge_is_capacity_by_current() -> None:
    """225 mAh at 3 V and 3 mW, 1 mA, last 225 h; at 2 V two thirds of that."""
    battery = Battery(capacity=225.0, voltage=3.0, cutoff=2.0)
    found = energy.battery_life_h(Span(3000.0, 3000.0), battery)
    assert (found.low, found.high) == pytest.approx((150.0, 225.0))
    worse = battery.model_copy(update={"efficiency": 0.8})
    assert energy.battery_life_h(Span(3000.0, 3000.0), worse).high == pytest.approx(180.0)


def test_a_battery_that_nothing_empties_lasts_without_end() -> None:
    """Nothing is divided by zero; its own discharge is what is left."""
    lossless = Battery(capacity=225.0, voltage=3.0, cutoff=2.0)
    found = energy.battery_life_h(Span(0.0, 3000.0), lossless)
    assert found.low == pytest.approx(150.0)
    assert found.high == math.inf
    assert energy.battery_life_h(Span(0.0, 0.0), BATTERIES["cr2032"]).high == 100 * 8766


def test_a_battery_empties_itself_within_its_years() -> None:
    """1 % of 225 mAh a year are 0.257 uA: a load as large leaves half of a hundred years."""
    load_uw = 225e3 * 0.01 / 8766 * 3.0
    found = energy.battery_life_h(Span(load_uw, load_uw), BATTERIES["cr2032"])
    assert found.high == pytest.approx(50 * 8766)


def test_junction_temperature_is_that_of_the_maker_s_example() -> None:
    """STM32F103x4 data sheet, Rev 7, page 94: 115 C, 134 mW, LQFP64 at 45 C/W give 121.03 C."""
    found = energy.junction_c(Span(0.0, 134_000.0), THERMAL, 115.0)
    assert (found.low, found.high) == pytest.approx((115.0, 121.03))


def _hottest_k(on_uw: float, off_uw: float, on_s: float, period_s: float, tau_s: float) -> float:
    """The most of a first-order lag, in equal steps until it has settled."""
    step_s, value, most = tau_s / 2000, 0.0, 0.0
    steps = round(period_s / step_s)
    for at in range(20 * steps):
        power = on_uw if at % steps < round(on_s / step_s) else off_uw
        value += (power - value) * step_s / tau_s
        most = max(most, value) if at >= 19 * steps else 0.0
    return most


def test_the_hottest_moment_is_that_of_a_thermal_rc_in_steps() -> None:
    """A tenth of a second at 100 mW every second, with a time constant of half a second."""
    duty = Duty(Span(0.1, 0.1), 0.0, 1.0)
    slow = TimeConstant(value=0.5e6, source="made up")
    lag = THERMAL.model_copy(update={"time_constant": slow})
    found = energy.worst_uw(Span(100e3, 100e3), Span(1e3, 1e3), duty, lag)
    assert found.high == pytest.approx(_hottest_k(100e3, 1e3, 0.1, 1.0, 0.5), rel=2e-3)
    assert found.low == pytest.approx(0.1 * 100e3 + 0.9 * 1e3)
    # Without a time constant the junction is taken to follow at once.
    assert energy.worst_uw(Span(90e3, 100e3), Span(1e3, 1e3), duty, THERMAL).high == 100e3
    assert energy.worst_uw(Span(90e3, 100e3), None, None, lag) == Span(90e3, 100e3)
