"""What CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED share, whatever the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot import fixed_point
from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.fixed_point import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN
from mlforge_tasks.engines._aot.program import Call, Constant, Data
from mlforge_tasks.engines._aot.ratio import ratio, require_bounds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor
    from mlforge_tasks.engines._aot.program import Value
    from mlforge_tasks.engines._aot.window import Axis


def fused_clamp(operator: Operator, output: Tensor) -> tuple[Call, ...]:
    """The call that applies a fused activation, where it is tighter than int8 itself.

    Kernels saturate to int8. The converter chooses output scales so that ReLU and ReLU6 mean just
    that, so this is rare.
    """
    if operator.options.activation != "NONE":
        require_bounds(operator, output)
    low, high = fixed_point.activation_range(operator.options.activation, output)
    if (low, high) == (INT8_MIN, INT8_MAX):
        return ()
    data = Data(operator.output)
    return (Call("aot_map_s8.h", "aot_clamp_s8", (low, high, output.size, data, data)),)


def parts(operator: Operator, graph: Graph) -> tuple[Tensor, Tensor, NDArray[np.int64]]:
    """Input, weights and bias; a missing bias is 0."""
    source, weights, *rest = graph.inputs_of(operator)
    if weights.data is None or weights.dtype != "int8":
        raise unsupported(
            f"{operator.op} '{operator.name}' with weights that are not int8 constants",
            "quantise the weights to int8",
        )
    if any(weights.affine.zero_points):
        raise unsupported(f"{operator.op} '{operator.name}' with asymmetric weights", "use int8")
    if not rest:
        return source, weights, np.zeros(graph.output_of(operator).shape[-1], np.int64)
    if rest[0].data is None or rest[0].dtype != "int32":
        raise unsupported(
            f"{operator.op} '{operator.name}' with a bias that is not int32 constant",
            "quantise the bias to int32",
        )
    return source, weights, rest[0].constant.ravel().astype(np.int64)


def factors(operator: Operator, graph: Graph, channels: int) -> list[fixed_point.Factor]:
    """The factor from accumulator to output of every output channel, as the reference rounds it."""
    source, weights, *_ = graph.inputs_of(operator)
    output = graph.output_of(operator)
    real = [
        float(source.scale) * float(each) / float(output.scale) for each in weights.affine.scales
    ]
    factors = [ratio(operator, each) for each in real]
    return factors if len(factors) == channels else factors * channels


def _records(
    operator: Operator, graph: Graph, taps: NDArray[np.int64], bias: NDArray[np.int64]
) -> list[tuple[int, int, int]]:
    """Bias, multiplier and shift of every output channel, see `requant`."""
    source = graph.inputs_of(operator)[0]
    folded = bias - source.zero_point * taps.sum(axis=1)
    ends = np.stack([taps * INT8_MIN, taps * INT8_MAX])
    low = folded + ends.min(axis=0).sum(axis=1)
    high = folded + ends.max(axis=0).sum(axis=1)
    if low.min() < INT32_MIN or high.max() > INT32_MAX or abs(folded).max() > INT32_MAX:
        raise unsupported(
            f"{operator.op} '{operator.name}' whose 32-bit accumulator can overflow",
            "use fewer inputs per output, or a smaller bias",
        )
    by_channel = factors(operator, graph, len(taps))
    return [
        fixed_point.requant_record(int(b), int(lo), int(hi), by)
        for b, lo, hi, by in zip(folded, low, high, by_channel, strict=True)
    ]


@dataclass(frozen=True)
class Requant:
    """What turns accumulators into outputs.

    Attributes:
        values: Bias and multiplier of every output channel in turn; or, where all channels have one
            multiplier and shift, the biases.
        shifts: Of every output channel, or the only one.
        multiplier: The only one, if there is.
    """

    values: Constant
    shifts: Constant
    multiplier: Constant | None = None

    @property
    def constants(self) -> tuple[Constant, ...]:
        """For flash."""
        return (self.values, self.shifts, *([self.multiplier] if self.multiplier else []))

    @property
    def is_fast(self) -> bool:
        """Whether all channels have the fast form."""
        return bool(self.shifts.values.min() > 0)

    @property
    def members(self) -> dict[str, Value]:
        """Of the parameters of convolutions that take channel by channel."""
        return {"requant": self.values.name, "shift": self.shifts.name}

    @property
    def dot_members(self) -> dict[str, Value]:
        """Of an `aot_dot_t`."""
        if self.multiplier is None:
            multiplier, step = f"{self.values.name} + 1", 2
        else:
            multiplier, step = self.multiplier.name, 1
        return {
            "bias": self.values.name,
            "multiplier": multiplier,
            "shift": self.shifts.name,
            "step": step,
        }


def requant(
    operator: Operator,
    graph: Graph,
    taps: NDArray[np.int64],
    bias: NDArray[np.int64],
    *,
    may_share: bool = False,
) -> Requant:
    """What turns accumulators into outputs.

    Args:
        operator: The operator.
        graph: Its graph.
        taps: Weights [output channel, tap].
        bias: [output channel].
        may_share: Whether the kernel takes one multiplier and shift for all channels.

    Raises:
        CandidateFailure: A 32-bit accumulator can overflow.
    """
    rows = np.array(_records(operator, graph, taps, bias), np.int32)
    name = operator.name
    if may_share and rows[0, 2] > 0 and (rows[:, 1:] == rows[0, 1:]).all():
        return Requant(
            Constant(f"{name}_bias", "int32_t", rows[:, 0]),
            Constant(f"{name}_shift", "int8_t", rows[:1, 2].astype(np.int8)),
            Constant(f"{name}_multiplier", "int32_t", rows[:1, 1]),
        )
    return Requant(
        Constant(f"{name}_requant", "int32_t", rows[:, :2].ravel(), "bias, multiplier"),
        Constant(f"{name}_shift", "int8_t", rows[:, 2].astype(np.int8)),
    )


def geometry(source: Tensor, height: Axis, width: Axis) -> dict[str, Value]:
    """The members that every `aot_conv_t` has, whatever the core."""
    return {
        "input_channels": source.shape[-1],
        "input_height": height.input,
        "input_width": width.input,
        "output_height": height.output,
        "output_width": width.output,
        "kernel_height": height.kernel,
        "kernel_width": width.kernel,
        "stride_height": height.stride,
        "stride_width": width.stride,
        "dilation_height": height.dilation,
        "dilation_width": width.dilation,
        "pad_top": height.before,
        "pad_left": width.before,
        "span_height": height.span,
        "span_width": width.span,
        "input_zero_point": source.zero_point,
    }
