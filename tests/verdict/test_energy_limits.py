"""Limits on energy and heat: what a figure is derived from, and what counts in which mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.contract.loader import load
from mlforge_tasks.contract.operation import Operation
from mlforge_tasks.contract.power import BATTERIES
from mlforge_tasks.records import Interval, Measurement, Source
from mlforge_tasks.stages._untold import untold
from mlforge_tasks.verdict.clauses import admission, bounds
from mlforge_tasks.verdict.constraints import Bound, judge, on_target
from mlforge_tasks.verdict.derived import CONDITIONS, Conditions
from mlforge_tasks.verdict.energy_notes import KINDS, notes
from mlforge_tasks.verdict.words import describe_clause
from tests.helpers.contract_cases import GOOD, project

if TYPE_CHECKING:
    from pathlib import Path

BOARD = load_board("nucleo_f446re")
USED = Operation.model_validate(
    {"inference_period": "1 s", "battery": "cr2032", "ambient": "60 \u00b0C", "sleep": "stop"}
)
CYCLES = {"cycles_lower": 1e5, "cycles_upper": 2e5}
METERED = {"energy_per_inference_uj": 50.0, "idle_power_uw": 400.0, "active_power_uw": 9e4}


def _derived(values: dict[str, float], source: Source, **given: Any) -> dict[str, Measurement]:
    known = Conditions(board=given.get("board", BOARD), operation=given.get("operation", USED))
    found = tuple(
        Measurement(metric=metric, value=value, unit="1", source=source)
        for metric, value in values.items()
    )
    made = Conditions.from_dump(known.model_dump(mode="json")).derived(found)
    return {one.metric: one for one in made[len(found) :]}


def test_static_figures_are_from_the_least_to_the_most() -> None:
    """Each is as bad as its worse end, and says so."""
    found = _derived(CYCLES, "emulated")
    assert {one.source for one in found.values()} == {"static"}
    assert [*found] == [one.field for one in KINDS]
    energy, power, life, heat = found.values()
    for one in (energy, power, life, heat):
        assert one.interval is not None
        assert one.interval.level == 1
        assert one.interval.low < one.interval.high
        assert one.value == (one.interval.low if one is life else one.interval.high)
    # 200,000 cycles at 96 MHz, 65.8 mA at up to 85 C, 3.3 V.
    assert energy.value == pytest.approx(2e5 / 96e6 * 65800 * 3.3)
    # Awake for them and 420 us of waking; 6 mA in Stop mode.
    share = 2e5 / 96e6 + 420e-6
    assert power.value == pytest.approx(share * 65800 * 3.3 + (1 - share) * 6000 * 3.3)
    assert life.value == pytest.approx(1 / (power.value / (225e3 * 2.0) + 0.01 / 8766))
    assert heat.value == pytest.approx(60 + 65800 * 3.3 * 46e-6)


def test_what_a_meter_measured_makes_measured_figures() -> None:
    """An average of its energy and idle power, and what follows; no data sheet's currents."""
    found = _derived(METERED, "hardware")
    assert [*found] == ["average_power_uw", "battery_life_h", "junction_temperature_c"]
    assert {one.source for one in found.values()} == {"hardware"}
    assert found["average_power_uw"].value == pytest.approx(450.0)
    assert found["battery_life_h"].value == pytest.approx(1 / (450 / 450e3 + 0.01 / 8766))
    assert found["junction_temperature_c"].value == pytest.approx(60 + 9e4 * 46e-6)


def test_what_is_made_of_two_intervals_is_less_sure_than_each() -> None:
    """95 % and 95 % leave at least 90 % of both."""
    found = tuple(
        Measurement(
            metric=metric,
            value=value,
            unit="1",
            source="hardware",
            interval=Interval(low=0.9 * value, high=1.1 * value, level=0.95),
        )
        for metric, value in METERED.items()
    )
    made = Conditions(board=BOARD, operation=USED).derived(found)[len(found) :]
    for one in made:
        assert one.interval is not None
        assert one.interval.level == pytest.approx(0.9)
    power, life, _ = (one.interval for one in made)
    assert power is not None
    assert life is not None
    assert (power.low, power.high) == pytest.approx((405.0, 495.0))
    assert life.low == pytest.approx(1 / (495 / 450e3 + 0.01 / 8766))


