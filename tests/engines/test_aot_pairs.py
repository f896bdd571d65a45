"""Pairs of channels in one word of weights, as DSP kernels take them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines._aot.pairs import LONG, paired, summed
from tests.helpers.aot_device import run_on_board
from tests.helpers.aot_host import make_case
from tests.helpers.graphs import RandomGraph

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def _weights(channels: int, taps: int, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng(seed)
    return rng.choice(np.array([-128, -127, -1, 0, 1, 127]), (channels, taps)).astype(np.int64)


@given(st.integers(1, 7), st.integers(1, 5), st.integers(0, 99))
def test_a_word_gives_both_channels_back(channels: int, taps: int, seed: int) -> None:
    """Every channel is in one pair, in order, and 16 bits hold both weights of a tap."""
    weights = _weights(channels, taps, seed)
    pairs = paired(weights)
    assert pairs[pairs >= 0].tolist() == [*range(channels)]
    assert (pairs[:, 0] >= 0).all()
    both = np.concatenate([weights, np.zeros((1, taps), np.int64)])[pairs]
    low, high = summed(both).astype(np.int8).astype(np.int64).transpose(1, 0, 2)
    halves = (low & 0xFF) + 256 * high
    assert (halves == both[:, 0] + 256 * both[:, 1]).all()


def test_a_second_of_minus_128_leaves_a_negative_first_alone() -> None:
    """Their sum would be below -32768; beside one that is not negative it has room."""
    assert paired(np.array([[0, -1], [3, -128], [5, 0], [-128, 1]])).tolist() == [
        [0, -1],
        [1, 2],
        [3, -1],
    ]


def _extreme(op: str, windows: int, taps: int, channels: int) -> bytes:
    """A layer whose weights and biases are as large as can be."""
    graph = RandomGraph(3)
    vector = op == "FULLY_CONNECTED"
    source = graph.start((1, taps) if vector else (1, 1, windows, taps))
    shape = (channels, taps) if vector else (channels, 1, 1, taps)
    values = np.full(shape, -128, np.int8)
    values[::2] = 127
    values[1, ..., :5] = 1
    scale = np.float32(0.01)
    inputs = [source.index, graph.writer.constant(values, [scale] * channels, [0] * channels, 0)]
    bias = np.array([2**29, -(2**29), 1, 0] * channels, np.int32)[:channels]
    scales = [scale * source.quant.scale] * channels
    inputs.append(graph.writer.constant(bias, scales, [0] * channels))
    quant = graph.quant(0.01 * 128 * taps * source.rms)
    ref = graph.writer.activation((1, channels) if vector else (1, 1, windows, channels), quant, 1)
    options = (
        schema.FullyConnectedOptionsT()
        if vector
        else schema.Conv2DOptionsT(padding=0, strideH=1, strideW=1)
    )
    graph.made.append(graph.output(op, inputs, ref, options))
    return graph.finish()


@pytest.mark.slow
def test_sums_as_large_as_can_be_equal_the_oracle(tmp_path: Path) -> None:
    """Second channels whose sums leave 24 bits, of many taps or of a large bias."""
    board = load_board("mps2/an386")
    cases = []
    for op, windows, taps in (
        ("CONV_2D", 9, 1100),
        ("CONV_2D", 4, 20),
        ("FULLY_CONNECTED", 1, 1100),
    ):
        size = windows * taps
        inputs = np.stack([np.full(size, -128), np.full(size, 127), np.arange(size) % 256 - 128])
        shape = (3, taps) if op == "FULLY_CONNECTED" else (3, 1, windows, taps)
        name = f"{op.lower()}_{taps}"
        tflite = _extreme(op, windows, taps, 5)
        cases.append(make_case(name, tflite, board.cpu, inputs.astype(np.int8).reshape(shape)))
    source = cases[0].generated.files[f"{cases[0].prefix}_aot.c"].decode()
    assert LONG in source
    results = run_on_board(cases, board, tmp_path)
    assert {name for name, (differing, _) in results.items() if differing} == set()
