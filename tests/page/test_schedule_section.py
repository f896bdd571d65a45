"""The section on a periodic thread beside the model."""

from __future__ import annotations

from mlforge_tasks.page import schedule
from mlforge_tasks.page.found import Found
from mlforge_tasks.records import Measurement
from mlforge_tasks.verdict.constraints import SCHEDULE_UNITS
from tests.helpers.page_reports import real


def test_both_phases_stand_side_by_side() -> None:
    """Of a candidate beside which none ran there is no section."""
    report = real()
    assert schedule.section(Found(report)) is None
    values = {name: 10.0 + at for at, name in enumerate(SCHEDULE_UNITS)} | {"thread_share": 0.105}
    more = tuple(
        Measurement(metric=name, value=value, unit=SCHEDULE_UNITS[name], source="emulated")
        for name, value in values.items()
    )
    results = tuple(
        one.model_copy(
            update={
                "trial": one.trial.model_copy(
                    update={"measurements": one.trial.measurements + more}
                )
            }
        )
        for one in report.results
    )
    made = schedule.section(Found(report.model_copy(update={"results": results})))
    assert made is not None
    text = str(made.body)
    assert '<td class="number">12 us</td><td class="number">11 us</td>' in text
    assert "<b>emulated</b>" in text
    assert "takes 10.5 % of the core, which leaves 18 inferences a second" in text
