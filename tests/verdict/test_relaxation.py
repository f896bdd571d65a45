"""Why a contract was not met: what bound it, what was reached, and the least that must give."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlforge_tasks.records import Measurement, Verdict
from mlforge_tasks.verdict.constraints import UNITS, Bound, judge
from mlforge_tasks.verdict.relaxation import Needs, Shortfall, explain
from mlforge_tasks.verdict.trials import Report
from mlforge_tasks.yaml_file.units import parse_bytes, parse_us
from tests.helpers.builds import doit, edited
from tests.helpers.paths import TANK

METRICS = ("ram_bytes", "flash_bytes", "latency_us")
Figures = dict[str, float]


def bounds_of(limits: Figures, metric: str = "mse", target: float = 10.0) -> tuple[Bound, ...]:
    direction = "at_most" if metric == "mse" else "at_least"
    goal = Bound.model_validate(
        {"metric": metric, "limit": target, "unit": "1", "direction": direction}
    )
    held_out = goal.model_copy(update={"metric": f"{metric}_test"})
    hardware = (Bound(metric=name, limit=limits[name], unit=UNITS[name]) for name in METRICS)
    return (*hardware, goal, held_out)


def verdict(bounds: tuple[Bound, ...], figures: Figures) -> Verdict:
    return judge(
        bounds,
        [
            Measurement(metric=name, value=value, unit="", source="emulated")
            for name, value in figures.items()
        ],
    )


LIMITS = {"ram_bytes": 1000.0, "flash_bytes": 10_000.0, "latency_us": 500.0}


def explained(*candidates: Figures, target: float = 10.0) -> Shortfall:
    bounds = bounds_of(LIMITS, target=target)
    verdicts = {f"{i}.0": verdict(bounds, one) for i, one in enumerate(candidates, 1)}
    return explain(bounds, {}, verdicts)


def figures(ram: float, flash: float, latency: float, *errors: float) -> Figures:
    found = dict(zip(METRICS, (ram, flash, latency), strict=True))
    return found | dict(zip(("mse", "mse_test"), errors, strict=False))


def test_the_smallest_single_change_comes_first() -> None:
    """10 % more error is less to give than twice the flash, and one change less than two."""
    found = explained(
        figures(900, 20_000, 400, 9, 9),
        figures(900, 9000, 400, 10.5, 11),
        figures(1001, 10_001, 400, 9, 9),
        figures(900, 9000, 400, 12, 9),
    )
    assert found.smallest is not None
    assert found.smallest.candidate == "2.0"
    (change,) = found.smallest.changes
    assert (change.key, change.written) == ("goal.target", "11.00")
    assert [len(one.changes) for one in found.relaxations] == [1, 1, 2]


def test_a_measured_error_counts_more_than_an_unknown_one() -> None:
    """What was never trained comes last, and says so, however close it is."""
    found = explained(figures(900, 9000, 501), figures(900, 9000, 400, 30, 30))
    assert [one.candidate for one in found.relaxations] == ["2.0", "1.0"]
    assert found.relaxations[1].unknown == ("mse", "mse_test")
    assert [one.trained for one in found.relaxations] == [True, False]


def test_what_only_the_test_split_does_not_know_counts_as_measured() -> None:
    """The test split is asked only of what meets all else, so it is open for all that failed."""
    found = explained(figures(900, 9000, 501), figures(900, 9000, 400, 30))
    assert found.smallest is not None
    assert (found.smallest.candidate, found.smallest.unknown) == ("2.0", ("mse_test",))
    assert found.smallest.trained


def test_binding_values_are_counted_over_all_candidates() -> None:
    """Each value of the contract that was broken, how often, and how close it ever came."""
    found = explained(
        figures(900, 9000, 900), figures(900, 9000, 700), figures(900, 9000, 400, 11, 12)
    )
    latency, goal = found.binding
    assert (latency.key, latency.broken, latency.measured) == ("limits.latency", 2, 3)
    assert (latency.candidate, latency.closest) == ("3.0", 400)
    assert (goal.key, goal.broken, goal.measured, goal.closest) == ("goal.target", 1, 1, 12)


def test_a_front_has_no_point_that_is_worse_in_both() -> None:
    """Error falls as the figure grows, and untrained candidates are no points."""
    found = explained(
        figures(500, 9000, 400, 30, 1),
        figures(700, 9000, 400, 35, 1),
        figures(900, 9000, 400, 20, 1),
        figures(300, 9000, 900),
    )
    front = next(one for one in found.fronts if one.metric == "ram_bytes")
    assert [(one.candidate, one.error) for one in front.points] == [("1.0", 30), ("3.0", 20)]


def test_nothing_measured_is_nothing_to_relax() -> None:
    """Candidates that never ran tell nothing."""
    found = explained({}, {})
    assert (found.smallest, found.binding) == (None, ())


def test_the_linker_s_size_and_the_least_by_arithmetic_are_told_where_nothing_ran() -> None:
    """What was measured comes first, then what the linker found, then lower bounds."""
    bounds = bounds_of(LIMITS)
    needs = {
        "1.0": Needs(basis="static", values={"flash_bytes": 10_500.0, "ram_bytes": 1.0}),
        "2.0": Needs(basis="static", values={"flash_bytes": 20_000.0, "ram_bytes": 2000.0}),
        "3.0": Needs(basis="linked", values={"flash_bytes": 90_000.0}),
    }
    unmeasured = {name: verdict(bounds, {}) for name in needs}
    found = explain(bounds, {"flash_bytes": 0.5}, unmeasured, needs=needs)
    assert [(one.basis, one.candidate) for one in found.relaxations] == [
        ("linked", "3.0"), ("static", "1.0"), ("static", "2.0"),
    ]  # fmt: skip
    (change,) = found.relaxations[1].changes
    # Half of it is held in reserve.
    assert (change.key, change.written) == ("limits.flash", "21000 B")
    assert len(found.relaxations[2].changes) == 2
    measured = {"4.0": verdict(bounds, figures(900, 99_999, 400))}
    found = explain(bounds, {}, unmeasured | measured, needs=needs)
    assert found.smallest is not None
    assert (found.smallest.basis, found.smallest.candidate) == ("measured", "4.0")


def test_more_than_the_board_has_asks_for_another_board() -> None:
    """A limit above the board's memory would be refused, so it is not suggested."""
    bounds = bounds_of(LIMITS)
    needs = {"1.0": Needs(basis="linked", values={"flash_bytes": 90_000.0})}
    memories = {"flash_bytes": 65_536.0}
    found = explain(bounds, {}, {"1.0": verdict(bounds, {})}, needs=needs, memories=memories)
    assert found.smallest is not None
    (change,) = found.smallest.changes
    assert (change.key, change.written) == ("target.board", "one with 90000 B of flash")


