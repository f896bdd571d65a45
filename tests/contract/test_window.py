"""What horizons are called."""

from __future__ import annotations

import pytest

from mlforge_tasks.contract.window import horizon_text
from tests.helpers.datasets import FORECAST, spec


@pytest.mark.parametrize(
    ("rows", "interval_s", "text"),
    [
        (1, None, "1 row"),
        (6, None, "6 rows"),
        (12, 300.0, "60 min"),
        (2, 3600.0, "2 h"),
        (3, 90.0, "270 s"),
        (3, 0.1, "300 ms"),
        (0, 0.02, "0 ms"),
        (7, 1 / 16_000, "0.0004375 s"),
    ],
)
def test_a_horizon_is_told_in_the_unit_that_the_interval_is_whole_in(
    rows: int, interval_s: float | None, text: str
) -> None:
    """Whatever horizons a contract lists, all are in the same one."""
    assert horizon_text(rows, interval_s) == text


def test_outputs_are_called_by_their_horizons_where_they_are_listed() -> None:
    """Those of a quantity are neighbours; one horizon that is no list changes no name."""
    both = {"outputs": [{"name": "level", "unit": "m"}, {"name": "flow", "unit": "l/s"}]}
    time = {"column": "at", "interval": "5 min", "tolerance": "1 min"}
    found = spec(FORECAST, target=both, time=time, window={"length": 3, "horizon": [6, 1]})
    names = ["level+30 min", "level+5 min", "flow+30 min", "flow+5 min"]
    assert [one.name for one in found.outputs] == names
    assert [(one.unit, one.quantity, one.horizon) for one in found.outputs[1:3]] == [
        ("m", 0, 1),
        ("l/s", 1, 6),
    ]
    called = found.outputs_by_name()
    assert [one.name for one in called["flow"]] == names[2:]
    assert [one.name for one in called["level+5 min"]] == names[1:2]
    assert "level+6 min" not in called
    assert found.output_count((3, 1)) == 4
    assert found.window is not None
    assert found.window.span == 9
    rows = spec(FORECAST, window={"length": 3, "horizon": [6]}).outputs
    assert [one.name for one in rows] == ["level+6 rows"]
    assert [one.name for one in spec(FORECAST).outputs] == ["level"]
