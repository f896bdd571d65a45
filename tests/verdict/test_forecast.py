"""Forecasts: what the optimiser expected of its proposals, and how far off it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.agents import Workbench
from mlforge_tasks.agents._cost import CostModel, hindsight, measured_figures
from mlforge_tasks.agents.optimizer import PLUGIN
from mlforge_tasks.contract.search import Search
from mlforge_tasks.records import Verdict
from mlforge_tasks.verdict.forecast import FORECAST, Forecast, ForecastError, errors
from mlforge_tasks.verdict.trials import TrialResult, Trials
from tests.helpers.made_up_device import changed, figures_of, make_brief, search
from tests.helpers.reports import reported

if TYPE_CHECKING:
    from pathlib import Path


def test_errors_are_medians_of_what_was_measured() -> None:
    """Relative to the measured figure; what was not measured, or not foretold, does not count."""
    pairs = [
        ({"ram_bytes": 110.0, "flash_bytes": 50.0}, {"ram_bytes": 100.0}),
        ({"ram_bytes": 100.0}, {"ram_bytes": 100.0, "latency_us": 3.0}),
        ({"ram_bytes": 70.0}, {"ram_bytes": 100.0}),
    ]
    assert errors(pairs) == {"ram_bytes": ForecastError(median=0.1, count=3)}


def test_each_proposal_comes_with_a_forecast() -> None:
    """It is what the cost model expects, knowing the history, of the very proposal."""
    brief = make_brief()
    trials = search(PLUGIN, brief, 3)
    kept: dict[str, bytes] = {}
    bench = Workbench(Search(agent="optimizer", max_iterations=8), keep=kept.__setitem__)
    proposed = PLUGIN.propose(brief, trials, 2, bench)
    forecast = Forecast.model_validate_json(kept[FORECAST])
    costs = CostModel(brief, trials)
    assert forecast.candidates == tuple(costs.foretell(figures_of(brief, one)) for one in proposed)
    assert {one.count for one in forecast.so_far.values()} == {3}


def test_hindsight_does_not_know_what_it_foretells() -> None:
    """Another figure measured last changes no forecast of it or of those before."""
    brief = make_brief()
    trials = search(PLUGIN, brief, 4)
    other = (*trials[:-1], changed(trials[-1], "latency_us", lambda value: 9 * value))
    assert [one for _, one in hindsight(brief, trials)] == [
        one for _, one in hindsight(brief, other)
    ]


def test_dead_channels_of_one_network_say_nothing_of_others() -> None:
    """A model that takes less than its probe did teaches what its probe took."""
    brief = make_brief()
    trials = search(PLUGIN, brief, 4)
    dead = changed(trials[-1], "flash_bytes", lambda value: value / 3)
    known = dead.model_copy(update={"untrained": trials[-1].measurements})
    figures = trials[0].figures
    assert figures is not None
    one, same, other = (
        CostModel(brief, (*trials[:-1], last)).foretell(figures)
        for last in (trials[-1], known, dead)
    )
    assert one == same != other
    assert measured_figures(brief, known) == measured_figures(brief, trials[-1])


@pytest.mark.parametrize("foretold", [True, False])
def test_the_report_and_the_console_tell_how_far_off_it_was(
    tmp_path: Path, *, foretold: bool
) -> None:
    """The forecast of each round against that round's figures; nothing where there is none."""
    brief = make_brief()
    trials = search(PLUGIN, brief, 2)
    inputs: dict[str, Path] = {}
    for number, trial in enumerate(trials, 1):
        judged, proposed = tmp_path / f"judge{number}", tmp_path / f"propose{number}"
        judged.mkdir()
        proposed.mkdir()
        met = Verdict(met=True, clauses=())
        named = trial.model_copy(update={"id": f"{number}.0", "verdict": met})
        Trials(results=(TrialResult(trial=named, brief="-"),)).write(judged / "trials.json")
        measured = {one.metric: one.value for one in trial.measurements}
        expected = {"flash_bytes": measured["flash_bytes"] * (1 + number / 100)}
        if foretold:
            Forecast(candidates=(expected,), so_far={}).write(proposed / FORECAST)
        inputs |= {f"judge0{number}": judged, f"propose0{number}": proposed}
    written, told = reported(inputs, tmp_path)
    if foretold:
        assert written.forecast_errors == {"flash_bytes": ForecastError(median=0.015, count=2)}
        assert "foretold before it was built: flash 1.5% off, median of 2" in told
    else:
        assert written.forecast_errors is None
        assert "foretold" not in told