def test_a_goal_that_is_suggested_holds_on_the_test_split() -> None:
    """It is asked once, of the smallest relaxation, and the goal is given as far as it needs."""
    bounds = bounds_of(LIMITS)
    verdicts = {
        "1.0": verdict(bounds, figures(900, 9000, 400, 14)),
        "2.0": verdict(bounds, figures(900, 9000, 400, 12)),
    }
    asked: list[str] = []

    def on_test(value: float) -> dict[str, Measurement]:
        one = Measurement(metric="mse_test", value=value, unit="", source="emulated")
        return {"mse_test": one}

    def ask_test(candidate: str) -> dict[str, Measurement]:
        asked.append(candidate)
        return on_test(12.75)

    smallest = explain(bounds, {}, verdicts, ask_test=ask_test).smallest
    assert smallest is not None
    assert asked == [smallest.candidate] == ["2.0"]
    assert (smallest.unknown, smallest.test_asked) == ((), True)
    assert [(one.key, one.written) for one in smallest.changes] == [("goal.target", "12.75")]
    kinder = explain(bounds, {}, verdicts, ask_test=lambda _: on_test(1.0)).smallest
    assert kinder is not None
    assert [one.written for one in kinder.changes] == ["12.00"]


def test_what_the_test_split_was_asked_of_comes_first_where_it_needs_less() -> None:
    """A candidate that is closer on validation data may be the farther one on test data."""
    bounds = bounds_of(LIMITS)
    verdicts = {
        "1.0": verdict(bounds, figures(900, 9000, 400, 9, 11)),
        "2.0": verdict(bounds, figures(900, 9000, 400, 10.5)),
    }
    worse = Measurement(metric="mse_test", value=40, unit="", source="emulated")
    found = explain(bounds, {}, verdicts, ask_test=lambda _: {"mse_test": worse})
    first, second = found.relaxations
    assert (first.candidate, first.changes[0].written, first.test_asked) == ("1.0", "11.00", False)
    assert (second.candidate, second.changes[0].written, second.test_asked) == (
        "2.0",
        "40.00",
        True,
    )


