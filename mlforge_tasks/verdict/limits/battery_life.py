"""`limits.battery_life`: how long `operation.battery` feeds the device, by its average power.

Between its capacity at the cut-off voltage and at the nominal one, less what it loses by itself. It
is as good as the average power: measured where that is.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlforge_tasks.verdict import energy, supplied
from mlforge_tasks.verdict.limit_kind import Known, LimitKind
from mlforge_tasks.verdict.limits import average_power

if TYPE_CHECKING:
    from mlforge_tasks.records import Measurement


def _figure(known: Known) -> Measurement | None:
    average = known.measured.get(average_power.LIMIT.field)
    battery = known.operation.battery
    if average is None or battery is None:
        return None
    lasts = energy.battery_life_h(supplied.ends(average), battery)
    if math.isinf(lasts.low):
        return None
    return supplied.figure(LIMIT, lasts, average.source, supplied.sureness(average))


LIMIT = LimitKind(
    field="battery_life_h",
    unit="h",
    direction="at_least",
    told="how long the battery lasts at one inference every operation.inference_period: fewer "
    "multiply-accumulates make it longer, up to what sleeping allows",
    estimated=True,
    grows_with="latency_us",
    figure=_figure,
)
