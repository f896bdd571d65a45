"""Weights that are no symmetric int8: of four bits, and with a zero point."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.errors import CandidateFailure
from tests.helpers import small_models as small
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import altered

if TYPE_CHECKING:
    from pathlib import Path

    from tests.helpers.aot_writer import Ref

INPUTS, OUTPUTS = 33, 7


def _dense(
    zero_point: int, *, rows: int = 1, four_bits: bool = False, scales: int = 1, bias: bool = True
) -> bytes:
    """A dense layer, its weights from end to end of their type."""

    def add(writer: Writer, source: Ref) -> int:
        rng = np.random.default_rng(zero_point + 128)
        values = rng.integers(-128, 128, (OUTPUTS, INPUTS)).astype(np.int8)
        values[0, :2] = -128, 127
        steps = [0.01] * scales
        weights = writer.constant(values, steps, [zero_point] * scales)
        inputs = [source.index, weights]
        if bias:
            biases = rng.integers(-2000, 2000, OUTPUTS).astype(np.int32)
            of_bias = [float(small.QUANT.scale) * each for each in steps]
            inputs.append(writer.constant(biases, of_bias, [0] * scales))
        if four_bits:
            writer.narrow(weights, inputs[2] if bias else None)
        output = writer.activation((rows, OUTPUTS), Quant(np.float32(0.9), 4), 1.0)
        options = schema.FullyConnectedOptionsT()
        writer.operator("FULLY_CONNECTED", inputs, [output.index], options)
        if rows == 1:
            return output.index
        flat = writer.activation((1, rows * OUTPUTS), output.quant, 1.0)
        shape = writer.constant(np.array(flat.shape, np.int32))
        writer.operator("RESHAPE", [output.index, shape], [flat.index])
        return flat.index

    return small.model((1, rows * INPUTS), add)


@pytest.mark.parametrize("cpu", ["host", "cortex-m4", "cortex-m55"])
def test_dense_layers_of_any_weights_are_lowered(cpu: str) -> None:
    """Weights of four bits take half a byte on every core, and need no working memory."""
    whole, packed = (PLUGIN.generate(_dense(0, four_bits=few), cpu) for few in (False, True))
    weight_bytes = [each.layers[0].weight_bytes for each in (whole, packed)]
    assert weight_bytes[0] - weight_bytes[1] >= OUTPUTS * (INPUTS // 2)
    assert packed.arena_bytes == 36 + 8


def test_dense_layers_of_any_weights_equal_the_oracle(tmp_path: Path) -> None:
    """Zero points that leave eight bits, nine, and as much as there is; rows; odd inputs."""
    cases = [
        make_case(f"z{number}_{rows}_{int(four)}_{int(bias)}", model)
        for rows in (1, 3)
        for bias in (False, True)
        for four in (False, True)
        for number, zero_point in enumerate((0, 1, 5, -128, 127))
        for model in [_dense(zero_point, rows=rows, four_bits=four, bias=bias)]
    ]
    assert differing_bytes(cases, tmp_path) == {}


@pytest.mark.parametrize(
    ("model", "cause"),
    [
        (_dense(0, four_bits=True, scales=OUTPUTS), "int4 weights of 7 scales"),
        (_dense(3, scales=OUTPUTS), "asymmetric weights"),
        (
            altered(
                _dense(0, four_bits=True),
                lambda model: setattr(model.buffers[1], "data", model.buffers[1].data[1:]),
            ),
            r"of 115 bytes, where int4\[7, 33\] takes 116",
        ),
    ],
)
def test_what_the_reference_does_not_take_is_refused(model: bytes, cause: str) -> None:
    """A dense layer's int4 weights have one scale, and so have weights with a zero point."""
    with pytest.raises(CandidateFailure, match=cause):
        PLUGIN.generate(model, "host")
