"""Every limit that a contract may set, a module each, whose `LIMIT` says all about it.

A module stands below here as an import and in `KINDS`; it may import `limit_kind`, `contract` and
what is below, and no other limit but to derive its figure from that one's. A figure that is derived
from another stands after it.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from mlforge_tasks.verdict.limits import (
    average_power,
    battery_life,
    cpu_share,
    energy_per_inference,
    flash,
    inferences_per_second,
    interrupts_off,
    junction_temperature,
    latency,
    period_jitter,
    pss,
    ram,
    stack,
    start_up,
    update_size,
    wakeup_latency,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlforge_tasks.verdict.limit_kind import LimitKind

# What agents foretell of every design.
USUAL: tuple[LimitKind, ...] = (ram.LIMIT, flash.LIMIT, latency.LIMIT, stack.LIMIT)
KINDS: tuple[LimitKind, ...] = (
    *USUAL,
    # What only some contracts limit.
    pss.LIMIT,
    update_size.LIMIT,
    energy_per_inference.LIMIT,
    average_power.LIMIT,
    battery_life.LIMIT,
    junction_temperature.LIMIT,
    wakeup_latency.LIMIT,
    period_jitter.LIMIT,
    interrupts_off.LIMIT,
    cpu_share.LIMIT,
    start_up.LIMIT,
    inferences_per_second.LIMIT,
)
BY_METRIC: Mapping[str, LimitKind] = MappingProxyType(
    {metric: one for one in KINDS for metric in one.metrics}
)
