"""`limits.junction_temperature`: the hottest moment of the chip, T_A + P theta_JA (JEDEC JESD51).

Power is the active one, unless the board file has a time constant: then it is what the junction
reaches within a period. A sensor's figure is not derived, and counts as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict import energy, supplied
from mlforge_tasks.verdict.limit_kind import Known, LimitKind

if TYPE_CHECKING:
    from mlforge_tasks.records import Measurement, Source
    from mlforge_tasks.verdict.energy import Span


def _powers(known: Known) -> tuple[Span | None, Span | None, Source]:
    """Active and idle power, and where they are from."""
    if known.source != "hardware":
        return supplied.active_uw(known), supplied.sleep_uw(known), "static"
    active, idle = (known.measured.get(one) for one in ("active_power_uw", "idle_power_uw"))
    return _ends(active), _ends(idle), "hardware"


def _ends(found: Measurement | None) -> Span | None:
    return None if found is None else supplied.ends(found)


def _level(known: Known) -> float:
    names = ("active_power_uw", "idle_power_uw") if known.source == "hardware" else ()
    return supplied.sureness(*(known.measured[one] for one in names if one in known.measured))


def _figure(known: Known) -> Measurement | None:
    thermal, ambient_c = known.board.thermal, known.operation.ambient_c
    active, sleep, source = _powers(known)
    if thermal is None or ambient_c is None or active is None:
        return None
    power_uw = energy.worst_uw(active, sleep, supplied.duty(known), thermal)
    heat_c = energy.junction_c(power_uw, thermal, ambient_c)
    return supplied.figure(LIMIT, heat_c, source, _level(known))


LIMIT = LimitKind(
    field="junction_temperature_c",
    unit="\u00b0C",
    told="the chip's junction at its hottest, by power, theta_JA and operation.ambient: a design "
    "changes it where inferences are short against the chip's time constant",
    estimated=True,
    grows_with="latency_us",
    figure=_figure,
)
