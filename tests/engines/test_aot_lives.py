"""What is told of an arena: who lives when, and where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("tflite_micro")

from mlforge_tasks.engines._aot.planner import aligned
from mlforge_tasks.engines.aot import PLUGIN as AOT
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from tests.helpers import aot_patches, graphs, small_models

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlforge_tasks.engines._report import ArenaPlan


def _check(plan: ArenaPlan, arena_bytes: int, layers: int) -> None:
    """All of an arena is somebody's at some time, and nobody lies outside of it."""
    ends = [one.offset_bytes + one.size_bytes for one in plan.lives]
    assert aligned(max(ends)) == arena_bytes
    assert plan.least_bytes <= arena_bytes
    for one in plan.lives:
        assert -1 <= one.first <= one.last <= layers
        if one.inside is not None:
            whole = plan.lives[one.inside]
            assert whole.offset_bytes <= one.offset_bytes
            assert whole.first <= one.first


@pytest.mark.parametrize("seed", range(4))
def test_every_layer_has_its_output_in_the_arena(seed: int) -> None:
    """Its bytes are those that the layer is said to make, for as long as anybody reads them."""
    model = AOT.generate(graphs.random_graph(seed), "cortex-m3")
    assert model.arena is not None
    _check(model.arena, model.arena_bytes, len(model.layers))
    lives = {one.first: one for one in model.arena.lives if one.kind in {"tensor", "output"}}
    for index, layer in enumerate(model.layers):
        assert lives[index].name.partition(":")[0] == layer.name
    assert [one.last for one in model.arena.lives if one.kind == "output"][-1] == len(model.layers)
    assert model.arena.lives[0].kind == "input"
    assert model.arena.lives[0].first == -1


def test_what_is_reshaped_has_no_memory_of_its_own() -> None:
    """What is only given another shape is the same bytes of the same memory."""
    model = AOT.generate(small_models.squeezed(), "cortex-m4")
    assert model.arena is not None
    same = [one for one in model.arena.lives if one.inside is not None]
    assert same
    for one in same:
        whole = model.arena.lives[one.inside or 0]
        assert (one.offset_bytes, one.size_bytes) == (whole.offset_bytes, whole.size_bytes)


@pytest.mark.parametrize("streamed", [False, True])
def test_stripes_are_rows_of_a_whole(*, streamed: bool) -> None:
    """Of first layers in stripes the whole is there, its rows in it, and how often a loop runs."""
    model = AOT.generate(aot_patches.pyramid(), "cortex-m4", arena_limit_bytes=0, streamed=streamed)
    assert model.arena is not None
    assert model.patches is not None
    _check(model.arena, model.arena_bytes, len(model.layers))
    assert model.arena.loops
    for first, last, turns in model.arena.loops:
        assert turns > 1
        for one in model.arena.lives:
            moved = one.offset_bytes + (turns - 1) * one.moves_bytes
            if one.moves_bytes and first <= one.first <= last and one.inside is not None:
                whole = model.arena.lives[one.inside]
                assert moved + one.size_bytes <= whole.offset_bytes + whole.size_bytes
    assert any(one.moves_bytes for one in model.arena.lives)


@pytest.mark.parametrize("make", [graphs.several_graph, graphs.recurrent_graph])
def test_ends_and_states_are_named(make: Callable[[int], bytes]) -> None:
    """Several inputs and outputs lie side by side; what is kept is kept through all layers."""
    model = AOT.generate(make(3), "cortex-m4")
    assert model.arena is not None
    _check(model.arena, model.arena_bytes, len(model.layers))
    kinds = {one.kind for one in model.arena.lives}
    assert {"input", "output"} <= kinds
    for one in model.arena.lives:
        if one.kind == "state":
            assert (one.first, one.last) == (-1, len(model.layers))


def test_tensorflow_lite_micro_plans_its_own() -> None:
    """What lies where is decided on the device."""
    assert TFLM.generate(small_models.conv(), "cortex-m4").arena is None
