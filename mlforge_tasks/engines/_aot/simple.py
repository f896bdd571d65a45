"""Lowers pooling, maps of one tensor and SOFTMAX."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN
from mlforge_tasks.engines._aot.overlap import bytes_behind
from mlforge_tasks.engines._aot.program import (
    Alias,
    Behind,
    Call,
    Constant,
    Data,
    Parameters,
    Scratch,
    Step,
)
from mlforge_tasks.engines._aot.ratio import ratio, require_bounds
from mlforge_tasks.engines._aot.weighted import fused_clamp
from mlforge_tasks.engines._aot.window import window_axes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Lowered, Value

# Beyond them the reference's range of inputs is no int32, or its shift wider than 64 bits.
SMALLEST_SIGMOID_SCALE, LARGEST_SIGMOID_SCALE = 2.0**-28, 2.0**35

# Of an int8 from its zero point.
_MOST_STEPS = 256

_KEPT_BY_TENSORFLOW = "convert with TensorFlow's own quantiser, which keeps it"
# TensorFlow's quantiser makes such a RELU6 of one behind a Conv2DTranspose that an Add follows.
_RELU_INSTEAD = (
    "use 'relu' in its place, whose scale may change; TensorFlow Lite Micro would compute another "
    "value than the model says"
)


def _same_scale(a: Tensor, b: Tensor) -> bool:
    return a.scale == b.scale and a.zero_point == b.zero_point


def require_same_scale(
    operator: Operator,
    graph: Graph,
    inputs: Sequence[Tensor] | None = None,
    instead: str = _KEPT_BY_TENSORFLOW,
) -> None:
    """The reference copies values of these operators as they are.

    Args:
        operator: The operator.
        graph: Its graph.
        inputs: Those that it is about; all of them where they are not named.
        instead: What to do where it is another.

    Raises:
        CandidateFailure: An input's scale or zero point is not the output's.
    """
    output = graph.output_of(operator)
    if not all(_same_scale(each, output) for each in inputs or graph.inputs_of(operator)):
        raise unsupported(
            f"{operator.op} '{operator.name}' that changes the scale",
            instead,
        )


def pool(operator: Operator, graph: Graph) -> Step:
    """AVERAGE_POOL_2D and MAX_POOL_2D."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if source.zero_point != output.zero_point or abs(source.scale - output.scale) > 1e-6:
        require_same_scale(operator, graph)
    height, width = window_axes(operator, source, output, operator.options.kernel)
    function = "aot_average_pool_s8" if operator.op == "AVERAGE_POOL_2D" else "aot_max_pool_s8"
    members: dict[str, Value] = {
        "input_height": height.input,
        "input_width": width.input,
        "channels": source.shape[3],
        "output_height": height.output,
        "output_width": width.output,
        "kernel_height": height.kernel,
        "kernel_width": width.kernel,
        "stride_height": height.stride,
        "stride_width": width.stride,
        "pad_top": height.before,
        "pad_left": width.before,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_pool_s8.h", function, arguments), *fused_clamp(operator, output)),
        parameters=Parameters(operator.name, "aot_pool_t", members),
        behind=Behind(
            operator.inputs[0],
            # A window is read while its outputs are written.
            bytes_behind(height, width, source.shape[3], source.shape[3], windows=1, late=1),
        ),
    )


def lookup(operator: Operator, graph: Graph, table: NDArray[np.int8]) -> Step:
    """A map of every int8."""
    name = f"{operator.name}_table"
    size = graph.output_of(operator).size
    arguments = (name, size, Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_map_s8.h", "aot_lookup_s8", arguments),),
        constants=(Constant(name, "int8_t", table, "by input + 128"),),
        overwrites=operator.inputs[0],
    )


def clamp(operator: Operator, graph: Graph, low: int, high: int) -> Step:
    """A map to the nearest value within bounds."""
    size = graph.output_of(operator).size
    arguments = (low, high, size, Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_map_s8.h", "aot_clamp_s8", arguments),),
        overwrites=operator.inputs[0],
    )


def sigmoid(operator: Operator, graph: Graph) -> Step:
    """LOGISTIC and TANH."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    logistic = operator.op == "LOGISTIC"
    scale, zero_point = (1 / 256, INT8_MIN) if logistic else (1 / 128, 0)
    if output.scale != np.float32(scale) or output.zero_point != zero_point:
        raise unsupported(
            f"{operator.op} '{operator.name}' with an output scale other than {scale:g}",
            "convert with TensorFlow's own quantiser",
        )
    if not SMALLEST_SIGMOID_SCALE <= float(source.scale) < LARGEST_SIGMOID_SCALE:
        raise unsupported(
            f"{operator.op} '{operator.name}' with an input scale of {source.scale:.3g}",
            "calibrate with representative data",
        )
    table = (fixed_point.logistic_table if logistic else fixed_point.tanh_table)(source)
    return lookup(operator, graph, table)


def relu(operator: Operator, graph: Graph) -> Step:
    """RELU, which may change the scale."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    low = max(INT8_MIN, output.zero_point)
    if _same_scale(source, output):
        return clamp(operator, graph, low, INT8_MAX)
    by = ratio(operator, float(source.scale) / float(output.scale))
    return lookup(operator, graph, fixed_point.requantise_table(source, output, by, low))


