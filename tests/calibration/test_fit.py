"""What a fit finds of a board whose costs are known, and when it says that it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlforge_tasks.calibration.fit import fit
from mlforge_tasks.calibration.foretell import foretell
from mlforge_tasks.errors import MlforgeError
from mlforge_tasks.records import Profile
from tests.helpers.calibrated import (
    CLOCK_HZ,
    PROBE,
    TRUTH,
    drawn,
    layer,
    noisy,
    pair,
    pairs,
    true_cycles,
)

if TYPE_CHECKING:
    from mlforge_tasks.records import LayerCost


def test_costs_that_are_there_are_found_exactly() -> None:
    """Without noise each class has the costs that it was made of, and nothing is off."""
    known = fit(pairs(8)).calibration

    assert set(known.classes) == set(TRUTH)
    for kind, costs in TRUTH.items():
        found = known.classes[kind]
        assert found.per_cycle == pytest.approx(costs.per_cycle, rel=1e-4)
        assert found.per_byte == pytest.approx(costs.per_byte, abs=1e-2)
        assert found.per_layer == pytest.approx(costs.per_layer, rel=1e-2, abs=1.0)
        assert found.per_instruction == pytest.approx(1.4 * costs.per_cycle, rel=0.1)
        assert found.error < 1e-3
    assert known.error < 1e-3
    assert known.probe == PROBE


def test_weights_that_are_waited_for_are_told_apart() -> None:
    """Where weights are streamed slowly, and layers differ in what they have of them."""

    def slow(one: LayerCost) -> float:
        cost = true_cycles(one)
        return cost + 20.0 * one.weight_bytes if cost else 0.0

    known = fit([pair(f"n{seed}", drawn(seed), slow) for seed in range(8)]).calibration
    assert known.classes["conv"].per_byte == pytest.approx(20.0, rel=0.01)
    assert known.classes["conv"].per_cycle == pytest.approx(1.31, rel=1e-3)


def test_an_interval_holds_what_it_says() -> None:
    """Of networks that were not measured no more lie outside than the level allows."""
    known = fit(pairs(10, 0.05)).calibration
    assert known.level == pytest.approx(9 / 11)
    assert 0.005 < known.error < 0.08
    new, noise, inside = 200, noisy(3, 0.05), 0
    for seed in range(100, 100 + new):
        layers = drawn(seed)
        told = foretell(known, Profile(source="emulated", layers=layers))
        took_us = sum(map(noise, layers)) / CLOCK_HZ * 1e6
        assert told.interval is not None
        inside += told.interval.low <= took_us <= told.interval.high
    assert inside / new >= known.level


def test_the_held_out_error_is_that_of_the_network_left_out() -> None:
    """A network that is unlike the others is foretold by them, and misses by what it is unlike."""
    odd = pair("odd", drawn(50), lambda one: 2.0 * true_cycles(one))
    known = fit([*pairs(7), odd]).calibration
    misses = {one.name: one.miss for one in known.networks}
    assert misses["odd"] == pytest.approx(1.0, abs=0.02)
    assert max(misses, key=lambda name: misses[name]) == "odd"
    told = foretell(known, Profile(source="emulated", layers=drawn(9)))
    assert told.interval is not None
    assert told.latency_us is not None
    assert told.interval.high > 1.9 * sum(map(true_cycles, drawn(9))) / CLOCK_HZ * 1e6


def test_a_class_that_was_never_seen_keeps_its_wide_bounds() -> None:
    """Its emulated cycles stand, and it is named."""
    known = fit(pairs(6)).calibration
    layers = (layer("CONV_2D", 1e4, 100), layer("CONCATENATION", 640.0))
    without = foretell(known, Profile(source="emulated", layers=layers[:1]))
    told = foretell(known, Profile(source="emulated", layers=layers))
    assert (without.bounded, told.bounded) == ((), ("CONCATENATION",))
    assert told.interval is not None
    assert without.interval is not None
    assert told.interval.low - without.interval.low == pytest.approx(10.0, abs=0.01)
    assert told.interval.high - without.interval.high == pytest.approx(11.0, abs=0.01)


def test_too_few_layers_and_what_does_not_grow_are_left() -> None:
    """Each with why; the rest is fitted all the same."""
    every = pairs(6)
    few = pair("few", (*drawn(60), layer("MAX_POOL_2D", 500.0)))

    def falling(one: LayerCost) -> float:
        return 5e4 - (one.cycles_lower or 0.0) if one.op == "TANH" else true_cycles(one)

    def wild(one: LayerCost) -> float:
        return true_cycles(one) * (9 if one.name in {"pad_2000", "pad_4000", "pad_6000"} else 1)

    down = [
        pair(f"d{at}", (*drawn(70 + at), layer("TANH", 4000.0 + 200 * at)), falling)
        for at in range(1, 9)
    ]
    wilder = [pair(f"w{at}", (*drawn(90 + at), layer("PAD", 1e3 * at)), wild) for at in range(1, 7)]
    found = fit([*every, few, *down, *wilder])
    assert set(found.calibration.classes) == set(TRUTH)
    assert found.left["pool"] == "too few: 1 layers of 1 networks"
    assert "does not grow" in found.left["elementwise"]
    assert found.left["other"].startswith("left-out layers are ")


def test_what_cannot_be_told_apart_is_no_cost_of_its_own() -> None:
    """Bytes that go with cycles, as of layers that are alike, add none that is negative."""
    collinear = [
        pair(
            f"n{at}",
            (layer("FULLY_CONNECTED", 500.0 * at, 300 * at), layer("CONV_2D", 900.0 * at, 10)),
            lambda one: 3.0 * (one.cycles_lower or 0.0),
        )
        for at in range(1, 8)
    ]
    found = fit(collinear).calibration.classes["dense"]
    assert found.per_cycle == pytest.approx(3.0)
    assert found.per_byte == 0.0


def test_few_networks_and_other_boards_are_refused() -> None:
    """Nothing is fitted to what does not belong together."""
    with pytest.raises(MlforgeError, match="profiles of 3 networks on both sides, wanted 4"):
        fit(pairs(3))
    first, *rest = pairs(5)
    other = first.model_copy(update={"probe": {"bench_id": "0815"}})
    with pytest.raises(MlforgeError, match="'n01' and 'n00' are of two probes"):
        fit([*rest, other])
    llvm = first.conditions.model_copy(update={"cycles_by": "llvm-mca 23.1"})
    with pytest.raises(MlforgeError, match="were not made alike: cycles_by"):
        fit([*rest, first.model_copy(update={"conditions": llvm})])
    with pytest.raises(MlforgeError, match="'n00' was measured twice"):
        fit([first, first, *rest])
    fewer = Profile(source="hardware", layers=first.measured.layers[1:])
    with pytest.raises(MlforgeError, match="n00: the profiles are of other layers"):
        fit([first.model_copy(update={"measured": fewer}), *rest])
    still = [pair(f"s{at}", (layer("RESHAPE", 0),)) for at in range(5)]
    with pytest.raises(MlforgeError, match=r"no class of layers could be fitted: no layer takes"):
        fit(still)
