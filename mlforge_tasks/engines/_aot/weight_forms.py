"""What scales, weights and biases have to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mlforge_tasks.engines._aot.failure import unsupported

if TYPE_CHECKING:
    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor

# The axis of weights that has a scale for each output channel.
_CHANNEL_AXES = {"DEPTHWISE_CONV_2D": 3}
# The reference lets a dense layer's bias be off by this share of an output's step.
_MOST_BIAS_SHARE = 0.02
_ZERO_POINTS = {"int8": (-128, 127), "int16": (0, 0)}
_AGAIN = "convert the model again, with TensorFlow's own quantiser"


def check_scales(tensor: Tensor, maker: str, least: float) -> None:
    """Scales are numbers that a real can be divided by, zero points of the type.

    Args:
        tensor: The tensor.
        maker: What reads or makes it, for errors.
        least: The smallest scale.

    Raises:
        CandidateFailure: They are not.
    """
    if tensor.quantisation is None:
        lacks = "zero points" if tensor.scales_without_zero_points else "a scale"
        raise unsupported(f"{maker} with a tensor '{tensor.name}' that lacks {lacks}", _AGAIN)
    scales, zero_points = tensor.quantisation.scales, tensor.quantisation.zero_points
    if not np.isfinite(scales).all() or scales.min() < least:
        wrong = float(scales[~np.isfinite(scales) | (scales < least)][0])
        raise unsupported(
            f"{maker} with a tensor '{tensor.name}' of scale {wrong:g}",
            "calibrate with representative data; a scale is a positive number",
        )
    least, most = _ZERO_POINTS.get(tensor.dtype, _ZERO_POINTS["int8"])
    if zero_points.min() < least or zero_points.max() > most:
        wanted = "no int8 value" if least < most else f"not 0, as that of {tensor.dtype} has to be"
        raise unsupported(
            f"{maker} with a tensor '{tensor.name}' whose zero point is {wanted}", _AGAIN
        )


def check_weights(operator: Operator, tensor: Tensor, graph: Graph, what: str) -> None:
    """They are int8, of one scale or one for each output channel.

    Those of a dense layer of one scale, of int8 values, may have a zero point. Of others the
    reference does not read it, so that it computes something else than the file says.

    Raises:
        CandidateFailure: They are not.
    """
    if tensor.oddity:
        raise unsupported(f"{what} whose weights are {tensor.oddity},", _AGAIN)
    if tensor.dtype != "int8":
        raise unsupported(f"{what} with {tensor.dtype} weights", "quantise the weights to int8")
    check_scales(tensor, what, 0.0)
    axis, scales = _CHANNEL_AXES.get(operator.op, 0), len(tensor.affine.scales)
    dense = operator.op == "FULLY_CONNECTED" and graph.output_of(operator).dtype == "int8"
    if any(tensor.affine.zero_points) and not (dense and scales == 1):
        raise unsupported(
            f"{what} with asymmetric weights",
            "quantise weights symmetrically: TFLite Micro does not read their zero points",
        )
    channels = tensor.shape[axis] if axis < len(tensor.shape) else 0
    if scales > 1 and (tensor.affine.axis != axis or scales != channels):
        raise unsupported(
            f"{what} with {scales} scales along axis {tensor.affine.axis} of its weights "
            f"{list(tensor.shape)}",
            "quantise weights as a whole, or for each output channel",
        )


def check_bias(operator: Operator, tensor: Tensor, graph: Graph, what: str) -> None:
    """It is of a type that the reference reads there.

    The scale of a dense layer's is that of its products, as the reference wants.

    Raises:
        CandidateFailure: It is of another type or scale.
    """
    dense, source = operator.op == "FULLY_CONNECTED", graph.inputs_of(operator)[0]
    types: tuple[str, ...] = ("int32",)
    if graph.output_of(operator).dtype == "int16":
        either = operator.op in {"CONV_2D", "FULLY_CONNECTED"}
        types = ("int64", "int32") if either else ("int64",)
    if tensor.dtype not in types or tensor.data is None or tensor.oddity:
        raise unsupported(
            f"{what} with a {tensor.oddity or tensor.dtype} bias", f"use an {types[0]} one"
        )
    weights = graph.tensors[operator.inputs[1]]
    if not dense or len(weights.affine.scales) > 1:
        return
    product = float(source.scale) * float(weights.scale)
    own = 0.0 if tensor.quantisation is None else float(tensor.quantisation.scales[0])
    if not abs(product - own) / float(graph.output_of(operator).scale) <= _MOST_BIAS_SHARE:
        raise unsupported(f"{what} with a bias of another scale ({own:g})", _AGAIN)