def relu6(operator: Operator, graph: Graph) -> Step:
    """RELU6; the reference does not rescale it."""
    source = graph.inputs_of(operator)[0]
    require_same_scale(operator, graph, instead=_RELU_INSTEAD)
    require_bounds(operator, source)
    six = fixed_point.round_half_away(float(np.float32(6) / source.scale)) + source.zero_point
    return clamp(operator, graph, source.zero_point, fixed_point.saturate(six))


def _float_table(source: Tensor, output: Tensor) -> NDArray[np.int8]:
    """Every int8 to another scale by way of float32."""
    values = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int32) - source.zero_point
    steps = values.astype(np.float32) * source.scale / output.scale
    entries = (fixed_point.round_half_away(float(step)) + output.zero_point for step in steps)
    return np.array([fixed_point.saturate(entry) for entry in entries], np.int8)


def quantize(operator: Operator, graph: Graph) -> Lowered:
    """QUANTIZE from int8 to int8: another scale."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if _same_scale(source, output):
        return Alias(operator.inputs[0])
    if operator.options.from_float:
        ratio(operator, float(source.scale) / float(output.scale) * _MOST_STEPS)
        return lookup(operator, graph, _float_table(source, output))
    by = ratio(operator, float(source.scale) / float(output.scale))
    return lookup(operator, graph, fixed_point.requantise_table(source, output, by, INT8_MIN))


def softmax(operator: Operator, graph: Graph) -> Step:
    """SOFTMAX along the last axis."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if output.zero_point != INT8_MIN or output.scale != np.float32(1 / 256):
        raise unsupported(
            f"SOFTMAX '{operator.name}' with an output scale other than 1/256",
            "convert with TensorFlow's own quantiser",
        )
    steps = operator.options.beta * float(source.scale) * (1 << 26)
    if steps <= 1:
        raise unsupported(
            f"SOFTMAX '{operator.name}' with an input scale of {source.scale:.3g} and a beta of "
            f"{operator.options.beta:g}",
            "calibrate with representative data; beta is 1 in Keras",
        )
    by = fixed_point.softmax_scale(source, operator.options.beta)
    depth = source.shape[-1]
    members: dict[str, Value] = {
        "rows": source.size // depth,
        "depth": depth,
        "step": by.step,
        "multiplier": by.multiplier,
        "reach": by.reach,
    }
    data = (Data(operator.inputs[0]), Data(operator.output))
    arguments = (f"&{operator.name}", *data, Scratch())
    return Step(
        calls=(Call("aot_softmax_s8.h", "aot_softmax_s8", arguments),),
        parameters=Parameters(operator.name, "aot_softmax_t", members),
        scratch_bytes=4 * depth,
        overwrites=operator.inputs[0],
    )


def normalise(operator: Operator, graph: Graph) -> Step:
    """L2_NORMALIZATION along the last axis."""
    source = graph.inputs_of(operator)[0]
    output = graph.output_of(operator)
    if output.zero_point != 0 or output.scale != np.float32(1 / 128):
        raise unsupported(
            f"L2_NORMALIZATION '{operator.name}' with an output scale other than 1/128",
            "convert with TensorFlow's own quantiser",
        )
    if operator.options.activation != "NONE":
        raise unsupported(
            f"L2_NORMALIZATION '{operator.name}' with a fused activation", "activate it afterwards"
        )
    depth = source.shape[-1] if source.shape else 1
    if depth * (_MOST_STEPS - 1) ** 2 > fixed_point.INT32_MAX:
        raise unsupported(f"L2_NORMALIZATION '{operator.name}' of {depth} values", "use fewer")
    members: dict[str, Value] = {
        "rows": source.size // depth,
        "depth": depth,
        "input_zero_point": source.zero_point,
    }
    arguments = (f"&{operator.name}", Data(operator.inputs[0]), Data(operator.output))
    return Step(
        calls=(Call("aot_normalise_s8.h", "aot_normalise_s8", arguments),),
        parameters=Parameters(operator.name, "aot_normalise_t", members),
        overwrites=operator.inputs[0],
    )
