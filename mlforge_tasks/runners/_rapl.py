"""Energy by RAPL: what a processor's packages say that they have taken, idle subtracted.

Documentation/ABI/testing/sysfs-class-powercap and Documentation/power/powercap/powercap.rst of the
kernel: `energy_uj` counts microjoules up to `max_energy_range_uj`, from which it begins at 0 again.
Package domains are counted, once each; their parts (core, uncore, dram) and `psys` are not.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlforge_tasks.meters._student import LEVEL, estimate
from mlforge_tasks.records import Interval, Measurement
from mlforge_tasks.runners._ssh_connection import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlforge_tasks.runners._hello import Marked
    from mlforge_tasks.runners._ssh_connection import Machine

# Windows of inferences are made so often; before that the machine is left alone for as long.
ROUNDS = 4
IDLE_S = 1
FIGURES = ("energy_per_inference_uj", "average_power_uw", "battery_life_h")

# Time and counts are read by one process, one behind the other: a busy machine may take long to
# start another.
_READ = r"""
set --
for one in "$0"/class/powercap/intel-rapl:*; do
    case "$(cat "$one/name" 2>/dev/null)" in package-*)
        cat "$one/max_energy_range_uj"
        set -- "$@" "$one/energy_uj";;
    esac
done
cat /proc/uptime "$@"
"""


class NoCounterError(Exception):
    """A machine has no counter of its energy that may be read, or it says nothing."""


@dataclass(frozen=True)
class Reading:
    """What the counters say.

    Attributes:
        at_s: When, in seconds since the machine started.
        counters: Of each package: where it begins again, and its count, in microjoules.
    """

    at_s: float
    counters: tuple[tuple[int, int], ...]

    def until(self, later: Reading) -> tuple[float, float]:
        """Seconds and microjoules from this reading to a later one."""
        spent = 0
        for (most, before), (_, after) in zip(self.counters, later.counters, strict=True):
            spent += after - before if after >= before else after - before + most
        return later.at_s - self.at_s, float(spent)


def read(machine: Machine, sysfs: str) -> Reading:
    """Reads the counters of a machine.

    Raises:
        NoCounterError: There are none that may be read; says why.
        ToolError: The connection is lost.
    """
    done = machine.do(["sh", "-c", _READ, sysfs])
    lines = plain(done.out, most=4096).splitlines()
    count = next((at for at, line in enumerate(lines) if " " in line), 0)
    if count == 0:
        raise NoCounterError("it has no RAPL counter of a package (/sys/class/powercap)")
    ranges, uptime, now = lines[:count], lines[count], lines[count + 1 :]
    if len(now) != count or not "".join((*ranges, *now)).isdigit():
        hint = "only root may read it, or whom a rule of udev lets"
        raise NoCounterError(f"its RAPL counter is not told ({hint}): {done.said[-200:]}")
    counters = zip(map(int, ranges), map(int, now), strict=True)
    return Reading(float(uptime.split()[0]), tuple(counters))


def measured(
    machine: Machine, sysfs: str, mark: Callable[[], Marked], tick_hz: int
) -> tuple[Measurement, ...]:
    """What an inference takes, and the power with inferences and without.

    Args:
        machine: Where the program runs.
        sysfs: Where it shows its devices.
        mark: Has the program make windows of inferences.
        tick_hz: Frequency of its clock.

    Raises:
        NoCounterError: As `read`; or what it counts says nothing of inferences.
        ToolError: The connection is lost.
    """
    first = read(machine, sysfs)
    machine.do(["sleep", str(IDLE_S)])
    last = read(machine, sysfs)
    idle_s, idle_uj = first.until(last)
    idle_uw = idle_uj / idle_s
    each_uj, active_uw = [], []
    for _ in range(ROUNDS):
        marked = mark()
        before, last = last, read(machine, sysfs)
        took_s, spent_uj = before.until(last)
        above_uj = spent_uj - idle_uw * took_s
        each_uj.append(above_uj / (marked.windows * marked.inferences))
        busy_s = marked.windows * (marked.least_ticks + marked.most_ticks) / 2 / tick_hz
        active_uw.append(idle_uw + above_uj / busy_s)
    return (
        _energy(each_uj),
        _power("active_power_uw", statistics.fmean(active_uw)),
        _power("idle_power_uw", idle_uw),
    )


def _energy(each_uj: Sequence[float]) -> Measurement:
    found = estimate(each_uj)
    if found.high <= 0:
        raise NoCounterError("its packages take no more during inferences than when left alone")
    found = found.at_least_zero()
    return Measurement(
        metric=FIGURES[0],
        value=found.value,
        unit="uJ",
        source="hardware",
        interval=Interval(low=found.low, high=found.high, level=LEVEL),
    )


def _power(metric: str, value_uw: float) -> Measurement:
    return Measurement(metric=metric, value=value_uw, unit="uW", source="hardware")
