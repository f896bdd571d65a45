"""What agents are told of a design's arena, against what the engine plans for its model."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from benchmarks._engine_image import measure
from mlforge_tasks.agents._loop_costs import INSTRUCTIONS
from mlforge_tasks.agents._loops import runs, striped_runs
from mlforge_tasks.agents._space import space_for
from mlforge_tasks.architecture import (
    Architecture,
    AveragePool,
    Conv1D,
    Conv2D,
    Dense,
    Flatten,
    MaxPool,
    Residual,
    SeparableConv1D,
    SeparableConv2D,
    static_figures,
)
from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines._aot.importer import import_model
from mlforge_tasks.engines._aot.rewrite import rewrite
from mlforge_tasks.engines._aot.trimmed import planned
from mlforge_tasks.engines._foretold import foretold
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers.architecture_model import model_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlforge_tasks.architecture import Shape, StaticFigures
    from mlforge_tasks.engines._aot.core import Kernels

CPUS: dict[Kernels, str] = {"portable": "cortex-m3", "dsp": "cortex-m4", "mve": "cortex-m55"}
BOARDS: dict[Kernels, str] = {
    "portable": "mps2/an385",
    "dsp": "mps2/an386",
    "mve": "mps3/an547",
}
INPUTS: list[Shape] = [(24, 3), (128, 9), (49, 10, 1), (32, 32, 3), (30,)]
STRIPED: list[Shape] = [(24, 3), (49, 10, 1), (32, 32, 3)]
EACH, MOST_BYTES = 3, 20_000
# A depthwise layer's stride and the channels behind it, of MLPerf Tiny's visual wake words.
MOBILENET = (
    *((1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128)),
    *([(1, 128)] * 5),
    *((2, 256), (1, 256)),
)


def drawn(shape: Shape) -> Iterator[tuple[Architecture, StaticFigures]]:
    """Networks of a space, such as fit a small device."""
    space, rng = space_for(shape, "classification"), random.Random(f"{shape}")  # noqa: S311
    found = 0
    while found < EACH:
        architecture = space.architecture(space.sample(rng))
        try:
            figures = static_figures(architecture, shape, "classification", 4)
        except CandidateFailure:
            continue
        if max(figures.weight_bytes, figures.peak_activation_bytes) <= MOST_BYTES:
            found += 1
            yield architecture, figures


def arena_bytes(
    figures: StaticFigures,
    kernels: Kernels,
    limit_bytes: int | None = None,
    *,
    streamed: bool = False,
    searches: bool = True,
) -> int:
    told = foretold(figures, kernels, limit_bytes, streamed=streamed, searches=searches)
    return told.arena_bytes


def planned_bytes(architecture: Architecture, shape: Shape, kernels: Kernels) -> int:
    graph = rewrite(import_model(model_of(architecture, shape, "classification", 4)))
    return planned(graph, CPUS[kernels]).memory.arena_bytes


@pytest.mark.parametrize("kernels", CPUS)
@pytest.mark.parametrize("shape", INPUTS, ids=str)
def test_the_arena_of_a_design_is_foretold(shape: Shape, kernels: Kernels) -> None:
    """To the byte: shapes decide it, and the planner is the engine's own."""
    for architecture, figures in drawn(shape):
        assert arena_bytes(figures, kernels) == planned_bytes(architecture, shape, kernels)
        quick = arena_bytes(figures, kernels, searches=False)
        assert 1 <= quick / arena_bytes(figures, kernels) < 1.3


@pytest.mark.parametrize("shape", INPUTS, ids=str)
def test_the_arena_of_int16_values_is_foretold(shape: Shape) -> None:
    """To the byte, on any core; no limit makes stripes of it."""
    for architecture, figures in drawn(shape):
        graph = rewrite(import_model(model_of(architecture, shape, "classification", 4, "int16")))
        found = planned(graph, CPUS["dsp"]).memory.arena_bytes
        assert foretold(figures, "mve", 1, activations="int16").arena_bytes == found
        assert figures.at_least("auto", "int16")["ram_bytes"] <= found


