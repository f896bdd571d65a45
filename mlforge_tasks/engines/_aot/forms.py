"""What every operator takes: how many tensors, of which type, quantised how.

One table for all; who adds an operator adds a line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlforge_tasks.engines._aot.failure import unsupported
from mlforge_tasks.engines._aot.weight_forms import check_bias, check_scales, check_weights
from mlforge_tasks.quantisation import SMALLEST_SCALE
from mlforge_tasks.tflite_file.joins import MOST_JOINED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlforge_tasks.engines._aot.graph import Graph, Operator, Tensor

# value: int8, or int16, of one scale. weights: int8, of one scale or one a channel. list: constant
# int32. constant: a value that is known. bias: int32, or int64 beside int16 values, may be absent.
# spare: what the reference does not read either, may be absent. own: its lowering looks at it.
Role = Literal["value", "constant", "weights", "bias", "list", "flags", "spare", "own"]

_VALUE: tuple[Role, ...] = ("value",)
_TWO: tuple[Role, ...] = ("value", "value")
_LISTED: tuple[Role, ...] = ("value", "list")
_TWICE_LISTED: tuple[Role, ...] = ("value", "list", "list")
_LAYER: tuple[Role, ...] = ("value", "weights", "bias")
# Operators that take any number of values.
_MANY = {"CONCATENATION", "PACK"}
# Lists of more than one axis: a pair for each axis of the value, or places in any shape.
_PAIRS = ("BATCH_TO_SPACE_ND", "MIRROR_PAD", "PAD", "PADV2", "SPACE_TO_BATCH_ND")
_ANY = ("GATHER", "GATHER_ND")
_LIST_AXES = {**dict.fromkeys(_PAIRS, 2), **dict.fromkeys(_ANY, 8)}
_SEVERAL_OUTPUTS = {"SPLIT", "SPLIT_V", "UNPACK"}
ROLES: Mapping[str, tuple[Role, ...]] = {
    "ABS": _VALUE,
    "ADD": _TWO,
    "ASSIGN_VARIABLE": _TWO,
    "AVERAGE_POOL_2D": _VALUE,
    "BATCH_MATMUL": _TWO,
    "BATCH_TO_SPACE_ND": _TWICE_LISTED,
    "BROADCAST_TO": _LISTED,
    "CONCATENATION": _VALUE,
    "CONV_2D": _LAYER,
    "DEPTHWISE_CONV_2D": _LAYER,
    "DEPTH_TO_SPACE": _VALUE,
    "DIV": _TWO,
    "ELU": _VALUE,
    "EXPAND_DIMS": _LISTED,
    "FULLY_CONNECTED": _LAYER,
    "GATHER": _LISTED,
    "GATHER_ND": _LISTED,
    "HARD_SWISH": _VALUE,
    "L2_NORMALIZATION": _VALUE,
    "LEAKY_RELU": _VALUE,
    "LOGISTIC": _VALUE,
    "LOG_SOFTMAX": _VALUE,
    "MAXIMUM": _TWO,
    "MAX_POOL_2D": _VALUE,
    "MEAN": _LISTED,
    "MINIMUM": _TWO,
    "MIRROR_PAD": _LISTED,
    "MUL": _TWO,
    "PACK": _VALUE,
    "PAD": _LISTED,
    "PADV2": ("value", "list", "constant"),
    "PRELU": _TWO,
    "QUANTIZE": _VALUE,
    "READ_VARIABLE": _VALUE,
    "REDUCE_MAX": _LISTED,
    "REDUCE_MIN": _LISTED,
    "RELU": _VALUE,
    "RELU6": _VALUE,
    "RESHAPE": ("value", "spare"),
    "RESIZE_BILINEAR": _LISTED,
    "RESIZE_NEAREST_NEIGHBOR": _LISTED,
    "REVERSE_V2": _LISTED,
    "RSQRT": _VALUE,
    "SELECT_V2": ("flags", "value", "value"),
    "SLICE": _TWICE_LISTED,
    "SOFTMAX": _VALUE,
    "SPACE_TO_BATCH_ND": _TWICE_LISTED,
    "SPACE_TO_DEPTH": _VALUE,
    "SPLIT": ("list", "value"),
    "SPLIT_V": ("value", "list", "list"),
    "SQUARED_DIFFERENCE": _TWO,
    "SQUEEZE": _VALUE,
    "STRIDED_SLICE": ("value", "list", "list", "list"),
    "SUB": _TWO,
    "SUM": _LISTED,
    "SVDF": ("value", *("own",) * 4),
    "TANH": _VALUE,
    "TRANSPOSE": _LISTED,
    "TRANSPOSE_CONV": ("spare", "weights", "value", "bias"),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": ("value", *("own",) * 23),
    "UNPACK": _VALUE,
}
_OPTIONAL = {"bias", "spare", "own"}
_VALUES = ("int8", "int16")
# Whose output may be of another type than its input.
_CHANGES_TYPE = {"QUANTIZE"}
# Of what an operator reads; from where tflite-micro is refused more.
_MOST_INPUTS = {"CONCATENATION": MOST_JOINED}
# No device that firmware is built for has so much memory.
_MOST_ELEMENTS = 1 << 28

_INT8_INSTEAD = (
    "convert the whole model to int8, and replace layers that the converter leaves in float by "
    "ones of the supported list"
)
_INT8_ENDS = (
    "convert with inference_input_type and inference_output_type int8; the firmware quantises "
    "samples and reads outputs by the scales of quantisation.json"
)
_AGAIN = "convert the model again, with TensorFlow's own quantiser"
_STATIC = "give it a static shape"


def _check_type(tensor: Tensor, maker: str, end: str) -> None:
    if tensor.oddity:
        raise unsupported(f"{maker} with a tensor '{tensor.name}' that is {tensor.oddity},", _AGAIN)
    if tensor.dtype in _VALUES:
        return
    if end:
        raise unsupported(f"a model with a {tensor.dtype} {end}", _INT8_ENDS)
    raise unsupported(f"{maker} with {tensor.dtype} values ('{tensor.name}')", _INT8_INSTEAD)


def check_value(tensor: Tensor, maker: str, end: str = "") -> None:
    """A tensor is int8, of one scale, and has a shape.

    Args:
        tensor: The tensor.
        maker: What reads or makes it, for errors.
        end: `input` or `output` where it is the model's.

    Raises:
        CandidateFailure: It is not.
    """
    _check_type(tensor, maker, end)
    check_scales(tensor, maker, SMALLEST_SCALE)
    if len(tensor.affine.scales) != 1:
        raise unsupported(
            f"{maker} with {len(tensor.affine.scales)} scales for '{tensor.name}'",
            "quantise activations with one scale each",
        )
    if any(size <= 0 for size in tensor.shape):
        raise unsupported(f"{maker} with shape {list(tensor.shape)}", _STATIC)
    if tensor.size > _MOST_ELEMENTS:
        raise unsupported(f"{maker} of {tensor.size:,} values", "use a smaller input")


def _check_types(operator: Operator, graph: Graph, what: str) -> None:
    """All values have one type, as in the reference."""
    roles = zip(_roles(operator), operator.inputs, strict=True)
    values = [index for role, index in roles if role in {"value", "constant"}]
    found = {graph.tensors[index].dtype for index in (*values, *operator.outputs)}
    if len(found) > 1 and operator.op not in _CHANGES_TYPE:
        raise unsupported(f"{what} with values of {' and '.join(sorted(found))}", _AGAIN)


def _check_list(operator: Operator, tensor: Tensor, what: str) -> None:
    if tensor.data is None or tensor.dtype != "int32" or tensor.oddity:
        raise unsupported(
            f"{what} with sizes, axes or places ('{tensor.name}') that are not int32 constants",
            "use constant ones, and a batch of 1",
        )
    if len(tensor.shape) > _LIST_AXES.get(operator.op, 1):
        raise unsupported(f"{what} with sizes or axes of shape {list(tensor.shape)}", _AGAIN)


def _roles(operator: Operator) -> Sequence[Role]:
    """The role of each input.

    Raises:
        CandidateFailure: There are too many inputs or outputs, or too few.
    """
    roles = ROLES[operator.op]
    if operator.op in _MANY:
        roles *= max(len(operator.inputs), 1)
    needed = sum(role not in _OPTIONAL for role in roles)
    fits = needed <= len(operator.inputs) <= len(roles)
    if not fits or (len(operator.outputs) > 1 and operator.op not in _SEVERAL_OUTPUTS):
        raise unsupported(
            f"{operator.op} '{operator.name}' with {len(operator.inputs)} inputs and "
            f"{len(operator.outputs)} outputs",
            _AGAIN,
        )
    most = _MOST_INPUTS.get(operator.op, len(operator.inputs))
    if len(operator.inputs) > most:
        raise unsupported(
            f"{operator.op} '{operator.name}' of {len(operator.inputs)} parts",
            f"join at most {most} at a time, as TFLite Micro does",
        )
    return roles[: len(operator.inputs)]


def _check_inputs(operator: Operator, graph: Graph, what: str) -> None:
    roles = _roles(operator)
    for role, index in zip(roles, operator.inputs, strict=True):
        if index < 0:
            if role not in _OPTIONAL:
                raise unsupported(f"{what} without one of its inputs", _AGAIN)
            continue
        tensor = graph.tensors[index]
        if role == "constant" and tensor.data is None:
            raise unsupported(f"{what} with a computed '{tensor.name}'", "use a constant")
        if role in {"value", "constant"}:
            check_value(tensor, what, "input" if index in graph.inputs else "")
        elif role == "weights":
            check_weights(operator, tensor, graph, what)
        elif role == "list":
            _check_list(operator, tensor, what)
        elif role == "flags" and (tensor.data is None or tensor.dtype != "bool" or tensor.oddity):
            raise unsupported(f"{what} by '{tensor.name}', no bool constant,", "use a constant")


def _check_ends(graph: Graph) -> None:
    """Several inputs lie one behind the other as elements of one type; outputs likewise."""
    for which, ends in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        types = sorted({graph.tensors[index].dtype for index in ends})
        if len(types) > 1:
            raise unsupported(f"a model with {which} of {' and '.join(types)}", "use one type")
    if len(set(graph.inputs)) < len(graph.inputs):
        raise unsupported("a model with one tensor as two of its inputs", _AGAIN)


def check_operands(graph: Graph) -> None:
    """Every value is int8 of one scale, every other operand what its operator takes.

    Operators that the engine does not have are passed over; `lower` names them.

    Raises:
        CandidateFailure: One is not.
    """
    for index in graph.inputs:
        check_value(graph.tensors[index], "the model's input", "input")
    for operator in graph.operators:
        what = f"{operator.op} '{operator.name}'"
        if operator.op in ROLES:
            _check_inputs(operator, graph, what)
        for index in operator.outputs:
            tensor = graph.tensors[index]
            if operator.op in ROLES or tensor.dtype == "float32":
                check_value(tensor, what, "output" if index in graph.outputs else "")
        if operator.op in ROLES:
            _check_types(operator, graph, what)
        for role, index in zip(ROLES.get(operator.op, ()), operator.inputs, strict=False):
            if role == "bias" and index >= 0:
                check_bias(operator, graph.tensors[index], graph, what)
    _check_ends(graph)
