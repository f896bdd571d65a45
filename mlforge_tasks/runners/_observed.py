"""What is seen of a program from the machine that it runs on: memory, temperature, wake-ups.

Files are the kernel's: smaps_rollup of proc(5); thermal_zone*/{type,temp} of
Documentation/ABI/testing/sysfs-class-thermal, in thousandths of a degree.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlforge_tasks.records import Measurement
from mlforge_tasks.runners import Beside, _rapl
from mlforge_tasks.runners._remote import WAKEUPS
from mlforge_tasks.runners._ssh_connection import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.runners._hello import Marked
    from mlforge_tasks.runners._machine import Facts
    from mlforge_tasks.runners._remote import Running

PSS, HEAT, WAKEUP = "pss_bytes", "junction_temperature_c", "wakeup_latency_us"
_ZONES = 'for one in "$0"/class/thermal/thermal_zone*; do '
_ZONES += 'echo "$(cat "$one/type")=$(cat "$one/temp")"; done 2>/dev/null'
# Zones of a processor's die: the names that boards' device trees and x86's drivers give them.
_OF_THE_DIE = re.compile(r"cpu|soc|x86_pkg|coretemp|k10temp|big|little|cluster", re.IGNORECASE)
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
# cyclictest's summary of its thread.
_WAKEUPS = re.compile(r"^T: *\d+ .*\bMax: *(\d+)", re.MULTILINE)
_END_CYCLICTEST = 'kill -INT "$0" && while kill -0 "$0" 2>/dev/null; do sleep 0.05; done; cat "$1"'
_HELD = "memory_max"


class Watch:
    """Looks at a program and its machine, when it has started and when it is done.

    Args:
        on: The program.
        facts: What the machine is.
        sysfs: Where it shows its devices.
    """

    def __init__(self, on: Running, facts: Facts, sysfs: str) -> None:
        self._on = on
        self._facts = facts
        self._sysfs = sysfs
        self._most: dict[str, float] = {}
        self._why: dict[str, str] = {}
        self._energy: tuple[Measurement, ...] = ()

    def look(self) -> None:
        """Takes in what is true now; the most of all looks counts.

        Raises:
            ToolError: The connection is lost.
        """
        machine = self._on.machine
        rollup = machine.do(["cat", f"/proc/{self._on.pid}/smaps_rollup"])
        pss = _PSS.search(rollup.out.decode(errors="replace"))
        self._add(PSS, int(pss[1]) * 1024.0 if pss else None, rollup.said or "it is not told")
        zones = plain(machine.do(["sh", "-c", _ZONES, self._sysfs]).out, most=4096)
        self._add(HEAT, *_heat(zones))

    def energy(self, mark: Callable[[], Marked], tick_hz: int) -> None:
        """Measures what an inference takes, by the processor's own counters.

        Args:
            mark: Has the program make windows of inferences.
            tick_hz: Frequency of its clock.

        Raises:
            ToolError: The connection is lost.
        """
        try:
            self._energy = _rapl.measured(self._on.machine, self._sysfs, mark, tick_hz)
        except _rapl.NoCounterError as error:
            for name in _rapl.FIGURES:
                self._add(name, None, str(error))

    def beside(self) -> Beside:
        """All that was seen, now that the program has done its work.

        Raises:
            ToolError: The connection is lost.
        """
        self.look()
        if self._on.under.wakeup_period_us is not None:
            self._add(WAKEUP, *self._wakeups())
        units = {PSS: "B", HEAT: "\u00b0C", WAKEUP: "us"}
        figures = tuple(
            Measurement(metric=name, value=value, unit=units[name], source="hardware")
            for name, value in self._most.items()
        )
        asked = self._on.under.asked
        unknown = ((name, why) for name, why in self._why.items() if name in asked)
        figures = (*figures, *self._energy)
        return Beside(figures, self._facts.where() + self._circumstances(), tuple(unknown))

    def _add(self, name: str, value: float | None, why: str) -> None:
        if value is not None:
            self._most[name] = max(value, self._most.get(name, value))
            self._why.pop(name, None)
        elif name not in self._most:
            self._why[name] = f"{self._on.machine.name}: {why}"

    def _wakeups(self) -> tuple[float | None, str]:
        """The longest that cyclictest's thread woke up late, in microseconds."""
        number = self._on.told.get("cyclictest")
        if number is None:
            return None, "cyclictest is not installed there (Debian's package rt-tests)"
        script = ["sh", "-c", _END_CYCLICTEST, number, f"{self._on.folder}/{WAKEUPS}"]
        said = plain(self._on.machine.do(script).out)
        if not said:  # it had ended before
            said = plain(self._on.machine.do(["cat", script[-1]]).out)
        found = _WAKEUPS.search(said)
        return (float(found[1]), "") if found else (None, f"cyclictest says: {said or 'nothing'}")

    def _circumstances(self) -> tuple[tuple[str, str], ...]:
        """What it ran beside and within."""
        most = self._on.under.memory_max_bytes
        held = self._on.told.get(_HELD, "not enforced: no control group could be had")
        told = {
            "machine_load": self._on.told.get("load", ""),
            "machine_memory_max": held if most else "",
        }
        return tuple((name, value) for name, value in told.items() if value)


def _heat(zones: str) -> tuple[float | None, str]:
    """The hottest zone of the processor's die, in degrees Celsius; or why there is none."""
    pairs = [line.partition("=") for line in zones.splitlines()]
    known = [(name, temp) for name, _, temp in pairs if re.fullmatch(r"-?\d+", temp)]
    of_die = [int(temp) / 1000 for name, temp in known if _OF_THE_DIE.search(name)]
    if of_die:
        return max(of_die), ""
    there = ", ".join(name for name, _ in known)
    return None, f"it has no thermal zone of its processor{f', but of {there}' if there else ''}"
