"""From cycles, supply and data-sheet currents to energy, power, battery life and heat.

Every figure is a span: from the least cycles at the least current to the most cycles at the most
current. Microamperes times volts are microwatts, times seconds microjoules.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.yaml_file.units import HOURS_A_YEAR

if TYPE_CHECKING:
    from mlforge_tasks.contract.power import Battery, Draw, Thermal

US_PER_S = 1e6
UW_PER_W = 1e6


@dataclass(frozen=True)
class Span:
    """What a figure is, at least and at most."""

    low: float
    high: float

    def times(self, other: Span) -> Span:
        """The product of two, neither of which is negative."""
        return Span(self.low * other.low, self.high * other.high)

    def over(self, divisor: float) -> Span:
        """The quotient by one that is above zero."""
        return Span(self.low / divisor, self.high / divisor)


@dataclass(frozen=True)
class Duty:
    """How a device spends its time.

    Attributes:
        inference_s: One inference.
        wakeup_s: The most that it takes to wake for it.
        period_s: How often an inference is made.
    """

    inference_s: Span
    wakeup_s: float
    period_s: float

    @property
    def fits(self) -> bool:
        """Whether the slowest inference is over before the next one is due."""
        return self.inference_s.high <= self.period_s

    def active_share(self) -> Span:
        """The share of the time that it is awake; all of it where inferences do not fit."""
        awake = (self.inference_s.low, self.inference_s.high + self.wakeup_s)
        low, high = (min(1.0, one / self.period_s) for one in awake)
        return Span(low, high)


def drawn_uw(supply_v: float, draw: Draw, ambient_c: float) -> Span | None:
    """Power of a current at an ambient temperature; None where the data sheet does not say."""
    most = draw.most_ua(ambient_c)
    return None if most is None else Span(supply_v * draw.least_ua, supply_v * most)


def inference_s(cycles: Span, clock_hz: float) -> Span:
    """Time of an inference."""
    return cycles.over(clock_hz)


def energy_uj(active_uw: Span, time_s: Span) -> Span:
    """Energy of an inference: P t."""
    return active_uw.times(time_s)


def average_uw(active_uw: Span, sleep_uw: Span, duty: Duty) -> Span:
    """Average power over a period: d P_active + (1 - d) P_sleep, d being the active share."""
    share = duty.active_share()
    ends = (
        (share.low, active_uw.low, sleep_uw.low),
        (share.high, active_uw.high, sleep_uw.high),
    )
    low, high = (part * active + (1 - part) * sleep for part, active, sleep in ends)
    return Span(low, high)


def battery_life_h(average: Span, battery: Battery) -> Span:
    """How long a battery lasts: its energy by the load and by its own discharge.

    Its energy lies between its capacity at the cut-off voltage and that at the nominal one; what it
    loses by itself is a share of its capacity a year. Without end where nothing empties it.
    """
    lost_a_h = battery.self_discharge_a_year / HOURS_A_YEAR

    def life(volts: float, power_uw: float) -> float:
        energy_uwh = battery.capacity_mah * 1e3 * volts * battery.efficiency
        lost = power_uw / energy_uwh + lost_a_h
        return 1 / lost if lost > 0 else math.inf

    return Span(life(battery.cutoff_v, average.high), life(battery.voltage_v, average.low))


def junction_c(power_uw: Span, thermal: Thermal, ambient_c: float) -> Span:
    """Junction temperature in the steady state: T_J = T_A + P theta_JA (JEDEC JESD51)."""
    kelvin_per_uw = thermal.theta_ja_k_per_w / UW_PER_W
    return Span(ambient_c + power_uw.low * kelvin_per_uw, ambient_c + power_uw.high * kelvin_per_uw)


def peak_share(duty: Duty, time_constant_s: float) -> float:
    """How far the junction follows a step of power that lasts for the active part of a period.

    Of a first-order lag with time constant tau that is switched on for t of every T, once it has
    settled: (1 - exp(-t / tau)) / (1 - exp(-T / tau)).
    """
    share = duty.active_share().high
    if share >= 1:
        return 1.0
    on = math.expm1(-share * duty.period_s / time_constant_s)
    return on / math.expm1(-duty.period_s / time_constant_s)


def worst_uw(active_uw: Span, sleep_uw: Span | None, duty: Duty | None, thermal: Thermal) -> Span:
    """Steady power that heats the junction as the hottest moment of a period does.

    Without a time constant the junction is taken to follow at once: the active power. The lower end
    is that of the average, which a period far below the time constant comes to.
    """
    if sleep_uw is None or duty is None:
        return active_uw
    low = average_uw(active_uw, sleep_uw, duty).low
    if thermal.time_constant is None:
        return Span(low, active_uw.high)
    share = peak_share(duty, thermal.time_constant.value_us / US_PER_S)
    return Span(low, sleep_uw.high + share * (active_uw.high - sleep_uw.high))
