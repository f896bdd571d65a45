"""Lowers UNIDIRECTIONAL_SEQUENCE_LSTM of int8 values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MIN, INT32_MAX
from mlforge_tasks.engines._aot.int16_layers import INT16_MAX, INT16_MIN
from mlforge_tasks.engines._aot.int16_maps import sigmoid_table
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Scratch, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.weight_forms import check_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value

    _Sums = tuple[NDArray[np.int64], NDArray[np.int64], list[tuple[int, int]]]

# Places of the operator's inputs, in the kernel's order of gates: input, forget, output, cell.
_WEIGHTS, _RECURRENT, _BIASES = (1, 2, 4, 3), (5, 6, 8, 7), (12, 13, 15, 14)
_HIDDEN, _CELL = 18, 19
_USED = {0, *_WEIGHTS, *_RECURRENT, *_BIASES, _HIDDEN, _CELL}
INPUTS = 24
# What gates are given, and give.
_GATE_SCALE, _UNIT_SCALE = 2.0**-12, 2.0**-15
_LOGISTIC_GATES = 3
_THREE_QUARTERS = 3
# A cell's scale is a power of two; from it to the step of the tables 12 bits are left.
_NEAR_POWER, _TABLE_BITS = 1e-3, 12
_CELL_POWERS = range(-30, 3)
_SCRATCH_BYTES_A_UNIT = 8
_AGAIN = "convert the model again, with TensorFlow's own quantiser"


def _check_parts(operator: Operator, graph: Graph, what: str) -> None:
    """It is the plain layer, of constants of the right types and of a state."""
    given = {place for place, index in enumerate(operator.inputs) if index >= 0}
    if len(operator.inputs) != INPUTS or given != _USED:
        raise unsupported(
            f"{what} with peepholes, a projection, normalisation or coupled gates",
            "use keras.layers.LSTM, which has none of them",
        )
    tensors = {place: graph.tensors[operator.inputs[place]] for place in _USED}
    for places, dtype in ((_WEIGHTS + _RECURRENT, "int8"), (_BIASES, "int32")):
        for place in places:
            _check_constant(tensors[place], dtype, what)
    for place, dtype in ((_HIDDEN, "int8"), (_CELL, "int16")):
        if tensors[place].dtype != dtype:
            raise unsupported(f"{what} with a state of {tensors[place].dtype}", _AGAIN)
        check_scales(tensors[place], what, 0.0)


def _check_constant(tensor: Tensor, dtype: str, what: str) -> None:
    if tensor.dtype != dtype or tensor.data is None or tensor.oddity:
        raise unsupported(
            f"{what} with weights or biases ('{tensor.name}') that are no {dtype} constants", _AGAIN
        )
    if dtype != "int8":
        return
    check_scales(tensor, what, 0.0)
    if len(tensor.affine.scales) > 1 or any(tensor.affine.zero_points):
        raise unsupported(
            f"{what} with weights of {len(tensor.affine.scales)} scales, or with zero points",
            "quantise each of its weights symmetrically, with one scale",
        )


def _check_shapes(operator: Operator, graph: Graph, what: str) -> tuple[int, int, int]:
    """Steps, inputs and units, of one example."""
    tensors = {place: graph.tensors[operator.inputs[place]] for place in _USED}
    source, units = tensors[0].shape, tensors[_BIASES[0]].size
    if len(source) != 3:
        raise unsupported(f"{what} of an input {list(source)}", "give it [1, steps, inputs]")
    batch, steps = source[:2] if not operator.options.time_major else source[1::-1]
    wanted = {
        **dict.fromkeys(_WEIGHTS, (units, source[2])),
        **dict.fromkeys(_RECURRENT, (units, units)),
        **dict.fromkeys(_BIASES, (units,)),
    }
    misfit = [place for place, shape in wanted.items() if tensors[place].shape != shape]
    if misfit or {tensors[_HIDDEN].size, tensors[_CELL].size} != {units} or batch != 1:
        raise unsupported(
            f"{what} of an input {list(source)} and {units} units whose weights or state do not "
            "fit, or with a batch",
            "convert the model again for one example, a batch of 1, with static shapes",
        )
    return steps, source[2], units


def _cell_power(cell: Tensor, what: str) -> int:
    power = math.log2(float(cell.scale))
    if abs(power - round(power)) >= _NEAR_POWER or round(power) not in _CELL_POWERS:
        raise unsupported(f"{what} with a cell scale of {cell.scale:.3g}, no power of two", _AGAIN)
    return round(power)


def _sums(
    operator: Operator,
    values: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[NDArray[np.int64]],
) -> _Sums:
    """Weights [unit, input, gate], biases [unit, gate] with zero points in them, and scales.

    Raises:
        CandidateFailure: An accumulator can overflow.
    """
    taps = np.stack([each.constant.astype(np.int64) for each in weights], axis=-1)
    folded = np.stack(biases, axis=-1) - values.zero_point * taps.sum(axis=1)
    most = np.abs(folded) + np.abs(taps).sum(axis=1) * -INT8_MIN
    if most.max() > INT32_MAX:
        raise unsupported(
            f"{operator.op} '{operator.name}' whose 32-bit accumulator can overflow",
            "use fewer units or inputs",
        )
    products = [float(values.scale) * float(each.scale) for each in weights]
    by = [ratio(operator, each / _GATE_SCALE) for each in products]
    return taps, folded, [(each.multiplier, each.shift) for each in by]


def _scale(operator: Operator, real: float) -> tuple[int, int]:
    by = ratio(operator, real)
    return by.multiplier, by.shift


def _clip(operator: Operator, cell: Tensor) -> int:
    """What cells are clipped to; the reference's cast rounds towards zero."""
    clip = operator.options.clip
    return min(int(clip / float(cell.scale)), INT16_MAX) if clip > 0 else -INT16_MIN


