"""The image that tells how inference and a periodic thread get on together, on any platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlforge_tasks.platforms import BuildRequest


def scheduler_defines(request: BuildRequest) -> dict[str, int]:
    """Macros of that image (`zephyr_app/src/scheduler.h`); none of any other."""
    thread = request.periodic
    if thread is None or not request.scheduler:
        return {}
    return {
        "MLFORGE_SCHEDULER": 1,
        "SCHEDULER_PERIOD_US": round(thread.period_us),
        "SCHEDULER_BUSY_US": round(thread.busy_us or 0),
    }