def _metered(idle: tuple[float, float]) -> dict[str, Measurement]:
    """What follows from 50 uJ an inference each second and an idle power."""
    lossless = BATTERIES["cr2032"].model_copy(update={"self_discharge_a_year": 0.0})
    found = tuple(
        Measurement(
            metric=metric,
            value=sum(ends) / 2,
            unit="1",
            source="hardware",
            interval=Interval(low=ends[0], high=ends[1], level=0.95),
        )
        for metric, ends in (("energy_per_inference_uj", (-60.0, 60.0)), ("idle_power_uw", idle))
    )
    operation = USED.model_copy(update={"battery": lossless})
    made = Conditions(board=BOARD, operation=operation).derived(found)[len(found) :]
    return {one.metric: one for one in made}


def test_no_average_is_below_zero_and_no_interval_is_reversed() -> None:
    """A life without end is no figure, so the worse end is all that is told; and that is judged."""
    found = _metered((-20.0, 10.0))
    power, life = found["average_power_uw"], found["battery_life_h"]
    assert power.interval is not None
    assert (power.interval.low, power.interval.high) == (0, 70)
    assert life.value == pytest.approx(450e3 / 70)
    assert life.interval is None
    bound = Bound(metric=life.metric, limit=1e6, unit="h", direction="at_least", by_worse_end=True)
    assert judge([bound], [life]).clauses[0].status == "fail"
    assert _metered((-90.0, -80.0)) == {}


@pytest.mark.parametrize(
    ("values", "source", "took"),
    [(CYCLES, "emulated", "2.1 ms"), ({**METERED, "latency_us": 1300.0}, "hardware", "1.3 ms")],
)
def test_of_inferences_that_do_not_fit_into_their_period_nothing_is_told(
    values: dict[str, float], source: Source, took: str
) -> None:
    """Neither power nor life is a pass, and why is told; heat is that of no rest."""
    rushed = USED.model_copy(update={"inference_period_s": 1.1e-3})  # the fewest cycles fit
    asked = ("average_power_uw", "battery_life_h")
    slow = _derived(values, source, operation=rushed)
    assert not set(asked) & set(slow)
    assert "junction_temperature_c" in slow
    measured = [
        Measurement(metric=one, value=value, unit="1", source=source)
        for one, value in values.items()
    ]
    bounds_ = [
        Bound(metric=asked[0], limit=1e9, unit="uW"),
        Bound(metric=asked[1], limit=1.0, unit="h", direction="at_least"),
    ]
    verdict = judge(bounds_, slow.values())
    assert [one.status for one in verdict.clauses] == ["unknown", "unknown"]
    conditions = Conditions(board=BOARD, operation=rushed)
    why = f"an inference of {took} does not fit into operation.inference_period, 1.1 ms"
    found = conditions.untold((*measured, *slow.values()), asked)
    assert found == tuple((one, why) for one in asked)
    whole = Conditions(board=BOARD, operation=USED).derived(measured)
    assert set(asked) <= {one.metric for one in whole}
    assert Conditions(board=BOARD, operation=USED).untold(whole, asked) == ()
    # As stage judge tells it, of the target that it is of.
    dump = {CONDITIONS: conditions.model_dump(mode="json")}
    config: dict[str, Any] = {
        CONDITIONS: Conditions(board=BOARD, operation=USED).model_dump(mode="json")
    }
    config["further"] = [{"name": "other", **dump}]
    there = [
        one.model_copy(update={"metric": on_target(one.metric, "other")}) for one in slow.values()
    ]
    there += [one.model_copy(update={"metric": on_target(one.metric, "other")}) for one in measured]
    bound = bounds_[0].model_copy(update={"metric": on_target(asked[0], "other")})
    told = untold((*whole, *there), judge([bound, *bounds_], whole), config)
    assert dict(told) == {bound.metric: why}


