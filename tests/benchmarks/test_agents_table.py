"""How the agents' benchmark counts."""

from __future__ import annotations

from benchmarks._agents_table import Candidate, Result, error_table, median_until_met, table
from benchmarks.agents import refusing

REFUSED = Candidate(trained=False, seconds=None, feasible=False, metric=None, met=False)
# A baseline's: charged, though it was not trained since it breaks a limit.
CHARGED = Candidate(trained=True, seconds=None, feasible=False, metric=None, met=False)
WEAK = Candidate(trained=True, seconds=3.0, feasible=True, metric=9.0, met=False)
GOOD = Candidate(trained=True, seconds=5.0, feasible=True, metric=4.0, met=True)
BUDGET = 12


def result(*candidates: Candidate, agent: str = "optimizer", seed: int = 1) -> Result:
    return Result(
        contract="tank",
        agent=agent,
        seed=seed,
        budget=BUDGET,
        goal="mse",
        direction="minimize",
        candidates=candidates,
    )


def test_what_was_refused_untrained_is_not_counted() -> None:
    """Candidates and seconds are those of trainings, up to the one that met the contract."""
    found = result(REFUSED, WEAK, REFUSED, GOOD, WEAK)
    assert (found.until_met(), found.seconds(), found.best()) == (2, 8.0, 4.0)
    assert not found.hidden()


def test_a_baseline_is_charged_for_what_it_would_have_trained() -> None:
    """Its seconds are then a lower bound, and what breaks a limit reached nothing."""
    found = result(CHARGED, CHARGED, GOOD, agent="tpe")
    assert (found.until_met(), found.seconds(), found.best()) == (3, 5.0, None)
    assert found.hidden()


def test_a_search_that_never_met_counts_as_more_than_its_budget() -> None:
    """It is not left out of the median, which would flatter the agent."""
    never, once = result(WEAK), result(GOOD)
    assert median_until_met([never, never, once], BUDGET) == ">12"
    assert median_until_met([never, once, once], BUDGET) == "1"


def test_only_baselines_are_trained_blindly() -> None:
    """The optimiser keeps its cascade; random search and TPE have what the benchmark says."""
    assert refusing("optimizer", everything=True) == ("screen", "admit")
    assert refusing("random_search", everything=True) == ()
    assert refusing("tpe", everything=False) == ("admit",)


def test_the_tables_hold_what_was_measured() -> None:
    """One row an agent, with each seed's count; errors below the figure they are of."""
    text = table([result(CHARGED, GOOD, agent="tpe"), result(GOOD), result(WEAK, seed=2)], BUDGET)
    assert "| tank | optimizer | **>12** (1, >12) | 4 s |" in text
    assert "| tank | tpe | **2** (2) | ≥ 5 s | 4 (1 of 1) | 50% of 2 |" in text
    lines = error_table({"tank": {"ram_bytes": [0.01, 0.03], "latency_us": [0.2]}}).splitlines()
    assert lines[0] == "| contract | latency_us | ram_bytes | predictions |"
    assert lines[2] == "| tank | 20.0% | 2.0% | 2 |"