def test_how_far_a_rule_without_a_model_is_ahead_is_no_matter_once_it_is_ignored() -> None:
    """`baseline: ignore` is one change, and a candidate that keeps all else needs no other."""
    bounds = [*bounds_of(LIMITS)]
    for name in ("mse", "mse_test"):
        against = {"against": "persistence", "of": name, "key": "goal.baseline"}
        bounds.append(
            Bound.model_validate(
                {"metric": f"baseline({name})", "limit": 5.0, "unit": "1"} | against
            )
        )
    verdicts = {
        "1.0": verdict(tuple(bounds), figures(900, 9000, 400, 4, 9)),
        "2.0": verdict(tuple(bounds), figures(900, 9000, 400, 5.1)),
    }

    def ask_test(candidate: str) -> dict[str, Measurement]:
        raise AssertionError(f"what {candidate} does on test data needs not be known")

    smallest = explain(tuple(bounds), {}, verdicts, ask_test=ask_test).smallest
    assert smallest is not None
    assert smallest.candidate == "1.0"
    assert [(one.key, one.written) for one in smallest.changes] == [("goal.baseline", "ignore")]


def test_a_linear_candidate_is_not_held_against_a_linear_model_on_the_test_split() -> None:
    """What its own clauses say counts, not what the contract has for all others."""
    against = {"of": "mse_test", "key": "goal.baseline", "unit": "1", "limit": 1.0}
    rule = Bound.model_validate({"metric": "baseline(mse)_test", "against": "linear"} | against)
    of_all = (*bounds_of(LIMITS), rule)
    own = (*of_all[:-1], rule.model_copy(update={"against": "mean", "limit": 99.0}))
    error = Measurement(metric="mse_test", value=12, unit="", source="emulated")
    verdicts = {"1.0": verdict(own, figures(900, 9000, 400, 11))}
    smallest = explain(of_all, {}, verdicts, ask_test=lambda _: {"mse_test": error}).smallest
    assert smallest is not None
    assert [(one.key, one.written) for one in smallest.changes] == [("goal.target", "12.00")]


SIZES = st.floats(1, 1e7).map(round)
SHARES = st.sampled_from([0.0, 0.05, 0.1, 0.333, 0.9])


@given(
    values=st.tuples(SIZES, SIZES, st.floats(0.1, 1e6), st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)),
    limits=st.tuples(SIZES, SIZES, st.floats(0.1, 1e6)),
    target=st.floats(1e-6, 1e6),
    share=SHARES,
    upwards=st.booleans(),
)
def test_a_relaxation_that_is_applied_passes(
    values: tuple[float, ...],
    limits: tuple[float, ...],
    target: float,
    share: float,
    upwards: bool,  # noqa: FBT001 - hypothesis'
) -> None:
    """What is written into the contract, its margin taken off, lets the candidate pass."""
    metric = "accuracy" if upwards else "mse"
    bounds = bounds_of(dict(zip(METRICS, limits, strict=True)), metric, target)
    found = dict(zip((*METRICS, metric, f"{metric}_test"), values, strict=True))
    candidate = verdict(bounds, found)
    smallest = explain(bounds, dict.fromkeys(METRICS, share), {"1.0": candidate}).smallest
    if candidate.met:
        assert smallest is None
        return
    assert smallest is not None
    new = {}
    for change in smallest.changes:
        unit = next(one.unit for one in bounds if one.contract_key == change.key)
        if unit == "1":
            new[change.key] = float(change.written)
        else:
            parse = parse_bytes if unit == "B" else parse_us
            new[change.key] = parse(change.written) * (1 - share)
    relaxed = tuple(
        one.model_copy(update={"limit": new.get(one.contract_key, one.limit)}) for one in bounds
    )
    assert verdict(relaxed, found).met


# --- The whole pipeline -------------------------------------------------------------------------


def report_of(build: Path) -> Report:
    return Report.read(build / "tank" / "delivered" / "report.json")


