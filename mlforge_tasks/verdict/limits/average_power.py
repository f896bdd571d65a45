"""`limits.average_power`: what the device draws on average, an inference every period.

Static: d P_active + (1 - d) P_sleep, where d is the share of the period that it is awake. Of a
meter: the energy of an inference a period, and what the board draws when idle. Where inferences do
not fit into the period there is no such figure, and so no battery life.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict import energy, supplied
from mlforge_tasks.verdict.energy import Span
from mlforge_tasks.verdict.limit_kind import Known, LimitKind

if TYPE_CHECKING:
    from mlforge_tasks.records import Measurement


def _metered(known: Known) -> Measurement | None:
    """Of what a meter measured."""
    spent, idle = (known.measured.get(one) for one in ("energy_per_inference_uj", "idle_power_uw"))
    period_s = known.operation.inference_period_s
    if spent is None or idle is None or period_s is None or spent.source != "hardware":
        return None
    active, rest = supplied.ends(spent).over(period_s), supplied.ends(idle)
    span = Span(max(0.0, active.low) + max(0.0, rest.low), active.high + rest.high)
    if span.high < span.low:  # a meter whose zero is off says nothing
        return None
    return supplied.figure(LIMIT, span, "hardware", supplied.sureness(spent, idle))


def _figure(known: Known) -> Measurement | None:
    if supplied.misfit(known):
        return None
    if known.source == "hardware":
        return _metered(known)
    active, sleep, duty = supplied.active_uw(known), supplied.sleep_uw(known), supplied.duty(known)
    if active is None or sleep is None or duty is None:
        return None
    return supplied.figure(LIMIT, energy.average_uw(active, sleep, duty), "static")


LIMIT = LimitKind(
    field="average_power_uw",
    unit="uW",
    told="average power at one inference every operation.inference_period: fewer "
    "multiply-accumulates make it less, down to what sleeping takes",
    estimated=True,
    grows_with="latency_us",
    figure=_figure,
)