def test_without_a_meter_nothing_of_a_board_is_measured() -> None:
    """Its time alone gives an estimate, which counts for no board."""
    found = _derived({"latency_us": 1e3}, "hardware")
    assert found["energy_per_inference_uj"].source == "static"
    assert "average_power_uw" not in found


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ({"board": load_board("mps2/an386")}, ()),
        ({"operation": Operation()}, ("energy_per_inference_uj",)),
        (
            {"operation": USED.model_copy(update={"ambient_c": 110.0})},
            (),
        ),
        (
            {"operation": USED.model_copy(update={"battery": None, "ambient_c": None})},
            ("energy_per_inference_uj", "average_power_uw"),
        ),
        (
            {"board": BOARD.model_copy(update={"thermal": None})},
            ("energy_per_inference_uj", "average_power_uw", "battery_life_h"),
        ),
    ],
)
def test_what_lacks_a_figure_is_not_known(given: dict[str, Any], known: tuple[str, ...]) -> None:
    """Nothing is made up, and a report says what it would need."""
    found = _derived(CYCLES, "emulated", **given)
    assert tuple(found) == known
    board, operation = given.get("board", BOARD), given.get("operation", USED)
    lacks = notes(board, operation).lacks
    if operation.ambient_c != 110.0:
        assert all(bool(lacks[one.field]) == (one.field not in known) for one in KINDS)


def test_the_worse_end_is_judged() -> None:
    """At most 100 uJ are kept by none that may take 148; and data sheets are no board's figures."""
    energy = _derived(CYCLES, "emulated")["energy_per_inference_uj"]
    assert energy.interval is not None
    between = (energy.interval.low + energy.interval.high) / 2
    bound = Bound(metric=energy.metric, limit=between, unit="uJ", by_worse_end=True)
    (clause,) = judge([bound], [energy]).clauses
    assert clause.status == "fail"
    assert "452.4 uJ (48.1 uJ to 452.4 uJ), limit 250.2 uJ" in describe_clause(clause)
    for_a_board = bound.model_copy(update={"sources": ("hardware",), "limit": 1e9})
    assert judge([for_a_board], [energy]).clauses[0].status == "unknown"


def test_what_is_computed_refuses_for_a_board_only_by_its_better_end(tmp_path: Path) -> None:
    """Else a design that the board would have kept the limit with was never measured on it."""
    text = GOOD.replace("mode: simulate", "mode: simulate-then-hardware").replace(
        "board: mps2/an385\n  platform: baremetal", "board: nucleo_f446re\n  platform: zephyr"
    )
    text = text.replace("  stack: 2 KiB\n", "  stack: 2 KiB\n  energy_per_inference: 100 uJ\n")
    contract = load(project(tmp_path, text), tmp_path)
    (bound,) = (
        one for one in admission(bounds(contract)) if one.metric == "energy_per_inference_uj"
    )
    energy = _derived(CYCLES, "emulated")[bound.metric]  # 48.1 to 452.4 uJ
    assert judge([bound], [energy]).met
    assert not judge([bound.model_copy(update={"limit": 48.0})], [energy]).met
    simulated = load(project(tmp_path, text.replace("-then-hardware", "")), tmp_path)
    (bound,) = (
        one for one in admission(bounds(simulated)) if one.metric == "energy_per_inference_uj"
    )
    assert not judge([bound], [energy]).met


def test_notes_name_data_sheet_and_table() -> None:
    """And say where a data sheet has typical figures alone."""
    told = " ".join(notes(BOARD, USED).sources)
    for words in ("DS10693 Rev 9, Table 27", "mode stop", "Tables 16 and 117", "Panasonic CR2032"):
        assert words in told
    assert "typical figures alone" not in told
    # At 60 C: that up to 85 C, and not that up to 105 C.
    assert "active current: 14000 uA to 65800 uA at 85 \u00b0C" in told
    assert "the battery's 3 V are less than the supply of 3.3 V" in told
    other = " ".join(notes(load_board("nrf52840dk/nrf52840"), USED).sources)
    assert "typical figures alone" in other
