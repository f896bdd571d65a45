"""From measured figures to verdicts: what was not measured where it counts is never a pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract import loader
from mlforge_tasks.records import Interval, Measurement, Source
from mlforge_tasks.verdict import clauses
from mlforge_tasks.verdict.constraints import UNITS, Bound, first_broken, judge
from tests.helpers.builds import edited
from tests.helpers.paths import ROOT, TANK

if TYPE_CHECKING:
    from pathlib import Path

HARDWARE = Bound(metric="latency_us", limit=100, unit="us", sources=("hardware",))


def latency(value: float, source: Source) -> Measurement:
    return Measurement(metric="latency_us", value=value, unit="us", source=source)


def test_what_was_not_measured_is_unknown() -> None:
    """No figure, no verdict in favour: the clause is unknown and the contract is not met."""
    verdict = judge([HARDWARE], [])
    (clause,) = verdict.clauses
    assert (clause.status, clause.value, clause.slack, clause.source) == ("unknown",) + (None,) * 3
    assert not verdict.met


@pytest.mark.parametrize("source", ["emulated", "static"])
@pytest.mark.parametrize("value", [1.0, 1000.0])
def test_an_emulated_figure_neither_meets_nor_breaks_a_hardware_clause(
    source: Source, value: float
) -> None:
    """However good or bad it is: a clause for hardware stays unknown."""
    verdict = judge([HARDWARE], [latency(value, source)])
    assert [clause.status for clause in verdict.clauses] == ["unknown"]
    assert not verdict.met
    assert first_broken([HARDWARE], [latency(value, source)]) is None


@pytest.mark.parametrize(
    ("metric", "value", "limit", "message"),
    [
        ("flash_bytes", 3304, 2048, "flash_bytes is 3.2 KiB, the contract allows 2 KiB"),
        ("ram_bytes", 2049, 2048, "ram_bytes is 2049 B, the contract allows 2048 B"),
        ("latency_us", 19.6, 1, "latency_us is 19.6 us, the contract allows 1 us"),
    ],
)
def test_a_broken_limit_is_told_with_units(
    metric: str, value: float, limit: float, message: str
) -> None:
    """As the table does; beside the message the plain numbers stay, which agents read."""
    bound = Bound(metric=metric, limit=limit, unit=UNITS[metric])
    measured = Measurement(metric=metric, value=value, unit=bound.unit, source="emulated")
    reason = first_broken([bound], [measured])
    assert reason is not None
    assert (reason.message, reason.value, reason.limit) == (message, value, limit)


@pytest.mark.parametrize(
    ("given", "said", "judged"),
    [
        ({"by_worse_end": True, "limit": 5.05}, "is up to 5.1 uJ", 5.1),
        ({"by_better_end": True, "limit": 4.5}, "is at least 4.9 uJ", 4.9),
        (
            {"by_worse_end": True, "limit": 4.95, "direction": "at_least"},
            "is down to 4.9 uJ",
            4.9,
        ),
        (
            {"by_better_end": True, "limit": 5.5, "direction": "at_least"},
            "is at most 5.1 uJ",
            5.1,
        ),
        ({"limit": 4.5}, "is 5 uJ", 5.0),
    ],
)
def test_the_end_that_is_judged_is_the_one_that_is_told(
    given: dict[str, Any], said: str, judged: float
) -> None:
    """Not a value that keeps the limit."""
    bound = Bound(metric="energy_per_inference_uj", unit="uJ", **given)
    measured = Measurement(
        metric=bound.metric,
        value=5.0,
        unit="uJ",
        source="hardware",
        interval=Interval(low=4.9, high=5.1, level=0.95),
    )
    reason = first_broken([bound], [measured])
    assert reason is not None
    assert f"energy_per_inference_uj {said}, the contract allows" in reason.message
    assert reason.value == judged


def test_one_unknown_clause_is_enough() -> None:
    """All others pass, and still the contract is not met."""
    flash = Bound(metric="flash_bytes", limit=100, unit="B", sources=("hardware",))
    measured = Measurement(metric="flash_bytes", value=1, unit="B", source="hardware")
    verdict = judge([flash, HARDWARE], [measured, latency(1, "emulated")])
    assert [clause.status for clause in verdict.clauses] == ["pass", "unknown"]
    assert not verdict.met


def test_a_board_s_figure_goes_before_the_emulator_s() -> None:
    """Where both are there, the board decides, in whatever order they come."""
    anywhere = HARDWARE.model_copy(update={"sources": ("static", "emulated", "hardware")})
    both = [latency(1, "emulated"), latency(101, "hardware")]
    for found in (both, both[::-1]):
        (clause,) = judge([anywhere], found).clauses
        assert (clause.status, clause.source, clause.slack) == ("fail", "hardware", 1)


def test_no_clause_at_all_is_not_met() -> None:
    """Nothing to judge is no pass."""
    assert not judge([], [latency(1, "hardware")]).met


@pytest.mark.parametrize(
    ("mode", "source", "status"),
    [
        ("simulate", "emulated", "pass"),
        ("hardware", "emulated", "unknown"),
        ("simulate-then-hardware", "emulated", "unknown"),
        ("simulate-then-hardware", "hardware", "pass"),
        ("simulate", "static", "unknown"),
    ],
)
def test_the_mode_says_which_figures_count(
    mode: str, source: Source, status: str, tmp_path: Path
) -> None:
    """Every clause of a contract for hardware needs a figure from hardware, the goal's too."""
    path = edited(TANK, tmp_path, ("mode: simulate", f"mode: {mode}"))
    bounds = clauses.bounds(loader.load(path, ROOT))
    assert {bound.metric for bound in bounds} >= {"ram_bytes", "flash_bytes", "mse", "mse_test"}
    perfect = [
        Measurement(metric=one.metric, value=0, unit=UNITS.get(one.metric, "1"), source=source)
        for one in bounds
    ]
    verdict = judge(bounds, perfect)
    assert {clause.status for clause in verdict.clauses} == {status}
    assert verdict.met == (status == "pass")
