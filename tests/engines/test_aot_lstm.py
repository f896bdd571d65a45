"""UNIDIRECTIONAL_SEQUENCE_LSTM: its rounding, its state, and which forms are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("tflite_micro")

from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as schema

from mlforge_tasks.engines.aot import PLUGIN
from mlforge_tasks.engines.tflm import PLUGIN as TFLM
from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.oracle import Oracle
from tests.helpers.aot_host import differing_bytes, make_case
from tests.helpers.aot_writer import Quant, Writer
from tests.helpers.small_models import altered

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_WEIGHTS, _CELL_STATE = 3, 19
# Scales of an input and its weights, and values, whose cell's gate falls between two steps.
ON_THE_EDGE = (
    ("0x1.44c77ep-11", "0x1.71d07p-10", (95, 87)),
    ("0x1.24a768p-9", "0x1.89ff4p-11", (113, 126)),
    ("0x1.53a5dcp-11", "0x1.f2e9d8p-10", (86, 67)),
    ("0x1.233516p-9", "0x1.1c3e6p-10", (86, 73)),
)
_SYMMETRIC = Quant(np.float32(2**-12), 0)


def _one_unit(
    scale: float, weights_scale: float, taps: tuple[int, ...] = (127, 1), steps: int = 1
) -> bytes:
    """One unit whose input and output gates stand open, so that its output is what its cell is."""
    writer, kinds = Writer(), schema.TensorType
    of_input, of_weights = np.float32(scale), np.float32(weights_scale)
    source = writer.activation((1, steps, len(taps)), Quant(of_input, 0), 1.0)
    open_bias = int(8 / (scale * weights_scale))

    def weights(*values: int) -> int:
        return writer.constant(np.array([values], np.int8), [of_weights], [0])

    def bias(value: int) -> int:
        return writer.constant(np.array([value], np.int32), [of_input * of_weights], [0])

    none = [0] * len(taps)
    inputs = [
        source.index,
        *(weights(*none), weights(*none), weights(*taps), weights(*none)),
        *(weights(0) for _ in range(4)),
        *[-1] * 3,
        *(bias(open_bias), bias(open_bias), bias(0), bias(open_bias)),
        *[-1] * 2,
        writer.state((1, 1), _SYMMETRIC, kinds.INT8),
        writer.state((1, 1), Quant(np.float32(2**-15), 0), kinds.INT16),
        *[-1] * 4,
    ]
    output = writer.activation((1, steps, 1), _SYMMETRIC, 1.0)
    options = schema.UnidirectionalSequenceLSTMOptionsT(fusedActivationFunction=4)
    writer.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, [output.index], options)
    return writer.finish(source.index, output.index)


def test_scales_are_multiplied_in_double_precision(tmp_path: Path) -> None:
    """A product of them that is rounded to a float gives another output for these."""
    cases = [
        make_case(
            f"scales_{at}",
            _one_unit(float.fromhex(scale), float.fromhex(weights_scale)),
            inputs=np.array(values, np.int8).reshape(1, 1, 2),
        )
        for at, (scale, weights_scale, values) in enumerate(ON_THE_EDGE)
    ]
    assert differing_bytes(cases, tmp_path) == {}


def test_every_inference_begins_without_a_state(tmp_path: Path) -> None:
    """The same example twice is the same output, though it has filled the cell in between."""
    inputs = np.full((3, 4, 2), 8, np.int8)
    model = _one_unit(0.01, 0.001, steps=4)
    case = make_case("again", model, inputs=inputs, keeps_state=False)
    assert (case.outputs == case.outputs[:1]).all()
    assert len(set(case.outputs[0].ravel().tolist())) > 1
    assert differing_bytes([case], tmp_path) == {}


def _operator(change: Callable[[Any, Any], object]) -> Callable[[Any], object]:
    def changed(model: Any) -> object:
        graph = model.subgraphs[0]
        return change(graph, graph.operators[0])

    return changed


def _put(place: int, index: int) -> Callable[[Any], object]:
    def change(_: Any, operator: Any) -> None:
        operator.inputs = [index if at == place else one for at, one in enumerate(operator.inputs)]

    return _operator(change)


def _tensor(place: int, change: Callable[[Any], object]) -> Callable[[Any], object]:
    return _operator(lambda graph, operator: change(graph.tensors[operator.inputs[place]]))


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "peephole": (_put(9, 5), "peepholes, a projection, normalisation or coupled gates"),
    "coupled gates": (_put(1, -1), "peepholes, a projection, normalisation or coupled gates"),
    "zero point of weights": (
        _tensor(_WEIGHTS, lambda tensor: setattr(tensor.quantization, "zeroPoint", [3])),
        "weights of 1 scales, or with zero points",
    ),
    "cell scale": (
        _tensor(_CELL_STATE, lambda tensor: setattr(tensor.quantization, "scale", [3e-5])),
        "a cell scale of 3e-05, no power of two",
    ),
    "type of the state": (
        _tensor(_CELL_STATE, lambda tensor: setattr(tensor, "type", schema.TensorType.INT8)),
        "a state of int8",
    ),
    "activation": (
        _operator(lambda _, one: setattr(one.builtinOptions, "fusedActivationFunction", 1)),
        "another activation than tanh",
    ),
    "units": (
        _tensor(_WEIGHTS, lambda tensor: setattr(tensor, "shape", [2, 1])),
        "whose weights or state do not fit",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_forms_are_refused(name: str) -> None:
    """With what they have that the plain layer has not."""
    change, says = REFUSED[name]
    with pytest.raises(CandidateFailure, match=says):
        PLUGIN.generate(altered(_one_unit(0.01, 0.001), change), "host")


def test_the_interpreter_on_the_device_would_keep_the_state() -> None:
    """So engine `tflm` does not take it: its second inference would be another than the first."""
    tflite = _one_unit(0.01, 0.001, steps=4)
    with pytest.raises(CandidateFailure, match="UNIDIRECTIONAL_SEQUENCE_LSTM"):
        TFLM.generate(tflite, "cortex-m4")
    assert Oracle(tflite).output_shape == (1, 4, 1)
