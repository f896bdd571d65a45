"""Generated C of int16 values and int8 weights against the oracle, on the host and on cores."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.contract.board import load_board
from mlforge_tasks.engines._aot import int16
from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers import graph_int16, graphs
from tests.helpers.aot_device import run_on_board, run_sanitized
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.helpers.aot_host import Case

PER_OPERATOR = 4
RANDOM = graphs.COUNT // 4
ON_BOARDS = graphs.COUNT // 10


def test_every_operator_equals_the_oracle(tmp_path: Path) -> None:
    """Any shape, window, scale and activation, 32- and 64-bit biases: the same bytes."""
    cases = [
        make_case(f"{op.lower()}_{seed}", graph_int16.single_operator(op, seed))
        for op in (*graph_int16.OPERATORS, *graph_int16.EXTRA)
        for seed in range(PER_OPERATOR)
    ]
    assert differing_bytes(cases, tmp_path) == {}


# By operator: the scales of input and output, the operator's options.
_MAPS: dict[str, tuple[float, float, Any]] = {
    "RELU": (2.3410796e-05, 3.387695e-05, None),  # the quotient in float32 differs for 5 values
    "LEAKY_RELU": (4.1e-4, 3.3e-4, schema.LeakyReluOptionsT(alpha=0.1)),
    "QUANTIZE": (2.3410796e-05, 3.387695e-05, schema.QuantizeOptionsT()),
    "LOGISTIC": (3.1e-4, 1 / 32768, None),
    "TANH": (2.7e-4, 1 / 32768, None),
}


def test_every_value_of_functions_of_one_tensor(tmp_path: Path) -> None:
    """Few of random values lie where roundings part."""
    every = np.arange(-32768, 32768).astype(np.int16).reshape(16, 4096)
    cases = []
    for op, (step, made_step, options) in _MAPS.items():
        writer = Writer()
        kind = schema.TensorType.INT16
        source = writer.value((1, 4096), Quant(np.float32(step), 0), 1.0, kind)
        made = writer.value((1, 4096), Quant(np.float32(made_step), 0), 1.0, kind)
        writer.operator(op, [source.index], [made.index], options)
        model = writer.finish(source.index, made.index)
        cases.append(make_case(op.lower(), model, inputs=every))
    assert differing_bytes(cases, tmp_path) == {}


def test_every_operator_that_can_be_made_is_tried() -> None:
    """An operator without a random model would be held against nothing."""
    assert set(int16.OPERATORS) - set(graph_int16.OPERATORS) == {"PADV2"}


def _cases(models: Iterable[bytes], cpu: str = "host") -> list[Case]:
    """What the engine made of models; of few whose scales are far from one another it says so."""
    found, refused, count = [], [], 0
    for count, model in enumerate(models, start=1):
        try:
            found.append(make_case(f"g{count}", model, cpu))
        except CandidateFailure as failure:
            refused.append(str(failure))
    known = re.compile("scales have a ratio|input scale of|far below")
    assert all(known.search(one) for one in refused), refused
    assert len(refused) <= 0.05 * count
    return found


def test_random_graphs_equal_the_oracle(tmp_path: Path) -> None:
    """Graphs with branches and a detour by int8, under sanitizers: not one byte differs."""
    cases = _cases(graph_int16.random_graph(seed) for seed in range(RANDOM))
    assert {name for name, (bad, _) in run_sanitized(cases, tmp_path).items() if bad} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mps2/an385", "mps2/an386", "mps2/an505", "mps3/an547"])
def test_random_graphs_equal_the_oracle_on_boards(name: str, tmp_path: Path) -> None:
    """Each core has inner products of its own; arenas lie between canaries."""
    board = load_board(name)
    models = [graph_int16.random_graph(seed) for seed in range(ON_BOARDS)]
    models += [graph_int16.single_operator("WIDE_CONV_2D", seed) for seed in range(PER_OPERATOR)]
    cases = _cases(models, board.cpu)
    found = run_on_board(cases, board, tmp_path)
    assert {model for model, (bad, _) in found.items() if bad} == set()


def _layer(
    *, op: str = "FULLY_CONNECTED", zero_point: int = 0, bias: type = np.int64, made: int = 7
) -> bytes:
    """A layer of int16 values; `made` is its output's type (int16 is 7)."""
    dense = op == "FULLY_CONNECTED"
    writer = Writer()
    quant = Quant(np.float32(0.001), zero_point)
    source = writer.value((1, 6) if dense else (1, 1, 1, 3), quant, 1.0, schema.TensorType.INT16)
    taps = np.ones((3, 6) if dense else (1, 1, 1, 3), np.int8)
    weights = writer.constant(taps, [0.01], [0], 0 if dense else 3)
    biases = writer.constant(np.ones(3, bias), [0.001 * 0.01], [0])
    output = writer.value((1, 3) if dense else (1, 1, 1, 3), Quant(np.float32(0.002), 0), 1.0, made)
    options = (
        schema.FullyConnectedOptionsT()
        if dense
        else schema.DepthwiseConv2DOptionsT(strideH=1, strideW=1, depthMultiplier=1)
    )
    writer.operator(op, [source.index, weights, biases], [output.index], options)
    return writer.finish(source.index, output.index)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"zero_point": 3}, "whose zero point is not 0, as that of int16 has to be"),
        (
            {"op": "DEPTHWISE_CONV_2D", "bias": np.int32},
            "with a int32 bias is not supported by the aot engine; use an int64",
        ),
        ({"made": schema.TensorType.INT8}, "with values of int16 and int8"),
    ],
)
def test_what_the_reference_reads_otherwise_is_refused(change: dict[str, Any], told: str) -> None:
    """It would take 32-bit biases for 64-bit ones, and int16 for int8, without a word."""
    assert PLUGIN.generate(_layer(op=change.get("op", "FULLY_CONNECTED")), "cortex-m4").files
    with pytest.raises(CandidateFailure, match=told):
        PLUGIN.generate(_layer(**change), "cortex-m4")


def _in_float(op: str) -> bytes:
    """A function, or a dense layer, in float between int16 values."""
    writer = Writer()
    quant = Quant(np.float32(0.001), 0)
    source, output = (writer.value((1, 6), quant, 1.0, schema.TensorType.INT16) for _ in range(2))
    real, made = (writer.float_activation((1, 6)) for _ in range(2))
    writer.operator("DEQUANTIZE", [source.index], [real])
    if op == "FULLY_CONNECTED":
        kernel = writer.constant(np.eye(6, dtype=np.float32))
        dense = schema.FullyConnectedOptionsT()
        writer.operator(op, [real, kernel, -1], [made], dense)
    else:
        writer.operator(op, [real], [made])
    writer.operator("QUANTIZE", [made], [output.index], schema.QuantizeOptionsT())
    return writer.finish(source.index, output.index)


@pytest.mark.parametrize(
    ("op", "told"),
    [
        ("ELU", "between int16 values nothing is computed in float: use relu"),
        ("FULLY_CONNECTED", "have it quantised as well"),
    ],
)
def test_what_is_in_float_between_int16_values_is_named(op: str, told: str) -> None:
    """Not the conversion in front of it, which nobody wrote."""
    with pytest.raises(CandidateFailure, match=f"{op} '.*' in float32 is not .*{told}"):
        PLUGIN.generate(_in_float(op), "cortex-m4")
