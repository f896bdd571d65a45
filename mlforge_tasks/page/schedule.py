"""A periodic thread beside the model: how punctual it is with inference and without."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.page.section import Section
from mlforge_tasks.page.template import fill

if TYPE_CHECKING:
    from mlforge_tasks.page.found import Found

# What a row is called, and the figure; without inference it is `<figure>_idle_us`.
ROWS = (
    ("wake-up latency, worst", "wakeup_latency"),
    ("period jitter, worst", "period_jitter"),
    ("interrupt kept waiting, worst", "interrupts_off"),
)


def section(found: Found) -> Section | None:
    """Of the best candidate, where such a thread ran beside it."""
    measurements = found.best_result.trial.measurements if found.best_result is not None else ()
    known = {one.metric: one for one in measurements}  # a board's come last
    if "wakeups" not in known:
        return None
    body = fill(
        "schedule.html",
        candidate=found.best,
        source=known["wakeups"].source,
        wakeups=known["wakeups"].value,
        rows=[
            (name, known[f"{metric}_idle_us"].value, known[f"{metric}_us"].value)
            for name, metric in ROWS
        ],
        share=known["thread_share"].value,
        rate=known["inferences_per_second"].value,
        start_up_us=known["start_up_us"].value,
    )
    return Section("schedule", "Beside the model", body)
