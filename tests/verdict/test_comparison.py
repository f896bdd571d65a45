"""Two runs side by side: what is better, by how much, and what cannot be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.verdict.comparison import Figure, Line, facts, lines
from tests.helpers import page_reports

if TYPE_CHECKING:
    from mlforge_tasks.verdict.trials import Report


def _figures(value: float | None) -> Figure:
    return Figure(value, 100.0, None)


@pytest.mark.parametrize(
    ("at_least", "a", "b", "better", "told"),
    [
        (False, 80.0, 60.0, "b", "-25 %, better"),
        (False, 60.0, 80.0, "a", "+33.3 %, worse"),
        (True, 0.8, 0.9, "b", "+12.5 %, better"),
        (True, 0.9, 0.8, "a", "-11.1 %, worse"),
        (False, 5.0, 5.0, "same", "same"),
        (False, 0.0, 0.0, "same", "same"),
        (False, 0.0, 3.0, "a", "worse"),
        (False, None, 3.0, "", ""),
        (False, -4.0, -2.0, "a", "+50 %, worse"),
    ],
)
def test_the_better_of_two_is_that_nearer_to_what_is_asked(
    *, at_least: bool, a: float | None, b: float | None, better: str, told: str
) -> None:
    """Less of a limit, more of a goal; a share of nothing is not told."""
    line = Line("figure", "1", at_least, _figures(a), _figures(b))
    assert (line.better, line.told) == (better, told)


def _limited(report: Report, metric: str, limit: float) -> Report:
    bounds = tuple(
        one.model_copy(update={"limit": limit}) if one.metric == metric else one
        for one in report.bounds
    )
    return report.model_copy(update={"bounds": bounds})


def test_what_is_asked_stands_beside_what_was_reached() -> None:
    """Each run with its own limit."""
    real = page_reports.real()
    found = {one.metric: one for one in lines(real, _limited(real, "flash_bytes", 20480.0))}
    flash = found["flash_bytes"]
    assert flash.text(flash.a) == "9.1 KiB of 9.9 KiB"
    assert flash.text(flash.b) == "9.1 KiB of 20 KiB"
    assert found["parameters"].text(found["parameters"].a) == "785"
    assert not any(one.startswith("baseline") for one in found)


def test_a_limit_that_is_missed_is_told_so() -> None:
    """Not as if it were kept."""
    real = page_reports.real()
    first = next(lines(real, page_reports.unmet(real)))
    assert (first.a.kept, first.b.kept) == (True, False)
    assert " over " in Line(*first[:3], first.a, first.b._replace(value=2048.0)).text(
        first.b._replace(value=2048.0)
    )


def test_figures_in_different_units_are_two_lines() -> None:
    """Neither is better."""
    real = page_reports.real()
    other = type(real).model_validate_json(
        real.to_bytes().replace(b"(mg/dL)^2", b"K^2"), by_name=True
    )
    found = [one for one in lines(real, other) if one.metric == "mse"]
    assert [one.unit for one in found] == ["(mg/dL)^2", "K^2"]
    assert [one.better for one in found] == ["", ""]


def test_a_run_that_found_nothing_can_be_compared() -> None:
    """Its figures are not known."""
    real = page_reports.real()
    nothing = page_reports.nothing(real)
    assert {one.better for one in lines(real, nothing)} == {""}
    told = {name: (a, b) for name, a, b in facts(real, nothing)}
    assert told["verdict"] == ("met, 2 candidates", "not met, 2 candidates")
    assert told["architecture"][1] == "-"
