"""`limits.energy_per_inference`: what an inference takes from the supply.

Static: cycles / clock * supply * active current, of the fewest cycles and the least current to the
most of both. A meter's figure has what the board draws when idle taken off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.verdict import energy, supplied
from mlforge_tasks.verdict.limit_kind import Known, LimitKind

if TYPE_CHECKING:
    from mlforge_tasks.records import Measurement


def _figure(known: Known) -> Measurement | None:
    active, time_s = supplied.active_uw(known), supplied.time_s(known)
    if active is None or time_s is None:
        return None
    return supplied.figure(LIMIT, energy.energy_uj(active, time_s), "static")


LIMIT = LimitKind(
    field="energy_per_inference_uj",
    unit="uJ",
    told="energy of one inference, time by power: fewer multiply-accumulates make it less",
    estimated=True,
    grows_with="latency_us",
    figure=_figure,
)
