"""What the picture of a search shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlforge_tasks.stages import report
from mlforge_tasks.verdict.constraints import Bound
from tests.helpers.reports import reported

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from matplotlib.axes import Axes

    from mlforge_tasks.verdict.trials import Report


def test_a_picture_of_many_figures_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand outputs, each with a figure of its own, are in the report and not all drawn."""
    drawn: list[str] = []
    panel = report._panel

    def counted(axes: Axes, of: Report, metric: str) -> None:
        drawn.append(metric)
        panel(axes, of, metric)

    monkeypatch.setattr(report, "_panel", counted)
    asked = tuple(Bound(metric=f"mse(o{at})", limit=1.0, unit="1") for at in range(1000))
    found, _ = reported({}, tmp_path, asked)
    assert len(found.goals) == len(asked)
    assert drawn == [*found.shown, *found.goals[: report.MOST_GOALS]]
    assert (tmp_path / "convergence.png").read_bytes().startswith(b"\x89PNG")
