"""Lowers SVDF of int8 values: filters over what comes, and over what was kept of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MIN, INT32_MAX
from mlforge_tasks.engines._aot.program import Call, Constant, Data, Parameters, Step
from mlforge_tasks.engines._aot.ratio import ratio
from mlforge_tasks.engines._aot.weight_forms import check_scales

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value

    _Integers = NDArray[np.int64]

_FEATURE, _TIME, _BIAS, _STATE = 1, 2, 3, 4
# By the type of the state.
_FUNCTIONS = {"int8": "aot_svdf_s8", "int16": "aot_svdf_16_s8"}
_BITS = 32
# The reference lets a bias' scale be off by this.
_MOST_OFF = 1e-5
_AGAIN = "convert the model again, with TensorFlow's own quantiser"


def _check_constant(tensor: Tensor, dtypes: tuple[str, ...], what: str) -> None:
    if tensor.dtype not in dtypes or tensor.data is None or tensor.oddity:
        wanted = " or ".join(dtypes)
        raise unsupported(f"{what} with '{tensor.name}', no {wanted} constant,", _AGAIN)
    check_scales(tensor, what, 0.0)
    if len(tensor.affine.scales) > 1 or any(tensor.affine.zero_points):
        raise unsupported(
            f"{what} with weights of {len(tensor.affine.scales)} scales, or with zero points",
            "quantise each of its weights symmetrically, with one scale",
        )


def _check(operator: Operator, tensors: dict[int, Tensor], what: str) -> None:
    """It is of constants and a state that belong together."""
    _check_constant(tensors[_FEATURE], ("int8",), what)
    _check_constant(tensors[_TIME], tuple(_FUNCTIONS), what)
    _check_constant(tensors[_BIAS], ("int32",), what)
    state, time = tensors[_STATE], tensors[_TIME]
    check_scales(state, what, 0.0)
    if state.dtype != time.dtype:
        raise unsupported(f"{what} with a state of {state.dtype}, weights {time.dtype}", _AGAIN)
    filters, memory = time.shape if len(time.shape) == 2 else (0, 0)
    units = filters // operator.options.count
    wanted = ((filters, tensors[0].shape[-1]), (units,), (1, filters * memory))
    if not memory or tuple(tensors[at].shape for at in (_FEATURE, _BIAS, _STATE)) != wanted:
        raise unsupported(f"{what} whose weights, bias or state do not fit each other", _AGAIN)
    product = float(np.float32(state.scale) * np.float32(time.scale))
    if not abs(float(tensors[_BIAS].scale) - product) < _MOST_OFF:
        raise unsupported(f"{what} with a bias of another scale than {product:.3g}", _AGAIN)


def _wrapped(values: _Integers) -> NDArray[np.int32]:
    """As 32 bits have them."""
    words: NDArray[np.int32] = (values & ((1 << _BITS) - 1)).astype(np.uint32).view(np.int32)
    return words


def _feature_bias(values: Tensor, feature: Tensor, what: str) -> NDArray[np.int32]:
    """What the input's zero point adds, by filter.

    Raises:
        CandidateFailure: An accumulator can overflow.
    """
    taps = feature.constant.astype(np.int64)
    folded = -values.zero_point * taps.sum(axis=1)
    if (np.abs(folded) + np.abs(taps).sum(axis=1) * -INT8_MIN).max() > INT32_MAX:
        raise unsupported(f"{what} whose 32-bit accumulator can overflow", "use fewer inputs")
    return _wrapped(folded)


def _constants(name: str, what: str, tensors: dict[int, Tensor]) -> tuple[Constant, ...]:
    """Weights and biases, with the zero points of what they are multiplied by in these."""
    feature, time, bias = (tensors[at] for at in (_FEATURE, _TIME, _BIAS))
    values = feature.constant.ravel().astype(np.int8)
    weights = time.constant.astype(np.int64)
    of_units = weights.reshape(bias.size, -1).sum(axis=1)
    own = _wrapped(bias.constant.ravel() - tensors[_STATE].zero_point * of_units)
    types: Mapping[str, type[np.signedinteger[Any]]] = {"int8": np.int8, "int16": np.int16}
    kept = time.constant.ravel().astype(types[time.dtype])
    return (
        Constant(f"{name}_feature", "int8_t", values, "[filter][input]"),
        Constant(f"{name}_feature_bias", "int32_t", _feature_bias(tensors[0], feature, what)),
        Constant(f"{name}_time", f"{time.dtype}_t", kept, "[filter][memory]"),
        Constant(f"{name}_bias", "int32_t", own, "[unit]"),
    )


def _scale(operator: Operator, first: Tensor, second: Tensor, target: Tensor) -> tuple[int, int]:
    """From products of two tensors to a third, in the reference's floats."""
    real = np.float32(first.scale) * np.float32(second.scale) / np.float32(target.scale)
    by = ratio(operator, float(real))
    return by.multiplier, by.shift


def svdf(operator: Operator, graph: Graph) -> Step:
    """SVDF.

    Raises:
        CandidateFailure: It is of other types or scales than the converter's.
    """
    what, name = f"{operator.op} '{operator.name}'", operator.name
    if min(operator.inputs) < 0:
        raise unsupported(f"{what} without a bias", _AGAIN)
    tensors = {at: graph.tensors[index] for at, index in enumerate(operator.inputs)}
    _check(operator, tensors, what)
    feature, time, state, output = *(tensors[at] for at in (1, 2, 4)), graph.output_of(operator)
    constants = _constants(name, what, tensors)
    members: dict[str, Value] = {
        **dict(zip(("feature", "feature_bias", "time", "bias"), _names(constants), strict=True)),
        "kept": _scale(operator, tensors[0], feature, state),
        "made": _scale(operator, state, time, output),
        "inputs": feature.shape[1],
        "memory": time.shape[1],
        "units": tensors[_BIAS].size,
        "rank": operator.options.count,
        "state_zero_point": state.zero_point,
        "zero_point": output.zero_point,
    }
    ends = (Data(operator.inputs[0]), Data(operator.output), Data(operator.inputs[_STATE]))
    return Step(
        calls=(Call("aot_svdf_s8.h", _FUNCTIONS[state.dtype], (f"&{name}", *ends)),),
        constants=constants,
        parameters=Parameters(name, "aot_svdf_s8_t", members),
        macs=feature.size + time.size,
    )


def _names(constants: tuple[Constant, ...]) -> tuple[str, ...]:
    return tuple(one.name for one in constants)