@pytest.mark.slow
def test_an_unreachable_goal_names_the_goal_that_is_reached(build: Path, tmp_path: Path) -> None:
    """Exit code 1 with a relaxation; with it in the contract the run passes, nothing retrained."""
    goal, rounds = "target: 0.05", ("max_iterations: 3", "max_iterations: 2")
    impossible = edited(TANK, tmp_path / "first", (goal, "target: 0.000001"), rounds)
    run = doit(build=build, contract=impossible)
    assert run.code == 1, run.out + run.err
    shortfall = report_of(build).shortfall
    assert shortfall is not None
    assert shortfall.smallest is not None
    (change,) = shortfall.smallest.changes
    assert (change.key, shortfall.smallest.unknown) == ("goal.target", ())
    evaluations = build.glob("tank/iterations/*/0/evaluate/evaluation.json")
    told = [json.loads(path.read_bytes()) for path in evaluations]
    reached = [[one[name]["figures"]["mse"] for name in ("validation", "test")] for one in told]
    assert change.needed in map(max, reached)
    assert "the test split was asked of 1 candidate\n" in run.out
    assert f"to give: goal.target: {change.written}" in run.out
    assert "mse against flash: " in run.out
    relaxed = edited(TANK, tmp_path / "second", (goal, f"target: {change.written}"), rounds)
    run = doit(build=build, contract=relaxed)
    assert run.code == 0, run.out + run.err
    assert not [name for name in run.stages("built") if name.startswith("train")]
    assert report_of(build).shortfall is None


@pytest.mark.slow
def test_an_unreachable_latency_names_the_one_that_is_reached(build: Path, tmp_path: Path) -> None:
    """What was refused untrained is told as such; with the relaxation it trains, and passes."""
    limit, rounds = "latency: 1.2 ms", ("max_iterations: 3", "max_iterations: 2")
    impossible = edited(TANK, tmp_path / "first", (limit, "latency: 50 us"), rounds)
    run = doit(build=build, contract=impossible)
    assert run.code == 1, run.out + run.err
    assert not [name for name in run.stages("built") if name.startswith("train")]
    shortfall = report_of(build).shortfall
    assert shortfall is not None
    assert shortfall.smallest is not None
    (change,) = shortfall.smallest.changes
    assert change.key == "limits.latency"
    assert "it was not trained, so its error is not known" in run.out
    relaxed = edited(TANK, tmp_path / "second", (limit, f"latency: {change.written}"), rounds)
    run = doit(build=build, contract=relaxed)
    assert run.code == 0, run.out + run.err
    assert report_of(build).best == shortfall.smallest.candidate


DELIVERED = ("judge:1", "report:1", "library:1", "layers:1", "page:1", "deliver:1")


@pytest.mark.slow
def test_a_latency_below_the_smallest_networks_is_refused_at_once(
    build: Path, tmp_path: Path
) -> None:
    """They are measured; nothing is proposed, and the figure that is told is theirs."""
    contract = edited(TANK, tmp_path, ("latency: 1.2 ms", "latency: 5 us"))
    run = doit(build=build, contract=contract)
    assert run.code == 1, run.out + run.err
    assert set(run.stages("built")) == {*DELIVERED}
    assert run.stages("failed") == ["feasible"]
    assert "no model can meet tank: latency_us is" in run.out
    assert "for the smallest networks there are, the contract allows 5 us" in run.out
    reason = report_of(build).results[0].trial.reason
    assert reason is not None
    assert reason.value is not None
    assert 5 < reason.value < 37  # more than 500 instructions are never questioned


@pytest.mark.slow
def test_a_limit_below_the_empty_firmware_is_refused_at_once(tmp_path: Path) -> None:
    """Exit code 1 with the firmware's own size; nothing is proposed, built or trained."""
    contract = edited(TANK, tmp_path / "first", ("flash: 16 KiB", "flash: 1 KiB"))
    run = doit(build=tmp_path / "build", contract=contract)
    assert run.code == 1, run.out + run.err
    told = r"flash_bytes is [0-9.]+ KiB without any model, the contract allows 1 KiB\n"
    assert re.search(f"no model can meet tank: {told}", run.out)
    assert set(run.stages("built")) == {"dataset", "floor", *DELIVERED}
    assert run.stages("failed") == ["feasible"]
    report = report_of(tmp_path / "build")
    assert report.results[0].trial.reason is not None
    assert report.results[0].trial.reason.code == "impossible_limit"
    # Of a contract that is not met docs/delivered.md names these, and no other.
    delivered = {path.name for path in (tmp_path / "build" / "tank" / "delivered").iterdir()}
    named = {"report.json", "report.html", "convergence.png", "contract.json", "data_card.json"}
    assert delivered == named | {"layers.json", "manifest.json", "provenance.json"}
