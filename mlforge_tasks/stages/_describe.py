"""What an int8 model file says about itself, for `quantise`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mlforge_tasks.errors import CandidateFailure
from mlforge_tasks.int8 import quantise
from mlforge_tasks.quantisation import (
    ITEM_BYTES,
    SMALLEST_SCALE,
    Quantisation,
    TensorQuantisation,
)
from mlforge_tasks.records import Reason, sha256_bytes
from mlforge_tasks.tflite_file.model import FileTensor, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mlforge_tasks.quantisation import JoinedInputs, JoinedOutputs

_ZERO_POINTS: Mapping[str, range] = {"int8": range(-128, 128), "int16": range(1)}


def failure(message: str) -> CandidateFailure:
    """The result that a network, or a file, has no int8 form that a device can run."""
    return CandidateFailure(Reason(code="convert_failed", stage="quantise", message=message))


def _count(found: Sequence[float], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"


def _tensor(tensor: FileTensor, which: str) -> TensorQuantisation:
    """An input or output, of one example."""
    dtype = next((each for each in ITEM_BYTES if each == tensor.dtype), None)
    if dtype is None:
        raise failure(
            f"its {which} is {tensor.dtype}, not int8 or int16: convert it with "
            "inference_input_type and inference_output_type int8"
        )
    if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
        raise failure(
            f"its {which} has {_count(tensor.scales, 'scale')} and "
            f"{_count(tensor.zero_points, 'zero point')}, wanted one of each: quantise it in full"
        )
    scale, zero_point = tensor.scales[0], tensor.zero_points[0]
    near = math.isfinite(scale) and scale >= SMALLEST_SCALE
    if not near or zero_point not in _ZERO_POINTS[dtype]:
        raise failure(
            f"its {which} has scale {scale:g} and zero point {zero_point}, which no real number "
            "goes through: calibrate it with representative data"
        )
    if not tensor.shape or min(tensor.shape) < 1:
        raise failure(f"its {which} has shape {list(tensor.shape)}: convert it with a batch of 1")
    if tensor.shape[0] != 1:
        raise failure(
            f"its {which} {list(tensor.shape)} takes {tensor.shape[0]} examples at a time, by its "
            "first axis, and a device infers one: convert it with a batch of 1 as the first axis"
        )
    return TensorQuantisation(
        name=tensor.name,
        shape=tensor.shape[1:],
        scale=scale,
        zero_point=zero_point,
        dtype=dtype,
    )


class Tensors(NamedTuple):
    """The inputs and outputs of a model, in the file's order, one of each at least."""

    inputs: tuple[TensorQuantisation, ...]
    outputs: tuple[TensorQuantisation, ...]


def tensors_of(content: bytes) -> Tensors:
    """The inputs and outputs of an int8 model file.

    Raises:
        CandidateFailure: It has none of either, or one is not int8 or int16, or not of one example.
        DamagedError: It is no model, or not a whole one.
    """
    model = read(content)
    graph = model.main
    if model.has_control_flow:
        raise failure(f"it has {len(model.graphs)} subgraphs, wanted one")
    for what, ends in (("inputs", graph.inputs), ("outputs", graph.outputs)):
        if not ends:
            raise failure(f"it has no {what}")
    return Tensors(
        tuple(_tensor(graph.tensors[at], "input") for at in graph.inputs),
        tuple(_tensor(graph.tensors[at], "output") for at in graph.outputs),
    )


def about(
    content: bytes,
    source: TensorQuantisation | JoinedInputs,
    output: TensorQuantisation | JoinedOutputs,
) -> Quantisation:
    """What there is to know about an int8 model file whose inputs and outputs are known."""
    return Quantisation(
        input=source,
        output=output,
        operators=tuple(each.op for each in read(content).main.operators),
        tflite_bytes=len(content),
        tflite_sha256=sha256_bytes(content),
    )


def describe(content: bytes) -> Quantisation:
    """What an int8 model file of one input and one output says about itself.

    Raises:
        CandidateFailure: It has more of either; or as of `tensors_of`.
        DamagedError: It is no model, or not a whole one.
    """
    inputs, outputs = tensors_of(content)
    for what, count in (("inputs", len(inputs)), ("outputs", len(outputs))):
        if count != 1:
            raise failure(f"it has {count} {what}, wanted one")
    return about(content, inputs[0], outputs[0])


def with_centroids(model: Quantisation, centroids: NDArray[np.float32]) -> Quantisation:
    """The same, with what its output is compared with, in the output's own steps.

    Args:
        model: One that hands its input on.
        centroids: [clusters, elements], normalised.
    """
    steps = quantise(centroids, model.output).tolist()
    return model.model_copy(update={"centroids": tuple(map(tuple, steps))})
