"""What is read of each operator's options: every field that changes an output, and no other.

Slots are positions in the schema's tables. Fields that are left out say nothing about int8 kernels
(`asymmetric_quantize_inputs`, `pot_scale_int16`), or what shapes say already (`new_shape`,
`keep_num_dims`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import tflite

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.graph import Options
from mlforge_tasks.tflite_file.flatbuffer import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlforge_tasks.engines._aot.graph import Activation
    from mlforge_tasks.tflite_file.model import FileOperator

_ACTIVATIONS: dict[int, Activation] = {0: "NONE", 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}
_SAME, _VALID = 0, 1


def _activation(table: Table, slot: int) -> Activation:
    code = table.integer(slot, "b")
    if code not in _ACTIVATIONS:
        raise unsupported("a fused activation other than ReLU and ReLU6", "use ReLU or ReLU6")
    return _ACTIVATIONS[code]


def _same_padding(table: Table) -> bool:
    code = table.integer(0, "b")
    if code not in {_SAME, _VALID}:
        raise unsupported(f"padding of kind {code}", "use padding 'same' or 'valid'")
    return code == _SAME


def _pair(table: Table, height: int, width: int, default: int = 0) -> tuple[int, int]:
    pair = table.integer(height, "i", default), table.integer(width, "i", default)
    if min(pair) < 1:
        raise unsupported(f"a stride, dilation or window of {min(pair)}", "use 1 or more")
    return pair


def _finite(table: Table, slot: int) -> float:
    value = table.real(slot)
    if not math.isfinite(value):
        raise unsupported(f"an option of {value}", "give it a number")
    return value


_BIASES = {0, tflite.TensorType.INT32, tflite.TensorType.INT64}


def _require_whole_biases(table: Table, slot: int) -> None:
    """Left open, which is 0, or int32 or int64; `forms` sees to it that they are what is read."""
    if table.integer(slot, "b") not in _BIASES:
        raise unsupported("biases of another type than int32", "quantise them to int32")


def _conv(table: Table) -> Options:
    _require_whole_biases(table, 6)
    return Options(
        same_padding=_same_padding(table),
        stride=_pair(table, 2, 1),
        dilation=_pair(table, 5, 4, 1),
        activation=_activation(table, 3),
    )


def _depthwise(table: Table) -> Options:
    return Options(
        same_padding=_same_padding(table),
        stride=_pair(table, 2, 1),
        dilation=_pair(table, 6, 5, 1),
        activation=_activation(table, 4),
        count=table.integer(3, "i"),
    )


def _transposed(table: Table) -> Options:
    _require_whole_biases(table, 4)
    return Options(
        same_padding=_same_padding(table),
        stride=_pair(table, 2, 1),
        activation=_activation(table, 3),
    )


def _pool(table: Table) -> Options:
    return Options(
        same_padding=_same_padding(table),
        stride=_pair(table, 2, 1),
        kernel=_pair(table, 4, 3),
        activation=_activation(table, 5),
    )


def _dense(table: Table) -> Options:
    _require_whole_biases(table, 4)
    if table.integer(1, "b"):
        raise unsupported("FULLY_CONNECTED with shuffled weights", "convert it for any core")
    return Options(activation=_activation(table, 0))


def _slice(table: Table) -> Options:
    begin, end, ellipsis, new_axis, shrink = (table.integer(slot, "i") for slot in range(5))
    others = ellipsis | new_axis | table.integer(5, "?")
    return Options(begin_mask=begin, end_mask=end, shrink_mask=shrink, other_masks=others)


def _activated(table: Table) -> Options:
    return Options(activation=_activation(table, 0))


def _concatenation(table: Table) -> Options:
    return Options(axis=table.integer(0, "i"), activation=_activation(table, 1))


def _counted_axis(table: Table) -> Options:
    return Options(count=table.integer(0, "i"), axis=table.integer(1, "i"))


def _resize(table: Table, first: int = 0) -> Options:
    corners, centres = (bool(table.integer(first + slot, "?")) for slot in range(2))
    return Options(align_corners=corners, half_pixel_centers=centres)


def _gather(table: Table) -> Options:
    return Options(axis=table.integer(0, "i"), batch_axes=table.integer(1, "i"))


def _block(table: Table) -> Options:
    return Options(block=table.integer(0, "i"))


def _matmul(table: Table) -> Options:
    return Options(adjoint=(bool(table.integer(0, "?")), bool(table.integer(1, "?"))))


def _lstm(table: Table) -> Options:
    if table.integer(0, "b") != tflite.ActivationFunctionType.TANH:
        raise unsupported("an LSTM whose cell has another activation than tanh", "use tanh")
    if table.integer(5, "?"):
        raise unsupported("an LSTM of diagonal recurrent weights", "give it whole matrices")
    return Options(clip=_finite(table, 1), time_major=bool(table.integer(3, "?")))


@dataclass(frozen=True)
class Reading:
    """How an operator's options are read.

    Attributes:
        table: The schema's table.
        read: What is taken of it.
        needed: Whether there has to be one: the reference reads zeros where there is none, which
            for these is no stride and no padding.
    """

    table: str
    read: Callable[[Table], Options]
    needed: bool = False


READINGS: Mapping[str, Reading] = {
    "ADD": Reading("AddOptions", _activated),
    "AVERAGE_POOL_2D": Reading("Pool2DOptions", _pool, needed=True),
    "BATCH_MATMUL": Reading("BatchMatMulOptions", _matmul),
    "CONCATENATION": Reading("ConcatenationOptions", _concatenation),
    "CONV_2D": Reading("Conv2DOptions", _conv, needed=True),
    "DEPTHWISE_CONV_2D": Reading("DepthwiseConv2DOptions", _depthwise, needed=True),
    "DEPTH_TO_SPACE": Reading("DepthToSpaceOptions", _block),
    "DIV": Reading("DivOptions", _activated),
    "FULLY_CONNECTED": Reading("FullyConnectedOptions", _dense),
    "GATHER": Reading("GatherOptions", _gather),
    "L2_NORMALIZATION": Reading("L2NormOptions", _activated),
    "LEAKY_RELU": Reading("LeakyReluOptions", lambda table: Options(alpha=_finite(table, 0))),
    "MAX_POOL_2D": Reading("Pool2DOptions", _pool, needed=True),
    "MIRROR_PAD": Reading(
        "MirrorPadOptions", lambda table: Options(reflects=not table.integer(0, "b"))
    ),
    "MUL": Reading("MulOptions", _activated),
    "PACK": Reading("PackOptions", _counted_axis),
    "RESIZE_BILINEAR": Reading("ResizeBilinearOptions", lambda table: _resize(table, 2)),
    "RESIZE_NEAREST_NEIGHBOR": Reading("ResizeNearestNeighborOptions", _resize),
    "SOFTMAX": Reading("SoftmaxOptions", lambda table: Options(beta=_finite(table, 0))),
    "SPACE_TO_DEPTH": Reading("SpaceToDepthOptions", _block),
    "SQUEEZE": Reading("SqueezeOptions", lambda table: Options(axes=table.integers(0))),
    "STRIDED_SLICE": Reading("StridedSliceOptions", _slice),
    "SUB": Reading("SubOptions", _activated),
    "SVDF": Reading("SVDFOptions", lambda table: Options(count=table.integer(0, "i"))),
    "TRANSPOSE_CONV": Reading("TransposeConvOptions", _transposed, needed=True),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": Reading(
        "UnidirectionalSequenceLSTMOptions", _lstm, needed=True
    ),
    "UNPACK": Reading("UnpackOptions", _counted_axis),
}


def read_options(operator: FileOperator) -> Options:
    """An operator's options; a table of another operator counts as none, as in the reference.

    Raises:
        CandidateFailure: They are missing, or say what the engine does not have.
        DamagedError: They reach beyond the file.
    """
    reading = READINGS.get(operator.op)
    if reading is None:
        return Options()
    if operator.options is not None and operator.options_type == reading.table:
        return reading.read(operator.options)
    if reading.needed:
        raise unsupported(
            f"{operator.op} without its {reading.table} (stride and padding)",
            "convert the model again, and keep the options of its operators",
        )
    return reading.read(Table.empty())