def _sigmoid(table: Constant, count: int, bits: int) -> Value:
    """An `aot_sigmoid_s16_t` of inputs in 2^(bits - 12)."""
    left, right = max(bits, 0), max(-bits, 0)
    multiplier = _THREE_QUARTERS << left
    return {"table": table.name, "count": count, "multiplier": multiplier, "shift": right}


def _constants(name: str, given: _Sums, recurrent: _Sums) -> tuple[Constant, ...]:
    order, per_gate = "[unit][input][gate]", "[unit][gate]"
    return (
        Constant(f"{name}_weights", "int8_t", given[0].ravel().astype(np.int8), order),
        Constant(f"{name}_recurrent", "int8_t", recurrent[0].ravel().astype(np.int8), order),
        Constant(f"{name}_bias", "int32_t", given[1].ravel().astype(np.int32), per_gate),
        Constant(f"{name}_own_bias", "int32_t", recurrent[1].ravel().astype(np.int32), per_gate),
        Constant(f"{name}_table", "uint16_t", sigmoid_table()),
    )


def _state(operator: Operator, graph: Graph, units: int, table: Constant) -> dict[str, Value]:
    """What gates do to cells, and cells to outputs."""
    hidden, cell = (graph.tensors[operator.inputs[place]] for place in (_HIDDEN, _CELL))
    power = _cell_power(cell, f"{operator.op} '{operator.name}'")
    product = _UNIT_SCALE * _UNIT_SCALE
    return {
        "forget": _scale(operator, _UNIT_SCALE),
        "update": _scale(operator, product / float(cell.scale)),
        "finish": _scale(operator, product / float(hidden.scale)),
        "logistic": _sigmoid(table, _LOGISTIC_GATES * units, 0),
        "tanh": _sigmoid(table, units, 0),
        "cell_tanh": _sigmoid(table, units, power + _TABLE_BITS),
        "clip": _clip(operator, cell),
        "zero_point": hidden.zero_point,
    }


def lstm(operator: Operator, graph: Graph) -> Step:
    """UNIDIRECTIONAL_SEQUENCE_LSTM.

    Raises:
        CandidateFailure: It is not the plain layer, or of other scales than the converter's.
    """
    what, name = f"{operator.op} '{operator.name}'", operator.name
    _check_parts(operator, graph, what)
    steps, inputs, units = _check_shapes(operator, graph, what)
    tensors = [graph.tensors[index] for index in operator.inputs]
    biases = [tensors[place].constant.ravel().astype(np.int64) for place in _BIASES]
    none = [np.zeros(units, np.int64)] * len(biases)
    given = _sums(operator, tensors[0], [tensors[place] for place in _WEIGHTS], biases)
    recurrent = _sums(operator, tensors[_HIDDEN], [tensors[place] for place in _RECURRENT], none)
    constants = _constants(name, given, recurrent)
    members: dict[str, Value] = {
        "weights": constants[0].name,
        "recurrent_weights": constants[1].name,
        "bias": constants[2].name,
        "recurrent_bias": constants[3].name,
        "scale": tuple(given[2]),
        "recurrent_scale": tuple(recurrent[2]),
        **_state(operator, graph, units, constants[4]),
        "steps": steps,
        "inputs": inputs,
        "units": units,
    }
    ends = (Data(operator.inputs[0]), Data(operator.output))
    states = (Data(operator.inputs[_HIDDEN]), Data(operator.inputs[_CELL]))
    arguments = (f"&{name}", *ends, *states, Scratch())
    return Step(
        calls=(Call("aot_lstm_s8.h", "aot_lstm_s8", arguments),),
        constants=constants,
        parameters=Parameters(name, "aot_lstm_s8_t", members),
        scratch_bytes=_SCRATCH_BYTES_A_UNIT * units,
        macs=steps * (given[0].size + recurrent[0].size),
    )
