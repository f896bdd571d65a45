"""Generated C against the oracle on emulated cores."""

from __future__ import annotations

import itertools
import math
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines.aot import PLUGIN
from tests.helpers import aot_semihosted, graph_dead, graphs
from tests.helpers.aot_device import run_on_board
from tests.helpers.aot_host import make_case
from tests.helpers.aot_linux import CORES, run_on_core
from tests.helpers.clang import clang_or_skip

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlforge_tasks.contract.board import Board
    from mlforge_tasks.contract.sections import Toolchain
    from tests.helpers.aot_host import Case

ON_OTHER_CORES = graphs.COUNT // 4
WITH_CLANG = 6  # each so manieth graph
# What an image may take, so that it fits into the 512 KiB of mps3/an547; code is a guess.
IMAGE_BYTES = 400_000
CODE_BYTES = 4_000
PER_OPERATOR = 60
WIDE = 36
BOARDS = {
    "mps2/an385": "cortex-m3",
    "mps2/an386": "cortex-m4",
    "mps2/an500": "cortex-m7",
    "mps2/an505": "cortex-m33",
    "mps3/an547": "cortex-m55",
}


def _bytes(case: Case) -> int:
    """What a model adds to an image."""
    constants = sum(layer.weight_bytes for layer in case.generated.layers)
    return constants + case.inputs.size + case.outputs.size + CODE_BYTES


