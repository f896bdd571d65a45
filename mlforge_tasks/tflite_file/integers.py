"""What of a graph in float has a counterpart in int8 and int16."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlforge_tasks.tflite_file.origin import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlforge_tasks.tflite_file.model import FileGraph, FileOperator, FileTensor
    from mlforge_tasks.tflite_file.origin import Origin

# By type what the reference's kernel wants of its output: a scale and a zero point.
# https://ai.google.dev/edge/litert/models/quantization_spec
PRESCRIBED: Mapping[str, Mapping[str, tuple[float, int]]] = {
    "SOFTMAX": {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)},
    "LOGISTIC": {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)},
    "TANH": {"int8": (1 / 128, 0), "int16": (1 / 32768, 0)},
    "LOG_SOFTMAX": {"int8": (16 / 256, 127)},
}


def readers(graph: FileGraph, tensor: int) -> list[int]:
    """Places of the operators that read a tensor."""
    return [at for at, one in enumerate(graph.operators) if tensor in one.inputs]


def is_plain(tensor: FileTensor, *, real: bool) -> bool:
    """Whether a computed tensor is a float, or an int8 or int16 one with one scale."""
    if tensor.data is not None or tensor.oddity:
        return False
    if real:
        return tensor.dtype == "float32"
    return tensor.dtype in {"int8", "int16"} and len(tensor.scales) == len(tensor.zero_points) == 1


def alike(one: FileTensor, other: FileTensor) -> bool:
    """Whether equal values of two tensors mean the same."""
    return _meaning(one) == _meaning(other)


def _meaning(tensor: FileTensor) -> tuple[object, ...]:
    return tensor.dtype, tensor.scales, tensor.zero_points, tensor.oddity


def like(tensor: FileTensor, other: FileTensor) -> FileTensor:
    """The tensor with another's type and scale."""
    return replace(
        tensor, dtype=other.dtype, scales=other.scales, zero_points=other.zero_points, axis=0
    )


def made_of(op: str, read: FileTensor) -> FileTensor | None:
    """A tensor with the type and scale that an operator's output has; None where it has no kernel.

    Args:
        op: One of `PRESCRIBED`, or a copy.
        read: What it reads.
    """
    if op not in PRESCRIBED:
        return read
    prescribed = PRESCRIBED[op].get(read.dtype)
    if prescribed is None:
        return None
    scale, zero_point = prescribed
    return replace(read, scales=(scale,), zero_points=(zero_point,))


def told(
    operators: Iterable[FileOperator], graph: FileGraph, origin: Origin, dtype: str
) -> tuple[str, ...]:
    """What is said of operators that are computed in integers; of copies nothing."""
    return tuple(
        f"{one.op}{quoted(origin, graph.tensors[one.outputs[0]].name)}, in float32 there, is "
        f"computed in {dtype}"
        for one in operators
        if one.op in PRESCRIBED
    )