@pytest.mark.parametrize("kernels", CPUS)
def test_what_neighbours_do_to_each_other_is_foretold(kernels: Kernels) -> None:
    """An output that starts before its input may keep the one behind from doing so."""
    layers = [Conv2D(filters=8, kernel=(3, 3), stride=2)]
    blocks = [SeparableConv2D(filters=n, kernel=(3, 3), stride=s) for s, n in MOBILENET]
    architecture = Architecture(layers=(*layers, *blocks, AveragePool(size=3), Flatten()))
    figures = static_figures(architecture, (96, 96, 3), "classification", 4)
    found = planned_bytes(architecture, (96, 96, 3), kernels)
    assert arena_bytes(figures, kernels) == found > figures.peak_activation_bytes


@pytest.mark.parametrize(("kernels", "shape"), [*zip(CPUS, STRIPED, strict=True)])
def test_an_arena_in_stripes_is_foretold(kernels: Kernels, shape: Shape) -> None:
    """For a limit and by rows; what is told without a search keeps the limits that this keeps."""
    for architecture, figures in drawn(shape):
        tflite = model_of(architecture, shape, "classification", 4)
        limit = arena_bytes(figures, kernels) * 3 // 4
        for patches in ("auto", "streamed"):
            streamed = patches == "streamed"
            found = PLUGIN.generate(
                tflite, CPUS[kernels], arena_limit_bytes=limit, untrained=True, streamed=streamed
            ).arena_bytes
            assert arena_bytes(figures, kernels, limit, streamed=streamed) == found
            assert figures.at_least(patches)["ram_bytes"] <= found
            quick = arena_bytes(figures, kernels, limit, streamed=streamed, searches=False)
            assert (quick <= limit) == (found <= limit)


IMAGE = Architecture(
    layers=(
        Conv2D(filters=16, kernel=(3, 3), stride=2),
        SeparableConv2D(filters=24, kernel=(3, 3)),
        SeparableConv2D(filters=32, kernel=(5, 5), stride=2),
        MaxPool(padding="same"),
        Flatten(),
        Dense(units=16),
    )
)
SERIES = Architecture(
    layers=(
        Conv1D(filters=12, kernel=5, stride=2),
        Conv1D(filters=18, kernel=3, dilation=2),
        Residual(layers=(Conv1D(filters=18, kernel=3, activation="tanh"),)),
        Conv1D(filters=10, kernel=1),
        SeparableConv1D(filters=12, kernel=9),
        AveragePool(size=2),
        Flatten(),
        Dense(units=23),
    )
)
MEASURED: dict[str, tuple[Architecture, Shape]] = {
    "image": (IMAGE, (32, 32, 3)),
    "series": (SERIES, (60, 4)),
}


def foretold_instructions(counted: Mapping[str, int], kernels: Kernels) -> float:
    return sum(each * counted[loop] for loop, each in INSTRUCTIONS[kernels].items())


@pytest.mark.parametrize("kernels", CPUS)
@pytest.mark.parametrize("name", MEASURED)
def test_the_instructions_of_a_design_are_foretold(
    name: str, kernels: Kernels, tmp_path: Path
) -> None:
    """What searches make: stems, depthwise and pointwise layers, sums, pools, dense layers."""
    architecture, shape = MEASURED[name]
    figures = static_figures(architecture, shape, "classification", 4)
    tflite = model_of(architecture, shape, "classification", 4)
    found = measure(tflite, load_board(BOARDS[kernels]), tmp_path).instructions
    assert abs(foretold_instructions(runs(figures, kernels), kernels) / found - 1) < 0.05


def test_the_instructions_of_stripes_are_foretold(tmp_path: Path) -> None:
    """Operators that run in stripes, rows that are made twice, and those that are moved."""
    architecture, shape = MEASURED["series"]
    figures = static_figures(architecture, shape, "classification", 4)
    limit = foretold(figures, "dsp").arena_bytes // 2
    striped = foretold(figures, "dsp", limit).striped
    assert striped is not None
    tflite = model_of(architecture, shape, "classification", 4)
    generated = PLUGIN.generate(tflite, CPUS["dsp"], arena_limit_bytes=limit, untrained=True)
    board = load_board(BOARDS["dsp"])
    found = measure(tflite, board, tmp_path, generated=generated.files).instructions
    whole = foretold_instructions(runs(figures, "dsp"), "dsp")
    assert abs(foretold_instructions(striped_runs(striped, "dsp"), "dsp") / found - 1) < 0.05
    assert whole < 0.75 * found