def differing(
    cases: Iterable[Case], board: Board, folder: Path, toolchain: Toolchain = "gcc"
) -> set[str]:
    """Models of which any output byte differs on a board, in as few images as fit."""
    images: list[list[Case]] = [[]]
    for case in cases:
        if images[-1] and sum(map(_bytes, images[-1])) + _bytes(case) > IMAGE_BYTES:
            images.append([])
        images[-1].append(case)
    bad: set[str] = set()
    for number, image in enumerate(images):
        work = folder / str(number)
        work.mkdir()
        results = run_on_board(image, board, work, toolchain=toolchain)
        bad |= {model for model, (differing, _) in results.items() if differing}
    return bad


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_random_graphs_equal_the_oracle(name: str, tmp_path: Path) -> None:
    """Not one of the output bytes of the graphs differs on any core, each with its own kernels."""
    board = load_board(name)
    assert board.cpu == BOARDS[name]
    cases = (make_case(f"g{i}", graph_dead.any_graph(i), board.cpu) for i in range(graphs.COUNT))
    assert differing(cases, board, tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_random_graphs_equal_the_oracle_with_clang(name: str, tmp_path: Path) -> None:
    """The same kernels, which another compiler makes other code of."""
    clang_or_skip()
    board = load_board(name)
    seeds = range(0, graphs.COUNT, WITH_CLANG)
    cases = (make_case(f"g{i}", graph_dead.any_graph(i), board.cpu) for i in seeds)
    assert differing(cases, board, tmp_path, "llvm") == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
@pytest.mark.parametrize(
    "op", ["CONV_2D", *graphs.EXTRA, "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "ADD"]
)
def test_the_kernels_of_a_core_equal_the_oracle(op: str, name: str, tmp_path: Path) -> None:
    """Operators that have kernels of their own for DSP and MVE, in random shapes."""
    board = load_board(name)
    seeds = range(1000, 1000 + PER_OPERATOR)
    cases = (make_case(f"m{seed}", graphs.single_operator(op, seed), board.cpu) for seed in seeds)
    assert differing(cases, board, tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", CORES)
def test_random_graphs_equal_the_oracle_on_other_cores(name: str, tmp_path: Path) -> None:
    """RISC-V of 32 and 64 bits, also with vectors, and AArch64: not a byte differs."""
    core = CORES[name]
    if core.missing():
        pytest.skip(f"not installed: {', '.join(core.missing())} (./bootstrap --dev)")
    cases = [make_case(f"g{i}", graph_dead.any_graph(i), name) for i in range(ON_OTHER_CORES)]
    differing = run_on_core(cases, core, tmp_path)
    assert {graph for graph, count in differing.items() if count} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", aot_semihosted.CORES)
def test_random_graphs_equal_the_oracle_on_cores_without_a_board(name: str, tmp_path: Path) -> None:
    """Cortex-M0+, M23 and M85, each with its own kernels and instructions: not a byte differs."""
    core = aot_semihosted.CORES[name]
    if core.linking:
        clang_or_skip()
    cases = [make_case(f"g{i}", graph_dead.any_graph(i), name) for i in range(ON_OTHER_CORES)]
    differing = aot_semihosted.run_on_core(cases, core, tmp_path)
    assert {graph for graph, count in differing.items() if count} == set()


def _wide_convolutions(seed: int) -> bytes:
    """One or two convolutions, one behind the other, of an image of many channels."""
    graph = graphs.RandomGraph(seed)
    channels = graph.pick(12, 15, 16, 16, 32, 47)
    last = graph.start((1, graph.pick(1, 3, 8), graph.pick(8, 9, 16), channels))
    for _ in range(graph.pick(1, 2)):
        last = graph.apply("CONV_2D", last)
    return graph.finish()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
def test_convolutions_of_many_channels_equal_the_oracle(name: str, tmp_path: Path) -> None:
    """Input channels by the sixteen, for which MVE has kernels that read rows from a ring."""
    board = load_board(name)
    cases = (make_case(f"w{seed}", _wide_convolutions(seed), board.cpu) for seed in range(WIDE))
    assert differing(cases, board, tmp_path) == set()


def test_pointwise_outputs_overlap_their_inputs_on_both_sides() -> None:
    """On MVE some windows are read until all that they make is written, before them or behind."""
    found = set()
    for seed in range(24):
        files = PLUGIN.generate(graphs.pointwise_graph(seed), "cortex-m55").files
        calls = re.findall(r"aot_dot_chunks_s8\(&.*", files["model_aot.c"].decode())
        for call in calls:
            source, output = map(int, re.findall(r"arena\[(\d+)\]", call))
            found.add(output < source)
    assert found == {False, True}


@pytest.mark.slow
def test_more_channels_than_places_equal_the_oracle(tmp_path: Path) -> None:
    """On MVE the outputs of eight windows are stored at once, as far apart as 16 bits can say."""
    graph = graphs.RandomGraph(1)
    source = graph.start((1, 1, 9, 2))
    channels = 0xFFFF // 7 + 1
    inputs, quant, rms = graph.parameters(source, (channels, 1, 1, 2), 0, channels)
    options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    ref = graph.writer.activation((1, 1, 9, channels), quant, rms)
    graph.made.append(graph.output("CONV_2D", inputs, ref, options))
    board = load_board("mps3/an547")
    case = make_case("wide", graph.finish(), board.cpu)
    assert differing([case], board, tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an386", "mps3/an547"])
def test_sums_of_large_windows_equal_the_oracle(name: str, tmp_path: Path) -> None:
    """Up to 256 values are summed in 16 bits, several channels at a time."""
    board = load_board(name)
    cases = []
    for height in (16, 17):
        graph = graphs.RandomGraph(height)
        source = graph.start((1, height, 16, 7))
        options = schema.Pool2DOptionsT(
            padding=1, strideH=1, strideW=1, filterHeight=height, filterWidth=16
        )
        ref = graph.writer.activation((1, 1, 1, 7), source.quant, source.rms)
        graph.made.append(graph.output("AVERAGE_POOL_2D", [source.index], ref, options))
        cases.append(make_case(f"h{height}", graph.finish(), board.cpu))
    assert differing(cases, board, tmp_path) == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "level"), [("mps2/an386", "-O3"), ("mps3/an547", "-O3"), ("mps3/an547", "-Os")]
)
def test_kernels_equal_the_oracle_at_other_levels(name: str, level: str, tmp_path: Path) -> None:
    """Also where GCC 12 once added a tap that a window over all of its input has not."""
    board = load_board(name)
    cases = [
        make_case(f"o{index}_{seed}", graphs.single_operator(op, seed), board.cpu)
        for index, op in enumerate(("WIDE_DEPTHWISE_CONV_2D", "WIDE_CONV_2D"))
        for seed in (3010, 3085, 3088, *range(8000, 8005))
    ]
    found = run_on_board(cases, board, tmp_path, optimisation=level)
    assert {model for model, (bad, _) in found.items() if bad} == set()


def test_rows_are_read_from_a_ring_in_place() -> None:
    """A 3x3 convolution of 16 channels on MVE takes that kernel, and overwrites its input."""
    graph = graphs.RandomGraph(1)
    source = graph.start((1, 10, 12, 16))
    shape = (16, 3, 3, 16)
    inputs, quant, rms = graph.parameters(source, shape, 0, 16)
    options = schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    ref = graph.writer.activation((1, 10, 12, 16), quant, rms)
    graph.made.append(graph.output("CONV_2D", inputs, ref, options))
    generated = PLUGIN.generate(graph.finish(), "cortex-m55")
    source_text = generated.files["model_aot.c"].decode()
    assert "aot_conv_rows_three_s8(&" in source_text
    ring = 3 * (12 + 2) * 16 + 4 * 3
    assert generated.arena_bytes == 10 * 12 * 16 + ring


def _depthwise(
    shape: tuple[int, ...], kernel: tuple[int, int], weights: int | None = None
) -> bytes:
    """A depthwise layer with SAME padding, of random weights or of one value of either sign."""
    graph = graphs.RandomGraph(1)
    source = graph.start(shape)
    inputs, quant, rms = graph.parameters(source, (1, *kernel, shape[3]), 3, shape[3])
    if weights is not None:
        buffer = graph.writer.buffers[graph.writer.tensors[inputs[1]].buffer]
        signs = np.arange(len(buffer.data)) % shape[3] % 2 * 2 - 1
        buffer.data = (weights * signs).astype(np.int8).view(np.uint8)
    options = schema.DepthwiseConv2DOptionsT(padding=0, strideH=1, strideW=1, depthMultiplier=1)
    ref = graph.writer.activation(shape, quant, rms)
    graph.made.append(graph.output("DEPTHWISE_CONV_2D", inputs, ref, options))
    return graph.finish()


@pytest.mark.slow
def test_the_largest_sums_of_a_depthwise_layer_equal_the_oracle(tmp_path: Path) -> None:
    """On MVE they are kept in 16 bits and a few: nothing that there can be is too much."""
    board = load_board("mps3/an547")
    cases = []
    for number, (size, weight) in enumerate(itertools.product((9, 15, 16, 17, 33), (127, -128))):
        side = (3, 3) if size == 9 else (1, size)
        shape = (1, *side, 16)
        inputs = np.stack([np.full(shape[1:], value, np.int8) for value in (-128, 127)])
        model = _depthwise(shape, side, weight)
        cases.append(make_case(f"s{number}", model, board.cpu, inputs))
    sources = [case.generated.files[f"{case.prefix}_aot.c"] for case in cases]
    assert ["aot_lanes" in source.decode() for source in sources] == [True, False] * 5
    assert differing(cases, board, tmp_path) == set()


def test_channels_are_read_from_a_ring_in_place() -> None:
    """A 3x3 depthwise layer on MVE takes three rows of sixteen channels besides its input."""
    generated = PLUGIN.generate(_depthwise((1, 10, 12, 16), (3, 3)), "cortex-m55")
    assert "aot_lanes_3x3_s8(&" in generated.files["model_aot.c"].decode()
    assert generated.arena_bytes == 10 * 12 * 16 + 3 * (12 + 2) * 16 + 4 * 3


@pytest.mark.parametrize(
    ("shape", "kernel", "lines_bytes"),
    [
        ((1, 3, 3, 12), (3, 3), 5 * 5 * 4),
        ((1, 30, 30, 8), (7, 7), 9 * 36 * 4),
        ((1, 40, 1, 7), (9, 1), 48 * 4),
    ],
)
def test_four_channels_at_a_time_work_in_place(
    shape: tuple[int, ...], kernel: tuple[int, int], lines_bytes: int
) -> None:
    """On DSP cores a depthwise layer takes its taps and a few lines of words besides its input."""
    generated = PLUGIN.generate(_depthwise(shape, kernel), "cortex-m4")
    assert "aot_depthwise_four_s8(&" in generated.files["model_aot.c"].decode()
    threes = -(-math.prod(kernel) // 3)
    table = 64 + 3 * threes * 12
    assert generated.arena_bytes - table - lines_bytes in range(
        math.prod(shape), math.prod(shape) + 4
    )


@pytest.mark.parametrize(
    ("shape", "kernel", "planes_bytes"),
    [
        ((1, 8, 9, 7), (3, 3), 4 * (10 * 11 + 1)),
        ((1, 8, 8, 8), (5, 3), 4 * (12 * 10 + 1)),
        ((1, 20, 20, 3), (4, 5), 23 * 24 + 1),
    ],
)
def test_channels_are_copied_into_planes_four_at_a_time(
    shape: tuple[int, ...], kernel: tuple[int, int], planes_bytes: int
) -> None:
    """On DSP cores, where there are four and their planes are small; output lies on input."""
    generated = PLUGIN.generate(_depthwise(shape, kernel), "cortex-m4")
    driver = "aot_for_each_plane_s8(&" if shape[3] < 4 else "aot_for_four_planes_s8(&"
    assert driver in generated.files["model_aot.c"].decode()
    assert generated.arena_bytes - planes_bytes in range(math.prod(shape), math.prod(shape) + 4)
